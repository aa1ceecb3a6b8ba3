"""Activations on disk as arrays, of which only what is asked for comes into memory."""

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import LayerError, OptionError, nearest
from inspectnet.images import Collection, Entry, Seen, Skipped
from inspectnet.manifest import Manifest, read_manifest
from inspectnet.recording.request import Request
from inspectnet.recording.work import ShardImages, array_file, images_file, read_images, rows_of
from inspectnet.shards import ShardedArray


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

    def __getitem__(self, name: str) -> ShardedArray:
        """The array of a layer, map or unit, by any of its layer's names. Raises LayerError."""
        for at, array in enumerate(self.manifest.request.arrays):
            if name in (array.name, *array.also):
                return ShardedArray(array.name, array.shape, np.float32, self._starts, partial(self._mapped, at))
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

    def _mapped(self, at: int, number: int) -> NDArray[Any]:
        """The rows of a shard of the array of that number."""
        path = array_file(self.folder, self.manifest, number, at)
        try:
            rows_of(path, self.manifest.request.arrays[at])  # which refuses what is no such file
            mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error
        return mapped

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


def _damaged(path: Path, error: Exception) -> OptionError:
    why = (error.strerror if isinstance(error, OSError) else None) or error
    return OptionError(f"{path} is damaged ({why}). Run inspectnet activations again, which makes it anew.")
