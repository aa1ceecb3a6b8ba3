"""Checkpoints of one training, each watched: the winner of each map of some layers, and activations to compare."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inspectnet.graph.layers import Layer
from inspectnet.images import Reader
from inspectnet.inverse import field_box
from inspectnet.network import Network
from inspectnet.rules import Policy
from inspectnet.scanning import Gather, NetworkQuestion, Peaks, Ranking, Rows, Top, project_winners

PLACES = 8  # of a layer with extent, in each image whose activations are compared


class Watch:
    """What one checkpoint answers: the winner of each map of some layers, and activations to compare."""

    def __init__(self, network: Network, layers: Sequence[Layer], examples: Sequence[int], seed: int) -> None:
        self.network = network
        self._tops = {layer.output: Top(layer, 1) for layer in layers}
        self._samples = {layer.output: Gather() for layer in layers}
        self._layers = layers
        self.questions = (
            (Peaks(network, layers), self._tops),
            (Samples(network, layers, examples, seed), self._samples),
        )

    def winners(self, layer: int) -> Ranking:
        """Of each map."""
        return self._tops[self._layers[layer].output].result()

    def samples(self, layer: int) -> np.ndarray:
        """(n, K): activations at the places that were drawn."""
        samples = self._samples[self._layers[layer].output].result()
        return samples.reshape(-1, samples.shape[-1])

    def project(self, layer: int, maps: Sequence[int], reader: Reader, policy: Policy) -> np.ndarray:
        """(M, C, h, w): what the winners of some maps see of their projections; zero without a winner."""
        image = self.network.input_shape
        out = np.zeros((len(maps), image[0], *field_box(self._layers[layer], 0, 0, image[1:]).size), np.float32)
        features = project_winners(self.network, reader, self.winners(layer), maps, policy)
        for row, m in enumerate(maps):
            for feature in features[m]:
                out[row] = feature.projection
        self.network.close()  # of many checkpoints and layers the sessions are many
        return out


@dataclass(frozen=True, eq=False)
class Samples(NetworkQuestion):
    """Asks for activations of some images, at places that depend on nothing but the image's number and the seed."""

    layers: Sequence[Layer]
    examples: Sequence[int]
    """Entries of the collection."""
    seed: int
    asks: ClassVar[str] = "activations to compare checkpoints by"

    @property
    def entries(self) -> Sequence[int]:
        """Its examples."""
        return self.examples

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """By layer (examples, places, K)."""
        chosen = np.flatnonzero(np.isin(rows.keys[:, 0], self.examples))
        if not len(chosen):
            return {layer.output: np.empty((0, *_sampled(layer)), np.float32) for layer in self.layers}
        run = self.network.values(self.inputs(rows)[chosen], [layer.output for layer in self.layers])
        samples = {}
        for layer in self.layers:
            maps = run[layer.output].reshape(len(chosen), layer.maps, -1)
            draws = [np.random.default_rng([self.seed, entry]) for entry in rows.keys[chosen, 0].tolist()]
            at = np.stack([draw.integers(0, maps.shape[2], _sampled(layer)[0]) for draw in draws])
            samples[layer.output] = np.take_along_axis(maps, at[:, None], axis=2).swapaxes(1, 2)
        return samples


def _sampled(layer: Layer) -> tuple[int, int]:
    """How many places of a layer are compared, and maps."""
    return min(PLACES, math.prod(layer.extent)), layer.maps


def filter_cosine(before: np.ndarray, after: np.ndarray, maps: int) -> float:
    """The mean cosine of the filters of two states of a layer; each map has one, along the axis of length `maps`.

    A filter that is zero in both states is like itself, so it counts as 1.
    """
    axis = 0 if before.shape[0] == maps else before.ndim - 1
    a, b = (np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1).astype(np.float64) for w in (before, after))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    alike = np.asarray(~a.any(axis=1) & ~b.any(axis=1), np.float64)
    return float(np.divide((a * b).sum(axis=1), lengths, out=alike, where=lengths > 0).mean())


def largest_filters(network: Network, layer: Layer) -> np.ndarray | None:
    """The largest weights of a layer with more than one axis; None if it has none."""
    weights = [w for w in network.weights(network.layer(layer.name).output).values() if w.ndim > 1]
    return max(weights, key=lambda w: w.size, default=None)
