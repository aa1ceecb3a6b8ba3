"""The images that won, loaded again, and what excited the unit in each, projected to pixels."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Reader
from inspectnet.images.seen import row_ids
from inspectnet.inverse import field_box
from inspectnet.network import Network
from inspectnet.results import Axes
from inspectnet.rules import Policy
from inspectnet.scanning.top import Ranking

GREY = 128  # of a patch, beyond the image
IMAGES_AT_ONCE = 16  # winners' images in memory while they are projected


@dataclass(frozen=True)
class Activation:
    """One activation of a map: where it was found, and what its unit sees."""

    image: str
    value: float
    y: int
    x: int
    box: Box
    """The receptive field in pixels of the prepared image; it may reach beyond."""


@dataclass(frozen=True)
class Feature:
    """One activation of a map, and what of its receptive field excites it."""

    activation: Activation
    projection: Annotated[np.ndarray, Axes("channels h w", "float32")] = field(repr=False)
    """(C, h, w) float32, signed: the field's part of the projection, zero beyond the image."""
    patch: Annotated[np.ndarray, Axes("h w 3", "uint8")] = field(repr=False)
    """(h, w, 3) uint8: the same part of the image, mid-grey beyond it."""


def project_winners(
    network: Network,
    reader: Reader,
    ranking: Ranking,
    maps: Sequence[int],
    policy: Policy,
    *,
    advance: Callable[[int], object] = lambda n: None,
) -> dict[int, tuple[Feature, ...]]:
    """By map, its strongest activations, projected one by one, strongest first; empty for one that nothing activates.

    reader: of the rows that were scanned. Memory holds the features of these maps, and a few images at a time.
    advance gets how many more are done.
    Raises RuleError for an operator without a rule, ImageError if an image has changed since the scan.
    """
    ranks = range(ranking.keys.shape[1])
    wanted = sorted(
        (tuple(ranking.keys[m, i].tolist()), m, i) for m in maps for i in ranks if ranking.keys[m, i, 0] >= 0
    )
    images = [list(group) for _, group in itertools.groupby(wanted, key=lambda row: row[0])]
    done: dict[tuple[int, int], Feature] = {}
    with ThreadPoolExecutor() as pool:
        for first in range(0, len(images), IMAGES_AT_ONCE):
            here = images[first : first + IMAGES_AT_ONCE]
            keys = [group[0][0] for group in here]
            x = np.stack(list(pool.map(lambda key: reader.load(key[0], key[1:]), keys)))
            names = row_ids(reader.collection, np.array(keys), reader.tile)
            units = {(m, i): ranking.unit(m, i, row) for row, group in enumerate(here) for _, m, i in group}
            features = project_features(network, ranking.layer, x, list(units.values()), names, policy)
            done.update(zip(units, features, strict=True))
            advance(len(units))
    return {m: tuple(done[m, i] for i in ranks if (m, i) in done) for m in maps}


def project_features(
    network: Network, layer: Layer, x: np.ndarray, units: Sequence[Unit], names: Sequence[str], policy: Policy
) -> Iterator[Feature]:
    """Each unit's projection and patch, cut to its receptive field, from images x (N, C, H, W) of these names."""
    photos = {unit.image: network.preparation.restore(x[unit.image]).transpose(2, 0, 1) for unit in units}
    for unit, projected in zip(units, network.inverse(policy).project(x, layer.output, units), strict=True):
        box = field_box(layer, unit.y, unit.x, network.input_shape[1:])
        patch = box.cut(photos[unit.image], GREY).transpose(1, 2, 0)
        activation = Activation(names[unit.image], unit.value, unit.y, unit.x, box)
        yield Feature(activation, projected.window(box), patch)
