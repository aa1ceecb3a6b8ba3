"""The features of a layer: activations of some of its maps, each projected to pixels beside its image patch."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.errors import OptionError, RuleError
from inspectnet.graph.layers import Layer
from inspectnet.graph.scores import find_pool
from inspectnet.images import Reader
from inspectnet.inverse import Inverse, field_box
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.results import Axes
from inspectnet.rules import Policy
from inspectnet.scanning import Activation, Feature, Ranking, project_winners

MOST_BYTES = 2 << 30  # of projections and patches of one layer; writing them takes as much again


@dataclass(frozen=True)
class MapFeatures:
    """What excites a map most."""

    map: int
    class_name: str
    """What the unit stands for in one of the last layers, which hold a map for each class; else empty."""
    top: tuple[Activation, ...]
    """Its strongest activations, strongest first; none of a map that nothing activates."""
    highest: float | None = None
    """Its highest activation in the index that a photo is compared with; None without one."""
    coherence: float | None = None
    """How alike its strongest activations are, from -1 to 1, if it was chosen by that."""


@dataclass(frozen=True)
class LayerFeatures:
    """The features of some maps of a layer, as Fig. 2 of the paper shows them; F activations in all."""

    layer: str
    spatial: bool
    """Whether its units have a place in the image."""
    pooled: bool
    """Whether a pool over all places spreads a unit's signal evenly."""
    maps: tuple[MapFeatures, ...]
    projections: Annotated[np.ndarray, Axes("features channels+ h+ w+", "float32")]
    """(F, C, h, w) float32, signed: of each activation, map by map, the receptive field's part of its projection; zero
    beyond the image."""
    patches: Annotated[np.ndarray, Axes("features h+ w+ 3", "uint8")]
    """(F, h, w, 3) uint8: the same part of the image, mid-grey beyond it."""
    whole: Annotated[np.ndarray, Axes("channels height+ width+", "float32")] | None = None
    """(C, H, W) float32: the whole layer's activity projected at once, for a single photo."""

    def __post_init__(self) -> None:
        """Raise ValueError for other projections than there are activations."""
        if len(self.projections) != (count := sum(len(features.top) for features in self.maps)):
            raise ValueError(f"the layer {self.layer} has {len(self.projections)} projections of {count} activations")

    def by_map(self) -> Iterator[tuple[MapFeatures, np.ndarray, np.ndarray]]:
        """Each map that anything activates, with its projections and patches."""
        ends = np.cumsum([len(features.top) for features in self.maps])
        pieces = (np.split(arrays, ends)[:-1] for arrays in (self.projections, self.patches))
        for features, projections, patches in zip(self.maps, *pieces, strict=True):
            if features.top:
                yield features, projections, patches


def project_layers(
    network: Network,
    reader: Reader,
    rankings: Sequence[Ranking],
    maps: Sequence[Sequence[int]],
    policy: Policy,
    progress: Progress,
) -> tuple[LayerFeatures, ...]:
    """The strongest activations of some maps of each scanned layer, projected one by one.

    reader: of the rows that were scanned. Raises as `project_winners`.
    """
    total = sum(int((ranking.keys[chosen, :, 0] >= 0).sum()) for ranking, chosen in zip(rankings, maps, strict=True))
    with progress("projecting", total, "activations") as advance:
        return tuple(
            _layer_features(
                network, ranking.layer, project_winners(network, reader, ranking, chosen, policy, advance=advance)
            )
            for ranking, chosen in zip(rankings, maps, strict=True)
        )


def _layer_features(network: Network, layer: Layer, by_map: Mapping[int, tuple[Feature, ...]]) -> LayerFeatures:
    """The features of some maps of a layer, put together."""
    maps = tuple(
        MapFeatures(m, _class_name(network, layer, m), tuple(feature.activation for feature in top))
        for m, top in by_map.items()
    )
    features = [feature for top in by_map.values() for feature in top]
    size = field_box(layer, 0, 0, network.input_shape[1:]).size
    projections = np.array([feature.projection for feature in features], np.float32)
    patches = np.array([feature.patch for feature in features], np.uint8)
    return LayerFeatures(
        layer.name,
        layer.spatial,
        find_pool(network.model.graph, layer.output) is not None,
        maps,
        projections.reshape(len(features), network.input_shape[0], *size),
        patches.reshape(len(features), *size, 3),
    )


def refuse_beforehand(inverse: Inverse, layer: Layer, maps: int, top: int) -> None:
    """Before hours of work: raise RuleError if nothing comes down from a layer, OptionError if it would not fit.

    maps, top: how many maps, and activations of each, whose projections and patches memory has to hold.
    """
    if obstacle := inverse.obstacle(layer.output):
        raise RuleError(obstacle)
    shape = inverse.opened.input_shape
    height, width = field_box(layer, 0, 0, shape[1:]).size
    tile_bytes = height * width * (4 * shape[0] + 3)
    if maps * top * tile_bytes > MOST_BYTES:
        size = f"{maps * top * tile_bytes / 1e9:.0f} GB"
        fit = MOST_BYTES // (top * tile_bytes)
        raise OptionError(f"{maps} maps of {layer.name} would take {size} of memory; say --maps {fit} or fewer.")


def _class_name(network: Network, layer: Layer, map_: int) -> str:
    count = len(network.classes)
    last = itertools.takewhile(lambda other: other.maps == count, reversed(network.layers))
    return network.classes[map_] if any(other.output == layer.output for other in last) else ""
