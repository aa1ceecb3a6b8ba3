"""An index is made, or gone on with: listed by one worker, scanned by all, merged."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from inspectnet.errors import OptionError
from inspectnet.images import Collection
from inspectnet.index.listing import write_listing
from inspectnet.index.manifest import MANIFEST, Manifest, Request, read_manifest
from inspectnet.index.merging import merge
from inspectnet.index.watching import Watch
from inspectnet.index.work import ScanWork, layers_of, shard_file
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.shards import Share, held, living, work_through

PAUSE = 0.2  # seconds between looks at whether another worker has listed the images


def list_images(folder: Path, request: Request, find: Callable[[], Collection], sources: Sequence[str]) -> Manifest:
    """The manifest of an index, which one worker makes while others wait; images are listed anew by each new run.

    find: what looks for the images. Raises OptionError for a folder that holds another index, ImageError.
    """
    if (folder / MANIFEST).exists():
        refuse_other(folder, read_manifest(folder), request, sources)
        if living(folder / "leases"):  # others are at it, by this manifest
            return read_manifest(folder)
    waited = False
    while True:
        with held(folder / "leases" / "listing.lease") as lease:
            if lease and not waited:
                return write_listing(folder, request, find(), sources)
            if lease:
                break
        waited = True
        time.sleep(PAUSE)
    manifest = read_manifest(folder)
    refuse_other(folder, manifest, request, sources)
    return manifest


def refuse_other(folder: Path, manifest: Manifest, request: Request, sources: Sequence[str]) -> None:
    """Raise OptionError for an index of other models, layers, options or images."""
    if manifest.request.signature() != request.signature():
        for name, there, here in (
            ("models", _names(manifest.request), _names(request)),
            ("layers", _layers(manifest.request), _layers(request)),
        ):
            if there != here:
                raise OptionError(f"{folder} is an index of the {name} {there}, not {here}. Give another folder.")
        raise OptionError(f"{folder} is an index that was made with other options. Give another folder.")
    if list(manifest.sources) != list(sources):
        there = ", ".join(manifest.sources)
        raise OptionError(f"{folder} is an index of the images in {there}. Give those, or another folder.")


def scan_images(
    folder: Path, manifest: Manifest, networks: Sequence[Network], share: Share, threads: int | None, progress: Progress
) -> None:
    """Scan what is not scanned, and merge. Raises what the scan raises."""
    work, watch = ScanWork(folder, manifest, networks, threads), Watch(folder, manifest)
    with progress("scanning", watch.total) as watch.advance:
        work_through(work, share, advance=watch.count, waiting=watch.look)
        watch.look()
    merge_shards(folder, manifest, networks, share, progress)


def merge_shards(
    folder: Path, manifest: Manifest, networks: Sequence[Network], share: Share, progress: Progress
) -> None:
    """Merge the shards, which are all done. Raises OptionError for a damaged one, OutputError."""
    with progress("merging", manifest.shards, "shards") as advance:
        merge(folder, manifest, layers_of(manifest, networks), share, advance=advance)


def forget_failed(folder: Path, manifest: Manifest, failed: Callable[[int], bool]) -> int:
    """Remove the files of shards in which images failed, and all that was merged; gives how many shards."""
    again = [number for number in range(manifest.shards) if failed(number)]
    if again:
        for merged in (folder / "merged").rglob("*.npz"):
            merged.unlink(missing_ok=True)
    for number in again:
        shard_file(folder, manifest, number).unlink(missing_ok=True)
    return len(again)


def _names(request: Request) -> str:
    return ", ".join(f"{Path(model.path).name} ({model.sha256[:8]})" for model in request.models)


def _layers(request: Request) -> str:
    return ", ".join(layer.name for model in request.models for layer in model.layers)[:200]
