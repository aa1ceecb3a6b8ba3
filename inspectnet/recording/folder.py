"""Activations on disk as arrays, of which only what is asked for comes into memory."""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from inspectnet.errors import LayerError, OptionError, nearest
from inspectnet.images import Collection, Entry, Seen, Skipped
from inspectnet.manifest import Manifest, read_manifest
from inspectnet.recording.request import ArrayRequest, Request
from inspectnet.recording.work import FLOAT, ShardImages, array_file, images_file, read_images, rows_of

OPEN = 16  # shards of an array that are mapped at a time

Floats = NDArray[np.float32]


class ActivationArray:
    """The activations of one layer, map or unit: an array (images, ...) that is read when it is indexed.

    The first index says which images: a number, a slice, numbers, or a mask; slices and numbers may follow it.
    `np.asarray` reads all of it.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, array: ArrayRequest, paths: Sequence[Path], starts: NDArray[np.int64]) -> None:
        """starts: the first row of each file, and the number of all at the end."""
        self.name, self.shape = array.name, (int(starts[-1]), *array.shape)
        self._starts = starts
        self._mapped = lru_cache(OPEN)(lambda at: _mapped(paths[at], array))

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

    def __iter__(self) -> Iterator[Floats]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, index: Any) -> Floats:
        """What is asked for, in memory. Raises IndexError as NumPy does, OptionError for a damaged file."""
        images, *rest = index if isinstance(index, tuple) else (index,)
        if any(not isinstance(part, int | np.integer | slice) for part in rest) or images is None or images is ...:
            raise IndexError("images are chosen by the first index; numbers and slices may follow it")
        numbers = np.arange(len(self))[images]  # NumPy's own rules, for one number a row less deep
        rows = np.atleast_1d(numbers)
        if rows.ndim != 1:
            raise IndexError("images are chosen by one axis of numbers")
        out = np.empty((len(rows), *np.empty((0, *self.shape[1:]), FLOAT)[:, *rest].shape[1:]), np.float32)
        files = np.searchsorted(self._starts, rows, side="right") - 1
        for at in np.unique(files).tolist():
            here = np.flatnonzero(files == at)
            out[_run(here)] = self._mapped(at)[_run(rows[here] - self._starts[at])][:, *rest]
        return out if np.ndim(numbers) else out[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it. Raises ValueError if it is not to be copied."""
        if copy is False:
            raise ValueError(f"{self.name} lies in several files, so that one array of it is a copy")
        return self[:].astype(dtype or self.dtype, copy=False)


class ActivationFolder:
    """The arrays of a folder by their addresses, and the images that their rows are of."""

    def __init__(self, folder: Path, manifest: Manifest[Request]) -> None:
        """Raises OptionError if a shard is missing or damaged."""
        self.folder, self.manifest = folder, manifest
        rows = [self._rows(number) for number in range(manifest.shards)]
        self._starts = np.cumsum([0, *rows], dtype=np.int64)

    def __repr__(self) -> str:
        """The folder, and a line for each array."""
        lines = [repr(self[name]) for name in self]
        return "\n".join([f"activations of {self._starts[-1]} images in {self.folder}", *lines])

    def __iter__(self) -> Iterator[str]:
        return (array.name for array in self.manifest.request.arrays)

    def __len__(self) -> int:
        return len(self.manifest.request.arrays)

    def __getitem__(self, name: str) -> ActivationArray:
        """The array of a layer, map or unit, by any of its layer's names. Raises LayerError."""
        for at, array in enumerate(self.manifest.request.arrays):
            if name in (array.name, *array.also):
                shards = range(self.manifest.shards)
                paths = [array_file(self.folder, self.manifest, number, at) for number in shards]
                return ActivationArray(array, paths, self._starts)
        known = list(self)
        raise LayerError(f"{self.folder} does not hold '{name}'.{nearest(name, known)} It holds {', '.join(known)}.")

    @property
    def ids(self) -> tuple[str, ...]:
        """The image of each row. Raises OptionError for a damaged shard."""
        return self.seen.ids

    @property
    def labels(self) -> tuple[str | None, ...]:
        """What the image of each row is filed under, None for nothing. Raises OptionError for a damaged shard."""
        labels = self.seen.collection.labels
        return tuple(labels[at] for at in self.seen.keys[:, 0])

    @cached_property
    def seen(self) -> Seen:
        """What was read of the images. Raises OptionError for a damaged shard."""
        shards = [self._images(number) for number in range(self.manifest.shards)]
        named = [pair for shard in shards for pair in zip(shard.ids, shard.labels, strict=True)]
        skipped = tuple(Skipped(id, reason) for id, reason in self.manifest.skipped)
        entries = tuple(Entry(id, label, "") for id, label in named)
        seen = Seen(Collection(Path(self.manifest.root), entries, skipped))
        for sha256, reason in [pair for shard in shards for pair in zip(shard.sha256, shard.unread, strict=True)]:
            if reason is None:
                seen.note_keys(np.array([[seen.entries, 0, 0]]))
            seen.note_entry(bytes.fromhex(sha256), reason)
        return seen

    def _images(self, number: int) -> ShardImages:
        path = images_file(self.folder, self.manifest, number)
        try:
            images = read_images(path)
            if images.unread.count(None) != self._starts[number + 1] - self._starts[number]:
                raise ValueError("it tells of other images than its arrays hold")
            return images
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, error) from error

    def _rows(self, number: int) -> int:
        if not (path := images_file(self.folder, self.manifest, number)).exists():
            done = sum(images_file(self.folder, self.manifest, at).exists() for at in range(self.manifest.shards))
            what = (
                f"the activations in {self.folder} are not complete: {done} of {self.manifest.shards} shards are there"
            )
            raise OptionError(f"{what}. Run inspectnet activations again, which goes on.")
        rows = set[int]()
        for at, array in enumerate(self.manifest.request.arrays):
            path = array_file(self.folder, self.manifest, number, at)
            try:
                rows.add(rows_of(path, array))
                if len(rows) > 1:
                    raise ValueError("it has another number of rows than the arrays beside it")
            except (OSError, ValueError) as error:
                raise _damaged(path, error) from error
        return rows.pop()


def open_activations(folder: str | Path) -> ActivationFolder:
    """The activations that `inspectnet.activations` has written to a folder: `open_activations(folder)["conv5"]`.

    Raises OptionError for a folder that holds none, or not all yet.
    """
    return ActivationFolder(Path(folder), read_manifest(Path(folder), Request))


def _mapped(path: Path, array: ArrayRequest) -> Floats:
    try:
        rows_of(path, array)  # which refuses what is no such file
        mapped: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return mapped


def _run(numbers: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """The same numbers, as a slice if they follow each other, which spares a copy."""
    first, last = int(numbers[0]), int(numbers[-1])
    follows = last - first + 1 == len(numbers) and np.array_equal(numbers, np.arange(first, last + 1))
    return slice(first, last + 1) if follows else numbers


def _damaged(path: Path, error: Exception) -> OptionError:
    why = (error.strerror if isinstance(error, OSError) else None) or error
    return OptionError(f"{path} is damaged ({why}). Run inspectnet activations again, which makes it anew.")
