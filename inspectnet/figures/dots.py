"""Dots: what was measured of each thing beside what it is compared with, each with its deviation as a bar."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import Page, framed, words_width
from inspectnet.figures.style import line_height, points, text_width

WIDTH, ROW = 320, 17  # of a plot, of a series in a line of it, px
BETWEEN, NOTE, NAME_ROOM = 36, 112, 200  # between columns; room for a note, for the name of a line, px
RADIUS, APART = 5, 12  # of a dot; between the series of a line, px


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
) -> Figure:
    """The page of all groups, one below the other; values go from 0 to the right, in each column on a scale of its own.

    columns: what each column measures; series: what the dots of each colour stand for.
    """
    beside = min(NAME_ROOM, max(text_width(line.name, style.HEADING) for group in groups for line in group.lines)) + 12
    step = WIDTH + NOTE + BETWEEN
    inner = max(beside + len(columns) * step - BETWEEN, words_width(title, footer))
    legend = style.MARGIN + line_height(style.TITLE) + 10
    top = legend + line_height(style.HEADING) + 18
    row = ROW * len(series)
    heights = [
        line_height(style.HEADING) + 12 + row * len(group.lines) + line_height(style.SMALL) + 20 for group in groups
    ]
    bottom = top + line_height(style.HEADING) + 6 + sum(heights)
    page = framed(inner, bottom, title, footer)
    _draw_legend(page, series, legend)
    for number, heading in enumerate(columns):
        page.write((style.MARGIN + beside + number * step, top), heading, style.HEADING, style.TITLE_INK)
    top += line_height(style.HEADING) + 6
    for group, height in zip(groups, heights, strict=True):
        _draw_group(page, group, top, beside, row)
        top += height
    return page.finish()


def _draw_legend(page: Page, series: Sequence[str], top: int) -> None:
    left, middle = style.MARGIN, top + line_height(style.HEADING) / 2
    for number, name in enumerate(series):
        page.plot([left + RADIUS], [middle], color=style.COLOURS[number], marker="o", markersize=points(2 * RADIUS))
        page.write((left + 2 * RADIUS + 8, top), name, style.HEADING)
        left += 2 * RADIUS + 8 + text_width(name, style.HEADING) + BETWEEN


def _draw_group(page: Page, group: Group, top: int, beside: int, height: int) -> None:
    page.write((style.MARGIN, top + 6), group.heading, style.HEADING, room=page.width - 2 * style.MARGIN)
    first = top + line_height(style.HEADING) + 12
    for row, line in enumerate(group.lines):
        y = first + row * height + (height - line_height(style.HEADING)) / 2
        page.write((style.MARGIN, y), line.name, style.HEADING, room=beside - 12)
    for column in range(len(group.lines[0].values)):
        left = style.MARGIN + beside + column * (WIDTH + NOTE + BETWEEN)
        _draw_column(page, group, column, (left, first, WIDTH, height * len(group.lines)))
        for row, line in enumerate(group.lines):
            y = first + row * height + (height - line_height(style.SMALL)) / 2
            page.write((left + WIDTH + 12, y), line.notes[column], style.SMALL, room=NOTE)


def _draw_column(page: Page, group: Group, column: int, box: tuple[int, int, int, int]) -> None:
    """The dots of one column over their grid."""
    axes = page.axes(box)
    high = _scale(max(mean + deviation for line in group.lines for mean, deviation in line.values[column]))
    for row, line in enumerate(group.lines):
        for number, (mean, deviation) in enumerate(line.values[column]):
            series = len(line.values[column])
            y, colour = row + APART / ROW * ((number + 0.5) / series - 0.5), style.COLOURS[number]
            axes.plot([max(0.0, mean - deviation), mean + deviation], [y, y], color=colour, lw=points(2))
            axes.plot([mean], [y], "o", color=colour, markersize=points(2 * RADIUS), clip_on=False)
    axes.set(xlim=(0, high), ylim=(len(group.lines) - 0.5, -0.5), yticks=[])
    axes.set_xticks([0, high / 4, high / 2, 3 * high / 4, high], ["0", "", f"{high / 2:g}", "", f"{high:g}"])
    axes.spines["bottom"].set_visible(False)


def _scale(largest: float) -> float:
    """The least round number, such as 0.04 or 1.2, that nothing goes beyond."""
    ladder = (float(f"{digit * 10.0**power:.6g}") for power in range(-9, 10) for digit in (1, 1.2, 1.6, 2, 3, 4, 6, 8))
    return next((step for step in ladder if step >= largest > 0), 1.0)
