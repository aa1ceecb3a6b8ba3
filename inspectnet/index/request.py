"""What an index is asked to hold.

index/manifest.json                  models, layers, options; the signature of each shard
index/entries/000/000123.json        which images the shard holds
index/shards/000/000123.SIGNATURE.npz
index/leases/000123.lease
index/merged/                        of all shards, a file for each layer
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from inspectnet import manifest
from inspectnet.manifest import RequestedModel


@dataclass(frozen=True)
class Request:
    """All that decides what an index holds of an image."""

    what: ClassVar[str] = "index"
    maker: ClassVar[str] = "inspectnet scan"
    models: tuple[RequestedModel, ...]
    top: int
    """How many of the strongest activations of each map are kept."""
    tile: bool
    by_class: bool
    """Whether means are kept by label."""
    each_image: bool
    """Whether the strongest activation of each map in each image is kept, as float16."""
    shard_size: int
    batch_size: int

    def check(self) -> None:
        """Raise ValueError for numbers that make no sense."""
        if self.top < 1:
            raise ValueError("it keeps nothing")


Manifest = manifest.Manifest[Request]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index. Raises OptionError for a folder that is none, or one of a later version."""
    return manifest.read_manifest(folder, Request)
