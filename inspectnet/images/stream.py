"""The stream: a collection becomes batches of prepared images, decoded in threads beside their consumer."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError, OptionError
from inspectnet.images.collection import Collection, Skipped
from inspectnet.images.crops import Several
from inspectnet.images.prepare import Preparation, Prepared
from inspectnet.images.reader import Read, Reader
from inspectnet.images.room import Room
from inspectnet.images.tiles import tile_id


@dataclass(frozen=True)
class Batch:
    """Prepared images or tiles that follow each other in the stream."""

    index: NDArray[np.int64]
    """[n] the number of each row in the stream: 0, 1, 2 ... without gaps."""
    entry: NDArray[np.int64]
    """[n] the number of the entry of the collection that each row comes from."""
    origin: NDArray[np.int64]
    """[n, 2] top left corner (y, x) of each tile in its decoded photo; zeros for whole images."""
    ids: list[str]
    """The id of each image, or `photo.jpg#y,x` of each tile."""
    x: Prepared
    """[n, *preparation.shape], fresh in each batch."""


class Stream:
    """Iterates over batches in the order of the collection: the same rows for any number of threads.

    An image that cannot be read is left out, and noted in `skipped` behind what its collection had to skip; its
    batch is shorter than the others, and a batch of none is not given out. Memory does not grow with the
    collection: besides the batch in the making, batch_size + 2 * threads prepared images at most wait for the
    consumer, with tile=True threads + 1 decoded photos. Leaving the loop stops the threads once the images they are
    at are done. Iterating anew reads all anew.
    """

    def __init__(
        self,
        collection: Collection,
        preparation: Preparation | Several,
        *,
        batch_size: int,
        threads: int | None = None,
        tile: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """`on_progress` is called with (done, total) after each entry, in the consumer's thread."""
        self.threads = min(16, os.cpu_count() or 1) if threads is None else threads
        self.batch_size = batch_size
        for name, value in (("batch size", self.batch_size), ("number of threads", self.threads)):
            if value < 1:
                raise OptionError(f"the {name} cannot be {value}. Choose at least 1.")
        self.reader = Reader(collection, preparation, tile)
        self.total = len(collection)
        self._on_progress = on_progress
        self._reset()

    def _reset(self) -> None:
        self.done = 0  # entries, read or skipped
        self.count = 0  # rows given out
        self.skipped = list(self.reader.collection.skipped)
        # Of the data, once all is read: sha256 over id, a zero byte and sha256 of the bytes of each entry.
        self.digest = ""
        self._sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[Batch]:
        self._reset()
        pool, room = ThreadPoolExecutor(self.threads, thread_name_prefix="inspectnet-images"), Room()
        try:
            yield from self._tiles(pool, room) if self.reader.tile else self._images(pool, room)
        finally:
            room.close()
            pool.shutdown(cancel_futures=True)
        self.digest = self._sha256.hexdigest()

    def refuse_nothing(self) -> None:
        """Raise ImageError if all is read and no row was given out."""
        if not self.count:
            first = self.skipped[len(self.reader.collection.skipped)]
            why = f"none of the {self.total} images could be read; the first, {first.id}: {first.reason}"
            raise ImageError(why)

    def load(self, entry: int, origin: tuple[int, int] = (0, 0)) -> Prepared:
        """One row again, by the `entry` and `origin` that a batch gave for it. Raises ImageError."""
        return self.reader.load(entry, origin)

    def _images(self, pool: ThreadPoolExecutor, room: Room) -> Iterator[Batch]:
        """One row for each entry, written by the workers; gaps of what cannot be read are closed later."""
        batches: deque[Prepared] = deque()

        def jobs() -> Iterator[Callable[[], Read]]:
            for first in range(0, self.total, self.batch_size):
                x = self._rows(min(self.batch_size, self.total - first))
                batches.append(x)
                for row in range(len(x)):
                    yield partial(self.reader.read_image, first + row, x[row], room)

        reads: list[Read] = []
        for read in self._in_order(pool, jobs(), self.batch_size + 2 * self.threads):
            reads.append(read)
            if len(reads) == len(batches[0]):
                x, good = batches.popleft(), [row for row, read in enumerate(reads) if read.reason is None]
                if good:
                    entries = [(reads[row].entry, 0, 0) for row in good]
                    yield self._batch(entries, x if len(good) == len(x) else x[good])
                reads = []

    def _tiles(self, pool: ThreadPoolExecutor, room: Room) -> Iterator[Batch]:
        """Several rows for each entry; how many, only its photo tells, so this thread writes them."""
        jobs = (partial(self.reader.read_tiles, entry, room) for entry in range(self.total))
        tiles: list[tuple[int, int, int]] = []
        x = self._rows(self.batch_size)
        for read in self._in_order(pool, jobs, self.threads + 1):
            for box, pixels in read.tiles:
                self.reader.tiler.normalise(pixels, x[len(tiles)])
                tiles.append((read.entry, box.top, box.left))
                if len(tiles) == self.batch_size:
                    yield self._batch(tiles, x)
                    tiles, x = [], self._rows(self.batch_size)
            room.give(read.held)
        if tiles:
            yield self._batch(tiles, x[: len(tiles)])

    def _in_order(self, pool: ThreadPoolExecutor, jobs: Iterator[Callable[[], Read]], window: int) -> Iterator[Read]:
        """The results of the jobs in their order, of which no more than `window` are under way or waiting."""
        waiting: deque[Future[Read]] = deque()
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) == window:
                yield self._account(waiting.popleft().result())
        while waiting:
            yield self._account(waiting.popleft().result())

    def _account(self, read: Read) -> Read:
        id = self.reader.collection.entries[read.entry].id
        self._sha256.update(id.encode("utf-8", "surrogateescape") + b"\0" + read.sha256)
        if read.reason is not None:
            self.skipped.append(Skipped(id, read.reason))
        self.done += 1
        if self._on_progress:
            self._on_progress(self.done, self.total)
        return read

    def _rows(self, count: int) -> Prepared:
        return np.empty((count, *self.reader.preparation.shape), np.float32)

    def _batch(self, rows: list[tuple[int, int, int]], x: Prepared) -> Batch:
        """The batch of rows (entry, top, left)."""
        numbers = np.array(rows, np.int64)
        index = np.arange(self.count, self.count + len(rows), dtype=np.int64)
        ids = [self.reader.collection.entries[entry].id for entry, _, _ in rows]
        if self.reader.tile:
            ids = [tile_id(id, top, left) for id, (_, top, left) in zip(ids, rows, strict=True)]
        self.count += len(rows)
        return Batch(index, numbers[:, 0], numbers[:, 1:], ids, x)
