"""The strongest activations of each map of a layer."""

from dataclasses import dataclass

import numpy as np

from inspectnet.geometry import Maxima, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Keys


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

    def in_order(self) -> np.ndarray:
        """The active maps, that with the strongest activation first."""
        order = np.argsort(-self.values[:, 0], kind="stable")
        return np.asarray(order[self.values[order, 0] > 0])

    def active(self) -> np.ndarray:
        """The maps that at least one image activates."""
        return np.flatnonzero(self.keys[:, 0, 0] >= 0)


class Top:
    """The k largest values above 0 of each map, of equals those of earlier rows.

    It merges because rows are in one order, by value and then by place in the collection: the first k of all rows are
    the first k of the first k of each part, and a stable sort of earlier rows before later ones keeps that order.
    """

    def __init__(self, layer: Layer, top: int) -> None:
        self._layer = layer
        self._values = np.full((top, layer.maps), -np.inf, np.float32)
        self._keys = np.full((top, layer.maps, 3), -1, np.int64)
        self._places = np.zeros((top, layer.maps, 2), np.int64)

    def update(self, keys: Keys, answer: Maxima) -> None:
        """Take in the strongest unit of each map in each of the rows."""
        values = np.where(answer.values > 0, answer.values, -np.inf)
        self._take(values, np.broadcast_to(keys[:, None], (*values.shape, 3)), answer.places)

    def merge(self, later: "Top") -> None:
        """Take in the strongest of rows that follow."""
        self._take(later._values, later._keys, later._places)

    def result(self) -> Ranking:
        """What is held now; a map's activation of zero or less is none."""
        values = np.where(np.isneginf(self._values), 0, self._values)
        held = (values, self._keys, self._places)
        return Ranking(self._layer, *(np.ascontiguousarray(array.swapaxes(0, 1)) for array in held))

    def _take(self, values: np.ndarray, keys: np.ndarray, places: np.ndarray) -> None:
        """Sort in rows (n, K) that follow those held; only maps whose last place is beaten change."""
        beaten = np.flatnonzero(values.max(axis=0) > self._values[-1])
        held: list[np.ndarray] = [self._values, self._keys, self._places]
        more: list[np.ndarray] = [values, keys, places]
        joined = [np.concatenate([old[:, beaten], new[:, beaten]]) for old, new in zip(held, more, strict=True)]
        order = np.argsort(-joined[0], axis=0, kind="stable")[: len(self._values)]
        for old, both in zip(held, joined, strict=True):
            old[:, beaten] = both[order, np.arange(len(beaten))]
