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
    feeds = {name: _indices(cut, read, lies, unchanged) for read, name in graph.indices.items()}
    for node, names in graph.counts.items():
        factors = counts(node, cut.geometry.extents[input_of(node)])
        lie = lies[cut.geometry.classes[node.outputs[0]]]
        for axis, (name, along) in enumerate(zip(names, factors or (), strict=True)):
            at = lie.starts[:, axis, None] + np.arange(lie.size[axis])
            feeds[name] = along[at][(slice(None), None, slice(None), None) if axis == 0 else (slice(None), None, None)]
    return feeds


def _indices(cut: Cut, read: Read, lies: Sequence[Lie], unchanged: bool) -> np.ndarray:
    """(B, h, w) int32: the rows that a read takes of the table of its source."""
    source, extent = lies[read.source], cut.extent_of(read.source)
    goal = Lie(np.zeros_like(source.starts), extent) if read.target == WHOLE else lies[read.target]
    y, x = (along.positions(goal.starts[:, i], goal.size[i]) for i, along in enumerate(read.reach))
    at_y, at_x = y - source.starts[:, :1], x - source.starts[:, 1:]
    (height, width), first = source.size, CONSTANT_ROWS + (0 if unchanged else extent[0] * extent[1])
    in_y, in_x = (at_y >= 0) & (at_y < height), (at_x >= 0) & (at_x < width)
    rows = first + (np.arange(len(y))[:, None] * height + at_y) * width
    still = CONSTANT_ROWS + y * extent[1]
    indices = np.where(
        in_y[:, :, None] & in_x[:, None], rows[:, :, None] + at_x[:, None], still[:, :, None] + x[:, None]
    )
    out_y, out_x = (y < 0) | (y >= extent[0]), (x < 0) | (x >= extent[1])
    if out_y.any() or out_x.any():
        indices[out_y[:, :, None] | out_x[:, None]] = 0 if read.empty == 0 else 1
    return np.asarray(indices, np.int32)


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
