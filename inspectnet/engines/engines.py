"""The engines: `local`, processes of this machine; `ray`, actors of a cluster."""

import os
from collections.abc import Sequence
from pathlib import Path

from inspectnet.engines.job import Job, work_here
from inspectnet.engines.local import PATIENCE, run_workers, stop_all
from inspectnet.engines.on_ray import run_on_ray
from inspectnet.errors import check_choice
from inspectnet.manifest import Manifest
from inspectnet.manifest.manifest import R
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.runtime.device import count_gpus
from inspectnet.shards import WHOLE, Share

ENGINES = ("local", "ray")


def run_engine(
    job: Job[R],
    folder: Path,
    manifest: Manifest[R],
    networks: Sequence[Network],
    *,
    engine: str = "local",
    workers: int | None = None,
    device: str = "auto",
    share: Share = WHOLE,
    threads: int | None = None,
    progress: Progress = silent,
) -> None:
    """Do what is not done of a job and finish it, with a number of workers.

    networks: those of the manifest. workers: by default one, or one for each GPU that the device allows, if nobody
    has started several processes already; one of the engine `local` is this process. share: this process's part.
    threads: that each worker uses, by default its part of the cores. Raises OptionError for another engine or one
    that is not installed, and what workers raise.
    """
    check_choice("engine", engine, ENGINES)
    watch = job.watch(folder, manifest)
    if engine == "ray" and watch.left:
        with progress(job.doing, watch.total) as watch.advance:
            run_on_ray(job, folder, workers, device, threads, watch)
    if engine == "ray":
        job.finish(folder, manifest, networks, WHOLE, progress)
        return
    devices = _devices(networks[0], workers, device, share)[: len(watch.left)]
    if len(devices) < 2:
        work_here(job, folder, manifest, networks, share, threads, progress)
        return
    with progress(job.doing, watch.total) as watch.advance:
        started = run_workers(job, folder, _options(devices, share, threads), watch)
    try:
        job.finish(folder, manifest, networks, share, progress)  # beside the workers, which do so, too
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
