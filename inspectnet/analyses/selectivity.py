"""Selectivity: does a unit's projection show that unit, and does a unit stand for a class?

Mahendran & Vedaldi 2016 found that reversed networks give much the same picture for any unit of a place: what they
show is what the forward pass recorded, more than what the unit stands for. So a unit is compared with others that are
active at the same place. Which classes excite a map is another matter: Morcos et al. 2018.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.class_selectivity import ClassSelectivity, class_selectivity
from inspectnet.analyses.labelled_photos import label_targets
from inspectnet.analyses.photos import Photos, read_photos
from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.sources import collection_of
from inspectnet.analyses.statistics import Interval, bootstrap, ratio
from inspectnet.arguments import checks_arguments
from inspectnet.classes import labelled_images
from inspectnet.errors import LayerError, ModelError, OptionError
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Sources, Targets
from inspectnet.inverse import Projection, field_box
from inspectnet.methods import parse_policies
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.results import Axes, Below, Result, derived
from inspectnet.rules import Policy
from inspectnet.scanning import GREY, Scanned

METHODS = "deconvnet,guided_backprop,gradient"
MOST = 20  # images whose units are projected

Projected = Annotated[np.ndarray, Axes("compared+ channels+ h+ w+", "float32")]
Neighbours = tuple[Unit, ...]
"""A unit that an image activates strongly, then others that are active at the same place."""


@dataclass(frozen=True)
class UnitSelectivity:
    """How much the projection of a unit differs from those of others that are active at its place."""

    image: str
    map: int
    y: int
    x: int
    others: tuple[int, ...]
    """The maps it is compared with."""
    selectivity: Annotated[Mapping[str, float | None], Axes("methods")]
    """By method; None where nothing came down."""


@dataclass(frozen=True)
class ShownUnit:
    """The unit of median selectivity, by the first method, in pictures."""

    unit: Annotated[int, Below("units")]
    """Which of the units."""
    box: Box
    """What it sees of the prepared image; it may reach beyond."""
    patch: Annotated[np.ndarray, Axes("h+ w+ 3", "uint8")]
    """(h, w, 3) uint8: that part of the image."""
    projections: Annotated[Mapping[str, Projected], Axes("methods+")]
    """By method (1 + others, C, h, w) float32: of the unit, then of its neighbours."""

    def __post_init__(self) -> None:
        """Raise ValueError for methods that show more units than others."""
        if len({len(projections) for projections in self.projections.values()}) > 1:
            raise ValueError("shown has not as many projections by every method")


@dataclass(frozen=True, repr=False, eq=False)
class Selectivity(Result):
    """Whether projections of a layer tell its units apart, and its maps classes."""

    command: ClassVar[str] = "selectivity"
    layer: str
    spatial: bool
    """Whether its units have a place in the image."""
    units: Annotated[tuple[UnitSelectivity, ...], Axes("units+")]
    shown: ShownUnit
    classes: ClassSelectivity | None
    """None without images of two known classes."""

    @derived
    def means(self) -> Mapping[str, Interval | None]:
        """By method the mean over units, with its interval over images; None if no unit has a score."""
        numbers = {image: number for number, image in enumerate(dict.fromkeys(unit.image for unit in self.units))}
        images = np.array([numbers[unit.image] for unit in self.units])
        means: dict[str, Interval | None] = {}
        for method in self.units[0].selectivity:
            score = np.array([unit.selectivity[method] for unit in self.units], np.float64)
            known = np.isfinite(score)
            rows = np.stack([np.bincount(images[known], score[known]), np.bincount(images[known])], axis=1)
            means[method] = bootstrap(rows[rows[:, 1] > 0], ratio) if known.any() else None
        return means


@checks_arguments
def selectivity(
    network: Network,
    layer: str,
    images: Sources | None = None,
    *,
    methods: str = METHODS,
    units: int = 2,
    others: int = 5,
    labels: Sequence[int] | None = None,
    classes: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress = silent,
) -> Selectivity:
    """How much the projections of a layer's units differ, and, given labels, how much its maps stand for classes.

    Of at most 20 images the strongest `units` are each compared with up to `others` that are active at the same place,
    drawn by the seed, which also shuffles the labels. methods: projections, as the command takes them. labels: the
    classes of photos in memory. classes: a file that names them; without, images that have no labels are no mistake.
    Raises LayerError, OptionError, ImageError, RuleError.
    """
    policies, collection, probed = parse_policies(methods), collection_of(images), network.layer(layer)
    if isinstance(collection, Scanned):
        collection.holds(network, probed)  # which refuses what another network has scanned
    targets = _labelled(network, collection, labels, classes)
    photos = read_photos(network, collection, MOST)
    neighbours = find_neighbours(network, photos.x, probed.output, units=units, others=others, seed=seed)
    scores = {}
    compared_units = sum(map(len, neighbours))
    with progress("projecting", len(policies) * compared_units, "projections") as advance:
        for name, policy in policies.items():
            scores[name] = projection_selectivity(network, photos.x, probed.output, neighbours, policy)
            advance(compared_units)
    compared = None
    if targets is not None:
        if isinstance(collection, Scanned):
            note(f"the index keeps no means over places: {len(targets.classes)} of its images are looked at again")
        compared = class_selectivity(network, targets, probed, batch_size=batch_size, seed=seed, progress=progress)
    options = {"layer": probed.name, "methods": list(policies), "units": units, "others": others, "seed": seed}
    return Selectivity(
        provenance([network], photos.images, options),
        probed.name,
        probed.spatial,
        tuple(
            UnitSelectivity(
                photos.ids[unit.image], unit.map, unit.y, unit.x, tuple(other.map for other in rest),
                {name: float(score[i]) if np.isfinite(score[i]) else None for name, score in scores.items()},
            )
            for i, (unit, *rest) in enumerate(neighbours)
        ),
        _show(network, probed, photos, neighbours, policies, _median(next(iter(scores.values())))),
        compared,
    )  # fmt: skip


def _labelled(
    network: Network, collection: Collection, labels: Sequence[int] | None, classes: str | Path | None
) -> Targets | None:
    """The images with a class; None, and a note that says why, without two classes that nobody asked for."""
    if labels is not None:
        return label_targets(network, collection, labels, classes)
    try:
        targets = labelled_images(network, collection, classes)
        if targets is None or len(set(targets.classes)) < 2:
            why = "the images have no labels" if targets is None else "the images are all of one class"
            note(f"no class selectivity: {why}")
            return None
    except (ModelError, OptionError) as error:
        if classes or network.scores_in:
            raise
        note(f"no class selectivity: {error}")
        return None
    return targets


def find_neighbours(
    network: Network, x: np.ndarray, layer: str, *, units: int = 2, others: int = 5, seed: int = 0
) -> list[Neighbours]:
    """For each prepared image of x (N, C, H, W) its strongest `units`, each with up to `others`, drawn by the seed.

    A unit is the strongest one of its map. Raises LayerError if nowhere two units are active at one place.
    """
    draw, neighbours = np.random.default_rng(seed), []
    for image, maps in enumerate(network.activations(x, layer)):
        rows = maps.reshape(len(maps), -1)
        for m in np.argsort(-rows.max(axis=1), kind="stable")[:units]:
            place = int(rows[m].argmax())
            active = np.flatnonzero(rows[:, place] > 0)
            if m not in active or len(active) < 2:
                continue
            chosen = [int(m), *map(int, draw.permutation(active[active != m])[:others])]
            y, x_ = divmod(place, maps.shape[2] if maps.ndim == 3 else 1)
            neighbours.append(tuple(Unit(image, n, y, x_, float(rows[n, place])) for n in chosen))
    if not neighbours:
        name = network.layer(layer).name
        raise LayerError(f"in {name} no two units are active at one place of these images. Choose another layer.")
    return neighbours


def projection_selectivity(
    network: Network, x: np.ndarray, layer: str, neighbours: Sequence[Neighbours], policy: Policy
) -> np.ndarray:
    """(units,) float64: 1 less the mean correlation of each unit's projection with those of its neighbours.

    0: all show the same; 1: they have nothing in common. Projections that are zero everywhere, of which nothing was
    left on the way down, are left out; NaN where that leaves none. Raises RuleError.
    """
    return np.array(
        [_selectivity([p.pixels for p in project(network, x, layer, group, policy)]) for group in neighbours]
    )


def project(network: Network, x: np.ndarray, layer: str, units: Neighbours, policy: Policy) -> list[Projection]:
    """The projections of a unit and of its neighbours, all through the same part of the image."""
    return list(network.inverse(policy).project(x, layer, units))


def _show(
    network: Network, layer: Layer, photos: Photos, neighbours: Sequence[Neighbours], policies: Mapping[str, Policy],
    number: int,
) -> ShownUnit:  # fmt: skip
    """One of the units in pictures."""
    unit, *_ = units = neighbours[number]
    box = field_box(layer, unit.y, unit.x, network.input_shape[1:])
    photo = network.preparation.restore(photos.x[unit.image]).transpose(2, 0, 1)
    projections = {
        name: np.stack([p.window(box) for p in project(network, photos.x, layer.output, units, policy)])
        for name, policy in policies.items()
    }
    return ShownUnit(number, box, box.cut(photo, GREY).transpose(1, 2, 0), projections)


def _median(scores: np.ndarray) -> int:
    """The place of the score in the middle."""
    known = np.flatnonzero(np.isfinite(scores))
    return int(known[np.argsort(scores[known], kind="stable")[len(known) // 2]]) if len(known) else 0


def _selectivity(projections: Sequence[np.ndarray]) -> float:
    """Of the first projection among the others."""
    pixels = [p.ravel().astype(np.float64) for p in projections]
    unit, *others = [p - p.mean() for p in pixels]
    lengths = [float(np.linalg.norm(p)) for p in others]
    length = float(np.linalg.norm(unit))
    alike = [float(unit @ p) / (length * n) for p, n in zip(others, lengths, strict=True) if length and n]
    return 1 - float(np.mean(alike)) if alike else float("nan")
