"""Columns: the same pictures of several things side by side, one thing a column, each picture with its caption."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK, Pixels
from inspectnet.pictures.layout import MARGIN, TEXT_ROOM
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

BETWEEN, BELOW = 36, 22  # between columns, below a picture, px
TITLE, HEADING, CAPTION, FOOTER = 20, 17, 14, 13  # letters, px


@dataclass(frozen=True)
class Picture:
    """A picture [H,W,3] and the lines of text above it."""

    lines: Sequence[str]
    pixels: Pixels


@dataclass(frozen=True)
class Column:
    """All pictures of one thing, from the top down."""

    heading: str
    pictures: Sequence[Picture]


def draw_columns(columns: Sequence[Column], *, title: str, footer: Sequence[str]) -> Image.Image:
    """The page of all columns, whose pictures stand in rows; texts are cut to the width of their column."""
    widths = [max(picture.pixels.shape[1] for picture in column.pictures) for column in columns]
    words = max(text_width(title, TITLE), *(text_width(line, FOOTER) for line in footer))
    inner = max(sum(widths) + BETWEEN * (len(columns) - 1), min(words, TEXT_ROOM))
    heights = [max(map(_height, row)) for row in zip(*(column.pictures for column in columns), strict=True)]
    first = MARGIN + line_height(TITLE) + 14 + line_height(HEADING) + 14
    bottom = first + sum(heights)
    page = Image.new("RGB", (inner + 2 * MARGIN, bottom + len(footer) * (line_height(FOOTER) + 4) + MARGIN), PAPER)
    draw, left = ImageDraw.Draw(page), MARGIN
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    for column, width in zip(columns, widths, strict=True):
        write(
            draw, (left, MARGIN + line_height(TITLE) + 14), shorten(column.heading, width, HEADING), HEADING, TITLE_INK
        )
        top = first
        for picture, height in zip(column.pictures, heights, strict=True):
            _draw_picture(page, draw, picture, (left, top), width)
            top += height
        left += width + BETWEEN
    for number, line in enumerate(footer):
        place = (MARGIN, bottom + number * (line_height(FOOTER) + 4))
        write(draw, place, shorten(line, inner, FOOTER), FOOTER, FOOTER_INK)
    return page


def _height(picture: Picture) -> int:
    return len(picture.lines) * (line_height(CAPTION) + 3) + 5 + len(picture.pixels) + BELOW


def _draw_picture(
    page: Image.Image, draw: ImageDraw.ImageDraw, picture: Picture, corner: tuple[int, int], width: int
) -> None:
    left, top = corner
    for line in picture.lines:
        write(draw, (left, top), shorten(line, width, CAPTION), CAPTION, CAPTION_INK)
        top += line_height(CAPTION) + 3
    page.paste(Image.fromarray(np.ascontiguousarray(picture.pixels)), (left, top + 5))
