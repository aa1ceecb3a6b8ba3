"""A reader that keeps what it has read: a photo is among the strongest of many units, and decoding takes longest."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from inspectnet.images import Reader
from inspectnet.images.fit import Pixels
from inspectnet.images.prepare import Prepared

ROWS, PHOTOS = 256 << 20, 64 << 20  # bytes of prepared rows, as pixels, and of decoded photos that are kept
STRIPES = 64  # locks, so that two threads do not decode one photo


class _Pixels:
    """Pixels by key, those used last, within a number of bytes; for several threads."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes, self._lock = most, 0, threading.Lock()
        self._held = OrderedDict[tuple[int, ...], Pixels]()

    def get(self, key: tuple[int, ...]) -> Pixels | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: tuple[int, ...], pixels: Pixels) -> None:
        with self._lock:
            if key not in self._held and pixels.nbytes <= self._most:
                self._held[key], self._bytes = pixels, self._bytes + pixels.nbytes
            while self._bytes > self._most:
                self._bytes -= self._held.popitem(last=False)[1].nbytes


@dataclass(frozen=True)
class KeptReader(Reader):
    """Reads as a `Reader` does, to the bit, but decodes few photos twice."""

    _rows: _Pixels = field(default_factory=lambda: _Pixels(ROWS), repr=False, compare=False)
    _photos: _Pixels = field(default_factory=lambda: _Pixels(PHOTOS), repr=False, compare=False)
    _locks: tuple[threading.Lock, ...] = field(
        default_factory=lambda: tuple(threading.Lock() for _ in range(STRIPES)), repr=False, compare=False
    )

    def load(self, entry: int, origin: tuple[int, int] = (0, 0)) -> Prepared:
        """One prepared row. Raises ImageError."""
        return self.tiler.normalise(self.seen(entry, origin))

    def seen(self, entry: int, origin: tuple[int, int] = (0, 0)) -> Pixels:
        """The pixels [H, W, 3] of a row, as the network sees them. Raises ImageError."""
        pixels = self._rows.get((entry, *origin))
        if pixels is None:
            pixels = self.tiler.restore(super().load(entry, origin))
            self._rows.put((entry, *origin), pixels)
        return pixels

    def decode(self, entry: int) -> Pixels:
        """A photo [h, w, 3]. Raises ImageError."""
        with self._locks[entry % STRIPES]:
            pixels = self._photos.get((entry,))
            if pixels is None:
                pixels = np.asarray(super().decode(entry))
                self._photos.put((entry,), pixels)
            return pixels
