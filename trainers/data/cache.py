"""Pictures decoded once for all runs that want them alike, in one array on disk."""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from trainers.data.pixels import CachedPixels, LivePixels, Pixels, read_square
from trainers.data.sources import Source
from trainers.errors import DataError
from trainers.files.atomic import write_whole, written_whole
from trainers.files.lock import hold
from trainers.progress import Progress, say

LAYOUT = 3  # counts the ways in which pictures were made and kept; an older cache is not taken
CHUNK = 1024  # pictures decoded between two progress lines
DAMAGE = (OSError, ValueError, KeyError, TypeError)  # what reading a cache that is not whole trips over


def open_pixels(source: Source, side: int, cache: Path, limit: float) -> Pixels:
    """The source's pictures, cached below `cache` if they take at most `limit` GB; a damaged cache is made again."""
    if len(source) * side * side * 3 > limit * 1e9:
        return LivePixels(source, side)
    folder = cache / fingerprint(source, side)
    try:
        return read_cache(folder, source, side)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except DAMAGE as error:
        say(f"the decoded pictures in {folder} are damaged ({error}); decoding again")
    with hold(folder, wait=True):
        with suppress(*DAMAGE):  # another process may have decoded them meanwhile
            return read_cache(folder, source, side)
        decode(source, side, folder)
        return read_cache(folder, source, side)


def read_cache(folder: Path, source: Source, side: int) -> CachedPixels:
    """What the cache holds; raises one of DAMAGE where it is not as `decode` leaves it."""
    notes = json.loads((folder / "pictures.json").read_text("utf-8"))
    count, bad = int(notes["count"]), [str(line) for line in notes["bad"]]
    content = (folder / "labels.npy").read_bytes()
    if hashlib.sha256(content).hexdigest() != notes["labels"]:
        raise ValueError("labels.npy has changed")
    labels = np.load(io.BytesIO(content))
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "r")
    if pictures.shape != (len(source), side, side, 3) or pictures.dtype != np.uint8:
        raise ValueError(f"pictures.npy holds {pictures.dtype} {pictures.shape}")
    if not 0 < count == len(labels) <= len(pictures):
        raise ValueError(f"{count} pictures have {len(labels)} labels")
    return CachedPixels(pictures[:count], labels, source.classes, bad)


def fingerprint(source: Source, side: int) -> str:
    """Short name that changes with the source's pictures, their order, and the side."""
    digest = hashlib.sha256(f"{LAYOUT} {side} {source.split} {len(source)} {list(source.classes)}".encode())
    for i in range(len(source)):
        digest.update(f"{source.name(i)}\n".encode("utf-8", "surrogateescape"))
    places = getattr(source, "places", ())
    for file in sorted({place[1] for place in places}):
        if not file.exists():  # a dangling link: one more picture that cannot be read
            continue
        stat = os.stat(file)
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def decode(source: Source, side: int, folder: Path) -> None:
    """Fill the cache folder; pictures.json is written last, so a killed run leaves no cache that looks whole."""
    try:
        with written_whole(folder / "pictures.npy") as stream:
            labels, bad = decode_into(stream, source, side)
        content = io.BytesIO()
        np.save(content, np.array(labels))
        write_whole(folder / "labels.npy", content.getvalue())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        notes = {"count": len(labels), "bad": bad, "labels": digest}
        write_whole(folder / "pictures.json", json.dumps(notes).encode())
    except OSError as error:  # a picture that cannot be read raises none
        size = f"{len(source) * side * side * 3 / 1e9:.2g} GB"
        hint = "give a --cache on another disk, or decode while training: --cache-limit 0"
        raise DataError(f"cannot keep {size} of decoded pictures in {folder}: {error.strerror}; {hint}") from None


def decode_into(stream: BinaryIO, source: Source, side: int) -> tuple[list[int], list[str]]:
    """Write one array with room for every picture, and the readable ones in front; their labels, and what is bad.

    Written and not mapped: the disk that gets full while a mapped file grows ends the process without a word.
    """
    shape = (len(source), side, side, 3)
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    labels: list[int] = []
    bad: list[str] = []
    for read in read_all(source, side):
        if isinstance(read, str):
            bad.append(read)
        else:
            stream.write(read[0].tobytes())
            labels.append(read[1])
    if not labels:
        raise DataError(f"none of {len(source)} pictures can be read: {bad[0]}")
    stream.truncate(stream.tell() + len(bad) * side * side * 3)
    return labels, bad


def read_all(source: Source, side: int) -> Iterator[tuple[np.ndarray, int] | str]:
    """Every picture with its label, or why it cannot be read, in order; shows the progress."""
    progress, bad = Progress("decoding", len(source)), 0
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(source), CHUNK):
            numbers = range(start, min(start + CHUNK, len(source)))
            for read in pool.map(lambda i: read_square(source, i, side), numbers):
                bad += isinstance(read, str)
                yield read
            progress.show(numbers.stop, f"{bad} bad")
    progress.end()
