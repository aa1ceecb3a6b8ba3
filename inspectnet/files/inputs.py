"""Inputs: every file that is read is opened here, so that the writer can ask whether a path must not be replaced.

Only regular files are opened: a pipe or a device could block for ever, or never end.
"""

import errno
import os
import stat
import threading
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

BITS = 256
LARGEST = 1 << 29  # bytes of a list, of boxes or of names
_read: dict[tuple[int, int], int] = {}
"""Which inodes of a device were read, a bit for each: the same by any path, link or spelling, and small for photos."""
_noting = threading.Lock()


def open_input(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, open for reading bytes, whose place no output takes from now on.

    Raises OSError for what is missing, cannot be read, or is no regular file. Safe to call from any thread.
    """
    file = open_regular(path)
    block, bit = _place(os.fstat(file.fileno()))
    with _noting:
        _read[block] = _read.get(block, 0) | bit
    return file


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """A regular file, open for reading bytes. Raises OSError for what is missing, cannot be read, or is none."""
    # without O_NONBLOCK the opening of a pipe would wait for somebody to write to it
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # of a zero byte
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(kind, "it is a folder" if kind == errno.EISDIR else "it is no regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_input(path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """The bytes of a regular file, whose place no output takes from now on.

    Raises OSError, also for one of more bytes than `most`: a file of holes takes no room on a disk, but in memory.
    """
    with open_input(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it holds more than {most >> 20} MiB", str(path))
        return file.read()


def was_read(path: Path) -> bool:
    """Whether an input is to be found at this path, by whatever path it was opened."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # nothing is there
        return False
    block, bit = _place(status)
    return bool(_read.get(block, 0) & bit)


def forget_inputs() -> None:
    """Begin a run of its own: what earlier ones in this process have read may be replaced again."""
    _read.clear()


def _place(status: os.stat_result) -> tuple[tuple[int, int], int]:
    """Where a file's bit is kept, and the bit."""
    return (status.st_dev, status.st_ino // BITS), 1 << status.st_ino % BITS
