"""What a layer sees: the strongest activations of each map over a data set, projected to pixels.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 2: "for a given feature map, we show the top 9 activations, each projected
separately down to pixel space", beside the image patches. Per image and map the strongest position counts, so one
image wins once; the rectified map ranks, before any contrast normalisation; equal values go to the earlier image.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from inspectnet.errors import ModelError, OptionError
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Reader, Skipped, Stream
from inspectnet.network import Network
from inspectnet.projection import Maxima, field_box
from inspectnet.rules import Policy

MOST_BYTES = 2 << 30  # of projections and patches of one layer; writing them takes as much again
GREY = 128  # of a patch, beyond the image
IMAGES_AT_ONCE = 16  # winners' images in memory while they are projected


@dataclass(frozen=True)
class Ranking:
    """The strongest activations of every map of one layer, strongest first; (K maps, k places)."""

    layer: Layer
    values: np.ndarray
    """(K, k) float32; 0 where fewer than k images activate the map."""
    rows: np.ndarray
    """(K, k) int64: the image's number in the scan, -1 where there is none."""
    places: np.ndarray
    """(K, k, 2) int64: the unit's y and x in the map."""

    def unit(self, map: int, rank: int, image: int) -> Unit:
        """The unit of a map that has this rank; image: the row of its image in a batch."""
        y, x = self.places[map, rank].tolist()
        return Unit(image, map, y, x, float(self.values[map, rank]))

    def active(self) -> np.ndarray:
        """The maps that at least one image activates."""
        return np.flatnonzero(self.rows[:, 0] >= 0)


@dataclass(frozen=True)
class Scan:
    """The rankings of several layers over one collection, and what was read of it."""

    rankings: tuple[Ranking, ...]
    images: tuple[str, ...]
    """Id of each image (or tile), in the order of the collection."""
    sources: np.ndarray
    """(images, 3) int64: entry of the collection and origin (y, x) of the tile."""
    skipped: tuple[Skipped, ...]
    digest: str
    """sha256 over the ids and bytes of the collection."""


@dataclass(frozen=True)
class Feature:
    """One activation of a map: where it was found, what its unit sees, and what of that excites it."""

    image: str
    value: float
    y: int
    x: int
    box: Box
    """The receptive field in pixels of the prepared image; it may reach beyond."""
    projection: np.ndarray = field(repr=False)
    """(C, h, w) float32, signed: the field's part of the projection, zero beyond the image."""
    patch: np.ndarray = field(repr=False)
    """(h, w, 3) uint8: the same part of the image, mid-grey beyond it."""


@dataclass(frozen=True)
class LayerFeatures:
    """The features of some maps of a layer (Fig. 2 of the paper)."""

    layer: Layer
    policy: Policy
    maps: dict[int, tuple[Feature, ...]]
    """By map, its strongest activations, strongest first; empty for a map that nothing activates."""


@dataclass(frozen=True)
class PhotoFeatures:
    """What one photo activates in a layer."""

    features: LayerFeatures
    whole: np.ndarray
    """(C, H, W): the whole layer's activity projected at once."""
    photo: np.ndarray
    """(H, W, 3) uint8: the photo as the network saw it."""


