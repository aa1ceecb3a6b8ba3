"""How features come to be: the strongest activation of some maps at each checkpoint of a training, projected.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 4: for "a random subset of feature maps", "the strongest activation (across
all training examples)" at each epoch; "sudden jumps in appearance result from a change in the image" that wins; "the
lower layers of the model can be seen to converge within a few epochs", the upper ones after 40-50. How near a layer
is to its last state is told by the cosine of its filters, and by linear CKA of its activations.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspectnet.analyses.alikeness import FEWEST, cka_interval, linear_cka
from inspectnet.errors import OptionError
from inspectnet.geometry import Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Preparation, Reader, Skipped, spaced
from inspectnet.inverse import check_unit, field_box
from inspectnet.network import Network
from inspectnet.rules import Policy
from inspectnet.scan import Gather, Peaks, Ranking, Rows, Top, project_winners, scan

PLACES = 8  # of a layer with extent, in each image whose activations are compared


@dataclass(frozen=True)
class LayerEvolution:
    """One layer over E checkpoints: M of its maps, and how near all of it is to its last state."""

    layer: Layer
    maps: np.ndarray
    """(M,) int64: which maps."""
    values: np.ndarray
    """(M, E) float32: the strongest activation; 0 where nothing activates the map."""
    rows: np.ndarray
    """(M, E) int64: the number of the image that wins, -1 where there is none."""
    places: np.ndarray
    """(M, E, 2) int64: the unit's y and x in the map."""
    projections: np.ndarray = field(repr=False)
    """(M, E, C, h, w) float32: what the unit sees of its projection; zero where nothing activates the map."""
    filters: np.ndarray | None
    """(E,) float64: mean cosine of the filters with those of the last checkpoint; None without filters."""
    alikeness: np.ndarray
    """(E,) float64: debiased linear CKA of the activations with those of the last checkpoint."""
    intervals: np.ndarray
    """(E, 2) float64: from where to where it may be with other images; NaN of fewer than 20."""

    def jumps(self) -> np.ndarray:
        """(M, E) bool: whether another image wins than at the checkpoint before, where one did."""
        changed = np.zeros(self.rows.shape, bool)
        before, now = self.rows[:, :-1], self.rows[:, 1:]
        changed[:, 1:] = (now != before) & (now >= 0) & (before >= 0)
        return changed


@dataclass(frozen=True)
class Evolution:
    """Several layers of a network over the checkpoints of its training."""

    epochs: tuple[int, ...]
    """E, rising."""
    layers: tuple[LayerEvolution, ...]
    images: tuple[str, ...]
    """Id of each image that was read, in the order of the collection."""
    skipped: tuple[Skipped, ...]
    digest: str
    """sha256 over the ids and bytes of the collection."""

    def settled(self, curve: np.ndarray, near: float) -> int:
        """The epoch from which on a curve (E,) stays at `near` or above; the last one is always its own last state."""
        below = np.flatnonzero(curve[:-1] < near)
        return self.epochs[int(below[-1]) + 1 if len(below) else 0]


def evolve(
    networks: Sequence[Network],
    epochs: Sequence[int],
    collection: Collection,
    layers: Sequence[str],
    *,
    maps: int | Mapping[str, int | Sequence[int]] = 6,
    policy: Policy | None = None,
    compared: int = 256,
    seed: int = 0,
    batch_size: int = 16,
    threads: int | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> Evolution:
    """The evolution of `layers` over checkpoints of one network, each with its epoch; put into their order.

    maps: how many of those that are ever active, drawn by the seed; or by layer's name how many, or which ones.
    compared: images, evenly spaced, whose activations are compared. Each image is decoded once for all checkpoints
    and layers, and once more for each map that it wins; advance gets how many more are done. Raises OptionError
    for checkpoints of different networks, LayerError, ImageError if no image could be read, RuleError, ModelError if
    an activation is not a number.
    """
    order = _in_order(networks, epochs)
    networks, epochs = [networks[i] for i in order], [epochs[i] for i in order]
    found = [networks[-1].layer(name) for name in layers]
    _refuse_strangers(networks)
    examples = spaced(len(collection), compared)
    watches = [_Watch(network, [network.layer(layer.name) for layer in found], examples, seed) for network in networks]
    asked = [question for watch in watches for question in watch.questions]
    seen = scan(collection, asked, batch_size=batch_size, threads=threads, advance=advance)
    entries = seen.keys[:, 0]
    shared = int(np.isin(entries, examples).sum())
    if shared < FEWEST:
        raise OptionError(f"{shared} images are too few to compare layers by. Give {FEWEST} or more.")
    reader, policy = Reader(collection, networks[0].preparation), policy or Policy()
    evolved = [
        _evolve_layer(layer, k, watches, maps, entries, reader, policy, shared)
        for k, (layer, maps) in enumerate(zip(found, _choose(found, watches, maps, seed), strict=True))
    ]
    return Evolution(tuple(epochs), tuple(evolved), seen.ids, seen.skipped, seen.digest)


def filter_cosine(before: np.ndarray, after: np.ndarray, maps: int) -> float:
    """The mean cosine of the filters of two states of a layer; each map has one, along the axis of length `maps`.

    A filter that is zero in both states is like itself, so it counts as 1.
    """
    axis = 0 if before.shape[0] == maps else before.ndim - 1
    a, b = (np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1).astype(np.float64) for w in (before, after))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    alike = np.asarray(~a.any(axis=1) & ~b.any(axis=1), np.float64)
    return float(np.divide((a * b).sum(axis=1), lengths, out=alike, where=lengths > 0).mean())


