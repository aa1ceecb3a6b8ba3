"""How far all workers of a scan have come."""

from pathlib import Path

from inspectnet import manifest as manifests
from inspectnet.files.npz import is_whole
from inspectnet.index.request import Manifest
from inspectnet.index.work import shard_file


class Watch(manifests.Watch):
    """Tells what is done of a scan."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        super().__init__(folder, manifest, lambda number: is_whole(shard_file(folder, manifest, number)))
