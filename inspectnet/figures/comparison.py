"""The comparison: one photo a row, and beside it what several methods make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from inspectnet.figures.heat import colour_bar
from inspectnet.figures.page import Page, Pixels, scaled
from inspectnet.figures.style import (
    FOOTER_INK,
    HEADING,
    MARGIN,
    SMALL,
    TEXT_ROOM,
    TITLE,
    TITLE_INK,
    line_height,
    text_width,
)

SIDE = 240  # of a picture as drawn, px at most
NARROWEST = 160  # of a column, if its heading needs it, px
GAP, BETWEEN, BELOW_HEADINGS = 8, 18, 8  # between pictures, between rows, below headings; px
BAR = (150, 12)  # the colour bar, px


@dataclass(frozen=True)
class Row:
    """One photo and what was made of it: as many pictures [H,W,3] of one size as the page has headings."""

    caption: str
    pictures: Sequence[Pixels]


def draw_comparison(rows: Sequence[Row], headings: Sequence[str], *, title: str, footer: str, heat: str = "") -> Figure:
    """The page of all rows under the headings of their columns; `heat` says what the colours mean, beside a bar."""
    size = scaled(rows[0].pictures[0].shape[1::-1], SIDE)
    column = max(size[0], min(max(text_width(heading, HEADING) for heading in headings), NARROWEST))
    lines = [(title, TITLE), (footer, SMALL), *((row.caption, HEADING) for row in rows)]
    words = min(max(text_width(text, letters) for text, letters in lines), TEXT_ROOM)
    legend = BAR[0] + GAP + text_width(heat, SMALL) if heat else 0
    inner = max(len(headings) * (column + GAP) - GAP, words, legend)
    step = line_height(HEADING) + 4 + size[1] + BETWEEN
    top = MARGIN + line_height(TITLE) + BETWEEN
    first = top + line_height(HEADING) + BELOW_HEADINGS
    bottom = first + len(rows) * step
    page = Page(inner + 2 * MARGIN, bottom + line_height(SMALL) * (2 if heat else 1) + 6 * bool(heat) + MARGIN)
    page.write((MARGIN, MARGIN), title, TITLE, TITLE_INK, room=inner)
    for number, heading in enumerate(headings):
        page.write((MARGIN + number * (column + GAP), top), heading, HEADING, TITLE_INK, room=column)
    for line, row in enumerate(rows):
        y = first + line * step
        page.write((MARGIN, y), row.caption, HEADING, room=inner)
        for number, pixels in enumerate(row.pictures):
            page.show(pixels, (MARGIN + number * (column + GAP), y + line_height(HEADING) + 4), size)
    page.write((MARGIN, bottom), footer, SMALL, FOOTER_INK, room=inner)
    if heat:
        below = bottom + line_height(SMALL) + 6
        page.show(colour_bar(*BAR), (MARGIN, below + (line_height(SMALL) - BAR[1]) // 2))
        page.write((MARGIN + BAR[0] + GAP, below), heat, SMALL, FOOTER_INK)
    return page.finish()
