"""The confusion of classes: a square for each pair of them, the darker the more of the one are taken for the other."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK
from inspectnet.pictures.layout import CAPTION, MARGIN, TEXT_ROOM
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

MOST_NAMES = 40  # classes that are named beside the matrix; more would not be read
NAME_ROOM = 220  # px
GAP = 8  # between a name and the matrix
SIDE = 960  # of the whole matrix, px, if its squares are not smaller than a pixel or larger than a line of text
TITLE, FOOTER = 20, 12  # letters, px
FRAME = (200, 200, 200)


def draw_confusion(counts: np.ndarray, names: Sequence[str], *, title: str, footer: str) -> Image.Image:
    """The page of a confusion matrix (K, K) of counts: true classes downwards, answers to the right.

    Each row is a share of its class's images; white is none, black all of them.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = max(1, min(line_height(CAPTION) + 6, SIDE // len(counts)))
    side, beside = cell * len(counts), _room(names)
    words = max(text_width(title, TITLE), text_width(footer, FOOTER))
    inner = max(beside + side + 2, min(words, TEXT_ROOM))
    top = MARGIN + line_height(TITLE) + 12 + beside
    page = Image.new("RGB", (inner + 2 * MARGIN, top + side + 14 + line_height(FOOTER) + MARGIN), PAPER)
    draw, left = ImageDraw.Draw(page), MARGIN + beside
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    write(draw, (MARGIN, top + side + 14), shorten(footer, inner, FOOTER), FOOTER, FOOTER_INK)
    levels = np.rint(255 * (1 - share)).astype(np.uint8).repeat(cell, axis=0).repeat(cell, axis=1)
    page.paste(Image.fromarray(levels), (left, top))
    if beside:
        page.paste(_names(names, cell, beside, at_right=True), (MARGIN, top))
        above = _names(names, cell, beside, at_right=False).transpose(Image.Transpose.ROTATE_90)
        page.paste(above, (left, top - beside))
    draw.rectangle((left - 1, top - 1, left + side, top + side), outline=FRAME)
    return page


def _room(names: Sequence[str]) -> int:
    """Pixels that the longest name takes, with a gap after it; none for names that are too many."""
    if len(names) > MOST_NAMES:
        return 0
    return min(NAME_ROOM, max(text_width(name, CAPTION) for name in names)) + GAP


def _names(names: Sequence[str], cell: int, width: int, at_right: bool) -> Image.Image:
    """The names one below the other, at one end of lines of that width."""
    column = Image.new("RGB", (width, cell * len(names)), PAPER)
    draw = ImageDraw.Draw(column)
    for i, name in enumerate(names):
        text = shorten(name, width - GAP, CAPTION)
        x = width - GAP - text_width(text, CAPTION) if at_right else GAP
        write(draw, (x, i * cell + (cell - line_height(CAPTION)) // 2), text, CAPTION, CAPTION_INK)
    return column
