"""Columns: the same things of several networks side by side: sheets of tiles and spectra, each with its caption."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from inspectnet.figures import style
from inspectnet.figures.gallery import near_square
from inspectnet.figures.page import Page, Pixels, Worded, framed
from inspectnet.figures.style import line_height, points, text_width

BETWEEN, BELOW, GUTTER = 36, 22, 44  # between columns, below a picture, left of axes; px
GAP, FRAME = 2, 2  # between tiles, of the frame around those that stand out; px
FLAT_COST, BLANK_COST = 0.08, 0.15  # of a tile more in a row, of an empty last row, as parts of the width


@dataclass(frozen=True)
class Sheet:
    """Tiles [h,w,3] of one size side by side, as filters are shown; numbers in `marked` get a frame."""

    tiles: Sequence[Pixels | Worded]
    marked: Collection[int] = ()

    def layout(self, width: int) -> tuple[int, tuple[int, int]]:
        """How many tiles stand in a row: nearly a square of them, or a few more that fill it better; and their size.

        Tiles are enlarged by a whole factor, so that their pixels stay squares, or reduced.
        """
        count, high, wide = len(self.tiles), int(self.tiles[0].shape[0]), int(self.tiles[0].shape[1])
        square, _ = near_square(count)

        def factor(across: int) -> float:
            room = (width + GAP) // across - GAP - 2 * FRAME
            return room // wide if wide <= room else room / wide

        def fills(across: int) -> float:
            used = across * (round(wide * factor(across)) + 2 * FRAME + GAP) / width
            return used - FLAT_COST * (across - square) - BLANK_COST * (-count % across) / across

        across = max(range(square, square + 4), key=fills)
        return across, (max(1, round(wide * factor(across))), max(1, round(high * factor(across))))

    def height(self, width: int) -> int:
        """Pixels that the sheet takes downwards."""
        across, size = self.layout(width)
        return -(-len(self.tiles) // across) * (size[1] + 2 * FRAME + GAP) - GAP

    def draw(self, page: Page, corner: tuple[int, int], width: int) -> None:
        """Put the tiles on a page, row by row from the first."""
        across, size = self.layout(width)
        for number, tile in enumerate(self.tiles):
            row, column = divmod(number, across)
            left = corner[0] + column * (size[0] + 2 * FRAME + GAP)
            top = corner[1] + row * (size[1] + 2 * FRAME + GAP)
            page.show(tile, (left + FRAME, top + FRAME), size)
            if number in self.marked:
                page.outline((left, top, size[0] + 2 * FRAME, size[1] + 2 * FRAME), style.MARKED, FRAME)


@dataclass(frozen=True)
class Spectrum:
    """Energies (F, F) in the order of fftfreq, drawn as their roots, so that faint ones show.

    Thin circles: where bands end. Blue rectangle: the frequencies (down, across) up to `nyquist`. Cycles per pixel.
    """

    energy: np.ndarray
    bands: Sequence[float]
    nyquist: tuple[float, float]

    def height(self, width: int) -> int:
        """Pixels that the spectrum takes downwards, its numbers included."""
        return width - GUTTER + line_height(style.SMALL) + 6

    def draw(self, page: Page, corner: tuple[int, int], width: int) -> None:
        """Draw it with zero in its middle."""
        side = width - GUTTER
        axes = page.axes((corner[0] + GUTTER, corner[1], side, side))
        centred = np.fft.fftshift(self.energy)
        centred = np.pad(centred, ((0, 1), (0, 1)), mode="wrap")  # -0.5 and 0.5 are one frequency: both ends show it
        edge = 0.5 + 0.5 / len(self.energy)
        extent = (-edge, edge, edge, -edge)
        axes.imshow(np.sqrt(centred), extent=extent, cmap="inferno", vmin=0, interpolation="bicubic", aspect="auto")
        for radius in self.bands:
            axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor="white", lw=points(1)))
        down, across = (min(limit, 0.5) for limit in self.nyquist)
        limit = Rectangle((-across, -down), 2 * across, 2 * down, fill=False, edgecolor=style.COLOURS[5], lw=points(3))
        axes.add_patch(limit)
        axes.set(xlim=(-0.5, 0.5), ylim=(-0.5, 0.5), xticks=np.linspace(-0.5, 0.5, 5), yticks=np.linspace(-0.5, 0.5, 5))
        axes.spines[:].set_visible(False)
        axes.grid(False)


@dataclass(frozen=True)
class Picture:
    """A sheet or a spectrum, and the lines of text above it."""

    lines: Sequence[str]
    drawing: Sheet | Spectrum


@dataclass(frozen=True)
class Column:
    """All pictures of one network, from the top down."""

    heading: str
    pictures: Sequence[Picture]


def draw_columns(columns: Sequence[Column], width: int, *, title: str, footer: Sequence[str]) -> Figure:
    """The page of all columns, each `width` px wide, whose pictures stand in rows; texts are cut to that width."""
    words = max(text_width(title, style.TITLE), max((text_width(line, style.SMALL) for line in footer), default=0))
    inner = max((width + BETWEEN) * len(columns) - BETWEEN, min(words, style.TEXT_ROOM))
    rows = itertools.zip_longest(*(column.pictures for column in columns))  # one may have fewer layers of a glob
    heights = [max(_height(picture, width) for picture in row if picture) for row in rows]
    top = style.MARGIN + line_height(style.TITLE) + 14
    first = top + line_height(style.HEADING) + 14
    bottom = first + sum(heights)
    page = framed(inner, bottom, title, footer)
    for number, column in enumerate(columns):
        left, upper = style.MARGIN + number * (width + BETWEEN), first
        page.write((left, top), column.heading, style.HEADING, style.TITLE_INK, room=width)
        for picture, height in zip(column.pictures, heights, strict=False):
            _draw_picture(page, picture, (left, upper), width)
            upper += height
    return page.finish()


def _height(picture: Picture, width: int) -> int:
    return len(picture.lines) * (line_height(style.CAPTION) + 3) + 5 + picture.drawing.height(width) + BELOW


def _draw_picture(page: Page, picture: Picture, corner: tuple[int, int], width: int) -> None:
    left, top = corner
    for line in picture.lines:
        page.write((left, top), line, style.CAPTION, style.CAPTION_INK, room=width)
        top += line_height(style.CAPTION) + 3
    picture.drawing.draw(page, (left, top + 5), width)
