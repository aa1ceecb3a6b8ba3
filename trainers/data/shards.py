"""The files in a tar, header by header: every size is held against the file, and what is missing is said.

tarfile reads single headers here, no more: it takes a tar that ends between two members for all there is, and goes back
for a negative size, for ever.
"""

import tarfile
from pathlib import Path
from typing import BinaryIO

from trainers.errors import DataError
from trainers.files.regular import regular

BLOCK = tarfile.BLOCKSIZE
LONGEST = 1 << 20  # bytes of what stands before a member's header: its long name, and the like
SPARSE = "GNU.sparse."


def shard_members(shard: Path) -> list[tuple[str, int, int]]:
    """(name, offset, size) of every file in a tar, hard links among them. Raises DataError unless the tar is whole."""
    try:
        with regular(shard).open("rb") as stream:
            return [(name, *place) for name, place in walk(stream).items()]
    except (tarfile.TarError, ValueError) as error:
        raise DataError(f"cannot read {shard}: {error}; give a whole tar file, not compressed") from None


def walk(stream: BinaryIO) -> dict[str, tuple[int, int]]:
    """Offset and size of every file by its name. Raises ValueError or TarError where a tar makes no sense."""
    end, at = stream.seek(0, 2), 0
    members: dict[str, tuple[int, int]] = {}
    said: dict[str, str] = {}  # of the member to come
    while (block := read_block(stream, at)) != bytes(BLOCK):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        name, start = said.get("path", header.name), at + BLOCK
        size = int(said.get("size", header.size))
        if size < 0 or start + size > end:
            raise ValueError(f"{name!r} is said to have {size} bytes, where {end - start} follow")
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE):
            records = pax_records(read_text(stream, start, size))
            said = said if header.type == tarfile.XGLTYPE else said | records
        elif header.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            text = read_text(stream, start, size).partition(b"\0")[0].decode("utf-8", "surrogateescape")
            said["path" if header.type == tarfile.GNUTYPE_LONGNAME else "linkpath"] = text
        else:
            if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith(SPARSE) for key in said):
                raise ValueError(f"{name!r} is stored as a sparse file")
            if header.isreg():
                members[name] = (start, size)
            elif header.islnk() and (target := said.get("linkpath", header.linkname)) in members:
                members[name] = members[target]
            if not header.isreg() and header.type in tarfile.SUPPORTED_TYPES:
                size = 0  # folders and links have no bytes, whatever their headers say
            said = {}
        at = start + -(-size // BLOCK) * BLOCK
    return members


def read_block(stream: BinaryIO, at: int) -> bytes:
    """The header at `at`; zeros mark the end."""
    stream.seek(at)
    block = stream.read(BLOCK)
    if len(block) < BLOCK:
        raise ValueError("it is cut short, for no end is marked" if at else "it is no tar")
    return block


def read_text(stream: BinaryIO, at: int, size: int) -> bytes:
    """The bytes of a header that is about the next one."""
    if size > LONGEST:
        raise ValueError(f"a header of {size} bytes is more than a name can need")
    stream.seek(at)
    return stream.read(size)


def pax_records(text: bytes) -> dict[str, str]:
    """What a pax header says: records `LENGTH KEY=VALUE` and a line's end each, LENGTH that of the whole record."""
    records, at = dict[str, str](), 0
    while at < len(text) and text[at]:
        space = text.find(b" ", at, at + 10)
        stop = at + int(text[at:space]) if space > at else at
        key, equals, value = text[space + 1 : stop].partition(b"=")
        if not space < stop <= len(text) or not equals:
            raise ValueError("a pax header has no records")
        records[key.decode("utf-8", "surrogateescape")] = value.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        at = stop
    return records
