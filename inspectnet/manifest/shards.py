"""The shards of a manifest as work: which images one has, and where its lease is."""

from pathlib import Path
from typing import Generic

from inspectnet.images import Collection
from inspectnet.manifest.listing import collection_of_shard
from inspectnet.manifest.manifest import Manifest, R


class ManifestShards(Generic[R]):
    """What all work over the images of a manifest shares; it adds `is_done` and `do`."""

    def __init__(self, folder: Path, manifest: Manifest[R]) -> None:
        self.folder, self.manifest = folder, manifest

    @property
    def count(self) -> int:
        """How many shards there are."""
        return self.manifest.shards

    @property
    def leases(self) -> Path:
        """The folder of leases."""
        return self.folder / "leases"

    def images(self, number: int) -> Collection:
        """The images of a shard. Raises ImageError for one that has changed since it was listed, OptionError."""
        return collection_of_shard(self.folder, self.manifest, number, unchanged=True)
