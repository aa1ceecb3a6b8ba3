"""Page: a white figure measured in pixels from its top left corner.

Pictures are gathered in one array, which is drawn once: a page of three hundred tiles costs no more than one of three.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray
from PIL import Image

from inspectnet.figures import style
from inspectnet.figures.encoding import FORMATS, encode, metadata_of
from inspectnet.figures.style import line_height, one_line, points, shorten, text_width

LINE_GAP = 4  # between the lines of a footer, px
CRISP = 0.8  # of the side that is asked for: a picture may be so small if its pixels are then whole squares

Pixels = NDArray[np.uint8]
"""(H, W, 3) of 0..255."""


@dataclass(frozen=True)
class Worded:
    """A picture that has to say something of itself, such as why there is nothing to be seen."""

    pixels: Pixels
    words: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pixels: (H, W, 3)."""
        return self.pixels.shape


class NotebookFigure(Figure):
    """A figure that a notebook shows where it is the last value of a cell, and whose files tell what made it."""

    told: Mapping[str, object] = MappingProxyType({})
    """What made it."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write a file as matplotlib does, with what made it in its metadata, unless that is said."""
        form = options.get("format") or Path(str(getattr(fname, "name", fname))).suffix[1:].lower() or "png"
        if self.told and "metadata" not in options and form in FORMATS:
            options["metadata"] = metadata_of(form, self.told)
        super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        return encode(self, "png", self.told)


class Picture(AxesImage):
    """An RGB image that fills its axes; where its pixels are those of the figure, they are taken as they are.

    Matplotlib would resample them all, to the same numbers, which takes most of the time of a page.
    """

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        """The RGBA pixels from the bottom up, and where they go, as matplotlib draws them."""
        pixels, box = np.asarray(self.get_array(), np.uint8), self.axes.bbox
        if unsampled or magnification != 1 or (box.height, box.width) != pixels.shape[:2]:
            return super().make_image(renderer, magnification, unsampled)
        opaque = np.full((*pixels.shape[:2], 4), 255, np.uint8)
        opaque[..., :3] = pixels[::-1]
        return opaque, box.x0, box.y0, IdentityTransform()


