"""Images are listed once: a collection becomes the entries of shards, and those become collections again."""

import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inspectnet.errors import ImageError, OptionError
from inspectnet.files.staging import read_result
from inspectnet.images import Collection, Entry, Sources, in_memory, is_remote, sources_of, stamps, url_of
from inspectnet.manifest.manifest import (
    Entries,
    Manifest,
    R,
    entries_path,
    read_entries,
    signature_of,
    signature_of_request,
)
from inspectnet.shards import write_whole


def write_listing(folder: Path, request: R, collection: Collection, sources: Sequence[str]) -> Manifest[R]:
    """List a collection in a folder, its manifest last. Raises OptionError, OutputError."""
    if any(entry.pixels is not None for entry in collection):
        raise OptionError(f"an {request.what} needs images that can be read again. Give files, not photos in memory.")
    root, of_request, signatures = _root(collection), signature_of_request(request), list[str]()
    stamp = stamps()
    for first in range(0, len(collection), request.shard_size):
        part = collection.entries[first : first + request.shard_size]
        text = _entries(part, root, stamp).text()
        signatures.append(signature_of(of_request, root, text))
        _put(entries_path(folder, len(signatures) - 1), text)
    skipped = tuple((lost.id, lost.reason) for lost in collection.skipped)
    manifest = Manifest(request, root, tuple(sources), len(collection), skipped, tuple(signatures))
    manifest.write(folder)
    return manifest


def said_of(images: Sources) -> list[str]:
    """Where images are, as a manifest keeps it. Raises OptionError for photos in memory."""
    sources = sources_of(images)
    if any(in_memory(source) for source in sources):
        raise OptionError("the images have to be read again. Give files, not photos in memory.")
    places = [source.source if isinstance(source, Collection) else source for source in sources]
    return [url_of(str(place)) or str(Path(str(place or ".")).resolve()) for place in places]


def collection_of_shard(folder: Path, manifest: Manifest[R], shard: int, *, unchanged: bool = False) -> Collection:
    """The images of a shard, in their order. Raises OptionError.

    unchanged: raise ImageError if one has changed since it was listed; one that is gone has not.
    """
    entries, stamp = read_entries(folder, manifest, shard), stamps()
    collection = Collection(Path(manifest.root), tuple(_iterate(manifest.root, entries)))
    for entry, listed in zip(collection if unchanged else (), entries.stamps, strict=unchanged):
        if stamp(entry) not in (listed, ""):
            raise ImageError(f"{entry.id} has changed since it was listed. Run it again to list it anew.")
    return collection


def _iterate(root: str, entries: Entries) -> Iterator[Entry]:
    rows = zip(entries.ids, entries.labels, entries.paths, entries.offsets, entries.sizes, strict=True)
    for id, label, path, offset, size in rows:
        place = f"{root}/{path or id}" if is_remote(root) else os.path.join(root, path or id)
        yield Entry(id, label, place, offset, size)


def _entries(part: Sequence[Entry], root: str, stamp: Callable[[Entry], str]) -> Entries:
    inside = [_inside(entry.path, root) for entry in part]
    return Entries(
        tuple(entry.id for entry in part),
        tuple(entry.label for entry in part),
        tuple(None if path == entry.id else path for path, entry in zip(inside, part, strict=True)),
        tuple(entry.offset for entry in part),
        tuple(entry.size for entry in part),
        tuple(map(stamp, part)),
    )


def _root(collection: Collection) -> str:
    """The innermost folder that all images lie in."""
    schemes = {entry.path.partition("://")[0] if is_remote(entry.path) else "" for entry in collection}
    if len(schemes) > 1:
        raise OptionError("the images lie here and elsewhere. Take those of one place at a time.")
    if scheme := schemes.pop():
        folders = {posixpath.dirname(entry.path.partition("://")[2]) for entry in collection}
        return f"{scheme}://{posixpath.commonpath(folders)}"
    folders = {os.path.dirname(os.path.abspath(entry.path)) for entry in collection}
    try:
        return os.path.commonpath(folders)
    except ValueError:  # of several drives
        raise OptionError("the images lie on several drives. Take those of one at a time.") from None


def _inside(path: str, root: str) -> str:
    """The way from the root to a file."""
    if is_remote(root):
        return path[len(root) :].lstrip("/")
    return os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/")


def _put(path: Path, text: bytes) -> None:
    """Write a file unless it holds that already, which spares a thousand renames where nothing has changed."""
    try:
        if path.stat().st_size == len(text) and read_result(path) == text:
            return
    except OSError:
        pass
    write_whole(path, lambda file: file.write(text))
