"""The chart: lines over steps that have names, several panels side by side, one legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import Page, framed, words_width
from inspectnet.figures.style import line_height, points, shorten, text_width

HEIGHT, STEP = 300, 16  # of a panel, between two steps; px
NARROWEST, WIDEST, BETWEEN = 300, 640, 36  # panels, px
NAME_ROOM = 110  # px for the name of a step
GUTTER = 40  # left of a panel, for numbers; px


@dataclass(frozen=True)
class Panel:
    """One quantity: what it is called, and a line for each thing that was measured, all of one length."""

    heading: str
    lines: Mapping[str, np.ndarray]


def draw_chart(panels: Sequence[Panel], steps: Sequence[str], *, title: str, footer: str) -> Figure:
    """The page of all panels, whose steps go to the right and values from 0 (or below) to 1 upwards."""
    names = list(panels[0].lines)
    width = min(max(NARROWEST, STEP * (len(steps) - 1)), WIDEST)
    lefts = [style.MARGIN + GUTTER + i * (width + GUTTER + BETWEEN) for i in range(len(panels))]
    legend = lefts[-1] + width + BETWEEN
    upright = max(text_width(step, style.SMALL) for step in steps) + 8 > width / max(1, len(steps) - 1)
    below = (
        min(NAME_ROOM, max(text_width(s, style.SMALL) for s in steps)) if upright else line_height(style.SMALL)
    ) + 8
    right = legend + 36 + max(text_width(name, style.HEADING) for name in names)
    inner = max(right - style.MARGIN, words_width(title, footer))
    top = style.MARGIN + line_height(style.TITLE) + 16 + line_height(style.HEADING) + 8
    bottom = top + HEIGHT + below + 14
    page, low = framed(inner, bottom, title, footer), _lowest(panels)
    for panel, left in zip(panels, lefts, strict=True):
        page.write((left, top - line_height(style.HEADING) - 8), panel.heading, style.HEADING)
        _draw_panel(page, panel, (left, top, width, HEIGHT), steps, low, upright)
    for number, name in enumerate(names):
        y = top + number * (line_height(style.HEADING) + 6)
        page.plot((legend, legend + 24), [y + line_height(style.HEADING) / 2] * 2, **_look(number))
        page.write((legend + 36, y), name, style.HEADING)
    return page.finish()


def _draw_panel(
    page: Page, panel: Panel, box: tuple[int, int, int, int], steps: Sequence[str], low: float, upright: bool
) -> None:
    axes = page.axes(box)
    axes.axhline(0, color=style.ZERO, lw=points(1))
    for number, values in enumerate(panel.lines.values()):
        axes.plot(values, clip_on=False, **_look(number))
    pace = max(1, -(-line_height(style.SMALL) * (len(steps) - 1) // box[2])) if upright else 1
    shown = range(0, len(steps), pace)
    axes.set(ylim=(low - 0.02, 1.02), yticks=np.arange(low, 1.01, 0.25), xlim=(-0.02, max(1, len(steps) - 1) + 0.02))
    axes.set_xticks(shown, [shorten(steps[i], NAME_ROOM, style.SMALL) for i in shown], rotation=90 if upright else 0)
    axes.grid(visible=False, axis="x")
    axes.spines[:].set_visible(False)


def _look(number: int) -> dict[str, Any]:
    """How one line is drawn: more lines than colours get dots."""
    marker = "o" if number >= len(style.COLOURS) else ""
    return {
        "color": style.COLOURS[number % len(style.COLOURS)],
        "lw": points(2),
        "marker": marker,
        "markersize": points(6),
    }


def _lowest(panels: Sequence[Panel]) -> float:
    """The lower end of the scale that all panels share: 0, or as many quarters below as are needed."""
    least = min(float(np.nanmin(line)) for panel in panels for line in panel.lines.values())
    return min(0.0, float(np.floor(least * 4 + 1e-6)) / 4)
