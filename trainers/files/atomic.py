"""Files that survive a kill and a full disk: written beside, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape as glob_escape
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content replaces `path` in one step when the block ends well, and is gone when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` in one step; a reader sees the old file or the new one."""
    with written_whole(path) as stream:
        stream.write(content)


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left behind."""
    for partial in path.parent.glob(f".{glob_escape(path.name)}.*.tmp"):
        number = partial.name.removesuffix(".tmp").rpartition(".")[2]
        if number.isdecimal() and not lives(int(number)):
            partial.unlink(missing_ok=True)


def lives(process: int) -> bool:
    """Whether there is a process of that number."""
    if os.name != "posix":  # where there is no asking without ending it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
