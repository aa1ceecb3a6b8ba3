"""An array whose rows lie in the files of shards, of which only what is asked for comes into memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

OPEN = 16  # shards of an array that are held at a time


class ShardedArray:
    """An array (images, ...) that is read when it is indexed.

    The first index says which images: a number, a slice, numbers, or a mask; slices and numbers may follow it.
    `np.asarray` reads all of it.
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        dtype: DTypeLike,
        starts: NDArray[np.int64],
        read: Callable[[int], NDArray[Any]],
    ) -> None:
        """shape: of one row. starts: the first row of each shard, and the number of all at the end. read: a shard."""
        self.name, self.shape, self.dtype = name, (int(starts[-1]), *shape), np.dtype(dtype)
        self._starts, self._read = starts, lru_cache(OPEN)(read)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that all of it would take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"<{self.name}: {self.shape} {self.dtype} on disk>"

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """What is asked for, in memory. Raises IndexError as NumPy does, OptionError for a damaged file."""
        images, *rest = index if isinstance(index, tuple) else (index,)
        if any(not isinstance(part, int | np.integer | slice) for part in rest) or images is None or images is ...:
            raise IndexError("images are chosen by the first index; numbers and slices may follow it")
        numbers = np.arange(len(self))[images]  # NumPy's own rules, for one number a row less deep
        rows = np.atleast_1d(numbers)
        if rows.ndim != 1:
            raise IndexError("images are chosen by one axis of numbers")
        out = np.empty((len(rows), *np.empty((0, *self.shape[1:]))[:, *rest].shape[1:]), self.dtype)
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        for at in np.unique(shards).tolist():
            here = np.flatnonzero(shards == at)
            out[_run(here)] = self._read(at)[_run(rows[here] - self._starts[at])][:, *rest]
        return out if np.ndim(numbers) else np.asarray(out[0])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it. Raises ValueError if it is not to be copied."""
        if copy is False:
            raise ValueError(f"{self.name} lies in several files, so that one array of it is a copy")
        return self[:].astype(dtype or self.dtype, copy=False)


def _run(numbers: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """The same numbers, as a slice if they follow each other, which spares a copy."""
    first, last = int(numbers[0]), int(numbers[-1])
    follows = last - first + 1 == len(numbers) and np.array_equal(numbers, np.arange(first, last + 1))
    return slice(first, last + 1) if follows else numbers
