"""Reach: along one axis, the positions of its input that a window of an operator's output is computed from."""

import functools
from dataclasses import dataclass

import numpy as np

NOWHERE = 1 << 40  # beyond any map


@dataclass(frozen=True)
class Reach:
    """What output i reads: the positions [i * stride - begin, i * stride - begin + size) of its input.

    Without arguments it is that of an operator which leaves places as they are.
    """

    stride: int = 1
    begin: int = 0
    size: int = 1
    holes: int = 1
    """The input is read with so many positions for each of its own, all but the first of them empty."""
    blocks: int = 1
    """Outputs made of one position of the input; windows of the output consist of whole blocks."""
    moved: tuple[int, ...] = ()
    """If given, the one position that each output takes, instead of all that; -1 for none."""

    def positions(self, starts: np.ndarray, extent: int) -> np.ndarray:
        """(B, m): what the output windows [start, start + extent) read, for `starts` (B,); not inside the map: none."""
        if self.moved:
            return np.asarray(np.array(self.moved)[starts[:, None] + np.arange(extent)])
        length = (-(-extent // self.blocks) - 1) * self.stride + self.size
        at = (starts // self.blocks * self.stride - self.begin)[:, None] + np.arange(length)
        return at if self.holes == 1 else np.where(at % self.holes == 0, at // self.holes, -1)

    def touched(self, low: np.ndarray, high: np.ndarray, below: int, above: int) -> tuple[np.ndarray, np.ndarray]:
        """The outputs [low', high') of `above` that read any of the positions [low, high) of `below`.

        Nothing is (above, 0). Where outputs read their input out of order, more than these may be given.
        """
        first, last = _bounds(self, below, above)
        begin, end = np.searchsorted(last, low), np.searchsorted(first, high)
        empty = (low >= high) | (begin >= end)
        return np.where(empty, above, begin), np.where(empty, 0, end)


@functools.lru_cache(maxsize=4096)
def _bounds(reach: Reach, below: int, above: int) -> tuple[np.ndarray, np.ndarray]:
    """(above,): the first position that an output or one behind it reads, the last that it or one before it does."""
    read = reach.positions(np.arange(above), 1)
    inside = (read >= 0) & (read < below)
    first = np.where(inside, read, NOWHERE).min(axis=1)
    last = np.where(inside, read, -1).max(axis=1)
    return np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last)
