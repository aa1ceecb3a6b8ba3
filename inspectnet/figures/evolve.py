"""The evolution of layers: a block for each, in it a row for each map and a column for each epoch.

As in Fig. 4 of Zeiler & Fergus 2014.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import Page, Pixels, Worded, framed, scaled, words_width
from inspectnet.figures.style import line_height, text_width

SIDE = 64  # of a tile, px at most
GAP, JUMP = 7, 3  # px between tiles, and of the bar in between that marks a jump
BETWEEN = 28  # px between blocks


@dataclass(frozen=True)
class Block:
    """One layer: a row for each map, whose number is in `names`, with a tile [H, W, 3] for each epoch."""

    heading: str
    names: Sequence[str]
    tiles: Sequence[Sequence[Pixels | Worded]]
    jumps: np.ndarray
    """(rows, epochs) bool: before which tiles a jump is marked."""


def draw_evolution(blocks: Sequence[Block], epochs: Sequence[str], *, title: str, footer: str) -> Figure:
    """The page of all blocks, side by side as the page has room; the footer says what the mark of jumps means."""
    beside = max(text_width(name, style.SMALL) for block in blocks for name in block.names or [""]) + 8
    width = beside + len(epochs) * (SIDE + GAP) - GAP
    heights = [line_height(style.HEADING) + line_height(style.SMALL) + 8 + len(b.tiles) * (SIDE + GAP) for b in blocks]
    columns = _columns(len(blocks), width, max(heights))
    lines = [max(heights[i : i + columns]) + BETWEEN // 2 for i in range(0, len(blocks), columns)]
    inner = max(columns * (width + BETWEEN) - BETWEEN, JUMP + GAP + words_width(title, footer))
    top = style.MARGIN + line_height(style.TITLE) + BETWEEN // 2
    bottom = top + sum(lines)
    page = framed(inner, bottom, title, footer, indent=JUMP + GAP)
    for number, block in enumerate(blocks):
        line, column = divmod(number, columns)
        _draw_block(page, block, epochs, (style.MARGIN + column * (width + BETWEEN), top + sum(lines[:line])), beside)
    page.fill((style.MARGIN, bottom, JUMP, line_height(style.SMALL)), style.MARKED)
    return page.finish()


def _columns(count: int, width: int, height: int) -> int:
    """How many blocks stand side by side: the fewest of which the page is wider than high, about 4 to 3."""
    for columns in range(1, count):
        if columns * width >= 4 / 3 * -(-count // columns) * height:
            return columns
    return count


def _draw_block(page: Page, block: Block, epochs: Sequence[str], corner: tuple[int, int], beside: int) -> None:
    left, top = corner[0] + beside, corner[1]
    page.write((left, top), block.heading, style.HEADING)
    first = top + line_height(style.HEADING) + 4
    for place, epoch in enumerate(epochs):
        page.write((left + place * (SIDE + GAP) + SIDE / 2, first), epoch, style.SMALL, style.FOOTER_INK, at="center")
    first += line_height(style.SMALL) + 4
    for number, (name, tiles) in enumerate(zip(block.names, block.tiles, strict=True)):
        y = first + number * (SIDE + GAP)
        page.write(
            (left - 8, y + (SIDE - line_height(style.SMALL)) / 2), name, style.SMALL, style.FOOTER_INK, at="right"
        )
        for place, pixels in enumerate(tiles):
            x = left + place * (SIDE + GAP)
            size = scaled((pixels.shape[1], pixels.shape[0]), SIDE)
            page.show(pixels, (x + (SIDE - size[0]) // 2, y + (SIDE - size[1]) // 2), size)
            if block.jumps[number, place]:
                page.fill((x - GAP + (GAP - JUMP) // 2, y, JUMP, SIDE), style.MARKED)
