"""Why a result cannot be written, in one line: where, why, what to do."""

import errno
from pathlib import Path

from inspectnet.errors import OutputError


def refusal(path: Path, error: Exception) -> OutputError:
    """The error for a path at which writing ended in `error`."""
    obstacle = next((above for above in (path, *path.parents) if _is_no_folder(above)), None)
    number = error.errno if isinstance(error, OSError) else None
    if obstacle is not None and number in (errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
        reason = f"{obstacle} is a file, not a folder" if obstacle != path else "it is a file, not a folder"
    elif number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"cannot write to {path}: the disk is full. Free some space, or choose another --out.")
    else:
        reason = ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
    return OutputError(f"cannot write to {path}: {reason}. Choose another place with --out.")


def _is_no_folder(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False
