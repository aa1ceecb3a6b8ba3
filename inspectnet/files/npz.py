"""NPZ files: the same bytes for the same arrays, on any day and machine; none that unpacks to more than it is."""

import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inspectnet.files.inputs import open_regular

END = struct.Struct("<4s4H2LH")  # the last record of a zip file: where the list of its members lies
WIDE, WIDER = 0xFFFFFFFF, 76  # stands for a number of more than 32 bits; bytes of the records that tell it
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


def is_whole(path: Path) -> bool:
    """Whether an NPZ that `write_npz` made is there to its end, by its last few bytes."""
    try:
        with open_regular(path) as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(length - END.size, 0))
            mark, *_, size, first, comment = END.unpack(file.read())
    except (OSError, struct.error):
        return False
    return mark == b"PK\5\6" and not comment and (first == WIDE or length - first - size - END.size in (0, WIDER))


def _write_array(file: IO[bytes], array: NDArray[Any]) -> None:
    np.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        return array
