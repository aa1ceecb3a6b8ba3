"""The members of a tar, header by header: every size is held against the file, and what is missing is said.

tarfile reads single headers here, no more: it takes a tar that ends between two members for whole, goes back for a
negative size and reads it for ever, and holds a name of any length in memory.
"""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
LONGEST = 1 << 20  # bytes of a name or of other words on a member that stand before its header
ZEROS = 2 << 20  # bytes that writers fill the end with, at the most
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
}
NEXT_NAME, NEXT_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK


class DamagedTar(Exception):
    """A tar, or the rest of it, that cannot be read, and why."""


@dataclass(frozen=True)
class Member:
    """A file in a tar."""

    name: str
    offset: int
    """Where its bytes begin."""
    size: int
    link: str | None = None
    """The name of the member that has its bytes, if it has none itself."""
    odd: str | None = None
    """Why its bytes are not those of the file."""


def read_members(file: BinaryIO) -> Iterator[Member]:
    """The files in a tar that are whole, links among them, in the order in which they are stored.

    Tars may stand one behind the other. Raises DamagedTar where it cannot be read on, OSError.
    """
    reader = _Reader(file)
    while (header := reader.header()) is not None:
        yield from reader.member(header)


class _Reader:
    """Where in the tar one is, and what was said of the member to come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = file.seek(0, os.SEEK_END)
        self._at = 0
        self._last = ""  # the name of the last member
        self._always: dict[str, str] = {}
        self._next: dict[str, str] = {}

    def header(self) -> tarfile.TarInfo | None:
        """The next header; None at the end, which a block of zeros marks. Raises DamagedTar."""
        start = self._at
        if start == 0:
            self._refuse_compressed()
        while not (block := self._block(end_marked=self._at > start)).strip(b"\0"):
            if not block:
                return None
            if self._at - start > ZEROS:
                raise DamagedTar(f"{self._place(start)} it holds zeros only")
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if start == 0:
                raise DamagedTar("it is no tar") from error
            raise DamagedTar(f"{self._place(self._at - BLOCK)} it is damaged: {error}") from error

    def _refuse_compressed(self) -> None:
        self._file.seek(0)
        begin = self._file.read(BLOCK)
        for magic, kind in COMPRESSED.items():
            if begin.startswith(magic):
                raise DamagedTar(f"it is compressed with {kind}")

    def member(self, header: tarfile.TarInfo) -> Iterator[Member]:
        """The member that a header begins, if it is a file; passes over its bytes. Raises DamagedTar."""
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            self._next |= self._records(header)
        elif header.type == tarfile.XGLTYPE:
            self._always |= self._records(header)
        elif header.type in (NEXT_NAME, NEXT_LINK):
            name = self._text(header).partition(b"\0")[0].decode("utf-8", "surrogateescape")
            self._next["path" if header.type == NEXT_NAME else "linkpath"] = name
        else:
            said, self._next = self._always | self._next, {}
            yield from self._file_of(header, said)

    def _file_of(self, header: tarfile.TarInfo, said: dict[str, str]) -> Iterator[Member]:
        name = said.get("GNU.sparse.name") or said.get("path") or header.name
        sparse = header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in said)
        if header.type == tarfile.GNUTYPE_SPARSE:
            self._pass_sparse(header)
        stored = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
        offset, size = self._at, self._size(header, said, name) if stored else 0
        self._at += -(-size // BLOCK) * BLOCK
        self._last = name
        if header.islnk():
            yield Member(name, offset, 0, link=said.get("linkpath") or header.linkname)
        elif header.issym():
            yield Member(name, offset, 0, odd="it is a symbolic link inside of a tar")
        elif header.isreg():
            yield Member(name, offset, size, odd="it is stored as a sparse file" if sparse else None)

    def _size(self, header: tarfile.TarInfo, said: dict[str, str], name: str) -> int:
        """How many bytes a member has, all of which are there. Raises DamagedTar."""
        text = said.get("size", "")
        size = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else header.size
        if size < 0 or (text and str(size) != text):
            raise DamagedTar(f"{self._place(self._at - BLOCK)} it is damaged: {name} has a size of {text or size}")
        if missing := max(0, self._at + size - self._end):
            raise DamagedTar(f"it is cut short: {missing} bytes of {name} and all that followed are missing")
        return size

    def _pass_sparse(self, header: tarfile.TarInfo) -> None:
        """Pass over the blocks that list where the bytes of a sparse file of old GNU tars belong."""
        self._file.seek(self._at - BLOCK)
        more = self._file.read(BLOCK)[482]
        while more:
            more = self._block()[504]

    def _records(self, header: tarfile.TarInfo) -> dict[str, str]:
        """What a pax header says, by key. Raises DamagedTar."""
        text, records = self._text(header), dict[str, str]()
        while text.strip(b"\0"):
            length = text[: text.find(b" ")]
            size = int(length) if length.isdigit() and len(length) < 8 else 0
            key, equals, value = text[len(length) + 1 : size].partition(b"=")
            if not (len(length) < size <= len(text) and equals and value.endswith(b"\n")):
                raise DamagedTar(f"{self._place(self._at - BLOCK)} it is damaged: no records of a pax header")
            records[key.decode("utf-8", "surrogateescape")] = value[:-1].decode("utf-8", "surrogateescape")
            text = text[size:]
        return records

    def _text(self, header: tarfile.TarInfo) -> bytes:
        """The bytes of a header that is about the next one. Raises DamagedTar."""
        size = self._size(header, {}, "a header")
        if size > LONGEST:
            raise DamagedTar(f"{self._place(self._at - BLOCK)} a header of {size} bytes is more than a name can need")
        self._file.seek(self._at)
        self._at += -(-size // BLOCK) * BLOCK
        return self._file.read(size)

    def _block(self, end_marked: bool = False) -> bytes:
        """The next block; where zeros have marked the end, nothing or less than a block of them may be left.

        Raises DamagedTar.
        """
        self._file.seek(self._at)
        block = self._file.read(BLOCK)
        self._at += len(block)
        if len(block) < BLOCK and not (end_marked and not block.strip(b"\0")):
            where = f", after {self._last}" if self._last else ""
            raise DamagedTar(f"it is cut short{where}: what followed is missing" if self._end else "it is empty")
        return block

    def _place(self, at: int) -> str:
        return f"at byte {at}, after {self._last}," if self._last else f"at byte {at}"
