"""The chart: lines over steps that have names, several panels side by side, one legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK
from inspectnet.pictures.layout import MARGIN, TEXT_ROOM
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

# Okabe & Ito 2008: told apart by the colour-blind too. More lines than colours get dots on theirs.
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (0, 0, 0))
GRID, ZERO = (225, 225, 225), (150, 150, 150)
HEIGHT, STEP = 300, 16  # of a panel, between two steps; px
NARROWEST, WIDEST = 300, 640  # panels, px
TITLE, HEADING, SMALL = 20, 15, 13  # letters, px
BETWEEN = 36  # panels, px
FINE = 4  # lines are drawn so many times larger, then reduced
NAME_ROOM = 110  # px for the name of a step


@dataclass(frozen=True)
class Panel:
    """One quantity: what it is called, and a line for each thing that was measured, all of one length."""

    heading: str
    lines: Mapping[str, np.ndarray]


def draw_chart(panels: Sequence[Panel], steps: Sequence[str], *, title: str, footer: str) -> Image.Image:
    """The page of all panels, whose steps go to the right and values from 0 (or below) to 1 upwards."""
    names = list(panels[0].lines)
    width = min(max(NARROWEST, STEP * (len(steps) - 1)), WIDEST)
    beside = text_width("-0.5", SMALL) + 8
    left_of = [MARGIN + beside + i * (width + beside + BETWEEN) for i in range(len(panels))]
    legend = left_of[-1] + width + BETWEEN
    longest = min(NAME_ROOM, max(text_width(step, SMALL) for step in steps))
    below = (line_height(SMALL) if _fit(steps, width) else longest) + 8
    right = legend + 30 + max(text_width(name, HEADING) for name in names)
    inner = max(right - MARGIN, min(max(text_width(title, TITLE), text_width(footer, SMALL)), TEXT_ROOM))
    top = MARGIN + line_height(TITLE) + 16 + line_height(HEADING) + 8
    size = (inner + 2 * MARGIN, top + HEIGHT + below + 14 + line_height(SMALL) + MARGIN)
    page = Image.new("RGB", size, PAPER)
    draw, low = ImageDraw.Draw(page), _lowest(panels)
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    for panel, left in zip(panels, left_of, strict=True):
        write(draw, (left, top - line_height(HEADING) - 8), panel.heading, HEADING, CAPTION_INK)
        page.paste(_plot(panel, width, low), (left, top))
        _letter_axes(page, draw, (left, top), steps, (width, low))
    for i, name in enumerate(names):
        y = top + i * (line_height(HEADING) + 6)
        page.paste(_plot_line(np.zeros(2), 24, line_height(HEADING), (-1, 1), i), (legend, y))
        write(draw, (legend + 30, y), name, HEADING, CAPTION_INK)
    below_all = (MARGIN, size[1] - MARGIN - line_height(SMALL))
    write(draw, below_all, shorten(footer, inner, SMALL), SMALL, FOOTER_INK)
    return page


def _lowest(panels: Sequence[Panel]) -> float:
    """The lower end of the scale that all panels share: 0, or as many quarters below as are needed."""
    least = min(float(line.min()) for panel in panels for line in panel.lines.values())
    return min(0.0, float(np.floor(least * 4 + 1e-6)) / 4)


def _plot(panel: Panel, width: int, low: float) -> Image.Image:
    """The lines of a panel over its grid."""
    plot = Image.new("RGB", (FINE * width, FINE * HEIGHT), PAPER)
    draw = ImageDraw.Draw(plot)
    for mark in _marks(low):
        y = FINE * _height(mark, (low, 1))
        draw.line((0, y, FINE * width, y), fill=ZERO if mark == 0 else GRID, width=FINE)
    for number, line in enumerate(panel.lines.values()):
        _draw_line(draw, line, (FINE * width, FINE * HEIGHT), (low, 1), number)
    return plot.resize((width, HEIGHT), Image.Resampling.BOX)


def _plot_line(values: np.ndarray, width: int, height: int, ends: tuple[float, float], number: int) -> Image.Image:
    """One line alone, for the legend."""
    plot = Image.new("RGB", (FINE * width, FINE * height), PAPER)
    _draw_line(ImageDraw.Draw(plot), values, plot.size, ends, number)
    return plot.resize((width, height), Image.Resampling.BOX)


def _draw_line(
    draw: ImageDraw.ImageDraw, values: np.ndarray, size: tuple[int, int], ends: tuple[float, float], number: int
) -> None:
    colour = COLOURS[number % len(COLOURS)]
    across = np.linspace(0, size[0] - 1, len(values))
    points = [(float(x), _height(y, ends, size[1])) for x, y in zip(across, values, strict=True)]
    draw.line(points, fill=colour, width=2 * FINE, joint="curve")
    if number >= len(COLOURS):
        for x, y in points:
            draw.ellipse((x - 3 * FINE, y - 3 * FINE, x + 3 * FINE, y + 3 * FINE), fill=colour)


def _height(value: float, ends: tuple[float, float], extent: int = HEIGHT) -> float:
    """Pixels from the top at which a value stands; half a line of room at both ends."""
    low, high = ends
    room = extent / 75
    return room + (extent - 2 * room) * (high - float(value)) / (high - low)


def _fit(steps: Sequence[str], width: int) -> bool:
    """Whether the names of the steps have room side by side, as epochs do."""
    return max(text_width(step, SMALL) for step in steps) + 8 <= width / max(1, len(steps) - 1)


def _marks(low: float) -> list[float]:
    return [float(mark) for mark in np.arange(low, 1.01, 0.25)]


def _letter_axes(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    steps: Sequence[str],
    scale: tuple[int, float],
) -> None:
    """The values at the left, each second one; the names of the steps below, as many as have room."""
    (left, top), (width, low) = corner, scale
    for mark in _marks(low):
        if (mark * 2) % 1 == 0:
            text = f"{mark:g}"
            y = top + round(_height(mark, (low, 1))) - line_height(SMALL) // 2
            write(draw, (left - 8 - text_width(text, SMALL), y), text, SMALL, FOOTER_INK)
    pace = max(1, -(-line_height(SMALL) * (len(steps) - 1) // width))
    for number in range(0, len(steps), pace):
        text = shorten(steps[number], NAME_ROOM, SMALL)
        name = Image.new("RGB", (max(1, text_width(text, SMALL)), line_height(SMALL)), PAPER)
        write(ImageDraw.Draw(name), (0, 0), text, SMALL, FOOTER_INK)
        name = name if _fit(steps, width) else name.transpose(Image.Transpose.ROTATE_90)
        x = left + round(number * (width - 1) / max(1, len(steps) - 1)) - name.width // 2
        page.paste(name, (x, top + HEIGHT + 8))
