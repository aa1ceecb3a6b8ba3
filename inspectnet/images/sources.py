"""Where images are found: a file, a folder, a list or a tar becomes one ordered collection."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath

from inspectnet.errors import ImageError
from inspectnet.files.inputs import open_input
from inspectnet.images.collection import Collection, Entry
from inspectnet.images.kinds import IMAGE_SUFFIXES, is_image, suffix_of
from inspectnet.images.lists import read_csv, read_text

KINDS = "an image, a folder, a .txt or .csv list of images, or an uncompressed .tar"


def find_images(source: Path | str, *, without: Path | str | None = None) -> Collection:
    """All images of `source`, sorted by id; what cannot be decoded is found out when it is.

    without: a folder that is passed over if it lies inside `source`, because results go there.

    ==================  ==========================================  =======================================
    source              id                                          label
    ==================  ==========================================  =======================================
    image               its file name                               none
    folder, with all    path inside the folder                      first folder of that path, if any
    its subfolders
    .txt, .csv list     path as listed, relative to the list        as listed, if any (see `lists`)
    .tar, alone or      path of the tar in the folder / path        last folder of the path inside the tar,
    in a folder         inside the tar                              if any
    ==================  ==========================================  =======================================

    Hidden files and folders are passed over. Raises ImageError if there is nothing to read.
    """
    source = Path(source)
    try:
        entries = sorted(_entries(source, without), key=lambda entry: entry.id)
    except OSError as error:
        why = error.strerror or error
        raise ImageError(f"cannot read {error.filename or source}: {why}. Check the path.") from error
    if not entries:
        raise ImageError(f"no image in {source}. Files that count end in {', '.join(IMAGE_SUFFIXES)}.")
    return Collection(source, tuple(entries))


def _entries(source: Path, without: Path | str | None) -> Iterator[Entry]:
    kind = suffix_of(source.name)
    if not source.exists():
        raise ImageError(f"{source} does not exist. Give {KINDS}.")
    if source.is_dir():
        results = {_identity(without)} - {_identity(source)} if without and os.path.isdir(without) else set()
        return _folder(source, tuple(results))
    if is_image(source.name):
        return iter([Entry(source.name, None, str(source))])
    if kind == "tar":
        return _tar(str(source), source.name)
    if kind == "txt":
        return _listed(source, read_text(source))
    if kind == "csv":
        return _listed(source, read_csv(source))
    raise ImageError(f"{source} is no source of images. Give {KINDS}; images end in {', '.join(IMAGE_SUFFIXES)}.")


def _folder(folder: Path, barred: tuple[tuple[int, int], ...]) -> Iterator[Entry]:
    for id, path in _walk(str(folder), "", barred):
        if suffix_of(id) == "tar":
            yield from _tar(path, id)
        elif is_image(id):
            first, slash, _ = id.partition("/")
            yield Entry(id, first if slash else None, path)


def _walk(folder: str, prefix: str, barred: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, str]]:
    """The (relative path, path) of all files not hidden, behind links to folders too, but not in circles.

    barred: folders not to enter, to which come all those above.
    """
    here = _identity(folder)
    if here in barred:
        return
    with os.scandir(folder) as found:
        for item in found:
            if item.name.startswith("."):
                continue
            if item.is_dir():
                yield from _walk(item.path, f"{prefix}{item.name}/", (*barred, here))
            else:
                yield prefix + item.name, item.path


def _identity(folder: Path | str) -> tuple[int, int]:
    """What tells a folder from all others, by whatever path one came."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _tar(path: str, id: str) -> Iterator[Entry]:
    members: dict[str, Entry] = {}
    try:
        with open_input(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                # tarfile would keep 1 kB for each member of a shard of any size
                archive.members.clear()  # type: ignore[attr-defined]
                name = PurePosixPath(member.name)
                hidden = any(part.startswith(".") for part in name.parts)
                if hidden or not member.isreg() or member.issparse() or not is_image(name.name):
                    continue
                entry = Entry(f"{id}/{name}", name.parent.name or None, path, member.offset_data, member.size)
                members[entry.id] = entry  # of members with one name the last counts, as when unpacking
    except tarfile.TarError as error:
        raise ImageError(
            f"{path} is not an uncompressed tar, or is damaged: {error}. Unpack it if it is compressed."
        ) from error
    yield from members.values()


def _listed(source: Path, rows: Iterator[tuple[str, str | None]]) -> Iterator[Entry]:
    labels: dict[str, str | None] = {}
    for path, label in rows:
        id = PurePath(path).as_posix()
        if labels.setdefault(id, label) != label:
            raise ImageError(f"{source} gives {id} two labels, {labels[id]} and {label}. Keep one of the lines.")
    for id, label in labels.items():
        yield Entry(id, label, os.path.join(source.parent, id))
