"""A run directory in the hands of one process; the system takes it back when the process ends, however it ends."""

from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout

from trainers.errors import InUseError

LOCK = ".lock"


def hold(run: Path) -> AcquireReturnProxy:
    """Hold `run` for a `with` block; the process that holds it may hold it again. Raises InUseError for all others."""
    run.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(run / LOCK, timeout=0, is_singleton=True).acquire()
    except Timeout:
        raise InUseError(f"{run} is in use by another process; wait for it, or give another directory") from None
