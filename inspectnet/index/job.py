"""A scan as a job: its shards, which are merged once they are done."""

from collections.abc import Sequence
from pathlib import Path

from inspectnet.engines import Job
from inspectnet.index.merging import merge
from inspectnet.index.request import Manifest, Request
from inspectnet.index.work import ScanWork, failures_of, is_done, layers_of, shard_file
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.shards import Share


def merge_shards(
    folder: Path, manifest: Manifest, networks: Sequence[Network], share: Share, progress: Progress
) -> None:
    """Merge the shards, which are all done. Raises OptionError for a damaged one, OutputError."""
    with progress("merging", manifest.shards, "shards") as advance:
        merge(folder, manifest, layers_of(manifest, networks), share, advance=advance)


SCAN = Job("inspectnet.index", "scanning", Request, shard_file, is_done, failures_of, ScanWork, merge_shards)
