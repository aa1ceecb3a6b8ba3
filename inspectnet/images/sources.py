"""Where images are found: a file, a folder, a list or a tar becomes one ordered collection."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath

from inspectnet.errors import ImageError
from inspectnet.files.inputs import open_input
from inspectnet.images.collection import Collection, Entry, Skipped
from inspectnet.images.kinds import IMAGE_SUFFIXES, is_image, suffix_of, why_unread
from inspectnet.images.lists import read_csv, read_text
from inspectnet.images.remote import is_remote, list_remote, open_remote, url_of
from inspectnet.images.tars import DamagedTar, Member, read_members
from inspectnet.images.walk import walk

KINDS = "an image, a folder, a .txt or .csv list of images, or an uncompressed .tar"


def find_images(source: Path | str, *, without: Iterable[Path] = ()) -> Collection:
    """All images of `source`, sorted by id; what cannot be decoded is found out when it is.

    without: folders that are passed over if they lie inside `source`, because results go there.

    ==================  ==========================================  =======================================
    source              id                                          label
    ==================  ==========================================  =======================================
    image               its file name                               none
    folder, with all    path inside the folder                      first folder of that path, if any
    its subfolders
    .txt, .csv list     path as listed, relative to the list        as listed, if any (see `lists`)
    s3://bucket/...     as of a folder, an image or a tar           as of these
    .tar, alone or      path of the tar in the folder / path        last folder of the path inside the tar,
    in a folder         inside the tar                              if any
    ==================  ==========================================  =======================================

    Hidden files and folders are passed over. What else may hold images but cannot be read is in `skipped`: a folder, a
    link that leads nowhere, a tar or the rest of one, a file of another format. Raises ImageError if there is nothing
    to read.
    """
    url, source, skipped = url_of(source), Path(source), list[Skipped]()
    try:
        found = _remote(url, skipped) if url else _entries(source, without, skipped)
        entries = sorted(found, key=lambda entry: entry.id)
    except FileNotFoundError as error:
        raise ImageError(f"{error.filename or source} does not exist. Give {KINDS}.") from error
    except (OSError, ValueError) as error:  # the latter for a path with a zero byte
        why, where = getattr(error, "strerror", None) or error, getattr(error, "filename", None) or source
        raise ImageError(f"cannot read {where}: {why}. Check the path.") from error
    where = url or source
    if not entries and skipped:
        raise ImageError(f"no image in {where} can be read; the first that it may hold: {skipped[0].reason}")
    if not entries:
        raise ImageError(f"no image in {where}. Files that count end in {', '.join(IMAGE_SUFFIXES)}.")
    return Collection(source, tuple(entries), tuple(skipped))


def _entries(source: Path, without: Iterable[Path], skipped: list[Skipped]) -> Iterator[Entry]:
    kind = suffix_of(source.name)
    source.stat()  # raises what `is_dir` would keep to itself
    if source.is_dir():
        return _folder(source, without, skipped)
    if is_image(source.name):
        return iter([Entry(source.name, None, str(source))])
    if kind == "tar":
        return _tar(str(source), source.name, skipped)
    if kind == "txt":
        return _listed(source, read_text(source))
    if kind == "csv":
        return _listed(source, read_csv(source))
    raise ImageError(f"{source} is no source of images. Give {KINDS}; images end in {', '.join(IMAGE_SUFFIXES)}.")


def _remote(url: str, skipped: list[Skipped]) -> Iterator[Entry]:
    """The images below an address, as in a folder, or the one there."""
    for id, place, size, stamp in list_remote(url):
        if any(part.startswith(".") for part in id.split("/")):
            continue
        if suffix_of(id) == "tar":
            yield from (replace(entry, stamp=stamp) for entry in _tar(place, id, skipped))
        elif is_image(id):
            first, slash, _ = id.partition("/")
            yield Entry(id, first if slash else None, place, 0, size, stamp=stamp)
        elif why := why_unread(id):
            skipped.append(Skipped(id, why))


def _folder(folder: Path, without: Iterable[Path], skipped: list[Skipped]) -> Iterator[Entry]:
    for id, path in walk(folder, without, skipped):
        if suffix_of(id) == "tar":
            yield from _tar(path, id, skipped)
        elif is_image(id):
            first, slash, _ = id.partition("/")
            yield Entry(id, first if slash else None, path)
        elif why := why_unread(id):
            skipped.append(Skipped(id, why))


def _tar(path: str, id: str, skipped: list[Skipped]) -> Iterator[Entry]:
    """The images in a tar, those before a damage too."""
    kept, passed = dict[str, Entry](), dict[str, Skipped]()
    try:
        with open_remote(path) if is_remote(path) else open_input(path) as file:
            for member in read_members(file):
                name = PurePosixPath(member.name)
                if any(part.startswith(".") for part in name.parts):
                    continue
                # of members with one name the last counts, as when unpacking
                taken = _member(member, f"{id}/{name}", kept, PurePosixPath(id), path)
                for known in (kept, passed):
                    known.pop(f"{id}/{name}", None)
                if isinstance(taken, Entry):
                    kept[taken.id] = taken
                elif taken:
                    passed[taken.id] = taken
    except DamagedTar as error:
        passed[id] = Skipped(id, f"cannot read all of {id}: {error}. Copy it again, or unpack it.")
    except OSError as error:
        passed[id] = Skipped(id, f"cannot read {id}: {error.strerror or error}. Restore it or leave it out.")
    skipped += passed.values()
    yield from kept.values()


def _member(member: Member, id: str, kept: dict[str, Entry], tar: PurePosixPath, path: str) -> Entry | Skipped | None:
    """The image that a member of a tar is, or why it cannot be read; None if it is none."""
    label = PurePosixPath(member.name).parent.name or None
    if not is_image(id):
        why = why_unread(id) if member.size else None
        return Skipped(id, why) if why else None
    if member.odd:
        return Skipped(id, f"cannot read {id}: {member.odd}. Unpack the tar.")
    if member.link is None:
        return Entry(id, label, path, member.offset, member.size)
    linked = kept.get(str(tar / PurePosixPath(member.link)))
    if linked is None:
        return Skipped(id, f"cannot read {id}: it is a link to {member.link}, which does not stand before it.")
    return Entry(id, label, path, linked.offset, linked.size)


def _listed(source: Path, rows: Iterator[tuple[str, str | None]]) -> Iterator[Entry]:
    labels: dict[str, str | None] = {}
    for path, label in rows:
        id = PurePath(path).as_posix()
        if labels.setdefault(id, label) != label:
            raise ImageError(f"{source} gives {id} two labels, {labels[id]} and {label}. Keep one of the lines.")
    for id, label in labels.items():
        yield Entry(id, label, os.path.join(source.parent, id))
