"""Batches: which places are computed in one run, and where the windows of every value lie for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.graph.values import input_of
from inspectnet.incremental.build import CONSTANT_ROWS, Windows
from inspectnet.incremental.cut import WHOLE, Cut, Read
from inspectnet.incremental.frames import Extent, Frame
from inspectnet.incremental.passages import counts

Feeds = dict[str, np.ndarray]


@dataclass(frozen=True)
class Lie:
    """Windows of one class: of one size, inside the map."""

    starts: np.ndarray
    """(B, 2)."""
    size: Extent


def whole_maps(cut: Cut) -> list[Lie]:
    """The windows of the unchanged image, by class: the whole maps."""
    extents = {cut.geometry.classes[value]: extent for value, extent in cut.geometry.extents.items()}
    return [Lie(np.zeros((1, 2), np.int64), extents[number]) for number in range(len(extents))]


def lay(frames: Sequence[Frame], blocks: Sequence[Extent], places: np.ndarray) -> list[Lie]:
    """The windows for some places, by class: each holds its frame, and is moved inside the map."""
    lies = []
    for frame, sides in zip(frames, blocks, strict=True):
        size = frame.sizes(sides)[places].max(axis=0)
        most = np.array(frame.extent) - size
        starts = (frame.low[places] // sides * sides).clip(0, most)
        lies.append(Lie(starts, (int(size[0]), int(size[1]))))
    return lies


def feeds_of(cut: Cut, graph: Windows, lies: Sequence[Lie], *, unchanged: bool = False) -> Feeds:
    """The indices and counts with which the graph computes those windows; unchanged: of the unchanged image itself."""
    feeds = Feeds()
    for number, name in graph.around.items():
        own = [read for read in graph.indices if read.source == number]
        around, indices = _table(cut, own, lies, unchanged)
        feeds |= {name: around, **{graph.indices[read]: rows for read, rows in zip(own, indices, strict=True)}}
    for node, names in graph.counts.items():
        factors = counts(node, cut.geometry.extents[input_of(node)])
        lie = lies[cut.geometry.classes[node.outputs[0]]]
        for axis, (name, along) in enumerate(zip(names, factors or (), strict=True)):
            at = lie.starts[:, axis, None] + np.arange(lie.size[axis])
            feeds[name] = along[at][(slice(None), None, slice(None), None) if axis == 0 else (slice(None), None, None)]
    return feeds


def positions(cut: Cut, read: Read, lies: Sequence[Lie]) -> tuple[np.ndarray, np.ndarray]:
    """(B, h) rows and (B, w) columns of its source that a read takes; not on the map: none."""
    source = lies[read.source]
    goal = lies[read.target]
    if read.target == WHOLE:
        goal = Lie(np.zeros_like(source.starts), cut.extent_of(read.source))
    y, x = (along.positions(goal.starts[:, i], goal.size[i]) for i, along in enumerate(read.reach))
    return y, x


def _table(
    cut: Cut, reads: Sequence[Read], lies: Sequence[Lie], unchanged: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    """(R,) int32: which places of the unchanged map stand in the tables of a class; what all reads take of these.

    (B, h, w) int32 for each read: the rows. unchanged: the windows are those of the unchanged image, and hold all.
    """
    extent = cut.extent_of(reads[0].source)
    taken = [_taken(read, lies[read.source], extent, *positions(cut, read, lies)) for read in reads]
    wanted = np.zeros(extent[0] * extent[1], bool)
    for still, in_window, _ in taken:
        wanted[still[~in_window & (still >= 0)]] = not unchanged
    around = np.flatnonzero(wanted)
    row = np.cumsum(wanted) + (CONSTANT_ROWS - 1)
    indices = []
    for read, (still, in_window, changed) in zip(reads, taken, strict=True):
        rows = np.where(in_window, changed + (CONSTANT_ROWS + len(around)), row[still])
        rows[still < 0] = 0 if read.empty == 0 else 1
        indices.append(rows.astype(np.int32))
    return around.astype(np.int32), indices


def _taken(
    read: Read, source: Lie, extent: Extent, y: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all that is read (B, h, w): the place on the map, -1 beyond it; whether, and where, it is in the window."""
    at_y, at_x = y - source.starts[:, :1], x - source.starts[:, 1:]
    height, width = source.size
    in_y, in_x = (at_y >= 0) & (at_y < height), (at_x >= 0) & (at_x < width)
    on_y, on_x = (y >= 0) & (y < extent[0]), (x >= 0) & (x < extent[1])
    windows = (np.arange(len(y))[:, None] * height + at_y) * width
    still = np.where(on_y[:, :, None] & on_x[:, None], (y * extent[1])[:, :, None] + x[:, None], -1)
    return still, in_y[:, :, None] & in_x[:, None], windows[:, :, None] + at_x[:, None]


def group(sizes: np.ndarray, costs: np.ndarray, most: int, overhead: float) -> list[np.ndarray]:
    """The places in batches of at most so many whose windows are about equally large, so that few are too large.

    sizes: (P, L, 2), of the windows of each of L classes; costs (L,): what one of its places costs; overhead: what a
    batch costs besides. The places are sorted by size, and cut where all batches together cost least.
    """
    work = sizes.prod(axis=2) @ costs
    order = np.lexsort((np.arange(len(work)), work))
    ordered, count = sizes[order], len(order)
    largest, batch = ordered, np.full((most, count), np.inf)  # batch[n - 1, i]: the n places from i on
    for n in range(1, min(most, count) + 1):
        largest = ordered if n == 1 else np.maximum(largest[:-1], ordered[n - 1 :])
        batch[n - 1, : count - n + 1] = n * (largest.prod(axis=2) @ costs) + overhead
    least, chosen = np.zeros(count + most + 1), np.zeros(count, int)
    for i in reversed(range(count)):
        totals = batch[:, i] + least[i + 1 : i + most + 1]
        chosen[i] = int(totals.argmin()) + 1
        least[i] = totals[chosen[i] - 1]
    batches, i = [], 0
    while i < count:
        batches.append(order[i : i + chosen[i]])
        i += chosen[i]
    return batches
