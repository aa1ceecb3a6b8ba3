"""The work: the images of a shard become rows of arrays, written as they are made, so that memory stays flat."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.files.inputs import open_regular
from inspectnet.files.parsing import parse_json
from inspectnet.files.staging import read_result
from inspectnet.images import Collection, Keys, Seen
from inspectnet.manifest import Manifest, ManifestShards
from inspectnet.network import Network
from inspectnet.recording.request import ArrayRequest, Request
from inspectnet.results import decode
from inspectnet.scanning import NetworkQuestion, Rows, scan
from inspectnet.shards import placed_whole, remove_parts, shard_path, twice

FLOAT = np.dtype("<f4")


@dataclass(frozen=True)
class ShardImages:
    """What became of the images of a shard, all in their order."""

    ids: tuple[str, ...]
    labels: tuple[str | None, ...]
    sha256: tuple[str, ...]
    """Of their bytes."""
    unread: tuple[str | None, ...]
    """Why there is no row of it; None where there is one."""


def bytes_text(count: int) -> str:
    """A number of bytes in words, as 86.5 MB."""
    if count < 10**4:
        return f"{count} bytes"
    unit = min(len(str(count)) // 3, 4)
    return f"{count / 1000**unit:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB')[unit]}"


class RecordingWork(ManifestShards[Request]):
    """Shards of activations with the network that gives them."""

    def __init__(
        self, folder: Path, manifest: Manifest[Request], networks: Sequence[Network], threads: int | None
    ) -> None:
        """networks: the one of the manifest. threads: that decode."""
        super().__init__(folder, manifest)
        (self._network,), self._threads = networks, threads

    def is_done(self, number: int) -> bool:
        """Whether the files of a shard are there, and whole."""
        return is_done(self.folder, self.manifest, number)

    def do(self, number: int, advance: Callable[[int], object]) -> None:
        """Write the arrays of a shard, then what became of its images.

        Raises ImageError for an image that has changed, ModelError, OutputError for a full disk.
        """
        last = images_file(self.folder, self.manifest, number)
        remove_parts(last)
        collection = self.images(number)

        def put() -> None:
            seen = self._write_arrays(number, collection, advance)
            with placed_whole(last) as file:
                file.write(json.dumps(_images(seen), separators=(",", ":")).encode())

        twice(last, put)

    def _write_arrays(self, number: int, collection: Collection, advance: Callable[[int], object]) -> Seen:
        request = self.manifest.request
        with contextlib.ExitStack() as stack:
            files = {
                array.name: stack.enter_context(_growing(array_file(self.folder, self.manifest, number, at), array))
                for at, array in enumerate(request.arrays)
            }
            return scan(
                collection, [(_Activations(self._network, request.arrays, request.pool), files)],
                part=range(len(collection)), batch_size=request.batch_size, threads=self._threads, advance=advance,
            )  # fmt: skip


def is_done(folder: Path, manifest: Manifest[Request], number: int) -> bool:
    """Whether the files of a shard are there, and whole."""
    try:
        arrays = enumerate(manifest.request.arrays)
        rows = {rows_of(array_file(folder, manifest, number, at), array) for at, array in arrays}
        return rows == {read_images(images_file(folder, manifest, number)).unread.count(None)}
    except (OSError, ValueError, RecursionError):
        return False


def failures_of(path: Path) -> list[tuple[str, str]]:
    """The images of a shard that could not be read, and why. Raises OptionError for a damaged file."""
    try:
        images = read_images(path)
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"{path} is damaged ({error}). Remove it and run inspectnet activations again.") from error
    return [(id, why) for id, why in zip(images.ids, images.unread, strict=True) if why is not None]


def images_file(folder: Path, manifest: Manifest[Request], number: int) -> Path:
    """Where it stands what became of the images of a shard."""
    return shard_path(folder / "shards", number, f".{manifest.signatures[number]}.json")


def array_file(folder: Path, manifest: Manifest[Request], number: int, at: int) -> Path:
    """The rows of a shard of the array of that number."""
    return shard_path(folder / "shards", number, f".{manifest.signatures[number]}.{at}.npy")


def rows_of(path: Path, array: ArrayRequest) -> int:
    """How many rows a file has of an array. Raises OSError, ValueError for a file that is none, or cut off."""
    with open_regular(path) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("it is no array of this kind")
        (rows, *shape), fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if tuple(shape) != array.shape or fortran or dtype != FLOAT:
            raise ValueError(f"it holds {dtype} of the shape {tuple(shape)}, not {array.shape}")
        begin, end = file.tell(), file.seek(0, 2)
        if end - begin != rows * math.prod(shape) * FLOAT.itemsize:
            raise ValueError("it is cut off")
    return int(rows)


def read_images(path: Path) -> ShardImages:
    """What became of the images of a shard. Raises OSError, ValueError."""
    images = decode(parse_json(read_result(path)), ShardImages, {})
    assert isinstance(images, ShardImages)
    if len({len(images.ids), len(images.labels), len(images.sha256), len(images.unread)}) > 1:
        raise ValueError("its lists differ in length")
    if any(len(bytes.fromhex(sha256)) != 32 for sha256 in images.sha256):
        raise ValueError("its hashes are none")
    return images


def _images(seen: Seen) -> dict[str, Sequence[str | None]]:
    """The record of `ShardImages`."""
    rows = set(seen.keys[:, 0].tolist())
    reasons = iter(seen.unread)
    return {
        "ids": [entry.id for entry in seen.collection],
        "labels": list(seen.collection.labels),
        "sha256": [sha256.hex() for sha256 in seen.hashes],
        "unread": [None if at in rows else next(reasons).reason for at in range(len(seen.collection))],
    }


@dataclass(frozen=True, eq=False)
class _Activations(NetworkQuestion):
    """Asks for arrays, all in one run."""

    arrays: Sequence[ArrayRequest]
    pool: str

    def __call__(self, rows: Rows) -> Mapping[str, np.ndarray]:
        """Each array's rows."""
        values = self.network.values(self.inputs(rows), [array.value for array in self.arrays])
        return {array.name: self._cut(values[array.value], array) for array in self.arrays}

    def _cut(self, value: np.ndarray, array: ArrayRequest) -> np.ndarray:
        if array.map is not None:
            value = value[:, array.map, *(array.place or ())]
        if not array.pooled:
            return value
        over = (-2, -1)
        pooled: np.ndarray = value.max(over) if self.pool == "max" else value.mean(over, dtype=np.float64)
        return pooled


class _GrowingArray:
    """An NPY file that rows are added to; how many there are is written at the end."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self._file, self._shape, self._rows = file, shape, 0
        self.write_header()

    def update(self, keys: Keys, answer: np.ndarray) -> None:
        """Add rows (n, ...)."""
        assert answer.shape == (len(keys), *self._shape), f"rows of the shape {answer.shape[1:]}, not {self._shape}"
        self._file.write(np.ascontiguousarray(answer, FLOAT).data)
        self._rows += len(keys)

    def write_header(self) -> None:
        """Say how many rows there are. The header has the same length for any number of them."""
        self._file.seek(0)
        header = {"descr": FLOAT.str, "fortran_order": False, "shape": (self._rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


@contextlib.contextmanager
def _growing(path: Path, array: ArrayRequest) -> Iterator[_GrowingArray]:
    with placed_whole(path) as file:
        rows = _GrowingArray(file, array.shape)
        yield rows
        rows.write_header()
