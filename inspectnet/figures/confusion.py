"""The confusion of classes: a square for each pair of them, the darker the more of the one are taken for the other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import framed, words_width
from inspectnet.figures.style import line_height, text_width

MOST_NAMES = 40  # classes that are named beside the matrix; more would not be read
NAME_ROOM = 220  # px
GAP = 8  # between a name and the matrix
SIDE = 960  # of the whole matrix, px, if its squares are not smaller than a pixel or larger than a line of text
FRAME = "#c8c8c8"


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
