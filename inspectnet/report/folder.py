"""A folder that results go into: it is proved before hours of work, and no half file is ever left in it.

Each file is written under a temporary name beside its place and then renamed, so a name that can be read is a file
that is whole.
"""

import errno
import os
import secrets
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from inspectnet.errors import OutputError
from inspectnet.report.plain import json_text

if TYPE_CHECKING:
    from PIL import Image

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold


class OutputFolder:
    """A folder for results, made with its parents; OutputError at once if nothing can be written there."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.check()

    def check(self) -> None:
        """Make the folder if it is not there, and write and remove a small file in it; else OutputError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with _whole_file(self.path / "check", keep=False) as file:
                file.write(b"\0")
        except (OSError, ValueError) as error:
            raise _refusal(self.path, error) from error

    def write_json(self, name: str, obj: object) -> Path:
        """Write results as JSON, numpy's numbers and arrays included; OutputError for NaN, which JSON lacks."""
        text = json_text(obj, self.path / name)
        return self.write_text(name, text)

    def write_npz(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Path:
        """Write arrays as an uncompressed NPZ: the same bytes for the same arrays, on any day and machine."""
        return self._write(name, lambda file: _pack(file, arrays))

    def write_png(self, name: str, image: "Image.Image") -> Path:
        """Write a drawing as PNG."""
        return self._write(name, lambda file: image.save(file, format="PNG"))

    def write_text(self, name: str, text: str) -> Path:
        """Write text as UTF-8; what UTF-8 cannot hold (parts of odd file names) is written as an escape."""
        return self._write(name, lambda file: file.write(text.encode(errors="backslashreplace")))

    def remove(self, *names: str) -> None:
        """Take away what an earlier run left under these names, which this one has nothing for; else OutputError."""
        for name in names:
            try:
                (self.path / name).unlink(missing_ok=True)
            except OSError as error:
                raise _refusal(self.path / name, error) from error

    def _write(self, name: str, fill: Callable[[BinaryIO], object]) -> Path:
        assert name and name == Path(name).name, f"not the name of a file in this folder: {name!r}"
        target = self.path / name
        try:
            with _whole_file(target) as file:
                fill(file)
        except OSError as error:
            raise _refusal(target, error) from error
        return target


@contextmanager
def output_folder(path: Path) -> Iterator[OutputFolder]:
    """The folder for results; if all fails before anything is in it, it is gone again with the parents made for it."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield OutputFolder(path)
    except BaseException:
        with suppress(OSError):  # a folder that holds something stays, and so do those above it
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def _whole_file(target: Path, keep: bool = True) -> Iterator[BinaryIO]:
    """A file that takes the name of `target` when all is written, and is gone if anything fails before."""
    # Made by os.open, not by tempfile, whose files nobody but their owner may read, even after the renaming.
    passing = target.with_name(f".inspectnet-{secrets.token_hex(8)}.tmp")
    handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if keep:
            os.replace(passing, target)
    finally:
        passing.unlink(missing_ok=True)


def _pack(file: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    # np.savez stamps each array with the time of day. Nothing is compressed: float noise hardly shrinks, and the
    # bytes would depend on the version of zlib.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.create_system = 3  # else the file tells the operating system
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                _write_array(member, np.asarray(array, order="C"))


def _write_array(file: IO[bytes], array: np.ndarray[Any, Any]) -> None:
    np.lib.format.write_array(file, array, allow_pickle=False)


def _refusal(path: Path, error: Exception) -> OutputError:
    """The error in one line: where, why, what to do."""
    obstacle = next((above for above in (path, *path.parents) if _is_no_folder(above)), None)
    number = error.errno if isinstance(error, OSError) else None
    if obstacle is not None and number in (errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
        reason = f"{obstacle} is a file, not a folder" if obstacle != path else "it is a file, not a folder"
        return OutputError(f"cannot write to {path}: {reason}. Choose another folder with --out.")
    if number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"cannot write to {path}: the disk is full. Free some space, or choose another --out.")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(f"cannot write to {path}: {reason.lower()}. Choose another folder with --out.")


def _is_no_folder(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False
