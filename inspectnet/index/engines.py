"""Engines: who goes through the shards of a scan. This process, several on this machine, or a Ray cluster."""

import os
from collections.abc import Sequence
from pathlib import Path

from inspectnet.errors import check_choice
from inspectnet.index.local import PATIENCE, run_workers, stop_all
from inspectnet.index.on_ray import run_on_ray
from inspectnet.index.request import Manifest
from inspectnet.index.running import merge_shards, scan_images
from inspectnet.index.watching import Watch
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.runtime.device import count_gpus
from inspectnet.shards import WHOLE, Share

ENGINES = ("local", "ray")


def run_engine(
    folder: Path,
    manifest: Manifest,
    networks: Sequence[Network],
    *,
    engine: str = "local",
    workers: int | None = None,
    device: str = "auto",
    share: Share = WHOLE,
    threads: int | None = None,
    progress: Progress = silent,
) -> None:
    """Scan what is not scanned and merge it, with a number of workers.

    networks: those of the manifest. workers: by default one, or one for each GPU that the device allows, if nobody
    has started several processes already; one of the engine `local` is this process. share: this process's part.
    threads: that each worker uses, by default its part of the cores. Raises OptionError for another engine or one
    that is not installed, and what workers raise.
    """
    check_choice("engine", engine, ENGINES)
    watch = Watch(folder, manifest)
    if engine == "ray" and watch.left:
        with progress("scanning", watch.total) as watch.advance:
            run_on_ray(folder, workers, device, threads, watch)
    if engine == "ray":
        merge_shards(folder, manifest, networks, WHOLE, progress)
        return
    devices = _devices(networks[0], workers, device, share)[: len(watch.left)]
    if len(devices) < 2:
        scan_images(folder, manifest, networks, share, threads, progress)
        return
    with progress("scanning", watch.total) as watch.advance:
        started = run_workers(folder, _options(devices, share, threads), watch)
    try:
        merge_shards(folder, manifest, networks, share, progress)  # beside the workers, which merge, too
    except BaseException:
        stop_all(started)
        raise
    stop_all(started, PATIENCE)


def _options(devices: Sequence[str], share: Share, threads: int | None) -> list[list[str]]:
    """Of each worker, which divide this process's share."""
    if not threads and "INSPECTNET_THREADS" not in os.environ:
        threads = max((os.cpu_count() or 1) // len(devices), 1)
    limit, size = ["--threads", str(threads)] if threads else [], share.size * len(devices)
    return [
        ["--device", on, *limit, "--share", str(share.rank * len(devices) + rank), str(size)]
        for rank, on in enumerate(devices)
    ]


def _devices(network: Network, workers: int | None, device: str, share: Share) -> list[str]:
    """What each of the workers runs on."""
    on = network.device
    if not on.cuda or device not in ("auto", "cuda"):  # cuda:1 is one GPU, and as many workers as are asked for
        return [on.name] * (workers or 1)
    gpus = [f"cuda:{number}" for number in range(count_gpus())] if share.size == 1 else [on.name]
    return [gpus[rank % len(gpus)] for rank in range(workers or len(gpus))]
