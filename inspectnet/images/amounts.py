"""Amounts of change: how far photos are shifted, scaled, rotated, as in the paper's Fig. 5, or all equally far.

A scale takes the pixels that the network sees and blurs what it enlarges; a zoom takes the photo itself, resized as
the preparation resizes it, so nothing is blurred that the photo holds.
"""

import math

import numpy as np

from inspectnet.errors import OptionError, check_choice
from inspectnet.images import changes
from inspectnet.images.changes import Change, Scene
from inspectnet.images.fit import Pixels

TRANSFORMS = ("translate", "scale", "rotate", "zoom")
PAPER = TRANSFORMS[:3]
DIRECTIONS = {"vertical": (1, 0), "horizontal": (0, 1), "diagonal": (1, 1)}
PAPER_SIDE, PAPER_REACH, PAPER_STEP = 224, 60, 5  # px: its shifts, which grow with the network's input
ALIKE_SIDE, ALIKE_REACH = 56, 9  # px by which pixels move alike, of an input of that side: a scale of 1.7


def paper_amounts(transform: str, size: tuple[int, int], by_pixel: bool = False) -> np.ndarray:
    """The amounts of the paper's Fig. 5 (T,) for a network that sees (H, W).

    Shifts of -60..60 px for 224, in proportion for others, in whole pixels: steps of 5, or of 1 `by_pixel`. Scales
    of 1..1.8 in steps of 0.05, rotations of 0..355 degrees in steps of 5.
    """
    if transform == "translate":
        share = min(size) / PAPER_SIDE
        step = 1 if by_pixel else max(1, round(PAPER_STEP * share))
        last = max(1, round(PAPER_REACH * share / step))
        return np.arange(-last, last + 1) * float(step)
    return np.arange(72) * 5.0 if transform == "rotate" else np.arange(17) * 0.05 + 1


def alike_amounts(transform: str, size: tuple[int, int], direction: str = "vertical") -> np.ndarray:
    """Amounts (T,) by which pixels move equally far under each transform, in the mean over the window (H, W).

    0..9 px for an input of 56, in proportion for others, in whole pixels; shifts and rotations both ways, scales
    above 1 only. Shifts along an axis keep pixels sharp, diagonal ones lie between pixels as rotations do.
    Raises OptionError for a window too small to move anything in.
    """
    share, radius = min(size) / ALIKE_SIDE, _mean_radius(size)
    moves = np.arange(min(ALIKE_REACH, round(ALIKE_REACH * share)) + 1) * max(1.0, round(share))
    if len(moves) < 2:
        raise OptionError(f"--alike moves nothing in an input of {size[0]}x{size[1]} px. Leave it out.")
    if transform in ("scale", "zoom"):
        return np.asarray(1 / (1 - moves / radius))
    turns = np.degrees(2 * np.arcsin(moves / (2 * radius))) if transform == "rotate" else moves
    turns = turns / math.hypot(*DIRECTIONS[direction]) if transform == "translate" else turns
    return np.concatenate([-turns[:0:-1], turns])


def displacement(transform: str, amounts: np.ndarray, size: tuple[int, int], direction: str = "vertical") -> np.ndarray:
    """(T,): how many pixels lie from where a pixel is to where it comes from, in the mean over the window (H, W)."""
    amounts = np.asarray(amounts, np.float64)
    if transform == "translate":
        return np.asarray(np.abs(amounts) * math.hypot(*DIRECTIONS[direction]))
    if transform == "rotate":
        return np.asarray(2 * np.abs(np.sin(np.radians(amounts) / 2)) * _mean_radius(size))
    return np.asarray(np.abs(1 - 1 / amounts) * _mean_radius(size))


def view(scene: Scene, transform: str, amount: float, direction: str) -> Pixels:
    """[H, W, C]: what the network sees of a scene that is changed by an amount. Raises OptionError, ImageError."""
    if transform == "zoom":
        return scene.zoom(amount)
    return scene.change(_change_of(transform, amount, direction))


def _change_of(transform: str, amount: float, direction: str) -> Change:
    if transform == "translate":
        down, right = DIRECTIONS[direction]
        return changes.shift(down * amount, right * amount)
    return changes.scale(amount) if transform == "scale" else changes.rotate(amount)


def _mean_radius(size: tuple[int, int]) -> float:
    """The mean distance of pixels from the middle of (H, W)."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in size)
    return float(np.hypot(y[:, None], x[None]).mean())


def parse_transforms(text: str) -> dict[str, list[float] | None]:
    """The transforms that are asked for, with the amounts that from:to:step means. Raises OptionError."""
    amounts = dict[str, list[float] | None]()
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, numbers = part.partition("=")
        check_choice("transform", name, TRANSFORMS)
        amounts[name] = _numbers(numbers, name) if equals else None
    if not amounts:
        raise OptionError("--transform is empty. Name one or more of translate, scale, rotate, zoom.")
    return amounts


def _numbers(text: str, name: str) -> list[float]:
    try:
        low, high, step = (float(part) for part in text.split(":"))
        steps = (high - low) / step
    except (ValueError, ZeroDivisionError):
        steps = -1.0
    if not 1 <= steps + 1e-6 <= 10_000:
        what = f"--transform {name}={text} is not from:to:step with two amounts or more"
        raise OptionError(f"{what}. Write it like translate=-60:60:5.")
    return [round(low + step * i, 9) for i in range(int(steps + 1e-6) + 1)]
