"""The stream: a collection becomes batches of prepared images, decoded in threads beside their consumer."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.images.collection import Collection
from inspectnet.images.memory import Memory
from inspectnet.images.prepare import Preparation, Prepared
from inspectnet.images.reader import Read, Reader
from inspectnet.images.seen import Keys, Seen
from inspectnet.images.ten_crops import Several, TenCrops


@dataclass(frozen=True)
class Batch:
    """Prepared images or tiles that follow each other in the stream."""

    keys: Keys
    """[n, 3] where each row comes from: entry of the collection, and top left corner (y, x) of the tile in it."""
    ids: list[str]
    """The id of each image, or `photo.jpg#y,x` of each tile."""
    x: Prepared
    """[n, *preparation.shape], fresh in each batch."""


class Stream:
    """Iterates over batches in the order of the collection: the same rows for any number of threads.

    An image that cannot be read is left out, and noted in `seen`; its batch is shorter than the others, and a batch
    of none is not given out. Memory does not grow with the collection, but for a hash and keys of each image: besides
    the batch in the making, batch_size + 2 * threads prepared images at most wait for the consumer, with tile=True
    threads + 1 decoded photos. Leaving the loop stops the threads once the images they are at are done. Iterating
    anew reads all anew.
    """

    def __init__(
        self,
        collection: Collection,
        preparation: Preparation | TenCrops | Several,
        *,
        batch_size: int,
        threads: int | None = None,
        tile: bool = False,
        part: range | None = None,
        advance: Callable[[int], object] = lambda n: None,
    ) -> None:
        """part: the entries to read, if not all. `advance` is called with 1 after each, in the consumer's thread."""
        self.threads = min(16, os.cpu_count() or 1) if threads is None else threads
        self.batch_size = batch_size
        for name, value in (("batch size", self.batch_size), ("number of threads", self.threads)):
            if value < 1:
                raise OptionError(f"the {name} cannot be {value}. Choose at least 1.")
        self.reader = Reader(collection, preparation, tile)
        self.part = range(len(collection)) if part is None else part
        self.seen = Seen(collection, self.part.start, tile)
        self._advance = advance

    def __iter__(self) -> Iterator[Batch]:
        self.seen = Seen(self.reader.collection, self.part.start, self.reader.tile)
        pool, memory = ThreadPoolExecutor(self.threads, thread_name_prefix="inspectnet-images"), Memory(self.part.start)
        try:
            yield from self._tiles(pool, memory) if self.reader.tile else self._images(pool, memory)
        finally:
            memory.close()
            pool.shutdown(cancel_futures=True)

    def _images(self, pool: ThreadPoolExecutor, memory: Memory) -> Iterator[Batch]:
        """One row for each entry, written by the workers; gaps of what cannot be read are closed later."""
        batches: deque[Prepared] = deque()

        def jobs() -> Iterator[Callable[[], Read]]:
            for first in range(0, len(self.part), self.batch_size):
                entries = self.part[first : first + self.batch_size]
                batches.append(self._rows(len(entries)))
                for entry, row in zip(entries, batches[-1], strict=True):
                    yield partial(self.reader.read_image, entry, row, memory)

        reads: list[Read] = []
        for read in self._in_order(pool, jobs(), self.batch_size + 2 * self.threads):
            reads.append(read)
            if len(reads) == len(batches[0]):
                x, good = batches.popleft(), [row for row, read in enumerate(reads) if read.reason is None]
                if good:
                    entries = [(reads[row].entry, 0, 0) for row in good]
                    yield self._batch(entries, x if len(good) == len(x) else x[good])
                reads = []

    def _tiles(self, pool: ThreadPoolExecutor, memory: Memory) -> Iterator[Batch]:
        """Several rows for each entry; how many, only its photo tells, so this thread writes them."""
        jobs = (partial(self.reader.read_tiles, entry, memory) for entry in self.part)
        tiles: list[tuple[int, int, int]] = []
        x = self._rows(self.batch_size)
        for read in self._in_order(pool, jobs, self.threads + 1):
            for box, pixels in read.tiles:
                self.reader.tiler.normalise(pixels, x[len(tiles)])
                tiles.append((read.entry, box.y0, box.x0))
                if len(tiles) == self.batch_size:
                    yield self._batch(tiles, x)
                    tiles, x = [], self._rows(self.batch_size)
            memory.give(read.held)
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
        self.seen.note_entry(read.sha256, read.reason)
        self._advance(1)
        return read

    def _rows(self, count: int) -> Prepared:
        return np.empty((count, *self.reader.preparation.shape), np.float32)

    def _batch(self, rows: list[tuple[int, int, int]], x: Prepared) -> Batch:
        """The batch of rows (entry, top, left)."""
        keys = np.array(rows, np.int64)
        return Batch(keys, self.seen.note_rows(keys), x)
