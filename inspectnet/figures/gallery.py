"""The gallery of a layer: for each map its projections beside the image patches that caused them.

As in Fig. 2 of Zeiler & Fergus 2014.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from inspectnet.figures import style
from inspectnet.figures.page import Page, Pixels, Worded, framed, scaled, words_width
from inspectnet.figures.style import line_height, text_width
from inspectnet.geometry import Box

PICTURE = 360  # the longest side of a large picture, px
GAP, MIDDLE, BETWEEN = 2, 8, 28  # between tiles, the two grids of a block, blocks; px
BELOW = 4  # between a caption and what it names, px
CAPTION_ROOM = 240  # a block of small tiles gets wider for its caption, up to here
TILE, SMALLEST_TILE = 120, 24  # sides of a tile that is chosen for the reader
PAGE_PIXELS = 24_000_000  # tiles shrink until all blocks fit in here: what viewers open at ease
ASPECT = 4 / 3  # width to height of a good page
BLANK_COST = 0.4  # of a last row that is all but empty, in units of log(width / height) off ASPECT


Field = tuple[str, Box]
"""What a unit is called, and what it sees of a photo, in its pixels."""


@dataclass(frozen=True)
class Block:
    """One map of a layer: what it is called, and its tiles, strongest first, all of one size [H,W,3]."""

    caption: str
    projections: Sequence[Pixels | Worded]
    patches: Sequence[Pixels]
    names: Sequence[str] = ()
    """Of the photos that the patches are from, to be written below them."""


@dataclass(frozen=True)
class Format:
    """The sizes of what stands on a page, in pixels; all blocks are alike."""

    tiles: int
    """Places in each of the two grids of a block."""
    tile: tuple[int, int]
    """(width, height) as drawn."""
    words: int = 0
    """Pixels that the longest caption takes."""
    named: bool = False
    """Whether photos are named, in a line for each row of patches."""

    @property
    def grid(self) -> tuple[int, int]:
        """The size of one of the two grids of a block."""
        across, down = near_square(self.tiles)
        return across * (self.tile[0] + GAP) - GAP, down * (self.tile[1] + GAP) - GAP

    @property
    def letters(self) -> float:
        """The size of the letters above a block: they grow with it."""
        return min(max(style.CAPTION, self.grid[0] / 18), 20)

    @property
    def head(self) -> int:
        """Above the first blocks, for what their two grids are."""
        return line_height(self.letters) + BELOW

    @property
    def block(self) -> tuple[int, int]:
        """The size of a block, its caption included."""
        width = max(2 * self.grid[0] + MIDDLE, min(self.words, CAPTION_ROOM))
        names = near_square(self.tiles)[1] * line_height(style.SMALL) + BELOW if self.named else 0
        return width, line_height(self.letters) + BELOW + self.grid[1] + names


def draw_gallery(
    blocks: Sequence[Block],
    pictures: Sequence[tuple[str, Pixels | Worded]] = (),
    *,
    title: str,
    footer: str | Sequence[str],
    fields: Sequence[Field] = (),
    nothing: str = "no map of this layer was ever active",
    columns: int | None = None,
    tile: int | None = None,
) -> Figure:
    """The page of a layer: large pictures, each with a caption, above the blocks, or above `nothing` without any.

    A block with fewer tiles than others leaves places blank. fields: outlined in the first of the large
    pictures. `tile` is the longest side of a tile as drawn, px; what is not given is chosen to suit the page.
    """
    tiles, shape = max((len(block.projections) for block in blocks), default=0), _common_shape(blocks)
    drawn = scaled(shape, tile) if tile else tile_size(shape, len(blocks), tiles)
    words = max((text_width(block.caption, style.CAPTION) for block in blocks), default=0)
    form = Format(tiles, drawn, words, any(block.names for block in blocks))
    sizes = [scaled((picture.shape[1], picture.shape[0]), PICTURE) for _, picture in pictures]
    head = (sum(w + BETWEEN for w, _ in sizes) - BETWEEN, _head_height(sizes)) if sizes else (0, 0)
    columns = min(columns or _good_columns(len(blocks), form, head), max(len(blocks), 1))
    width, height = _body(len(blocks), columns, form, head)
    large, small = min(max(18, width / 55), 40), min(max(11, width / 100), 22)  # read from as far as the page is large
    lines = [footer] if isinstance(footer, str) else footer
    inner = max(width, *(words_width(title, line, (large, small)) for line in lines))

    top = style.MARGIN + line_height(large) + BETWEEN // 2
    bottom = top + height + BETWEEN
    page = framed(inner, bottom, title, lines, (large, small))
    _draw_pictures(page, pictures, sizes, top)
    if pictures:
        _outline(page, fields, (style.MARGIN, top + line_height(style.CAPTION) + BELOW), pictures[0][1], sizes[0])
    if not blocks:
        page.write((style.MARGIN, top + head[1]), nothing, style.CAPTION)
    heads = top + head[1]
    for column in range(columns if blocks else 0):
        left = style.MARGIN + column * (form.block[0] + BETWEEN)
        for start, name in ((left, "projections"), (left + form.grid[0] + MIDDLE, "image patches")):
            page.write((start, heads), name, form.letters, style.FOOTER_INK, room=form.grid[0])
    for number, block in enumerate(blocks):
        row, column = divmod(number, columns)
        corner = (
            style.MARGIN + column * (form.block[0] + BETWEEN),
            heads + form.head + row * (form.block[1] + BETWEEN),
        )
        _draw_block(page, block, form, corner)
    return page.finish()


def near_square(count: int) -> tuple[int, int]:
    """The grid (across, down) that holds `count` tiles and is as square as can be: 9 is 3x3, 5 is 3x2."""
    across = math.ceil(math.sqrt(max(count, 1)))
    return across, math.ceil(max(count, 1) / across)


def tile_size(size: tuple[int, int], blocks: int, tiles: int) -> tuple[int, int]:
    """(width, height) at which a tile is drawn on a page of that many blocks, so that it stays readable."""
    for side in range(TILE, SMALLEST_TILE, -4):
        width, height = Format(tiles, scaled(size, side)).block
        if blocks * (width + BETWEEN) * (height + BETWEEN) <= PAGE_PIXELS:
            return scaled(size, side)
    return scaled(size, SMALLEST_TILE)


def _common_shape(blocks: Sequence[Block]) -> tuple[int, int]:
    """(width, height) of all tiles; a square where there are none."""
    for block in blocks:
        assert len(block.projections) == len(block.patches), f"{block.caption}: a tile without its partner"
    shapes = {tile.shape[:2] for block in blocks for tile in (*block.projections, *block.patches)}
    assert len(shapes) <= 1, f"tiles of several sizes on one page: {sorted(shapes)}"
    height, width = next(iter(shapes), (TILE, TILE))
    return width, height


def _head_height(sizes: Sequence[tuple[int, int]]) -> int:
    return line_height(style.CAPTION) + BELOW + max(height for _, height in sizes) + BETWEEN


def _body(blocks: int, columns: int, form: Format, head: tuple[int, int]) -> tuple[int, int]:
    """The size of all between title and footer."""
    if not blocks:
        return max(head[0], CAPTION_ROOM), head[1] + line_height(style.CAPTION)
    rows, (width, height) = math.ceil(blocks / columns), form.block
    return max(head[0], columns * (width + BETWEEN) - BETWEEN), head[1] + form.head + rows * (
        height + BETWEEN
    ) - BETWEEN


def _good_columns(blocks: int, form: Format, head: tuple[int, int]) -> int:
    """The number of columns that fills the page and its last row."""

    def cost(columns: int) -> float:
        width, height = _body(blocks, columns, form, head)
        return abs(math.log(width / height / ASPECT)) + BLANK_COST * (-blocks % columns) / columns

    return min(range(1, blocks + 1), key=cost, default=1)


def _draw_pictures(
    page: Page, pictures: Sequence[tuple[str, Pixels | Worded]], sizes: Sequence[tuple[int, int]], top: int
) -> None:
    left = style.MARGIN
    for (caption, picture), size in zip(pictures, sizes, strict=True):
        page.write((left, top), caption, style.CAPTION, room=size[0])
        page.show(picture, (left, top + line_height(style.CAPTION) + BELOW), size)
        left += size[0] + BETWEEN


def _outline(
    page: Page, fields: Sequence[Field], corner: tuple[int, int], photo: Pixels | Worded, size: tuple[int, int]
) -> None:
    """Outline the fields in a photo but those that are all of it, each with the names of its units where there is room.

    A field may reach beyond the photo.
    """
    factor, (height, width, _) = size[0] / photo.shape[1], photo.shape
    units: dict[Box, list[str]] = {}
    for name, box in fields:
        units.setdefault(box.clipped((height, width)), []).append(name)
    units.pop(Box.at(0, 0, (height, width)), None)
    named: list[tuple[float, float, float]] = []
    for box, colour in zip(units, itertools.cycle(style.COLOURS), strict=False):
        left, top, right, bottom = (factor * side for side in box)
        page.outline((corner[0] + left, corner[1] + top, right - left, bottom - top), colour, 2)
    for (box, names), colour in zip(units.items(), itertools.cycle(style.COLOURS), strict=False):
        left, top, right, bottom = (factor * side for side in box)
        text, high = ", ".join(names), line_height(style.SMALL) + 2
        wide = text_width(text, style.SMALL) + 6
        places = ((x, y) for y in (top, bottom - high) for x in np.arange(left, max(right - wide, left + 1), 4))
        free = (at for at in places if not any(abs(at[1] - y) < high and x - wide < at[0] < x + w for x, y, w in named))
        if at := next(free, None):
            named.append((*at, wide))
            page.fill((corner[0] + at[0], corner[1] + at[1], wide, high), colour)
            page.write((corner[0] + at[0] + 3, corner[1] + at[1] + 1), text, style.SMALL, "white")


def _draw_block(page: Page, block: Block, form: Format, corner: tuple[int, int]) -> None:
    (left, top), (width, height) = corner, form.tile
    page.write(corner, block.caption, form.letters, style.CAPTION_INK, room=form.block[0])
    across, down = near_square(form.tiles)
    upper = top + line_height(form.letters) + BELOW
    for start, tiles in ((left, block.projections), (left + form.grid[0] + MIDDLE, block.patches)):
        for number, tile in enumerate(tiles):
            row, column = divmod(number, across)
            page.show(tile, (start + column * (width + GAP), upper + row * (height + GAP)), form.tile)
    for row in range(down if block.names else 0):
        names = " · ".join(block.names[row * across : (row + 1) * across])
        y = upper + form.grid[1] + BELOW + row * line_height(style.SMALL)
        page.write((left, y), names, style.SMALL, style.FOOTER_INK, room=form.block[0])
