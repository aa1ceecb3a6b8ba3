"""The images of an index, read when they are asked for: there may be many more than a process wants to hold."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

from inspectnet.images import Entry
from inspectnet.index.request import Manifest
from inspectnet.manifest import collection_of_shard

SHARDS_IN_MEMORY = 4  # whose entries are held


class ListedEntries(Sequence[Entry]):
    """The entries of an index, read shard by shard when they are asked for."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._count, self._size = manifest.images, manifest.request.shard_size
        self._shard = lru_cache(SHARDS_IN_MEMORY)(lambda shard: collection_of_shard(folder, manifest, shard).entries)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Entry: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Entry, ...]: ...

    def __getitem__(self, at: int | slice) -> Entry | tuple[Entry, ...]:
        if isinstance(at, slice):
            return tuple(self[i] for i in range(*at.indices(self._count)))
        at = range(self._count)[at]
        return self._shard(at // self._size)[at % self._size]

    def __iter__(self) -> Iterator[Entry]:
        return (self[i] for i in range(self._count))
