"""Merging: the statistics of shards become those of all images, a thousand files at a time, in order.

Merging is associative to the bit, so a tree gives what one pass would. Nodes of the tree are shards of a work too:
any number of workers makes them, each once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspectnet.errors import OptionError
from inspectnet.files.npz import is_whole, write_npz
from inspectnet.graph.layers import Layer
from inspectnet.index.request import Manifest
from inspectnet.index.statistics import Statistics
from inspectnet.index.work import Place, places_of, read_statistics, shard_file
from inspectnet.manifest import hash_all
from inspectnet.shards import WHOLE, Share, remove_parts, shard_path, work_through, write_whole

GROUP = 1000  # files that become one

Layers = Sequence[Sequence[Layer]]
"""The watched layers of each model."""


@dataclass(frozen=True)
class Part:
    """A file of statistics and the image that its image 0 is."""

    path: Path
    first: int
    signature: str


@dataclass(frozen=True)
class MergeWork:
    """The nodes of one level of the tree, each made of a group of parts."""

    folder: Path
    level: int
    parts: Sequence[Part]
    layers: Layers

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return -(-len(self.parts) // GROUP)

    @property
    def leases(self) -> Path:
        """The folder of leases."""
        return self.folder / "leases" / f"merge-{self.level}"

    def is_done(self, number: int) -> bool:
        """Whether the file of a node is there, and whole."""
        return is_whole(self.node(number).path)

    def do(self, number: int, advance: Callable[[int], object]) -> None:
        """Merge a group. Raises OptionError for a file that is damaged, OutputError."""
        group, path = self.group(number), self.node(number).path
        remove_parts(path)
        merged = merge_parts(group, places_of(self.layers))
        arrays = {f"{at}/{name}": array for at, one in merged.items() for name, array in one.arrays().items()}
        write_whole(path, lambda file: write_npz(file, arrays))
        advance(len(group))

    def group(self, number: int) -> Sequence[Part]:
        """What a node is made of."""
        return self.parts[number * GROUP : (number + 1) * GROUP]

    def node(self, number: int) -> Part:
        """The file of a node, whose images have their numbers in the whole index."""
        signature = hash_all(part.signature for part in self.group(number))
        folder = self.folder / "merged" / f"level-{self.level}"
        return Part(shard_path(folder, number, f".{signature}.npz"), 0, signature)


def merge(
    folder: Path,
    manifest: Manifest,
    layers: Layers,
    share: Share = WHOLE,
    advance: Callable[[int], object] = lambda n: None,
) -> Part:
    """The file of the statistics of all shards, which must be done; advance gets the number of shards merged since."""
    parts: Sequence[Part] = [
        Part(shard_file(folder, manifest, number), manifest.first(number), manifest.signatures[number])
        for number in range(manifest.shards)
    ]
    level, left = 0, manifest.shards

    def count(n: int) -> None:
        nonlocal left
        left -= n
        advance(n)

    while level == 0 or len(parts) > 1:
        level += 1
        work = MergeWork(folder, level, parts, layers)
        work_through(work, share, advance=count if level == 1 else lambda n: None)
        advance(left)  # that others have merged
        left = 0
        parts = [work.node(number) for number in range(work.count)]
    return parts[0]


def merged_file(folder: Path, manifest: Manifest) -> Path:
    """Where the statistics of all shards lie once they are merged."""
    signatures, level = list(manifest.signatures), 0
    while level == 0 or len(signatures) > 1:
        level += 1
        signatures = [hash_all(signatures[at : at + GROUP]) for at in range(0, len(signatures), GROUP)]
    return shard_path(folder / "merged" / f"level-{level}", 0, f".{signatures[0]}.npz")


def merge_parts(parts: Sequence[Part], layers: Mapping[Place, Layer]) -> dict[Place, Statistics]:
    """The statistics of layers over parts that follow each other. Raises OptionError for a damaged file."""
    merged: dict[Place, Statistics] = {}
    for part in parts:
        try:
            later = read_statistics(part.path, layers, part.first)
        except (OSError, ValueError, KeyError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or error
            what = f"{part.path} is damaged ({why}), so its images have to be looked at again"
            raise OptionError(f"{what}. Remove it and run the scan again.") from error
        for place, statistics in later.items():
            if place in merged:
                merged[place].merge(statistics)
            else:
                merged[place] = statistics
    return merged
