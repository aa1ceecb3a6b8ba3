"""A directory in the hands of one process; the system takes it back when the process ends, however it ends."""

from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from trainers.errors import InUseError, TrainerError
from trainers.progress import say

LOCK = ".lock"


def hold(folder: Path, wait: bool = False) -> AbstractContextManager[object]:
    """Hold `folder` for a `with` block; the process that holds it may hold it again.

    Where another process does, raises InUseError, or waits until that one lets go.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise TrainerError(f"{folder} is, or lies in, a file; give a directory, or a name that is free") from None
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise InUseError(f"{folder} is in use by another process; wait for it, or give another") from None
    say(f"waiting for another process that works in {folder}")
    return lock.acquire()
