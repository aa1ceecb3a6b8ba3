"""Dots: what was measured of each thing beside what it is compared with, each with its deviation as a bar."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from inspectnet.pictures.chart import COLOURS, FINE, GRID, ZERO
from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK
from inspectnet.pictures.layout import MARGIN, TEXT_ROOM
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

WIDTH, ROW = 320, 34  # of a plot, of a line in it, px
BETWEEN, NOTE, NAME_ROOM = 36, 84, 200  # between columns; room for a note, for the name of a line, px
TITLE, HEADING, SMALL = 20, 15, 13  # letters, px
RADIUS, APART = 5, 6  # of a dot; from the middle of its line, px


@dataclass(frozen=True)
class Line:
    """One thing: its name, and for each column a (mean, deviation) of each series, and a note beside it."""

    name: str
    values: Sequence[Sequence[tuple[float, float]]]
    notes: Sequence[str]


@dataclass(frozen=True)
class Group:
    """Lines that share their scales, under a heading."""

    heading: str
    lines: Sequence[Line]


def draw_dots(
    groups: Sequence[Group], columns: Sequence[str], series: Sequence[str], *, title: str, footer: str
) -> Image.Image:
    """The page of all groups, one below the other; values go from 0 to the right, in each column on a scale of its own.

    columns: what each column measures; series: what the dots of each colour stand for.
    """
    beside = min(NAME_ROOM, max(text_width(line.name, HEADING) for group in groups for line in group.lines)) + 12
    step = WIDTH + NOTE + BETWEEN
    across = beside + len(columns) * step - BETWEEN
    inner = max(across, min(max(text_width(title, TITLE), text_width(footer, SMALL)), TEXT_ROOM))
    first = MARGIN + line_height(TITLE) + 10 + line_height(HEADING) + 18 + line_height(HEADING) + 6
    heights = [line_height(HEADING) + 12 + ROW * len(group.lines) + line_height(SMALL) + 20 for group in groups]
    bottom = first + sum(heights)
    page = Image.new("RGB", (inner + 2 * MARGIN, bottom + line_height(SMALL) + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    _draw_legend(draw, series, MARGIN + line_height(TITLE) + 10)
    for number, heading in enumerate(columns):
        write(draw, (MARGIN + beside + number * step, first - line_height(HEADING) - 6), heading, HEADING, TITLE_INK)
    top = first
    for group, height in zip(groups, heights, strict=True):
        _draw_group(page, draw, group, (MARGIN, top), beside)
        top += height
    write(draw, (MARGIN, bottom), shorten(footer, inner, SMALL), SMALL, FOOTER_INK)
    return page


def _draw_legend(draw: ImageDraw.ImageDraw, series: Sequence[str], top: int) -> None:
    left, middle = MARGIN, top + line_height(HEADING) // 2
    for number, name in enumerate(series):
        draw.ellipse((left, middle - RADIUS, left + 2 * RADIUS, middle + RADIUS), fill=COLOURS[number])
        write(draw, (left + 2 * RADIUS + 8, top), name, HEADING, CAPTION_INK)
        left += 2 * RADIUS + 8 + text_width(name, HEADING) + BETWEEN


def _draw_group(
    page: Image.Image, draw: ImageDraw.ImageDraw, group: Group, corner: tuple[int, int], beside: int
) -> None:
    left, top = corner
    heading = shorten(group.heading, page.width - 2 * MARGIN, HEADING)
    write(draw, (left, top + 6), heading, HEADING, CAPTION_INK)
    first = top + line_height(HEADING) + 12
    for row, line in enumerate(group.lines):
        y = first + row * ROW + (ROW - line_height(HEADING)) // 2
        write(draw, (left, y), shorten(line.name, beside - 12, HEADING), HEADING, CAPTION_INK)
    for column in range(len(group.lines[0].values)):
        at = left + beside + column * (WIDTH + NOTE + BETWEEN)
        high = _scale(max(mean + deviation for line in group.lines for mean, deviation in line.values[column]))
        page.paste(_plot(group, column, high), (at, first))
        for mark in (0.0, high / 2, high):
            text = f"{mark:g}"
            x = at + round(mark / high * (WIDTH - 1)) - text_width(text, SMALL) // 2
            write(draw, (x, first + ROW * len(group.lines) + 2), text, SMALL, FOOTER_INK)
        for row, line in enumerate(group.lines):
            y = first + row * ROW + (ROW - line_height(SMALL)) // 2
            write(draw, (at + WIDTH + 12, y), shorten(line.notes[column], NOTE, SMALL), SMALL, CAPTION_INK)


def _scale(largest: float) -> float:
    """The least round number, such as 0.04 or 1.2, that nothing goes beyond."""
    ladder = (float(f"{digit * 10.0**power:.6g}") for power in range(-9, 10) for digit in (1, 1.2, 1.6, 2, 3, 4, 6, 8))
    return next((step for step in ladder if step >= largest > 0), 1.0)


def _plot(group: Group, column: int, high: float) -> Image.Image:
    """The dots of one column over their grid."""
    width, height = FINE * WIDTH, FINE * ROW * len(group.lines)
    plot = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(plot)
    for mark in range(5):
        x = mark * (width - FINE) // 4
        draw.line((x, 0, x, height), fill=GRID if mark else ZERO, width=FINE)
    for row, line in enumerate(group.lines):
        for number, (mean, deviation) in enumerate(line.values[column]):
            offset = APART * (2 * number - len(line.values[column]) + 1)
            y, colour = FINE * (row * ROW + ROW // 2 + offset), COLOURS[number]
            ends = [max(0.0, n) / high * (width - FINE) for n in (mean - deviation, mean, mean + deviation)]
            draw.line((ends[0], y, ends[2], y), fill=colour, width=2 * FINE)
            reach = FINE * RADIUS
            draw.ellipse((ends[1] - reach, y - reach, ends[1] + reach, y + reach), fill=colour)
    return plot.resize((WIDTH, ROW * len(group.lines)), Image.Resampling.BOX)
