"""An index is made, or gone on with: scanned by all workers, merged."""

from collections.abc import Sequence
from pathlib import Path

from inspectnet.index.merging import merge
from inspectnet.index.request import Manifest
from inspectnet.index.watching import Watch
from inspectnet.index.work import ScanWork, failures_of, layers_of, shard_file
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.shards import Share, work_through


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


def forget_failed(folder: Path, manifest: Manifest) -> None:
    """Remove the files of shards in which images could not be read, and before them all that was merged."""
    files = [shard_file(folder, manifest, number) for number in range(manifest.shards)]
    failed = [path for path in files if path.exists() and failures_of(path)]
    merged = (folder / "merged").rglob("*.npz") if failed else ()
    for path in (*merged, *failed):
        path.unlink(missing_ok=True)
