"""One photo under a sliding square: what hiding each of its places does to maps and to the classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.analyses.hidden_places import answer, respond
from inspectnet.analyses.occlusion_setup import Setup
from inspectnet.analyses.occlusion_summary import compare_with_box, correlate
from inspectnet.classes import short_names
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images.occluder import Grid, cover_of
from inspectnet.images.superpixels import Superpixels
from inspectnet.results import Axes, Below, derived
from inspectnet.scanning import Feature


@dataclass(frozen=True)
class WatchedMap:
    """A map of one layer, and what hiding each place of a photo does to it; (h, w) places."""

    layer: str
    map: Annotated[int, Below("maps")]
    y: int
    x: int
    """Where its strongest unit in the whole photo is, and its activation."""
    value: float
    whole: Annotated[np.ndarray, Axes("maps", "float64")]
    """(maps,) float64: each map of the layer, added up over its places, with nothing hidden."""
    activity: Annotated[np.ndarray, Axes("rows columns", "float64")]
    """(h, w) float64: the map's, added up over its places (Fig. 7 b)."""
    energy: Annotated[np.ndarray, Axes("rows columns", "float64")]
    """(h, w) float64: the squares of the projection, added up under the square."""
    probability_correlation: float | None
    """Of the drop of the class's probability with the energy; None if one of them is the same everywhere."""
    projection: Annotated[np.ndarray, Axes("channels height+ width+", "float32")] | None
    """(C, H, W) float32: of the strongest unit (Fig. 7 c); None for photos of which no pictures are kept."""
    elsewhere: tuple[Feature, ...] = ()
    """The map in the other images that excite it most, strongest first."""

    @property
    def drop(self) -> np.ndarray:
        """(h, w): how much less active the map is than in the whole photo."""
        return np.asarray(self.whole[self.map] - self.activity)

    @derived
    def whole_activity(self) -> float:
        """The map's activity with nothing hidden."""
        return float(self.whole[self.map])

    @derived
    def activity_range(self) -> tuple[float, float]:
        """The least and the largest activity."""
        return float(self.activity.min()), float(self.activity.max())

    @derived
    def activity_correlation(self) -> float | None:
        """Of the drop of the map's activity with the energy."""
        return correlate(self.drop, self.energy)


@dataclass(frozen=True)
class Winner:
    """A class that is the most probable one at some places."""

    label: int
    name: str
    """Its first synonym, where that means no other class."""
    places: int


@dataclass(frozen=True)
class OccludedPhoto:
    """What hiding each place of one photo does; (h, w) places of the square."""

    image: str
    target: Annotated[int, Below("classes")]
    """The class that is watched."""
    target_name: str
    target_from: str
    """What said so: option, label or prediction."""
    top1_name: str
    whole: Annotated[np.ndarray, Axes("classes+", "float64")]
    """(classes,) float64: the probabilities with nothing hidden."""
    probability: Annotated[np.ndarray, Axes("rows columns", "float64")]
    """(h, w) float64: of the class (Fig. 7 d)."""
    label: Annotated[np.ndarray, Axes("rows columns", "int64"), Below("classes")]
    """(h, w) int64: the most probable class (Fig. 7 e)."""
    label_probability: Annotated[np.ndarray, Axes("rows columns", "float64")]
    """(h, w) float64: its probability."""
    least_at: tuple[int, int]
    """The first row and column, px, of the square that costs the class most, the first of equals."""
    winners: tuple[Winner, ...]
    """The classes in `label`, the watched one first, then by their number of places."""
    maps: Annotated[tuple[WatchedMap, ...], Axes("watched")]
    """Layer by layer."""
    photo: Annotated[np.ndarray, Axes("height+ width+ 3", "uint8")] | None
    """(H, W, 3) uint8: as the network sees it; None for photos of which no pictures are kept."""
    cover: Annotated[np.ndarray, Axes("channels height+ width+", "float32")] | None
    """(C, H, W) float32: what stands in the square, in prepared units; None as `photo`."""
    inside: Annotated[np.ndarray, Axes("rows columns", "bool")] | None = None
    """(h, w) bool: where the square's middle is in the object's box; None without a box."""

    def __post_init__(self) -> None:
        """Raise ValueError for a class at some place that `winners` does not name."""
        if lost := set(self.label.flat) - {winner.label for winner in self.winners}:
            raise ValueError(f"the winners of {self.image} lack the class {min(lost)}")

    @property
    def drop(self) -> np.ndarray:
        """(h, w): how much less probable the class is than in the whole photo."""
        return np.asarray(self.whole[self.target] - self.probability)

    @derived
    def target_probability(self) -> float:
        """Of the class, with nothing hidden."""
        return float(self.whole[self.target])

    @derived
    def top1(self) -> int:
        """The most probable class with nothing hidden."""
        return int(self.whole.argmax())

    @derived
    def top1_probability(self) -> float:
        """Its probability."""
        return float(self.whole.max())

    @derived
    def least_probability(self) -> float:
        """Of the class, with the square at `least_at`."""
        return float(self.probability.min())

    @derived
    def box_drop(self) -> tuple[float | None, float | None]:
        """The mean drop of the class's probability inside and outside of the box; None without such places."""
        return (None, None) if self.inside is None else compare_with_box(self.drop, self.inside)


