"""The strongest activations of each map of a layer."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inspectnet.geometry import Maxima, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Keys

PATIENCE = 256  # rows that wait to be sorted in together


@dataclass(frozen=True)
class Ranking:
    """The strongest activations of every map of one layer, strongest first; (K maps, k places)."""

    layer: Layer
    values: np.ndarray
    """(K, k) float32; 0 where fewer than k images activate the map."""
    keys: Keys
    """(K, k, 3): the image's entry in the collection, and y and x of the tile; -1 where there is none."""
    places: np.ndarray
    """(K, k, 2) int64: the unit's y and x in the map."""

    def unit(self, map: int, rank: int, image: int) -> Unit:
        """The unit of a map that has this rank; image: the row of its image in a batch."""
        y, x = self.places[map, rank].tolist()
        return Unit(image, map, y, x, float(self.values[map, rank]))

    def in_order(self, highest: np.ndarray | None = None) -> np.ndarray:
        """The active maps, that with the strongest activation first; highest (K,): relative to that of each map."""
        first = self.values[:, 0]
        if highest is not None:  # a map that nothing else excites comes first
            first = np.divide(first, highest, out=np.where(first > 0, np.inf, 0), where=highest > 0)
        order = np.argsort(-first, kind="stable")
        return np.asarray(order[self.values[order, 0] > 0])

    def active(self) -> np.ndarray:
        """The maps that at least one image activates."""
        return np.flatnonzero(self.keys[:, 0, 0] >= 0)


class Top:
    """The k largest values above 0 of each map, of equals those of earlier rows.

    It merges because rows are in one order, by value and then by place in the collection: the first k of all rows are
    the first k of the first k of each part, of which earlier ones come first among equals.
    """

    def __init__(self, layer: Layer, top: int) -> None:
        self._layer = layer
        self._values = np.zeros((layer.maps, top), np.float32)
        self._keys = np.full((layer.maps, top, 3), -1, np.int64)
        self._places = np.zeros((layer.maps, top, 2), np.int64)
        self._waiting: list[tuple[Keys, Maxima]] = []

    @classmethod
    def of(cls, ranking: Ranking) -> Self:
        """One that has found a ranking."""
        top = cls(ranking.layer, 0)
        top._values, top._keys, top._places = ranking.values, ranking.keys, ranking.places
        return top

    @property
    def count(self) -> int:
        """How many it keeps of each map."""
        return self._values.shape[1]

    def update(self, keys: Keys, answer: Maxima) -> None:
        """Take in the strongest unit of each map in each of the rows."""
        self._waiting.append((keys, answer))
        if sum(len(keys) for keys, _ in self._waiting) >= PATIENCE:
            self._sort_in()

    def merge(self, later: "Top") -> None:
        """Take in the strongest of rows that follow."""
        self._sort_in()
        later._sort_in()
        self._take(later._values, later._keys, later._places)

    def result(self) -> Ranking:
        """What is held now; a map's activation of zero or less is none."""
        self._sort_in()
        return Ranking(self._layer, self._values, self._keys, self._places)

    def _sort_in(self) -> None:
        """Take in the rows that wait."""
        if self._waiting:
            values = np.concatenate([answer.values for _, answer in self._waiting]).T
            places = np.concatenate([answer.places for _, answer in self._waiting]).swapaxes(0, 1)
            keys = np.concatenate([keys for keys, _ in self._waiting])
            self._take(values, np.broadcast_to(keys, (len(values), *keys.shape)), places)
            self._waiting = []

    def _take(self, values: NDArray[Any], keys: NDArray[Any], places: NDArray[Any]) -> None:
        """Sort in rows (K, n) that follow those held; only maps whose last place is beaten change."""
        values = np.maximum(values, 0)
        beaten = np.flatnonzero(values.max(axis=1, initial=0) > self._values[:, -1])
        joined = np.concatenate([self._values[beaten], values[beaten]], axis=1)
        order = largest(joined, self._values.shape[1])
        taken = np.take_along_axis(joined, order, axis=1)
        for held, more in ((self._keys, keys), (self._places, places)):
            both = np.concatenate([held[beaten], more[beaten]], axis=1)
            held[beaten] = np.take_along_axis(both, order[:, :, None], axis=1)
        self._values[beaten] = taken


def largest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """(K, k): which of each row of values (K, n), none below 0, are largest, in falling order; of equals the first."""
    count = values.shape[1]
    # the bits of floats above 0 rise with them; the places below make all numbers different, so that parts can be
    # selected without sorting all of a row
    bits = (np.ascontiguousarray(values, np.float32) + 0).view(np.uint32).astype(np.uint64) << np.uint64(32)
    ranks = bits | np.arange(count - 1, -1, -1, dtype=np.uint64)
    if k < count:
        ranks = np.partition(ranks, count - k, axis=1)[:, count - k :]
    ranks = np.sort(ranks, axis=1)[:, ::-1]
    return np.asarray(count - 1 - (ranks & np.uint64(0xFFFFFFFF)).astype(np.int64))
