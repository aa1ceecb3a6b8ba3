"""What was read of a collection: of all of it, or of parts that follow each other and are put together again."""

import hashlib
import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.images.collection import Collection, Skipped
from inspectnet.images.tiles import tile_id

Keys = NDArray[np.int64]  # (..., 3): entry of the collection, y and x of the tile's corner; 0, 0 of a whole image


@dataclass
class Seen:
    """The entries that were read, in their order, and the rows that they gave.

    It merges because it keeps what belongs to single entries only; sums and hashes over all are made when asked for.
    """

    collection: Collection
    first: int = 0
    """The entry at which it begins."""
    tile: bool = False
    """Whether a row is a tile."""
    hashes: list[bytes] = field(default_factory=list)
    """The sha256 of the bytes of each entry."""
    unread: list[Skipped] = field(default_factory=list)
    """The entries that could not be read."""
    _keys: list[Keys] = field(default_factory=list)

    def note_entry(self, sha256: bytes, reason: str | None) -> None:
        """The next entry: the hash of its bytes, and why it could not be read, if it could not."""
        if reason is not None:
            self.unread.append(Skipped(self.collection.entries[self.first + self.entries].id, reason))
        self.hashes.append(sha256)

    def note_keys(self, keys: Keys) -> None:
        """The next rows."""
        self._keys.append(keys)

    def note_rows(self, keys: Keys) -> list[str]:
        """The next rows; gives their ids."""
        self.note_keys(keys)
        return row_ids(self.collection, keys, self.tile)

    def merge(self, later: "Seen") -> None:
        """Take in what was read of the part that follows."""
        assert later.first == self.first + self.entries, "parts are merged in their order, without gaps"
        self.hashes += later.hashes
        self.unread += later.unread
        self._keys += later._keys

    @property
    def entries(self) -> int:
        """How many entries were read, or could not be."""
        return len(self.hashes)

    @property
    def keys(self) -> Keys:
        """(rows, 3): where each row comes from."""
        return np.concatenate([np.empty((0, 3), np.int64), *self._keys])

    @property
    def count(self) -> int:
        """How many rows there were."""
        return sum(map(len, self._keys))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be read, behind what the collection had to skip."""
        return (*self.collection.skipped, *self.unread)

    @property
    def digest(self) -> str:
        """Of the data: sha256 over id, a zero byte and sha256 of the bytes of each entry."""
        total = hashlib.sha256()
        entries = itertools.islice(self.collection.entries, self.first, None)
        for entry, sha256 in zip(entries, self.hashes, strict=False):
            total.update(entry.id.encode("utf-8", "surrogateescape") + b"\0" + sha256)
        return total.hexdigest()

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each row."""
        return tuple(row_ids(self.collection, self.keys, self.tile))

    def refuse_nothing(self) -> None:
        """Raise ImageError if no row was given out."""
        if not self.count:
            first = self.unread[0]
            why = f"none of the {self.entries} images could be read; the first, {first.id}: {first.reason}"
            raise ImageError(why)


def row_ids(collection: Collection, keys: Keys, tile: bool) -> list[str]:
    """The id of each image, or `photo.jpg#y,x` of each tile, for keys (n, 3)."""
    rows = [(collection.entries[entry].id, y, x) for entry, y, x in keys.tolist()]
    return [tile_id(id, y, x) if tile else id for id, y, x in rows]