class _Watch:
    """What one checkpoint answers: the winner of each map of some layers, and activations to compare."""

    def __init__(self, network: Network, layers: Sequence[Layer], examples: Sequence[int], seed: int) -> None:
        self.network = network
        self._tops = {layer.output: Top(layer, 1) for layer in layers}
        self._samples = {layer.output: Gather() for layer in layers}
        self._layers = layers
        self.questions = (
            (Peaks(network, layers), self._tops),
            (_Samples(network, layers, examples, seed), self._samples),
        )

    def winners(self, layer: int) -> Ranking:
        """Of each map."""
        return self._tops[self._layers[layer].output].result()

    def samples(self, layer: int) -> np.ndarray:
        """(n, K): activations at the places that were drawn."""
        samples = self._samples[self._layers[layer].output].result()
        return samples.reshape(-1, samples.shape[-1])

    def project(self, layer: int, maps: np.ndarray, reader: Reader, policy: Policy) -> np.ndarray:
        """(M, C, h, w): what the winners of some maps see of their projections; zero without a winner."""
        image = self.network.input_shape
        out = np.zeros((len(maps), image[0], *field_box(self._layers[layer], 0, 0, image[1:]).size), np.float32)
        features = project_winners(self.network, reader, self.winners(layer), maps.tolist(), policy)
        for row, m in enumerate(maps.tolist()):
            for feature in features[m]:
                out[row] = feature.projection
        self.network.close()  # of many checkpoints and layers the sessions are many
        return out


@dataclass(frozen=True, eq=False)
class _Samples:
    """Asks for activations of some images, at places that depend on nothing but the image's number and the seed."""

    network: Network
    layers: Sequence[Layer]
    examples: Sequence[int]
    """Entries of the collection."""
    seed: int

    @property
    def preparations(self) -> tuple[Preparation]:
        """The network's own."""
        return (self.network.preparation,)

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """By layer (examples, places, K)."""
        chosen = np.flatnonzero(np.isin(rows.keys[:, 0], self.examples))
        if not len(chosen):
            return {layer.output: np.empty((0, *_sampled(layer)), np.float32) for layer in self.layers}
        run = self.network.values(
            rows.inputs[self.network.preparation][chosen], [layer.output for layer in self.layers]
        )
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


def _in_order(networks: Sequence[Network], epochs: Sequence[int]) -> list[int]:
    if len(networks) < 2:
        raise OptionError(f"{networks[0].path} is one checkpoint; an evolution takes two or more.")
    order = sorted(range(len(networks)), key=lambda i: epochs[i])
    for i, j in itertools.pairwise(order):
        if epochs[i] == epochs[j]:
            both = f"{networks[i].path} and {networks[j].path}"
            raise OptionError(f"{both} are both of epoch {epochs[i]}. Leave one out.")
    return order


def _refuse_strangers(networks: Sequence[Network]) -> None:
    """Raise OptionError for checkpoints of different networks, or that prepare photos in different ways."""

    def structure(network: Network) -> tuple[object, ...]:
        return network.input_shape, *((layer.name, layer.shape[1:]) for layer in network.layers)

    last = networks[-1]
    for network in networks:
        if structure(network) != structure(last):
            what = f"{network.path} and {last.path} are different networks"
            raise OptionError(f"{what}. Give checkpoints of one training.")
        if network.preparation != last.preparation:
            what = f"{network.path} prepares photos in another way than {last.path}"
            raise OptionError(f"{what}. Say how: --mean, --std.")


def _evolve_layer(
    layer: Layer, k: int, watches: Sequence[_Watch], chosen: np.ndarray, entries: np.ndarray, reader: Reader,
    policy: Policy, images: int,
) -> LayerEvolution:  # fmt: skip
    """One layer. entries: those of the images that were read; images: how many its activations are compared by."""
    samples = [watch.samples(k) for watch in watches]
    filters = [_filters(watch.network, layer) for watch in watches]
    cosines = [filter_cosine(w, filters[-1], layer.maps) for w in filters if w is not None and filters[-1] is not None]
    winners = [watch.winners(k) for watch in watches]
    won = np.stack([ranking.keys[chosen, 0, 0] for ranking in winners], axis=1)
    return LayerEvolution(
        layer,
        chosen,
        np.stack([ranking.values[chosen, 0] for ranking in winners], axis=1),
        np.where(won < 0, won, np.searchsorted(entries, won)),
        np.stack([ranking.places[chosen, 0] for ranking in winners], axis=1),
        np.stack([watch.project(k, chosen, reader, policy) for watch in watches], axis=1),
        np.array(cosines) if cosines else None,
        np.array([linear_cka(each, samples[-1]) for each in samples]),
        np.array([cka_interval(each, samples[-1], images) or (np.nan, np.nan) for each in samples]),
    )


def _choose(
    layers: Sequence[Layer], watches: Sequence[_Watch], maps: int | Mapping[str, int | Sequence[int]], seed: int
) -> list[np.ndarray]:
    """The maps of each layer: those that are said, else a random subset of those ever active, in order."""
    chosen = []
    for k, layer in enumerate(layers):
        wanted = maps if isinstance(maps, int) else maps[layer.name]
        if isinstance(wanted, int):
            active = np.flatnonzero(np.any([watch.winners(k).keys[:, 0, 0] >= 0 for watch in watches], axis=0))
            wanted = np.sort(np.random.default_rng(seed).permutation(active)[:wanted]).tolist()
        for m in wanted:
            check_unit(layer, Unit(0, m), 1)
        chosen.append(np.asarray(wanted, np.int64))
    return chosen


def _filters(network: Network, layer: Layer) -> np.ndarray | None:
    """The largest weights of a layer with more than one axis; None if it has none."""
    weights = [w for w in network.weights(network.layer(layer.name).output).values() if w.ndim > 1]
    return max(weights, key=lambda w: w.size, default=None)
