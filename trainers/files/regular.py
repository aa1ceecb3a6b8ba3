"""Regular files only: reading a pipe or a device might never end."""

from pathlib import Path

from trainers.errors import DataError


def regular(path: Path) -> Path:
    """The path of a regular file: reading a pipe or a device might never end. Raises DataError."""
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no regular file")
    return path
