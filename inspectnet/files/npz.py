"""NPZ files: the same bytes for the same arrays, on any day and machine; none that unpacks to more than it is."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inspectnet.files.inputs import open_regular

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can hold


def write_npz(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name."""
    # np.savez stamps each array with the time of day. Nothing is compressed: float noise hardly shrinks, and the
    # bytes would depend on the version of zlib.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.create_system = 3  # else the file tells the operating system
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                _write_array(member, np.asarray(array, order="C"))


def read_npz(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, NDArray[Any]]:
    """The arrays by name, those that are wanted. Raises OSError, ValueError for a file that is no such NPZ."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("its arrays are compressed, which inspectnet does not do")  # and may hold no end
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            return {name: _read_array(archive, f"{name}.npy") for name in names if wanted(name)}
    except (zipfile.BadZipFile, EOFError, TypeError, SyntaxError, MemoryError, RuntimeError, KeyError) as error:
        raise ValueError(f"its arrays cannot be read ({error})") from error


def _write_array(file: IO[bytes], array: NDArray[Any]) -> None:
    np.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        return array
