"""Curves: one for each thing that was measured, over numbers, with their mean and its band."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.chart import COLOURS, FINE, GRID
from inspectnet.pictures.grid import FOOTER_INK, PAPER
from inspectnet.pictures.lettering import line_height, text_width, write

DISTINCT = COLOURS[:6]  # black is the mean's
MANY, BAND, MEAN = (168, 190, 208), (228, 228, 228), (0, 0, 0)  # more curves than colours share one
LETTERS = 12  # px
GUTTER = 44  # px left of the plot, for numbers
ABOVE, BELOW = 8, 2 * line_height(LETTERS) + 10  # px around it, below for numbers and a label
MARKS = 5  # on an axis, about


@dataclass(frozen=True)
class Curves:
    """N curves (N, T) over x (T,), which rises; `label` says what x is. Drawn from 0 to `top`."""

    label: str
    x: np.ndarray
    lines: np.ndarray
    top: float


def colour_of(number: int, count: int) -> tuple[int, int, int]:
    """The colour of one of `count` curves."""
    return DISTINCT[number] if count <= len(DISTINCT) else MANY


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, about five of them."""
    rough = (high - low) / MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999)
    return [round(step * n, 12) for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def draw_curves(curves: Curves, size: tuple[int, int]) -> Image.Image:
    """A panel of (width, height), its numbers and label included; the band is one standard deviation to each side."""
    panel = Image.new("RGB", size, PAPER)
    width, height = size[0] - GUTTER - 8, size[1] - ABOVE - BELOW
    panel.paste(_plot(curves, (width, height)), (GUTTER, ABOVE))
    draw = ImageDraw.Draw(panel)
    for mark in ticks(0, curves.top):
        y = ABOVE + round((height - 1) * (1 - mark / curves.top)) - line_height(LETTERS) // 2
        write(draw, (GUTTER - 6 - text_width(f"{mark:g}", LETTERS), y), f"{mark:g}", LETTERS, FOOTER_INK)
    low, high = float(curves.x[0]), float(curves.x[-1])
    for mark in ticks(low, high):
        x = GUTTER + round((width - 1) * (mark - low) / (high - low)) - text_width(f"{mark:g}", LETTERS) // 2
        write(draw, (x, ABOVE + height + 4), f"{mark:g}", LETTERS, FOOTER_INK)
    middle = GUTTER + (width - text_width(curves.label, LETTERS)) // 2
    write(draw, (middle, ABOVE + height + line_height(LETTERS) + 6), curves.label, LETTERS, FOOTER_INK)
    return panel


def draw_key(colour: tuple[int, int, int], height: int, *, thick: bool = False, band: bool = False) -> Image.Image:
    """A piece of a curve for a legend, 24 px wide."""
    key = Image.new("RGB", (24, height), PAPER)
    draw, middle = ImageDraw.Draw(key), height // 2
    if band:
        draw.rectangle((0, middle - 6, 23, middle + 6), fill=BAND)
    draw.line((0, middle, 23, middle), fill=colour, width=3 if thick else 2)
    return key


def _plot(curves: Curves, size: tuple[int, int]) -> Image.Image:
    """The grid, the band of one standard deviation, the curves, and their mean above all."""
    width, height = (FINE * n for n in size)
    plot = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(plot)
    low, high = float(curves.x[0]), float(curves.x[-1])
    across = (curves.x - low) / (high - low) * (width - 1)

    def points(values: np.ndarray) -> list[tuple[float, float]]:
        up = (height - 1) * (1 - np.clip(values, 0, curves.top) / curves.top)
        return [(float(x), float(y)) for x, y in zip(across, up, strict=True)]

    mean, deviation = curves.lines.mean(axis=0), curves.lines.std(axis=0)
    several = len(curves.lines) > 1
    if several:
        draw.polygon(points(mean - deviation) + points(mean + deviation)[::-1], fill=BAND)
    _draw_grid(draw, curves, (width, height))
    for number, line in enumerate(curves.lines):
        draw.line(points(line), fill=colour_of(number, len(curves.lines)), width=2 * FINE, joint="curve")
    if several:
        draw.line(points(mean), fill=MEAN, width=3 * FINE, joint="curve")
    draw.line((FINE // 2, 0, FINE // 2, height), fill=(FOOTER_INK,) * 3, width=FINE)
    draw.line((0, height - FINE // 2 - 1, width, height - FINE // 2 - 1), fill=(FOOTER_INK,) * 3, width=FINE)
    return plot.resize(size, Image.Resampling.BOX)


def _draw_grid(draw: ImageDraw.ImageDraw, curves: Curves, size: tuple[int, int]) -> None:
    width, height = size
    low, high = float(curves.x[0]), float(curves.x[-1])
    for mark in ticks(0, curves.top):
        y = (height - 1) * (1 - mark / curves.top)
        draw.line((0, y, width, y), fill=GRID, width=FINE)
    for mark in ticks(low, high):
        x = (width - 1) * (mark - low) / (high - low)
        draw.line((x, 0, x, height), fill=GRID, width=FINE)


def nice_top(lines: Sequence[np.ndarray]) -> float:
    """The next round number above all of some curves; 1 if they are zero."""
    most = max(float(each.max()) for each in lines)
    if most <= 0:
        return 1.0
    marks = ticks(0, most)
    step = marks[1] - marks[0]
    return round(marks[-1] + (0 if most <= marks[-1] * 1.001 else step), 12)
