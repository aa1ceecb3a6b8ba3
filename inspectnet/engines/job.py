"""A job: what is made of a manifest, shard by shard, as engines and their workers need to know it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from inspectnet.engines.watching import Watch
from inspectnet.manifest import Manifest, read_manifest
from inspectnet.manifest.manifest import R
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.shards import Share, Work, work_through


def _nothing(
    folder: Path, manifest: Manifest[Any], networks: Sequence[Network], share: Share, progress: Progress
) -> None:
    """What is to be done once all shards are there, if nothing is."""


@dataclass(frozen=True)
class Job(Generic[R]):
    """Functions of a folder and its manifest, which any process on any machine can call."""

    module: str
    """`python -m MODULE FOLDER` is a worker."""
    doing: str
    """What it is at, as progress tells it."""
    kind: type[R]
    """Of its request."""
    shard_file: Callable[[Path, Manifest[R], int], Path]
    """The file with which a shard is done."""
    is_done: Callable[[Path, Manifest[R], int], bool]
    """Whether all of a shard is there, and whole."""
    failures_of: Callable[[Path], list[tuple[str, str]]]
    """By the file of a shard the images that could not be read, and why. Raises OptionError for a damaged file."""
    work: Callable[[Path, Manifest[R], Sequence[Network], int | None], Work]
    """Its shards as work, for the networks of the manifest and so many threads that decode."""
    finish: Callable[[Path, Manifest[R], Sequence[Network], Share, Progress], None] = _nothing
    """What follows once all shards are done, which workers share, too."""

    def read(self, folder: Path) -> Manifest[R]:
        """The manifest in a folder. Raises OptionError for a folder that is of no such job."""
        return read_manifest(folder, self.kind)

    def watch(self, folder: Path, manifest: Manifest[R]) -> Watch:
        """How far all of its workers have come."""
        return Watch(folder, manifest, lambda number: self.is_done(folder, manifest, number))


def work_here(
    job: Job[R],
    folder: Path,
    manifest: Manifest[R],
    networks: Sequence[Network],
    share: Share,
    threads: int | None,
    progress: Progress,
) -> None:
    """Do what is not done, in this process, and finish. Raises what the work raises."""
    work, watch = job.work(folder, manifest, networks, threads), job.watch(folder, manifest)
    with progress(job.doing, watch.total) as watch.advance:
        work_through(work, share, advance=watch.count, waiting=watch.look)
        watch.look()
    job.finish(folder, manifest, networks, share, progress)


def forget_failed(job: Job[R], folder: Path, manifest: Manifest[R]) -> None:
    """Remove the files of shards in which images could not be read, and before them all that was merged."""
    files = [job.shard_file(folder, manifest, number) for number in range(manifest.shards)]
    failed = [path for path in files if path.exists() and job.failures_of(path)]
    merged = (folder / "merged").rglob("*.npz") if failed else ()
    for path in (*merged, *failed):
        path.unlink(missing_ok=True)
