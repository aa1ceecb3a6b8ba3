"""Sweeps: a row for each change of some photos, with samples of it and curves beside them.

As in Fig. 5 of Zeiler & Fergus 2014.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from inspectnet.figures import style
from inspectnet.figures.page import Page, Pixels, framed
from inspectnet.figures.style import line_height, points, text_width

DISTINCT, MEAN = style.COLOURS[:6], style.COLOURS[6]
MANY, BAND = "#a8bed0", "#e4e4e4"  # more curves than colours share one
TILE, GAP, BAR = 64, 4, 5  # of a sample, between them, of a curve's colour beside its photo; px
PANEL, GUTTER = (296, 300), 44  # at least as high as this; left of it, for numbers; px
BETWEEN = 22  # px between columns
ABOVE, BELOW = 8, 40  # px above and below a panel, for its numbers and label
LEGEND_NAME = 240  # px


@dataclass(frozen=True)
class Curves:
    """N curves (N, T) over x (T,), which rises; `label` says what x is. Drawn from 0 to `top`."""

    label: str
    x: np.ndarray
    lines: np.ndarray
    top: float


@dataclass(frozen=True)
class Row:
    """One kind of change: what some photos become, and a panel of curves for each heading of the page."""

    samples: Sequence[Sequence[Pixels]]
    """For each photo that is shown, as many pictures [H, W, 3] as there are `amounts`."""
    amounts: Sequence[str]
    panels: Sequence[Curves]


def draw_sweeps(
    rows: Sequence[Row], headings: Sequence[str], names: Sequence[str], *, title: str, footer: str
) -> Figure:
    """The page of all rows, under headings for the samples and each panel; `names` of the curves in a legend."""
    first = rows[0]
    samples = BAR + GAP + len(first.amounts) * (TILE + GAP)
    height = max(PANEL[1], max(len(row.samples) for row in rows) * (TILE + GAP) + ABOVE)
    step, across = height + ABOVE + BELOW, PANEL[0] + GUTTER + BETWEEN
    lefts = [style.MARGIN + samples + BETWEEN + GUTTER + i * across for i in range(len(first.panels))]
    inner = lefts[-1] + PANEL[0] - style.MARGIN
    head = style.MARGIN + line_height(style.TITLE) + BETWEEN
    top = head + line_height(style.HEADING) + 10
    legend = top + len(rows) * step
    keys = _place_keys(names, inner)
    bottom = legend + (keys[-1][1] + 1) * (line_height(style.SMALL) + 8) + 4
    page = framed(inner, bottom, title, footer)
    for left, heading in zip((style.MARGIN, *lefts), headings, strict=True):
        page.write((left, head), heading, style.HEADING, room=PANEL[0])
    for number, row in enumerate(rows):
        upper = top + number * step + ABOVE
        _draw_samples(page, row, (style.MARGIN, upper), len(names))
        for left, panel in zip(lefts, row.panels, strict=True):
            _draw_curves(page, panel, (left, upper, PANEL[0], height - ABOVE))
    _draw_legend(page, names, keys, legend)
    return page.finish()


def nice_top(lines: Sequence[np.ndarray]) -> float:
    """The next round number above all of some curves; 1 if they are zero."""
    most = max(float(line.max()) for line in lines)
    if most <= 0:
        return 1.0
    step = float(np.diff(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(0, most))[0])
    return round(step * math.ceil(most / step - 1e-3), 12)


def _draw_samples(page: Page, row: Row, corner: tuple[int, int], count: int) -> None:
    """The photos downwards, each with its curve's colour at the left, the amounts to the right."""
    left, top = corner
    first = left + BAR + GAP
    for number, pictures in enumerate(row.samples):
        y = top + number * (TILE + GAP)
        if 1 < count <= len(DISTINCT):
            page.fill((left, y, BAR, TILE), DISTINCT[number])
        for place, pixels in enumerate(pictures):
            page.show(pixels, (first + place * (TILE + GAP), y), (TILE, TILE))
    y = top + len(row.samples) * (TILE + GAP)
    for place, amount in enumerate(row.amounts):
        page.write((first + place * (TILE + GAP) + TILE / 2, y), amount, style.SMALL, style.FOOTER_INK, at="center")


def _draw_curves(page: Page, curves: Curves, box: tuple[int, int, int, int]) -> None:
    """The band of one standard deviation to each side, the curves, and their mean above all."""
    axes, count = page.axes(box), len(curves.lines)
    mean, deviation = curves.lines.mean(axis=0), curves.lines.std(axis=0)
    if count > 1:
        axes.fill_between(curves.x, mean - deviation, mean + deviation, color=BAND, lw=0, zorder=0.5)
    for number, line in enumerate(curves.lines):
        axes.plot(curves.x, line, color=_colour(number, count), lw=points(2))
    if count > 1:
        axes.plot(curves.x, mean, color=MEAN, lw=points(3))
    axes.set(xlim=(curves.x[0], curves.x[-1]), ylim=(0, curves.top))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xlabel(curves.label, fontsize=points(style.SMALL), color=style.FOOTER_INK, family=style.FACE)


def _colour(number: int, count: int) -> str:
    return DISTINCT[number] if count <= len(DISTINCT) else MANY


def _entries(names: Sequence[str]) -> list[str]:
    """What the legend says: each curve, if each has a colour of its own, then their mean."""
    if len(names) == 1:
        return list(names)
    curves = list(names) if len(names) <= len(DISTINCT) else [f"each of {len(names)} photos"]
    return [*curves, "mean, and one standard deviation"]


def _place_keys(names: Sequence[str], inner: int) -> list[tuple[int, int]]:
    """Where (x, line) each entry of the legend stands; lines are broken at the width of the page."""
    places, x, line = [], 0, 0
    for entry in _entries(names):
        width = 30 + min(text_width(entry, style.SMALL), LEGEND_NAME) + BETWEEN
        if x and x + width > inner:
            x, line = 0, line + 1
        places.append((x, line))
        x += width
    return places


def _draw_legend(page: Page, names: Sequence[str], keys: Sequence[tuple[int, int]], top: int) -> None:
    entries, height = _entries(names), line_height(style.SMALL)
    for number, (entry, (x, line)) in enumerate(zip(entries, keys, strict=True)):
        mean = len(names) > 1 and number == len(entries) - 1
        left, y = style.MARGIN + x, top + line * (height + 8)
        if mean:
            page.fill((left, y, 24, height), BAND)
        colour = MEAN if mean else _colour(number, len(names))
        page.plot((left, left + 24), [y + height / 2] * 2, color=colour, lw=points(3 if mean else 2))
        page.write((left + 30, y), entry, style.SMALL, room=LEGEND_NAME)
