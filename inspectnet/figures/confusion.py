"""The confusion of classes: a square for each pair, the darker the more of the one are taken for the other; or photos.

Of classes too many for a matrix the pairs that are confused most are shown, with photos.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import Pixels, framed, scaled, words_width
from inspectnet.figures.style import line_height, text_width

MOST_NAMES = 40  # classes that are named beside the matrix; more would not be read
NAME_ROOM = 220  # px
GAP = 8  # between a name and the matrix
SIDE = 960  # of the whole matrix, px, if its squares are not smaller than a pixel or larger than a line of text
FRAME = "#c8c8c8"
PHOTO, BETWEEN = 150, 24  # the longest side of a photo of a pair, between pairs; px
ABOVE = 4  # between what is said of a pair and its photos, px
CAPTION_ROOM = 320  # a pair of few photos gets wider for what is said of it, up to here, px
ASPECT = 4 / 3  # width to height of a good page


def draw_confusion(counts: np.ndarray, names: Sequence[str], *, title: str, footer: str) -> Figure:
    """The page of a confusion matrix (K, K) of counts: true classes downwards, answers to the right.

    Each row is a share of its class's images; white is none, black all of them.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = max(1, min(line_height(style.CAPTION) + 6, SIDE // len(counts)))
    named = list(names) if len(names) <= MOST_NAMES else []
    side, beside = (
        cell * len(counts),
        min(NAME_ROOM, max((text_width(n, style.CAPTION) for n in named), default=-GAP)) + GAP,
    )
    inner = max(beside + side + 2, words_width(title, footer))
    left, top = style.MARGIN + beside, style.MARGIN + line_height(style.TITLE) + 12 + beside
    bottom = top + side + 14
    page = framed(inner, bottom, title, footer)
    levels = np.rint(255 * (1 - share)).astype(np.uint8).repeat(cell, axis=0).repeat(cell, axis=1)
    page.show(np.repeat(levels[..., None], 3, axis=2), (left, top))
    for number, name in enumerate(named):
        at = number * cell + (cell - line_height(style.CAPTION)) / 2
        page.write((left - GAP, top + at), name, style.CAPTION, room=NAME_ROOM, at="right")
        page.write((left + (number + 0.5) * cell, top - GAP), name, style.CAPTION, room=NAME_ROOM, upright=True)
    page.outline((left - 1, top - 1, side + 2, side + 2), FRAME)
    return page.finish()


@dataclass(frozen=True)
class Pair:
    """Photos [H,W,3] of one size that are of one class and were taken for another, and what is said of them."""

    caption: str
    photos: Sequence[Pixels]


def draw_pairs(pairs: Sequence[Pair], *, title: str, footer: str) -> Figure:
    """The page of some pairs of classes, each with its photos in a row; pairs stand in as many columns as suit it."""
    high, wide = pairs[0].photos[0].shape[:2]
    width, height = scaled((wide, high), PHOTO)
    most = max(len(pair.photos) for pair in pairs)
    words = max(text_width(pair.caption, style.CAPTION) for pair in pairs)
    block = max(most * (width + GAP) - GAP, min(words, CAPTION_ROOM))
    step = line_height(style.CAPTION) + ABOVE + height + BETWEEN

    def size(columns: int) -> tuple[int, int]:
        return columns * (block + BETWEEN) - BETWEEN, math.ceil(len(pairs) / columns) * step

    columns = min(range(1, len(pairs) + 1), key=lambda n: abs(math.log(size(n)[0] / size(n)[1] / ASPECT)))
    inner, tall = size(columns)
    top = style.MARGIN + line_height(style.TITLE) + BETWEEN
    page = framed(max(inner, words_width(title, footer)), top + tall, title, footer)
    for number, pair in enumerate(pairs):
        row, column = divmod(number, columns)
        left, upper = style.MARGIN + column * (block + BETWEEN), top + row * step
        page.write((left, upper), pair.caption, style.CAPTION, room=block)
        for place, photo in enumerate(pair.photos):
            page.show(
                photo, (left + place * (width + GAP), upper + line_height(style.CAPTION) + ABOVE), (width, height)
            )
    return page.finish()
