"""The engine: what a network answers to an image of which places are hidden, by computing what each of them changes."""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.graph.values import extents_of, name_of
from inspectnet.graph.writing import to_bytes
from inspectnet.images.hiding import Places, at_places, hide
from inspectnet.incremental.batches import Feeds, Lie, feeds_of, group, lay, positions, whole_maps
from inspectnet.incremental.build import Windows, rest_of, window_graph
from inspectnet.incremental.cost import cost_in_parts, exact_multiply_adds, whole_cost
from inspectnet.incremental.cut import Cut, make_cut
from inspectnet.incremental.frames import Frame
from inspectnet.incremental.geometry import Geometry
from inspectnet.opened_model import OpenedModel
from inspectnet.runtime.batches import filled
from inspectnet.runtime.session import Session

MOST = 32  # places in a batch
NUMBERS = 1 << 25  # float32 in the windows of one batch: 128 MB
CROSSING = 1 << 22  # numbers in what crosses at a time, of the largest value above
REST = 192  # hidden places that the rest of the network takes at a time, at most
KEPT = 1 << 26  # bytes of indices that are kept for the next image
SHARES = (0.4, 0.55, 0.7, 0.8, 0.9, 1.0)  # of a map: what changes in more of it is computed whole

Answers = dict[str, np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """What the engine is expected to bring."""

    cut: Cut
    gain: float
    """How many times as long the whole network takes."""
    limit: float
    """The same by multiply-adds alone, of what exactly changes."""


def estimate(opened: OpenedModel, places: Places, outputs: Sequence[str], most: int | None = None) -> Estimate:
    """The best of several cuts of the network for the answers `outputs`, values by their ONNX names."""
    geometry = opened.sessions.keep(("geometry",), lambda: Geometry(opened.model))
    frames = geometry.frames(places.boxes)
    values = [opened.value(name) for name in outputs]
    cuts = {
        cut.local: cut for cut in (make_cut(geometry, values, functools.partial(_keeps, frames, s)) for s in SHARES)
    }
    able = [cut for cut in cuts.values() if cut.windowed] or list(cuts.values())
    costs = {cut: cost_in_parts(cut).of(frames, min(most or MOST, MOST) / 2) for cut in able}
    cut = min(costs, key=costs.__getitem__)
    base = whole_cost(cut)
    whole, changed = exact_multiply_adds(cut, frames)
    return Estimate(cut, base / (costs[cut] + 1.5 * base / len(places.boxes)), whole / changed if changed else 1.0)


def _keeps(frames: Sequence[Frame], share: float, number: int) -> bool:
    return frames[number].share <= share


@dataclass
class _Batch:
    """Places that are computed in one run."""

    places: np.ndarray
    lies: list[Lie]
    feeds: Feeds | None = None


class Incremental:
    """The answers to an image with each of many places hidden; made once for any number of images."""

    def __init__(self, opened: OpenedModel, places: Places, cut: Cut, most: int | None = None) -> None:
        self.opened, self.places, self.cut = opened, places, cut
        self.most, self._kept = min(most or MOST, MOST), 0
        key = tuple(map(name_of, cut.outputs)), frozenset(map(name_of, cut.local))
        self.windows, self.session, self.rest = opened.sessions.keep(("windows", key), self._start)

    def _start(self) -> tuple[Windows, Session, Session | None]:
        windows, start = window_graph(self.cut), self.opened.sessions.start
        rest = start(to_bytes(rest_of(self.cut))) if self.cut.above else None
        return windows, start(to_bytes(windows.model)), rest

    def answers(
        self, x: np.ndarray, cover: np.ndarray, maps: Mapping[str, Sequence[int]]
    ) -> Iterator[tuple[np.ndarray, Answers]]:
        """Places (n,), in the order of computing them, and for the image x (C, H, W) with `cover` there the outputs.

        maps: by output (N, C, H, W), which maps of it are wanted, (n, k, H, W); of those that are not in it, all.
        """
        unchanged = self._unchanged(x)
        every = {value: range(self.cut.geometry.maps(value)) for value in self.windows.maps}
        chosen = {
            name: np.asarray(maps.get(name_of(value), every[value]), np.int64)
            for value, name in self.windows.maps.items()
        }
        pending, count = list[tuple[np.ndarray, Answers]](), 0
        for batch in self._batches:
            feeds = {**self._images(x, cover, batch), **unchanged, **chosen, **self._feeds(batch)}
            pending.append((batch.places, self.session.run(feeds, self._wanted)))
            count += len(batch.places)
            if count >= self._together:
                yield from self._finish(pending, maps)
                pending, count = [], 0
        if pending:
            yield from self._finish(pending, maps)

    def _finish(
        self, pending: list[tuple[np.ndarray, Answers]], maps: Mapping[str, Sequence[int]]
    ) -> Iterator[tuple[np.ndarray, Answers]]:
        """The outputs of some batches, the rest of the network computed for all of them together."""
        places = np.concatenate([numbers for numbers, _ in pending])
        made = {name: np.concatenate([run[name] for _, run in pending]) for name in self._wanted}
        crossing = {name_of(value): made[name] for value, name in self.windows.whole.items()}
        for first in range(0, len(places), self._together):
            part = slice(first, first + self._together)
            found = {name_of(value): made[name][part] for value, name in self.windows.watched.items()}
            if self.rest:
                above = self._run_rest(self.rest, {name: x[part] for name, x in crossing.items()})
                found |= {name: x[:, maps[name]] if name in maps else x for name, x in above.items()}
            yield places[part], found

    def _run_rest(self, rest: Session, crossing: Feeds) -> Answers:
        """The rest of the network, where the graph insists on a batch size so many at a time."""
        count = len(next(iter(crossing.values())))
        size = self.opened.fixed_batch or count
        parts = [{name: filled(x[i : i + size], size) for name, x in crossing.items()} for i in range(0, count, size)]
        runs = [rest.run(part) for part in parts]
        return {name: np.concatenate([run[name] for run in runs])[:count] for name in rest.outputs}

    def _images(self, x: np.ndarray, cover: np.ndarray, batch: _Batch) -> Feeds:
        """The windows of the hidden images."""
        return {
            name: hide(x, cover, self.places, batch.places, *positions(self.cut, read, batch.lies), read.empty)
            for read, name in self.windows.images.items()
        }

    def _unchanged(self, x: np.ndarray) -> dict[str, object]:
        """The values that stand in tables, for the image itself, whose windows are whole maps."""
        lies, geometry = whole_maps(self.cut), self.cut.geometry
        feeds = feeds_of(self.cut, self.windows, lies, unchanged=True)
        for read, name in self.windows.images.items():
            feeds[name] = at_places(x, *positions(self.cut, read, lies), read.empty)
        for value, name in self.windows.unchanged.items():
            feeds[name] = np.zeros((0, *geometry.extents[value], geometry.maps(value)), np.float32)
        none = {name: np.zeros(0, np.int64) for name in self.windows.maps.values()}
        made = self.session.run_kept(feeds | none)
        return {name: made[self.windows.windows[value]] for value, name in self.windows.unchanged.items()}

    @functools.cached_property
    def _wanted(self) -> list[str]:
        return [*self.windows.whole.values(), *self.windows.watched.values()]

    @functools.cached_property
    def _together(self) -> int:
        """How many hidden places are computed before the rest of the network is."""
        sizes = [math.prod(extents_of(value, 1)) for node in self.cut.needed for value in node.outputs
                 if value not in self.cut.local and value in self.cut.geometry.alive]  # fmt: skip
        sizes += [math.prod(extents_of(value, 1)) for value in self.cut.crossing]
        return min(REST, max(1, CROSSING // max(sizes, default=1)))

    @functools.cached_property
    def _batches(self) -> list[_Batch]:
        geometry = self.cut.geometry
        frames, cost = geometry.frames(self.places.boxes), cost_in_parts(self.cut)
        sizes = np.stack([frame.sizes(blocks) for frame, blocks in zip(frames, geometry.blocks, strict=True)], axis=1)
        most = min(self.most, max(1, NUMBERS // self._numbers(sizes)))
        groups = group(sizes, cost.place, most, cost.batch)
        return [_Batch(places, lay(frames, geometry.blocks, places)) for places in groups]

    def _numbers(self, sizes: np.ndarray) -> int:
        """How many numbers all windows of one place hold at the most."""
        largest = sizes.prod(axis=2).max(axis=0)
        return int(sum(largest[self.cut.geometry.classes[x]] * self.cut.geometry.maps(x) for x in self.cut.local))

    def _feeds(self, batch: _Batch) -> Feeds:
        """The indices of a batch, which are kept for the next image while there is room."""
        if batch.feeds is not None:
            return batch.feeds
        feeds = feeds_of(self.cut, self.windows, batch.lies)
        size = sum(array.nbytes for array in feeds.values())
        if self._kept + size <= KEPT:
            self._kept += size
            batch.feeds = feeds
        return feeds
