"""The comparison: one photo a row, and beside it what several methods make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK, Pixels
from inspectnet.pictures.heat import colour_bar
from inspectnet.pictures.layout import MARGIN, TEXT_ROOM, scaled
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

SIDE = 240  # of a picture as drawn, px at most
NARROWEST = 160  # of a column, if its heading needs it, px
GAP = 8  # between pictures
BETWEEN = 18  # between rows, and between a text and what follows
BELOW_HEADINGS = 12
TITLE, CAPTION, FOOTER = 20, 15, 13  # letters, px
BAR = (150, 12)  # the colour bar, px


@dataclass(frozen=True)
class Row:
    """One photo and what was made of it: as many pictures [H,W,3] of one size as the page has headings."""

    caption: str
    pictures: Sequence[Pixels]


def draw_comparison(
    rows: Sequence[Row], headings: Sequence[str], *, title: str, footer: str, heat: str = ""
) -> Image.Image:
    """The page of all rows under the headings of their columns; `heat` says what the colours mean, beside a bar."""
    size = scaled(rows[0].pictures[0].shape[1::-1], SIDE)
    column = max(size[0], min(max(text_width(heading, CAPTION) for heading in headings), NARROWEST))
    across = len(headings) * (column + GAP) - GAP
    lines = [(title, TITLE), (footer, FOOTER), *((row.caption, CAPTION) for row in rows)]
    legend = BAR[0] + GAP + text_width(heat, FOOTER) if heat else 0
    inner = max(across, min(max(text_width(text, letters) for text, letters in lines), TEXT_ROOM), legend)
    step = line_height(CAPTION) + 4 + size[1] + BETWEEN
    first = MARGIN + line_height(TITLE) + BETWEEN + line_height(CAPTION) + BELOW_HEADINGS
    bottom = first + len(rows) * step
    height = bottom + line_height(FOOTER) * (2 if heat else 1) + 6 * bool(heat) + MARGIN
    page = Image.new("RGB", (inner + 2 * MARGIN, height), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    for number, heading in enumerate(headings):
        place = (MARGIN + number * (column + GAP), first - line_height(CAPTION) - BELOW_HEADINGS)
        write(draw, place, shorten(heading, column, CAPTION), CAPTION, TITLE_INK)
    for number, row in enumerate(rows):
        _draw_row(page, draw, row, (MARGIN, first + number * step), (size, column, inner))
    write(draw, (MARGIN, bottom), shorten(footer, inner, FOOTER), FOOTER, FOOTER_INK)
    if heat:
        _draw_scale(page, draw, (MARGIN, bottom + line_height(FOOTER) + 6), heat)
    return page


def _draw_row(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    row: Row,
    corner: tuple[int, int],
    room: tuple[tuple[int, int], int, int],
) -> None:
    """The caption and the pictures of a row; room: the size of a picture, the widths of a column and of the page."""
    (left, top), (size, column, inner) = corner, room
    write(draw, corner, shorten(row.caption, inner, CAPTION), CAPTION, CAPTION_INK)
    below = top + line_height(CAPTION) + 4
    for number, pixels in enumerate(row.pictures):
        tile = Image.fromarray(np.ascontiguousarray(pixels))
        way = Image.Resampling.NEAREST if tile.width <= size[0] else Image.Resampling.LANCZOS
        page.paste(tile.resize(size, way), (left + number * (column + GAP), below))


def _draw_scale(page: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int], heat: str) -> None:
    left, top = corner
    low = (line_height(FOOTER) - BAR[1]) // 2
    page.paste(Image.fromarray(colour_bar(*BAR)), (left, top + low))
    write(draw, (left + BAR[0] + GAP, top), heat, FOOTER, FOOTER_INK)
