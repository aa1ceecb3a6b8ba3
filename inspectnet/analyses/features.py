"""What a layer sees: the strongest activations of each map over a data set, projected to pixels.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 2: "for a given feature map, we show the top 9 activations, each projected
separately down to pixel space", beside the image patches. Per image and map the strongest position counts, so one
image wins once; the rectified map ranks, before any contrast normalisation; equal values go to the earlier image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet import scan as scans
from inspectnet.errors import OptionError
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Reader, Seen
from inspectnet.inverse import field_box
from inspectnet.network import Network
from inspectnet.rules import Policy
from inspectnet.scan import Feature, Peaks, Ranking, Top
from inspectnet.scan.peaks import refuse_nan
from inspectnet.scan.winners import project_features

MOST_BYTES = 2 << 30  # of projections and patches of one layer; writing them takes as much again


@dataclass(frozen=True)
class Scan:
    """The rankings of several layers over one collection, and what was read of it."""

    rankings: tuple[Ranking, ...]
    seen: Seen


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
    tops = {layer.output: Top(layer, top) for layer in found}
    asked = [(Peaks(network, found), tops)]
    seen = scans.scan(collection, asked, tile=tile, batch_size=batch_size, threads=threads, advance=advance)
    return Scan(tuple(tops[layer.output].result() for layer in found), seen)


def project_winners(
    network: Network,
    reader: Reader,
    ranking: Ranking,
    maps: Sequence[int],
    policy: Policy,
    *,
    advance: Callable[[int], object] = lambda n: None,
) -> LayerFeatures:
    """The strongest activations of some maps of a scanned layer, projected one by one, as `scan.project_winners`.

    Raises OptionError if they would not fit in memory.
    """
    refuse_too_many(ranking.layer, len(maps), ranking.keys.shape[1], network)
    made = scans.project_winners(network, reader, ranking, maps, policy, advance=advance)
    return LayerFeatures(ranking.layer, policy, made)


def inspect_photo(
    network: Network, x: np.ndarray, name: str, layer: str, maps: int | Sequence[int], policy: Policy
) -> PhotoFeatures:
    """What one prepared photo x (C, H, W) activates in `layer`.

    maps: how many of the strongest maps, or which ones. Each is projected from its strongest unit; the whole
    layer's activity comes down at once too (the paper's sec. 5 misses this joint view). Raises LayerError, RuleError.
    """
    found = network.layer(layer)
    maxima = network.maxima(x[None], [found.output])[found.output]
    refuse_nan(network, found, maxima.values, [name])
    order = np.argsort(-maxima.values[0], kind="stable")
    chosen = [int(m) for m in (order[:maps] if isinstance(maps, int) else maps) if maxima.values[0, m] > 0]
    made = project_features(network, found, x[None], [maxima.unit(0, m) for m in chosen], [name], policy)
    whole = network.inverse(policy).project_seeds(x[None], found.output, network.activations(x[None], found.output))[0]
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
