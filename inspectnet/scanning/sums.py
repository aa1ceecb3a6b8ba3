"""A sum of floating-point arrays that does not depend on where the images were split."""

from collections.abc import Iterable

import numpy as np

from inspectnet.images import Keys


class Sum:
    """The sum of one array for each row.

    Adding floats is not associative, so the order of additions is fixed by the numbers of entries alone: rows of one
    entry are added one after the other, entries in a binary tree over 0, 1, 2 ..., whose node (level, k) is the sum
    of the entries from k * 2^level up to (k + 1) * 2^level, its two halves added. An entry that could not be read is
    no term. A part of the images holds the nodes that are complete whatever lies outside it, at most two a level, of
    which merging completes more; no entry may be in two parts. Rounding errors grow with the logarithm of the number
    of images (pairwise summation, Higham 1993).
    """

    def __init__(self) -> None:
        self._first: int | None = None  # entry that has a term
        self._last = -1
        self._nodes: dict[tuple[int, int], np.ndarray] = {}
        self._open: np.ndarray | None = None  # the sum so far of the last entry, of which more rows may come

    def update(self, keys: Keys, answer: Iterable[np.ndarray]) -> None:
        """Take in the array of each row."""
        for entry, term in zip(keys[:, 0].tolist(), answer, strict=True):
            if entry == self._last and self._open is not None:
                self._open = self._open + term
                continue
            self._close()
            self._first = entry if self._first is None else self._first
            self._last, self._open = entry, term

    def merge(self, later: "Sum") -> None:
        """Take in the sum over entries that follow."""
        if later._first is None:
            return
        self._close()
        self._first = later._first if self._first is None else self._first
        self._nodes |= later._nodes
        self._last, self._open = later._last, later._open

    def result(self) -> np.ndarray | None:
        """The sum of all; None of no rows."""
        nodes, level = self._nodes | ({(0, self._last): self._open} if self._open is not None else {}), 0
        while len(nodes) > 1:
            _complete(nodes, level, 0, None)
            level += 1
        return next(iter(nodes.values()), None)

    def _close(self) -> None:
        """Make a leaf of the last entry, and complete what it is the last part of."""
        if self._open is None or self._first is None:
            return
        self._nodes[0, self._last], self._open = self._open, None
        for level in range(self._last.bit_length()):
            _complete(self._nodes, level, self._first, self._last + 1)


def _complete(nodes: dict[tuple[int, int], np.ndarray], level: int, first: int, stop: int | None) -> None:
    """Add up the pairs of a level whose parent lies in first..stop, of which all entries are known."""
    for k in sorted(k for at, k in nodes if at == level):
        parent = level + 1, k >> 1
        begin, end = (k >> 1) << level + 1, ((k >> 1) + 1) << level + 1
        if begin >= first and (stop is None or end <= stop):
            part = nodes.pop((level, k))
            nodes[parent] = nodes[parent] + part if parent in nodes else part
