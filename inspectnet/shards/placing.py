"""Where the file of a shard lies, and how it comes there whole."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from inspectnet.files.refusals import refusal

IN_A_FOLDER = 1000  # shards; a billion images are 500 folders
PART = ".part-"  # stands in the name of a file that is being written


def shard_path(folder: Path, number: int, ending: str) -> Path:
    """The file of a shard, in a folder for each thousand."""
    return folder / f"{number // IN_A_FOLDER:03d}" / f"{number:06d}{ending}"


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is there whole or not at all, and replaces what is there. Raises OutputError."""

    def put() -> None:
        with placed_whole(path) as file:
            write(file)

    twice(path, put)


def twice(path: Path, put: Callable[[], object]) -> None:
    """Put files at a path, once more if another worker took this one for dead and removed its parts.

    Raises OutputError.
    """
    try:
        try:
            put()
        except FileNotFoundError:
            put()
    except OSError as error:
        raise refusal(path, error) from error


@contextlib.contextmanager
def placed_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when the block ends well. Raises OSError."""
    part = path.with_name(f"{path.name}{PART}{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a machine that loses power keeps the name and not the bytes
        os.replace(part, path)
    except BaseException:
        _remove(part)
        raise


def remove_parts(path: Path) -> None:
    """Remove what killed workers left of the file of a shard, and files of it that were made from other inputs.

    To be called by whoever holds its lease, whose own file is not begun.
    """
    if path.parent.is_dir():
        for left in path.parent.glob(f"{path.name.partition('.')[0]}.*"):
            if left != path:
                _remove(left)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