class Page:
    """A page of width x height pixels that pictures, words and axes are put on."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = NotebookFigure(figsize=(width / style.DPI, height / style.DPI), dpi=style.DPI, facecolor="white")
        self._canvas = np.full((height, width, 3), style.PAPER, np.uint8)
        self._paper = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self._paper.set_axis_off()
        self.footer: list[tuple[tuple[float, float], str, float, float]] = []
        """Place, text, size and room of lines that are written at the end."""

    def write(
        self,
        place: tuple[float, float],
        text: str,
        size: float,
        ink: str = style.CAPTION_INK,
        *,
        room: float | None = None,
        at: str = "left",
        upright: bool = False,
    ) -> None:
        """Write a line below (x, y), left of it (at="right") or around it ("center"); shortened to `room` pixels.

        upright: from the bottom upwards, and y is its lower end.
        """
        text = text if room is None else shorten(text, room, size)
        text = one_line(text)
        line = self._paper.text(*place, text, fontsize=points(size), color=ink, family=style.faces(text))
        line.set_parse_math(False)  # a dollar begins no formula
        if upright:
            line.set(rotation=90, va="bottom", ha="center")
        else:
            line.set(va="top", ha=at)

    def show(self, picture: Pixels | Worded, place: tuple[int, int], size: tuple[int, int] | None = None) -> None:
        """Put a picture with its top left corner at (x, y), in its own size or as large as `size` (width, height)."""
        pixels = picture.pixels if isinstance(picture, Worded) else picture
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, "a picture is uint8 [H,W,3]"
        drawn = pixels if size is None else resize(pixels, size)
        x, y = place
        self._canvas[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn
        if isinstance(picture, Worded):
            self._write_into((x, y, drawn.shape[1], drawn.shape[0]), picture.words)

    def _write_into(self, box: tuple[int, int, int, int], words: str) -> None:
        """Write words into the middle of the rectangle left, top, width, height, in as many lines as they take."""
        size = min(style.SMALL, max(box[2] / 6, 6))
        lines = textwrap.wrap(words, max(int(box[2] / (0.6 * size)), 4))
        top = box[1] + (box[3] - len(lines) * line_height(size)) / 2
        for number, line in enumerate(lines):
            place = (box[0] + box[2] / 2, top + number * line_height(size))
            self.write(place, line, size, "white", room=box[2], at="center")

    def fill(self, box: tuple[float, float, float, float], colour: str) -> None:
        """Fill the rectangle left, top, width, height."""
        self._paper.add_patch(Rectangle(box[:2], box[2], box[3], facecolor=colour, edgecolor="none"))

    def outline(self, box: tuple[float, float, float, float], colour: str, width: float = 1) -> None:
        """Outline the rectangle left, top, width, height inside of its edge, with a line of that width, px."""
        corner, inner = (box[0] + width / 2, box[1] + width / 2), (box[2] - width, box[3] - width)
        # snapping would move lines that lie exactly between two pixels to either side
        self._paper.add_patch(Rectangle(corner, *inner, fill=False, edgecolor=colour, lw=points(width), snap=False))

    def frame(self, box: tuple[float, float, float, float]) -> None:
        """Outline a part of a photo: white with black at both sides, to be seen on anything."""
        left, top, width, height = box
        self.outline(box, "black", 3)
        self.outline((left + 1, top + 1, width - 2, height - 2), "white", 1)

    def plot(self, x: Sequence[float], y: Sequence[float], **look: Any) -> None:
        """Draw a line or points in pixels of the page, as a legend shows them; `look` is matplotlib's."""
        self._paper.plot(x, y, **look)

    def axes(self, box: tuple[float, float, float, float]) -> Axes:
        """Axes whose frame is the rectangle left, top, width, height, in the common look; labels stand outside."""
        left, top, width, height = box
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place)
        axes.grid(color=style.GRID, lw=points(1))
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set(color=style.FOOTER_INK, lw=points(1))
        axes.tick_params(
            color=style.FOOTER_INK,
            labelcolor=style.FOOTER_INK,
            labelsize=points(style.SMALL),
            labelfontfamily=style.FACE,
            length=0,
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
        return axes

    def finish(self) -> Figure:
        """The figure, its pictures drawn as one."""
        for place, line, size, room in self.footer:
            self.write(place, line, size, style.FOOTER_INK, room=room)
        picture = Picture(self._paper, extent=(0, self.width, self.height, 0), interpolation="none", zorder=0)
        picture.set_data(self._canvas)
        self._paper.add_image(picture)
        return self.figure


def framed(
    inner: float,
    bottom: float,
    title: str,
    footer: str | Sequence[str],
    letters: tuple[float, float] = (style.TITLE, style.SMALL),
    indent: int = 0,
    below: int = 0,
) -> Page:
    """A page `inner` px wide between its margins, with its title at the top and its footer's lines from `bottom` on.

    letters: the sizes of both. indent: where the footer begins, as behind the mark that it explains. below:
    room under the footer, px.
    """
    lines = [footer] if isinstance(footer, str) else footer
    step = line_height(letters[1]) + LINE_GAP
    page = Page(
        math.ceil(inner) + 2 * style.MARGIN, math.ceil(bottom) + len(lines) * step - LINE_GAP + below + style.MARGIN
    )
    page.write((style.MARGIN, style.MARGIN), title, letters[0], style.TITLE_INK, room=inner)
    for number, line in enumerate(lines):  # the last that is read
        place = (style.MARGIN + indent, bottom + number * step)
        page.footer.append((place, line, letters[1], inner - indent))
    return page


def words_width(title: str, footer: str, letters: tuple[float, float] = (style.TITLE, style.SMALL)) -> int:
    """How wide a page is made for its title and footer, px: as wide as they are, up to style.TEXT_ROOM."""
    return min(max(text_width(title, letters[0]), text_width(footer, letters[1])), style.TEXT_ROOM)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture as (width, height). Enlarged pixels stay squares: nothing is shown that the network did not say.

    Where they cannot be of whole pixels their edges are mixed.
    """
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    larger = width <= size[0]
    if larger:
        pixels = pixels.repeat(-(-size[1] // height), 0).repeat(-(-size[0] // width), 1)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    way = Image.Resampling.BOX if larger else Image.Resampling.LANCZOS
    return np.asarray(picture.resize(size, way, reducing_gap=3))  # 3 looks the same as none, but is fast


def scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(width, height) that is `side` long, or somewhat less if small pictures are then enlarged by a whole factor."""
    factor = side / max(size)
    factor = math.floor(factor) if math.floor(factor) >= CRISP * factor else factor
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
