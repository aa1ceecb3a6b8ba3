"""Slopes by differences: what the derivative of an operator is held against, and where it has none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Precision:
    """How differences are taken in one kind of numbers."""

    step: float
    """Relative to the input and its root mean square."""
    bend: float
    """A second difference this large beside the first is a kink."""
    dtype: type[np.floating]
    tolerance: float

    @property
    def rounding(self) -> float:
        """Of a sum, relative."""
        return 8 * float(np.finfo(self.dtype).eps)


SINGLE = Precision(2.0**-8, 0.005, np.float32, 2e-3)  # for what is linear or picks a maximum: differences are exact
DOUBLE = Precision(2.0**-20, 1e-4, np.float64, 1e-5)


@dataclass(frozen=True)
class Slope:
    """The slope of an output along a direction, by differences."""

    along: np.ndarray
    """0 where it is kinked."""
    kinked: np.ndarray
    """Where the slopes on both sides differ, or the function ends."""
    rounding: np.ndarray
    """What rounding may have made of the slope."""


def slope_of(ends: Sequence[np.ndarray], precision: Precision) -> Slope:
    """ends: the output one step up, at, and one step down the direction."""
    up, at, down = ends
    with np.errstate(invalid="ignore"):
        first, second, rounding = up - down, up + down - 2 * at, precision.rounding * np.abs(at)
        smooth = np.abs(second) <= precision.bend * np.abs(first) + rounding  # false for what is no number
    return Slope(
        np.where(smooth, first, 0) / (2 * precision.step), ~smooth, np.where(smooth, rounding, 0) / precision.step
    )


def step_size(x: np.ndarray) -> np.ndarray:
    """How far to go from each of x; what bends where it is near 0 does so within 1, however large others are."""
    near = np.abs(x)
    return np.asarray(np.minimum(near + rms(x), np.maximum(near, 1)), x.dtype)


def noise(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    """Random numbers of the shape and the kind of others."""
    return rng.normal(size=like.shape).astype(like.dtype)


def rms(x: np.ndarray, axes: tuple[int, ...] | None = None) -> np.ndarray:
    """The root mean square, along some axes or of all; the squares of what float32 holds are more than it holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=axes)), x.dtype)
