"""A collection of images: which they are, in which order, and how to get at their undecoded bytes."""

import contextlib
import hashlib
import io
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.files.inputs import open_input
from inspectnet.images.remote import is_remote, read_remote

SMALL = 4 << 20  # bytes of an image that are read at once
MOST = 2 << 30  # bytes of an image; no format needs more for what MAX_PIXELS allows


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a collection: its name, its class and the place of its bytes."""

    id: str
    """What names the image everywhere: a path with forward slashes, unique in its collection."""
    label: str | None
    """The class the image is filed under, as its source writes it."""
    path: str
    """The file that holds the bytes: the image itself, or the tar it is in."""
    offset: int = 0
    """Where the bytes begin in that file."""
    size: int | None = None
    """How many bytes they are; None for all of the file."""
    pixels: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    """(h, w, 3) RGB: the image itself, if it is in memory."""
    stamp: str = ""
    """What a store tells that changes with the image; empty for a file."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be read, or something else in a source that may hold images."""

    id: str
    reason: str


@dataclass(frozen=True)
class Collection:
    """An ordered manifest of images. Its order, by id, does not depend on the order of files on a disk."""

    source: Path | None
    """The file or folder it was found in; None if it is in memory."""
    entries: Sequence[Entry]
    """Sorted by id; those in memory in the order that they were given in."""
    skipped: tuple[Skipped, ...] = ()
    """What lies there, too, and cannot be read: folders, tars and parts of tars, links, files of other formats."""

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @property
    def is_photo(self) -> bool:
        """Whether it is one photo, and no folder with a single one."""
        return len(self) == 1 and (self.source is None or self.source.is_file())

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The class of every entry, in order."""
        return tuple(entry.label for entry in self.entries)

    def signature(self) -> str:
        """A hash of the names and sizes of all images, which tells two collections apart before one is read."""
        names = hashlib.sha256()
        for entry in self.entries:
            names.update(f"{entry.id}\0{_size(entry)}\0".encode(errors="surrogatepass"))
        return names.hexdigest()

    def state(self) -> str:
        """A hash of the labels of all images and of what changes when one of their files does."""
        labels, stamp = hashlib.sha256(), stamps()
        for entry in self.entries:
            labels.update(f"{entry.label}\0{stamp(entry)}\0".encode(errors="surrogatepass"))
        return labels.hexdigest()

    def of(self, numbers: Sequence[int]) -> "Part":
        """Some of its images, by their numbers, rising."""
        entries = tuple(self.entries[i] for i in numbers)
        return Part(self.source, entries, self.skipped, whole=self, numbers=numbers)

    def evenly(self, most: int) -> "Part":
        """At most `most` of its images, evenly spaced; the first ones of sorted images would be of a class or two."""
        return self.of(spaced(len(self), most))

    @contextlib.contextmanager
    def open(self, index: int) -> Iterator[io.BufferedIOBase]:
        """The bytes of one image as a file; safe to call from any number of threads. Raises ImageError, SourceError."""
        entry = self.entries[index]
        if entry.pixels is not None:
            yield io.BytesIO(_ppm(entry.pixels))
            return
        if is_remote(entry.path):
            if why := _too_large(entry.size or 0):
                raise ImageError(f"cannot read {entry.id}: {why}.")
            yield io.BytesIO(read_remote(entry.path, entry.offset, entry.size or 0, entry.id))
            return
        try:
            # Opening costs 20 microseconds and leaves no handle to share, to lock or to close.
            # (os.pread could share one, but does not exist on Windows.)
            with _Part(open_input(entry.path), entry) as part:
                yield io.BufferedReader(part) if part.size > SMALL else io.BytesIO(part.read())
        except OSError as error:
            raise ImageError(
                f"cannot read {entry.id}: {error.strerror or error}. Restore the file or leave it out."
            ) from error

    def read(self, index: int) -> bytes:
        """The bytes of one image; safe to call from any number of threads. Raises ImageError."""
        with self.open(index) as file:
            return file.read()


@dataclass(frozen=True)
class Part(Collection):
    """Some images of a collection, opened as it opens them."""

    whole: Collection = field(kw_only=True, repr=False)
    numbers: Sequence[int] = field(kw_only=True, repr=False)
    """What its entries are in the whole, rising."""

    @contextlib.contextmanager
    def open(self, index: int) -> Iterator[io.BufferedIOBase]:
        """The bytes of one image, as `Collection.open`."""
        with self.whole.open(self.numbers[index]) as file:
            yield file


def stamps() -> Callable[[Entry], str]:
    """What gives the stamp of an entry, which changes when its file does; that of a file that is gone is empty.

    A file that holds many is looked at once.
    """
    looked: dict[str, str] = {}

    def stamp(entry: Entry) -> str:
        if is_remote(entry.path):
            return entry.stamp
        if entry.path not in looked:
            looked.clear()
            try:
                status = os.stat(entry.path)
                looked[entry.path] = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:
                looked[entry.path] = ""
        return looked[entry.path]

    return stamp


def _size(entry: Entry) -> int:
    """The bytes of an image, -1 where that cannot be told."""
    if entry.pixels is not None:
        return entry.pixels.nbytes
    try:
        return entry.size if entry.size is not None else os.stat(entry.path).st_size
    except OSError:
        return -1


def _too_large(size: int) -> str:
    """Why an image of so many bytes is not read; empty if it is."""
    return f"the file has {size:,} bytes, more than {MOST:,}. Make it smaller or leave it out" if size > MOST else ""


class _Part(io.RawIOBase):
    """The part of a file that holds an image. Raises ImageError if it is not there, or too large."""

    def __init__(self, file: BinaryIO, entry: Entry) -> None:
        self._file, self._offset, self._at = file, entry.offset, 0
        there = os.fstat(file.fileno()).st_size - entry.offset
        self.size = there if entry.size is None else entry.size
        short = f"its tar ends {self.size - there} bytes too soon. Copy the tar again" if there < self.size else ""
        if why := short or _too_large(self.size):
            self.close()
            raise ImageError(f"cannot read {entry.id}: {why}.")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._offset + self._at)
        data = self._file.read(min(len(view), max(0, self.size - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def hold_images(photos: Sequence[NDArray[np.uint8]]) -> Collection:
    """Photos in memory, uint8 (h, w, 3) RGB of any sizes, as a collection; their ids are their numbers from 0 on.

    Raises ImageError for anything else, or none.
    """
    if not len(photos):
        raise ImageError("there are no images. Give one or more.")
    for photo in photos:
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
            raise ImageError(f"a photo is uint8 [h, w, 3], not {photo.dtype} {list(photo.shape)}.")
    return Collection(None, tuple(Entry(str(i), None, "", pixels=photo) for i, photo in enumerate(photos)))


def join(collections: Sequence[Collection]) -> Collection:
    """The images of several collections, sorted by id; an id that several have gets its source before it."""
    if len(collections) == 1:
        return collections[0]
    uses = Counter(entry.id for collection in collections for entry in collection)
    entries = [
        entry if uses[entry.id] == 1 else replace(entry, id=f"{Path(collection.source or '').as_posix()}/{entry.id}")
        for collection in collections
        for entry in collection
    ]
    skipped = tuple(itertools.chain.from_iterable(collection.skipped for collection in collections))
    return Collection(collections[0].source, tuple(sorted(entries, key=lambda entry: entry.id)), skipped)


def _ppm(pixels: NDArray[np.uint8]) -> bytes:
    """As a file that is decoded to the same pixels, with the same bytes under any version of any library."""
    return b"P6 %d %d 255\n" % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes()


def spaced(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0..count - 1, evenly spaced."""
    kept = min(count, most)
    return [i * count // kept for i in range(kept)]
