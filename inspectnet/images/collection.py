"""A collection of images: which they are, in which order, and how to get at their undecoded bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from inspectnet.errors import ImageError
from inspectnet.files.inputs import open_input


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


@dataclass(frozen=True)
class Collection:
    """An ordered manifest of images. Its order, by id, does not depend on the order of files on a disk."""

    source: Path
    """The file or folder it was found in."""
    entries: tuple[Entry, ...]
    """Sorted by id."""

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The class of every entry, in order."""
        return tuple(entry.label for entry in self.entries)

    def spread(self, most: int) -> "Collection":
        """At most `most` of its images, evenly spaced; the first ones of sorted images would be of a class or two."""
        return replace(self, entries=tuple(self.entries[i] for i in spaced(len(self), most)))

    def read(self, index: int) -> bytes:
        """The bytes of one image; safe to call from any number of threads. Raises ImageError."""
        entry = self.entries[index]
        try:
            # Opening costs 10 microseconds and leaves no handle to share, to lock or to close.
            # (os.pread could share one, but does not exist on Windows.)
            with open_input(entry.path) as file:
                file.seek(entry.offset)
                data = file.read(-1 if entry.size is None else entry.size)
        except OSError as error:
            why = error.strerror or error
            raise ImageError(f"cannot read {entry.id}: {why}. Restore the file or leave it out.") from error
        if entry.size is not None and len(data) < entry.size:
            missing = f"its tar ends {entry.size - len(data)} bytes too soon"
            raise ImageError(f"cannot read {entry.id}: {missing}. Copy the tar again.")
        return data


def spaced(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0..count - 1, evenly spaced."""
    kept = min(count, most)
    return [i * count // kept for i in range(kept)]