def scan(
    network: Network,
    collection: Collection,
    layers: Sequence[str],
    *,
    top: int = 9,
    tile: bool = False,
    batch_size: int = 16,
    threads: int | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> Scan:
    """The `top` strongest activations of every map of `layers` over a collection, in one pass.

    Memory does not grow with the collection, but for its ids. advance gets 1 for each image.
    Raises LayerError, ImageError if no image could be read, ModelError if an activation is not a number.
    """
    found = [network.layer(name) for name in layers]
    best = [_Best(layer, top) for layer in found]
    stream = Stream(
        collection,
        network.preparation,
        batch_size=batch_size,
        threads=threads,
        tile=tile,
        advance=advance,
    )
    images: list[str] = []
    for batch in stream:
        maxima = network.maxima(batch.x, [layer.output for layer in found])
        for mine in best:
            mine.update(maxima[mine.layer.output], np.arange(len(images), len(images) + len(batch.ids)), batch.ids)
        images += batch.ids
    stream.seen.refuse_nothing()
    rankings = tuple(mine.ranking() for mine in best)
    return Scan(rankings, tuple(images), stream.seen.keys, stream.seen.skipped, stream.seen.digest)


def project_winners(
    network: Network,
    collection: Collection,
    found: Scan,
    ranking: Ranking,
    maps: Sequence[int],
    policy: Policy,
    *,
    tile: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> LayerFeatures:
    """The strongest activations of some maps of a scanned layer, projected one by one.

    Memory holds the features of these maps, and a few images at a time. on_progress gets how many more are done.
    Raises RuleError for an operator without a rule, ImageError if an image has changed since the scan.
    """
    refuse_too_many(ranking.layer, len(maps), ranking.rows.shape[1], network)
    reader = Reader(collection, network.preparation, tile)
    ranks = range(ranking.rows.shape[1])
    wanted = sorted((int(ranking.rows[m, i]), m, i) for m in maps for i in ranks if ranking.rows[m, i] >= 0)
    done: dict[tuple[int, int], Feature] = {}
    with ThreadPoolExecutor() as pool:
        for here in _by_images(wanted, IMAGES_AT_ONCE):
            rows = sorted({row for row, _, _ in here})
            x = np.stack(list(pool.map(lambda row: reader.load(*_origin(found, row)), rows)))
            units = [ranking.unit(m, i, rows.index(row)) for row, m, i in here]
            names = [found.images[row] for row, _, _ in here]
            made = _features(network, ranking.layer, x, units, names, policy)
            done.update(zip(((m, i) for _, m, i in here), made, strict=True))
            if on_progress:
                on_progress(len(here))
    by_map = {m: tuple(done[m, i] for i in ranks if (m, i) in done) for m in maps}
    return LayerFeatures(ranking.layer, policy, by_map)


def inspect_photo(
    network: Network, x: np.ndarray, name: str, layer: str, maps: int | Sequence[int], policy: Policy
) -> PhotoFeatures:
    """What one prepared photo x (C, H, W) activates in `layer`.

    maps: how many of the strongest maps, or which ones. Each is projected from its strongest unit; the whole
    layer's activity comes down at once too (the paper's sec. 5 misses this joint view). Raises LayerError, RuleError.
    """
    found = network.layer(layer)
    maxima = network.maxima(x[None], [found.output])[found.output]
    _refuse_nan(found, maxima.values, [name])
    order = np.argsort(-maxima.values[0], kind="stable")
    chosen = [int(m) for m in (order[:maps] if isinstance(maps, int) else maps) if maxima.values[0, m] > 0]
    units = [maxima.unit(0, m) for m in chosen]
    made = _features(network, found, x[None], units, [name] * len(units), policy)
    whole = network.project_seeds(x[None], found.output, network.activations(x[None], found.output), policy)[0]
    by_map: dict[int, tuple[Feature, ...]] = {} if isinstance(maps, int) else {m: () for m in maps}
    by_map |= {m: (feature,) for m, feature in zip(chosen, made, strict=True)}
    return PhotoFeatures(LayerFeatures(found, policy, by_map), whole, network.preparation.restore(x))


def choose_maps(ranking: Ranking, count: int, seed: int) -> list[int]:
    """A random subset of the maps that anything activates, as the paper shows: `count` of them, in order."""
    active = ranking.active()
    picked = np.random.default_rng(seed).permutation(active)[:count]
    return [int(m) for m in np.sort(picked)]


def refuse_too_many(layer: Layer, maps: int, top: int, network: Network) -> None:
    """Raise OptionError if the projections and patches of so many maps of a layer would not fit in memory."""
    height, width = field_box(layer, 0, 0, network.input_shape[1:]).size
    each = height * width * (4 * network.input_shape[0] + 3)
    if maps * top * each > MOST_BYTES:
        fit = MOST_BYTES // (top * each)
        size = f"{maps * top * each / 1e9:.0f} GB"
        raise OptionError(f"{maps} maps of {layer.name} would take {size} of memory; say --maps {fit} or fewer.")


class _Best:
    """The running top k of every map of one layer."""

    def __init__(self, layer: Layer, top: int) -> None:
        self.layer = layer
        self._values = np.full((top, layer.maps), -np.inf, np.float32)
        self._rows = np.full((top, layer.maps), -1, np.int64)
        self._places = np.zeros((top, layer.maps, 2), np.int64)

    def update(self, maxima: Maxima, rows: np.ndarray, ids: Sequence[str]) -> None:
        """Take in a batch. Rows only grow, so a stable sort leaves equal values to the earlier image."""
        _refuse_nan(self.layer, maxima.values, ids)
        beaten = np.flatnonzero(maxima.values.max(axis=0) > np.maximum(self._values[-1], 0))
        found = np.where(maxima.values[:, beaten] > 0, maxima.values[:, beaten], -np.inf)
        grown: list[np.ndarray] = [found, np.broadcast_to(rows[:, None], found.shape), maxima.places[:, beaten]]
        held: list[np.ndarray] = [self._values, self._rows, self._places]
        joined = [np.concatenate([old[:, beaten], new]) for old, new in zip(held, grown, strict=True)]
        order = np.argsort(-joined[0], axis=0, kind="stable")[: len(self._values)]
        for old, both in zip(held, joined, strict=True):
            old[:, beaten] = both[order, np.arange(len(beaten))]

    def ranking(self) -> Ranking:
        """What is held now; a map's activation of zero or less is none."""
        none = np.isneginf(self._values)
        values, rows = np.where(none, 0, self._values), np.where(none, -1, self._rows)
        places = np.where(none[..., None], 0, self._places)
        return Ranking(self.layer, *(np.ascontiguousarray(held.swapaxes(0, 1)) for held in (values, rows, places)))


def _features(
    network: Network, layer: Layer, x: np.ndarray, units: Sequence[Unit], names: Sequence[str], policy: Policy
) -> Iterator[Feature]:
    """Each unit's projection and patch, cut to its receptive field."""
    photos = {unit.image: network.preparation.restore(x[unit.image]).transpose(2, 0, 1) for unit in units}
    for unit, name, projected in zip(units, names, network.project(x, layer.output, units, policy), strict=True):
        box = field_box(layer, unit.y, unit.x, network.input_shape[1:])
        patch = box.cut(photos[unit.image], GREY).transpose(1, 2, 0)
        yield Feature(name, unit.value, unit.y, unit.x, box, projected.window(box), patch)


def _refuse_nan(layer: Layer, values: np.ndarray, ids: Sequence[str]) -> None:
    if np.isnan(values).any():
        row = int(np.isnan(values).any(axis=1).argmax())
        raise ModelError(f"{layer.name} is not a number (NaN) for the image {ids[row]}. Check the model's weights.")


def _origin(found: Scan, row: int) -> tuple[int, tuple[int, int]]:
    """Where an image of the scan comes from: entry of the collection, and the tile's corner."""
    entry, y, x = (int(n) for n in found.sources[row])
    return entry, (y, x)


def _by_images(wanted: list[tuple[int, int, int]], size: int) -> Iterator[list[tuple[int, int, int]]]:
    """Rows (image, map, rank), in order of images, in groups of no more than `size` images."""
    groups = [list(group) for _, group in itertools.groupby(wanted, key=lambda row: row[0])]
    return (list(itertools.chain(*groups[i : i + size])) for i in range(0, len(groups), size))
