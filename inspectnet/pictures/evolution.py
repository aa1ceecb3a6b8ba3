"""The evolution of layers: a block for each, in it a row for each map and a column for each epoch.

As in Fig. 4 of Zeiler & Fergus 2014.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.chart import COLOURS
from inspectnet.pictures.colour import GREY
from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK, Pixels
from inspectnet.pictures.layout import MARGIN, scaled
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

SIDE = 64  # of a tile, px at most
GAP, JUMP = 7, 3  # px between tiles, and of the bar in between that marks a jump
BETWEEN = 28  # px between blocks
TITLE, HEADING, SMALL = 20, 15, 12  # letters, px
MARK = COLOURS[1]


@dataclass(frozen=True)
class Block:
    """One layer: a row for each map, whose number is in `names`, with a tile [H, W, 3] for each epoch."""

    heading: str
    names: Sequence[str]
    tiles: Sequence[Sequence[Pixels]]
    jumps: np.ndarray
    """(rows, epochs) bool: before which tiles a jump is marked."""


def draw_evolution(blocks: Sequence[Block], epochs: Sequence[str], *, title: str, footer: str) -> Image.Image:
    """The page of all blocks, side by side as the page has room; the footer says what the mark of jumps means."""
    beside = max(text_width(name, SMALL) for block in blocks for name in block.names or [""]) + 8
    width = beside + len(epochs) * (SIDE + GAP) - GAP
    heights = [line_height(HEADING) + line_height(SMALL) + 14 + len(b.tiles) * (SIDE + GAP) for b in blocks]
    columns = _columns(len(blocks), width, max(heights))
    lines = [heights[i : i + columns] for i in range(0, len(blocks), columns)]
    inner = max(columns * (width + BETWEEN) - BETWEEN, 30 + text_width(footer, SMALL))
    top = MARGIN + line_height(TITLE) + BETWEEN // 2
    bottom = top + sum(max(line) + BETWEEN // 2 for line in lines)
    page = Image.new("RGB", (inner + 2 * MARGIN, bottom + line_height(SMALL) + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    for number, block in enumerate(blocks):
        line, column = divmod(number, columns)
        upper = top + sum(max(each) + BETWEEN // 2 for each in lines[:line])
        _draw_block(page, block, epochs, (MARGIN + column * (width + BETWEEN), upper), beside)
    draw.rectangle((MARGIN, bottom, MARGIN + JUMP - 1, bottom + line_height(SMALL) - 1), fill=MARK)
    write(draw, (MARGIN + JUMP + GAP, bottom), footer, SMALL, FOOTER_INK)
    return page


def _columns(count: int, width: int, height: int) -> int:
    """How many blocks stand side by side: the fewest of which the page is wider than high, about 4 to 3."""
    for columns in range(1, count):
        if columns * width >= 4 / 3 * -(-count // columns) * height:
            return columns
    return count


def _draw_block(
    page: Image.Image, block: Block, epochs: Sequence[str], corner: tuple[int, int], beside: int
) -> None:  # fmt: skip
    (left, top), draw = corner, ImageDraw.Draw(page)
    write(draw, (left + beside, top), block.heading, HEADING, CAPTION_INK)
    first = top + line_height(HEADING) + 4
    for place, epoch in enumerate(epochs):
        x = left + beside + place * (SIDE + GAP) + (SIDE - text_width(epoch, SMALL)) // 2
        write(draw, (x, first), epoch, SMALL, FOOTER_INK)
    first += line_height(SMALL) + 4
    for number, (name, tiles) in enumerate(zip(block.names, block.tiles, strict=True)):
        y = first + number * (SIDE + GAP)
        middle = y + (SIDE - line_height(SMALL)) // 2
        write(draw, (left + beside - 8 - text_width(name, SMALL), middle), name, SMALL, FOOTER_INK)
        for place, pixels in enumerate(tiles):
            x = left + beside + place * (SIDE + GAP)
            page.paste(_tile(pixels), (x, y))
            if block.jumps[number, place]:
                bar = x - GAP + (GAP - JUMP) // 2
                draw.rectangle((bar, y, bar + JUMP - 1, y + SIDE - 1), fill=MARK)


def _tile(pixels: Pixels) -> Image.Image:
    """A tile on its square, small ones enlarged so that their pixels stay visible."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    size = (
        scaled(picture.size, SIDE) if max(picture.size) > SIDE // 2 else (SIDE, SIDE * picture.height // picture.width)
    )
    way = Image.Resampling.NEAREST if picture.width <= size[0] else Image.Resampling.LANCZOS
    square = Image.new("RGB", (SIDE, SIDE), (GREY,) * 3)
    square.paste(picture.resize(size, way), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square
