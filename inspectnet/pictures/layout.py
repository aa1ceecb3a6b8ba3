"""Where everything on a page goes, computed before anything is drawn.

A page is a title, perhaps some large pictures side by side, then blocks in columns, then a footer. A block is
a caption above two near-square grids of equal tiles: projections on the left, image patches on the right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from inspectnet.pictures.lettering import line_height, text_width

MARGIN = 24  # around the page, px
GAP = 2  # between the tiles of a grid
MIDDLE = 8  # between the two grids of a block
BETWEEN = 28  # between blocks, and between pictures
BELOW_TEXT = 4  # between a caption and what it names
CAPTION, LARGEST_CAPTION = 13, 22  # letters, px: they grow with the blocks
CAPTION_ROOM = 240  # a block of small tiles gets wider for its caption, up to here
TEXT_ROOM = 1000  # a narrow page gets wider for its title and footer, up to here

TILE = 120  # the largest side of a tile that is chosen for the reader
SMALLEST_TILE = 24
PAGE_PIXELS = 24_000_000  # tiles shrink until all blocks fit in here: what viewers open at ease
ASPECT = 4 / 3  # width to height of a good page
BLANK_COST = 0.4  # of a last row that is all but empty, in units of log(width / height) off ASPECT


class Box(NamedTuple):
    """A rectangle of pixels; right and bottom are the first outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Contents:
    """What a page has to hold; sizes are (width, height) in pixels, as drawn."""

    title: str
    footer: str
    captions: Sequence[str]
    """One for each block."""
    tiles: int
    """Places in each of the two grids of a block."""
    tile: tuple[int, int]
    pictures: Sequence[tuple[int, int]] = ()
    message: str = ""
    """What stands where there is no block."""

    @property
    def grid(self) -> tuple[int, int]:
        """The size of one of the two grids of a block."""
        across, down = near_square(self.tiles)
        return across * (self.tile[0] + GAP) - GAP, down * (self.tile[1] + GAP) - GAP

    @property
    def caption_letters(self) -> int:
        """The size of the letters above a block."""
        return min(max(CAPTION, self.grid[0] // 16), LARGEST_CAPTION)

    @cached_property
    def block(self) -> tuple[int, int]:
        """The size of one block, its caption included."""
        words = max((text_width(caption, self.caption_letters) for caption in self.captions), default=0)
        width = max(2 * self.grid[0] + MIDDLE, min(words, CAPTION_ROOM))
        return width, line_height(self.caption_letters) + BELOW_TEXT + self.grid[1]

    @cached_property
    def head(self) -> tuple[int, int]:
        """The size of the row of pictures, captions and the space below included; (0, 0) without pictures."""
        if not self.pictures:
            return 0, 0
        across = sum(width + BETWEEN for width, _ in self.pictures) - BETWEEN
        tallest = max(height for _, height in self.pictures)
        return across, line_height(CAPTION) + BELOW_TEXT + tallest + BETWEEN


@dataclass(frozen=True)
class Layout:
    """The place of every part of a page."""

    size: tuple[int, int]
    title: Box
    title_letters: int
    picture_captions: tuple[Box, ...]
    pictures: tuple[Box, ...]
    captions: tuple[Box, ...]
    projections: tuple[tuple[Box, ...], ...]
    """For each block the places of its grid, row by row."""
    patches: tuple[tuple[Box, ...], ...]
    message: Box
    footer: Box
    footer_letters: int


def near_square(count: int) -> tuple[int, int]:
    """The grid (across, down) that holds `count` tiles and is as square as can be: 9 is 3x3, 5 is 3x2."""
    across = math.ceil(math.sqrt(max(count, 1)))
    return across, math.ceil(max(count, 1) / across)


def scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(width, height) at most `side` long: small tiles enlarged by a whole factor, large ones reduced."""
    longest = max(size)
    factor = side // longest if longest <= side else side / longest
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def tile_size(size: tuple[int, int], blocks: int, tiles: int) -> tuple[int, int]:
    """(width, height) at which a tile is drawn on a page of that many blocks, so that it stays readable."""
    for side in range(TILE, SMALLEST_TILE, -4):
        drawn = scaled(size, side)
        width, height = Contents("", "", (), tiles, drawn).block
        if blocks * (width + BETWEEN) * (height + BETWEEN) <= PAGE_PIXELS:
            return drawn
    return scaled(size, SMALLEST_TILE)


def lay_out(contents: Contents, columns: int | None = None) -> Layout:
    """The layout of a page; without `columns` their number is chosen to fill the page and its last row."""
    count = len(contents.captions)
    columns = min(columns or _good_columns(contents), max(count, 1))
    body_width, body_height = _body(contents, columns)
    title_letters, footer_letters = _letters(body_width)
    words = max(text_width(contents.title, title_letters), text_width(contents.footer, footer_letters))
    inner = max(body_width, min(words, TEXT_ROOM))

    title = Box(MARGIN, MARGIN, MARGIN + inner, MARGIN + line_height(title_letters))
    head_top = title.bottom + BETWEEN // 2
    picture_captions, pictures = _place_pictures(contents, head_top)
    body_top = head_top + contents.head[1]
    captions, projections, patches = _place_blocks(contents, columns, body_top)
    footer_top = head_top + body_height + BETWEEN
    footer = Box(MARGIN, footer_top, MARGIN + inner, footer_top + line_height(footer_letters))
    return Layout(
        size=(inner + 2 * MARGIN, footer.bottom + MARGIN),
        title=title,
        title_letters=title_letters,
        picture_captions=picture_captions,
        pictures=pictures,
        captions=captions,
        projections=projections,
        patches=patches,
        message=Box(MARGIN, body_top, MARGIN + inner, body_top + line_height(CAPTION)),
        footer=footer,
        footer_letters=footer_letters,
    )


def _letters(width: int) -> tuple[int, int]:
    """Letter sizes of title and footer: they grow with the page, which is looked at as a whole."""
    return min(max(20, width // 50), 44), min(max(12, width // 90), 24)


def _body(contents: Contents, columns: int) -> tuple[int, int]:
    """The size of all between title and footer."""
    width, height = contents.head
    count = len(contents.captions)
    if not count:
        return max(width, text_width(contents.message, CAPTION)), height + line_height(CAPTION)
    block_width, block_height = contents.block
    rows = math.ceil(count / columns)
    across = columns * (block_width + BETWEEN) - BETWEEN
    return max(width, across), height + rows * (block_height + BETWEEN) - BETWEEN


def _good_columns(contents: Contents) -> int:
    def cost(columns: int) -> float:
        width, height = _body(contents, columns)
        blank = -len(contents.captions) % columns
        return abs(math.log(width / height / ASPECT)) + BLANK_COST * blank / columns

    return min(range(1, len(contents.captions) + 1), key=cost, default=1)


def _place_pictures(contents: Contents, top: int) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    captions, pictures, left = [], [], MARGIN
    for width, height in contents.pictures:
        captions.append(Box(left, top, left + width, top + line_height(CAPTION)))
        below = captions[-1].bottom + BELOW_TEXT
        pictures.append(Box(left, below, left + width, below + height))
        left += width + BETWEEN
    return tuple(captions), tuple(pictures)


def _place_blocks(
    contents: Contents, columns: int, top: int
) -> tuple[tuple[Box, ...], tuple[tuple[Box, ...], ...], tuple[tuple[Box, ...], ...]]:
    width, height = contents.block
    captions, projections, patches = [], [], []
    for number in range(len(contents.captions)):
        row, column = divmod(number, columns)
        left, upper = MARGIN + column * (width + BETWEEN), top + row * (height + BETWEEN)
        captions.append(Box(left, upper, left + width, upper + line_height(contents.caption_letters)))
        below = captions[-1].bottom + BELOW_TEXT
        projections.append(_place_tiles(contents, left, below))
        patches.append(_place_tiles(contents, left + contents.grid[0] + MIDDLE, below))
    return tuple(captions), tuple(projections), tuple(patches)


def _place_tiles(contents: Contents, left: int, top: int) -> tuple[Box, ...]:
    across, _ = near_square(contents.tiles)
    width, height = contents.tile
    corners = (divmod(number, across) for number in range(contents.tiles))
    places = ((left + column * (width + GAP), top + row * (height + GAP)) for row, column in corners)
    return tuple(Box(x, y, x + width, y + height) for x, y in places)
