"""Sweeps: what photos become along changes of growing size, in numbers, with intervals over the photos."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from inspectnet.analyses.statistics import Interval, bootstrap, holm, sign_p
from inspectnet.results import Axes, derived

NEUTRAL = {"translate": 0.0, "scale": 1.0, "rotate": 0.0, "zoom": 1.0}
SMALL = 1 / 12  # of a sweep is a small change: 5 of 60 px


@dataclass(frozen=True)
class Slope:
    """How steeply a distance begins to grow, and how steeply it grows on the whole."""

    initial: float
    """Distance for each px, ratio or degree over the first twelfth of the sweep."""
    overall: float
    """Slope of the line through the origin that fits the sweep best."""
    linearity: float
    """R^2 of that line: 1 is a straight one, below 0 says less than no change at all would."""
    jump: float | None
    """Where the best line through all changes but none begins: what any costs at once, as softer pixels in between."""
    beyond: float | None
    """R^2 of that second line; None with `jump` for less than three sizes of change."""
    sharpness: float
    """How many times steeper it begins: 1 is a straight line, more is a sharp change that then saturates."""


@dataclass(frozen=True)
class Comparison:
    """How much more often photos keep their answer under one transform than under another that moves pixels as far."""

    transforms: tuple[str, str]
    displacements: tuple[float, ...]
    """(D,) px that are compared, in the mean of the window; not 0."""
    more: Interval
    """The difference of the shares of changes that keep the answer, over photos, pair by pair."""
    p: float
    """Of a permutation test of signs."""
    p_corrected: float
    """By Holm for all comparisons."""


@dataclass(frozen=True)
class LayerSweep:
    """How far the features of a layer move along a sweep."""

    layer: str
    distance: tuple[float, ...]
    """(T,): in the mean over the photos."""
    slope: Slope | None
    """None if they do not move."""
    intervals: Mapping[str, Interval]
    """Of the numbers of `slope` that there are, over photos; and `first_layer_sharper`, by how much it is."""
    roughness: float | None
    """How far the curves wobble from step to step: see `roughness`."""


@dataclass(frozen=True)
class Sweep:
    """What N photos become along T changes of one kind."""

    transform: str
    amounts: Annotated[np.ndarray, Axes("amounts+", "float64")]
    """(T,) float64: px downwards (or in the direction that was said), ratio, degrees counter-clockwise."""
    distances: Mapping[str, Annotated[np.ndarray, Axes("photos amounts", "float64")]]
    """By layer (N, T) float64: from the features of the untouched photo."""
    probability: Annotated[np.ndarray, Axes("photos amounts", "float64")]
    """(N, T) float64: of the photo's class."""
    predicted: Annotated[np.ndarray, Axes("photos amounts", "int64")]
    """(N, T) int64: the most likely class."""
    untouched: Annotated[np.ndarray, Axes("photos", "int64")]
    """(N,) int64: the same of the photos as they are."""
    displacement: Annotated[np.ndarray, Axes("amounts", "float64")]
    """(T,) float64: by how many px pixels move, in the mean over the window."""

    def __post_init__(self) -> None:
        """Raise ValueError for a transform that there is not, or changes that are all the same."""
        if self.transform not in NEUTRAL:
            raise ValueError(f"there is no transform '{self.transform}'")
        if self.amounts[0] == self.amounts[-1]:
            raise ValueError(f"the amounts of {self.transform} end where they begin")

    @property
    def size(self) -> np.ndarray:
        """(T,) float64: how large each change is, whatever its sign; a rotation of 350 degrees is one of 10."""
        if self.transform == "rotate":
            turned = np.abs(self.amounts) % 360
            return np.asarray(np.minimum(turned, 360 - turned))
        return np.asarray(np.abs(self.amounts - NEUTRAL[self.transform]))

    @property
    def kept(self) -> np.ndarray:
        """(N, T) bool: where the answer is that to the untouched photo."""
        return np.asarray(self.predicted == self.untouched[:, None])

    @derived
    def layers(self) -> tuple[LayerSweep, ...]:
        """How each layer's features move, in the order of `distances`."""
        return tuple(
            LayerSweep(name, _floats(curves.mean(axis=0)), self.slope(name), self._intervals(name), roughness(curves))
            for name, curves in self.distances.items()
        )

    @derived
    def mean_probability(self) -> tuple[float, ...]:
        """(T,): of the photos' classes, in the mean."""
        return _floats(self.probability.mean(axis=0))

    @derived
    def probability_roughness(self) -> float | None:
        """How far the probabilities wobble from step to step: see `roughness`."""
        return roughness(self.probability)

    @derived
    def kept_share(self) -> tuple[float, ...]:
        """(T,): of the photos, those whose answer is that to the untouched photo."""
        return _floats(self.kept.mean(axis=0))

    @derived
    def kept_mean(self) -> Interval:
        """The share of changes, but those that are none, that keep the answer; each displacement counts alike."""
        moved, kept = _kept_by_displacement(self)
        return bootstrap(kept.mean(axis=1)) if len(moved) else Interval(1.0, 1.0, 1.0)

    @derived
    def consistency(self) -> Interval:
        """Probability that two different changes of a photo, drawn at random, get the same answer (Zhang 2019)."""
        count = self.predicted.shape[1]
        same = (self.predicted[:, :, None] == self.predicted[:, None]).sum(axis=(1, 2)) - count
        return bootstrap(same / (count * (count - 1)))

    @derived
    def neighbour_consistency(self) -> float:
        """The part of the steps from one change to the next at which the answer stays the same."""
        return float((self.predicted[:, 1:] == self.predicted[:, :-1]).mean())

    def slope(self, layer: str) -> Slope | None:
        """How the mean distance at a layer grows with the size of the change; None if it does not."""
        sizes, curves = self._curves([layer])
        mean = curves.mean(axis=0)
        if not mean.any():
            return None
        numbers = {name: float(values[0]) for name, values in _slopes(sizes, mean).items()}
        initial, overall, linearity = (numbers[name] for name in ("initial", "overall", "linearity"))
        line = numbers.get("jump"), numbers.get("beyond")
        return Slope(initial, overall, linearity, *line, numbers["sharpness"])

    def interval(self, layer: str, measure: str) -> Interval:
        """A number of the slope with its interval over photos; NaN where there is none."""
        sizes, curves = self._curves([layer])
        return bootstrap(curves, lambda means: _slopes(sizes, means[:, 0])[measure])

    def sharper(self, first: str, second: str) -> Interval:
        """By how much the sharpness at one layer exceeds that at another, over photos, pair by pair."""
        sizes, curves = self._curves([first, second])

        def apart(means: np.ndarray) -> np.ndarray:
            one, two = (_slopes(sizes, means[:, layer])["sharpness"] for layer in range(2))
            return np.asarray(one - two)

        return bootstrap(curves, apart)

    def _intervals(self, layer: str) -> dict[str, Interval]:
        """Over photos, of the numbers of the slope; also by how much the first layer is sharper."""
        if (slope := self.slope(layer)) is None:
            return {}
        known = [name for name in ("sharpness", "linearity", "beyond") if getattr(slope, name) is not None]
        intervals = {name: self.interval(layer, name) for name in known}
        first = next(iter(self.distances))
        return intervals if layer == first else {**intervals, "first_layer_sharper": self.sharper(first, layer)}

    def _curves(self, layers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The sizes of change (S,) from 0 on, and (N, layers, S): how far photos are moved by each, in the mean."""
        sizes, places = np.unique(np.append(self.size, 0), return_inverse=True)
        of_size = (places[:-1, None] == np.arange(len(sizes))).astype(np.float64)
        of_size[:, 0] = 0
        shares = of_size / np.maximum(of_size.sum(axis=0), 1)
        return sizes, np.stack([self.distances[layer] @ shares for layer in layers], axis=1)


def roughness(values: np.ndarray) -> float | None:
    """How far curves (N, T) wobble from step to step: mean distance of a point from the middle of its neighbours.

    In parts of the curves' mean, so 0 is a straight line; None if they are all zero. With steps of one pixel this is
    aliasing.
    """
    middle = (values[:, 2:] + values[:, :-2]) / 2
    mean = float(np.abs(values).mean())
    return float(np.abs(values[:, 1:-1] - middle).mean()) / mean if mean and middle.size else None


def compare_alike(sweeps: Sequence[Sweep]) -> list[Comparison]:
    """Every two sweeps that move pixels equally far, compared by how often photos keep their answer.

    Each displacement counts alike, whatever the number of changes that make it. Sweeps that have other displacements
    than the rest are left out; none if there are not two alike.
    """
    compared = []
    for one, two in itertools.combinations(sweeps, 2):
        (moved, first), (other, second) = (_kept_by_displacement(sweep) for sweep in (one, two))
        if len(moved) == len(other) > 0 and np.allclose(moved, other):
            apart = first.mean(axis=1) - second.mean(axis=1)
            pair = (one.transform, two.transform)
            compared.append(Comparison(pair, _floats(moved), bootstrap(apart), sign_p(apart), 1.0))
    corrected = holm([comparison.p for comparison in compared])
    return [replace(comparison, p_corrected=p) for comparison, p in zip(compared, corrected, strict=True)]


def _slopes(sizes: np.ndarray, curves: np.ndarray) -> dict[str, np.ndarray]:
    """By field of `Slope` the numbers (B,) of curves (B, S) over sizes (S,) of change, from 0 on; NaN without any."""
    small = sizes[-1] * SMALL
    with np.errstate(divide="ignore", invalid="ignore"):
        overall = curves @ sizes / (sizes @ sizes)
        missed = np.square(curves - overall[:, None] * sizes).sum(axis=1)
        after = int(np.searchsorted(sizes, small))
        way = (small - sizes[after - 1]) / (sizes[after] - sizes[after - 1])
        initial = (curves[:, after - 1] * (1 - way) + curves[:, after] * way) / small
        numbers = {"initial": initial, "overall": overall, "linearity": 1 - missed / _variation(curves)}
        numbers["sharpness"] = np.where(overall > 0, initial / overall, np.nan)
        if len(sizes) > 3:  # else a line misses nothing
            x, y = sizes[1:] - sizes[1:].mean(), curves[:, 1:]
            slope = y @ x / (x @ x)
            left = np.square(y - y.mean(axis=1, keepdims=True) - slope[:, None] * x).sum(axis=1)
            numbers["jump"] = y.mean(axis=1) - slope * sizes[1:].mean()
            numbers["beyond"] = np.where(_variation(y) > 0, 1 - left / _variation(y), 1.0)
    return numbers


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _variation(curves: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(curves - curves.mean(axis=1, keepdims=True)).sum(axis=1))


def _kept_by_displacement(sweep: Sweep) -> tuple[np.ndarray, np.ndarray]:
    """The displacements (D,) of a sweep that are not 0, and (N, D): the share of their changes that keep the answer."""
    moved, places = np.unique(np.round(sweep.displacement, 6), return_inverse=True)
    kept = np.stack([sweep.kept[:, places == place].mean(axis=1) for place in range(len(moved))], axis=1)
    return moved[moved > 0], kept[:, moved > 0]
