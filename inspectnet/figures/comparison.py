"""The comparison: one photo a row, and beside it what several methods make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.heat import colour_bar
from inspectnet.figures.page import Pixels, Worded, framed, scaled
from inspectnet.figures.style import line_height, text_width
from inspectnet.geometry import Box

SIDE = 240  # of a picture as drawn, px at most
NARROWEST = 160  # of a column, if its heading needs it, px
GAP, BETWEEN, BELOW_HEADINGS = 8, 18, 8  # between pictures, between rows, below headings; px
BAR = (150, 12)  # the colour bar, px


@dataclass(frozen=True)
class Row:
    """One photo and what was made of it: as many pictures [H,W,3] of one size as the page has headings."""

    caption: str
    pictures: Sequence[Pixels | Worded]
    window: Box | None = None
    """The part of the first picture that the others show, outlined in it; then it may be of another size."""


def draw_comparison(rows: Sequence[Row], headings: Sequence[str], *, title: str, footer: str, heat: str = "") -> Figure:
    """The page of all rows under the headings of their columns; `heat` says what the colours mean, beside a bar."""
    size = scaled((rows[0].pictures[-1].shape[1], rows[0].pictures[-1].shape[0]), SIDE)
    column = max(size[0], min(max(text_width(heading, style.HEADING) for heading in headings), NARROWEST))
    lines = [(title, style.TITLE), (footer, style.SMALL), *((row.caption, style.HEADING) for row in rows)]
    words = min(max(text_width(text, letters) for text, letters in lines), style.TEXT_ROOM)
    legend = BAR[0] + GAP + text_width(heat, style.SMALL) if heat else 0
    inner = max(len(headings) * (column + GAP) - GAP, words, legend)
    step = line_height(style.HEADING) + 4 + size[1] + BETWEEN
    top = style.MARGIN + line_height(style.TITLE) + BETWEEN
    first = top + line_height(style.HEADING) + BELOW_HEADINGS
    bottom = first + len(rows) * step
    page = framed(inner, bottom, title, footer, below=line_height(style.SMALL) + 6 if heat else 0)
    for number, heading in enumerate(headings):
        page.write((style.MARGIN + number * (column + GAP), top), heading, style.HEADING, style.TITLE_INK, room=column)
    for line, row in enumerate(rows):
        y = first + line * step
        page.write((style.MARGIN, y), row.caption, style.HEADING, room=inner)
        y += line_height(style.HEADING) + 4
        for number, pixels in enumerate(row.pictures):
            whole = row.window is not None and number == 0
            fits = scaled((pixels.shape[1], pixels.shape[0]), max(size)) if whole else size
            page.show(pixels, (style.MARGIN + number * (column + GAP), y), fits)
            if row.window is not None and whole:
                left, upper, right, lower = (fits[0] / pixels.shape[1] * side for side in row.window)
                page.frame((style.MARGIN + left, y + upper, right - left, lower - upper))
    if heat:
        below = bottom + line_height(style.SMALL) + 6
        page.show(colour_bar(*BAR), (style.MARGIN, below + (line_height(style.SMALL) - BAR[1]) // 2))
        page.write((style.MARGIN + BAR[0] + GAP, below), heat, style.SMALL, style.FOOTER_INK)
    return page.finish()