def occlude_photo(
    setup: Setup,
    x: np.ndarray,
    names: Sequence[str],
    *,
    image: str = "",
    target: int | None = None,
    target_from: str = "option",
    inside: Annotated[np.ndarray, Axes("rows columns", "bool")] | None = None,
    keep: bool = True,
    advance: Callable[[int], object] = lambda n: None,
) -> OccludedPhoto:
    """What hiding each place of one prepared photo x (C, H, W) does to maps and classes, of these names.

    target: a class, by default the most probable one. keep: the pictures too. One pass over the places serves all
    layers; memory does not grow with the number of places. advance gets how many more are done. Raises ModelError,
    RuleError.
    """
    network, grid, layers, x = setup.network, setup.grid, setup.layers, np.asarray(x, np.float32)
    cover = cover_of(setup.fill, x, network.preparation, setup.side, setup.seed)
    whole = answer(network, x[None], layers)
    classes = whole.probabilities[0]
    target, target_from = (int(classes.argmax()), "prediction") if target is None else (target, target_from)
    maxima = network.maxima(x[None], [layer.output for layer in layers])
    units = [maxima[layer.output] for layer in layers]
    chosen = setup.choose([u.values[0] for u in units] if setup.by == "max" else [s[0] for s in whole.activity])
    maps = [[number for i, number in chosen if i == own] for own in range(len(layers))]
    places = setup.places(x)
    count = len(places.boxes)
    label, panels = np.empty(count, np.int64), np.empty((2 + setup.most, count))
    for numbers, response in respond(setup.hide(places), x, cover, layers, maps):
        likely = response.probabilities
        label[numbers], panels[0, numbers], panels[1, numbers] = (
            likely.argmax(axis=1),
            likely[:, target],
            likely.max(axis=1),
        )
        panels[2:, numbers] = np.concatenate(response.activity, axis=1).T
        advance(places.count(numbers))
    label, (probability, label_probability, *activities) = places.spread(label), places.spread(panels)
    drop = classes[target] - probability
    watched = [
        _watch(setup, places, x, layers[i], units[i].unit(0, number), whole.activity[i][0], activity, drop, keep)
        for (i, number), activity in zip(chosen, activities, strict=True)
    ]
    top, left = grid.corners[int(probability.argmin())].tolist()
    return OccludedPhoto(
        image, target, names[target], target_from, names[int(classes.argmax())], classes, probability, label,
        label_probability, (top, left), _winners(label, target, names), tuple(watched),
        network.preparation.restore(x) if keep else None, cover if keep else None, inside,
    )  # fmt: skip


def _watch(
    setup: Setup,
    places: Grid | Superpixels,
    x: np.ndarray,
    layer: Layer,
    unit: Unit,
    whole: np.ndarray,
    activity: np.ndarray,
    drop: np.ndarray,
    keep: bool,
) -> WatchedMap:
    """A map: its activity at all places beside the projection of its strongest unit, zero where that does not look."""
    (projected,) = setup.network.inverse(setup.policy).project(x[None], layer.output, [unit])
    projection = projected.window(Box.at(0, 0, x.shape[1:]))
    energy = places.sums((projection.astype(np.float64) ** 2).sum(axis=0))
    return WatchedMap(
        layer.name, unit.map, unit.y, unit.x, unit.value, whole, activity, energy, correlate(drop, energy),
        projection if keep else None,
    )  # fmt: skip


def _winners(label: np.ndarray, target: int, names: Sequence[str]) -> tuple[Winner, ...]:
    short = short_names(names)
    classes, counts = np.unique(label, return_counts=True)
    winners = [Winner(int(classes[i]), short[classes[i]], int(counts[i])) for i in np.argsort(-counts, kind="stable")]
    return tuple(sorted(winners, key=lambda winner: winner.label != target))
