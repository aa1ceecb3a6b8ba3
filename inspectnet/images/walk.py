"""The files of a folder and its subfolders, behind links too: never in circles, and past what cannot be read."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inspectnet.images.collection import Skipped
from inspectnet.images.kinds import is_image

Identity = tuple[int, int]
"""Device and inode: what tells a folder from all others, by whatever path one came."""


@dataclass(frozen=True)
class _Folder:
    """A folder to be listed."""

    path: str
    prefix: str
    """What its files' paths begin with, seen from the top."""
    above: frozenset[Identity]
    """The folders that it was reached through, and those not to enter."""
    linked: bool
    """Whether a link is on the way to it."""


def walk(top: Path, without: Iterable[Path], skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    """The (path from the top, path) of all files that are not hidden.

    without: folders not to enter. skipped: takes what cannot be read, and why. A folder is entered once by its own
    path and once more, at most, behind links: otherwise folders that link to each other would be entered once for
    each way through them. Raises OSError if the top cannot be read.
    """
    barred = {_identity(folder) for folder in without if folder.is_dir()} - {_identity(top)}
    os.scandir(top).close()  # what cannot be read at all is no matter of skipping
    waiting, behind_links = [_Folder(str(top), "", frozenset(barred), linked=False)], dict[Identity, str]()
    while waiting:
        folder = waiting.pop()
        try:
            yield from _files(folder, waiting, behind_links, skipped)
        except OSError as error:
            skipped.append(_unreadable(folder.prefix[:-1], error))


def _files(
    folder: _Folder, waiting: list[_Folder], behind_links: dict[Identity, str], skipped: list[Skipped]
) -> Iterator[tuple[str, str]]:
    """The files of one folder; its subfolders are put to those waiting. Raises OSError."""
    here = _identity(folder.path)
    if here in folder.above:
        return
    if folder.linked and (known := behind_links.setdefault(here, folder.prefix)) != folder.prefix:
        reason = f"it leads to a folder that was read as {known[:-1]} already. Copy it to count its images twice."
        skipped.append(Skipped(folder.prefix[:-1], reason))
        return
    with os.scandir(folder.path) as items:
        shown = [item for item in items if not item.name.startswith(".")]
    shown.sort(key=lambda item: item.name, reverse=True)
    subfolders = []
    while shown:
        item = shown.pop()  # which keeps what is asked of it below, half a kilobyte of each link
        id = folder.prefix + item.name
        try:
            if item.is_dir():
                linked = folder.linked or item.is_symlink()
                subfolders.append(_Folder(item.path, f"{id}/", folder.above | {here}, linked))
            elif item.is_symlink() and not is_image(id) and not os.path.exists(item.path):
                skipped.append(Skipped(id, f"cannot read {id}: it is a link that leads nowhere. Mend or remove it."))
            else:
                yield id, item.path
        except OSError as error:  # of a link to itself
            skipped.append(_unreadable(id, error))
    waiting += reversed(subfolders)


def _unreadable(id: str, error: OSError) -> Skipped:
    return Skipped(id, f"cannot read {id}: {error.strerror or error}. Mend it or leave it out.")


def _identity(folder: Path | str) -> Identity:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
