"""The page of occlusion: for each photo five panels, as in Fig. 7 of Zeiler & Fergus 2014, two of them by map."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from inspectnet.figures import style
from inspectnet.figures.page import Page, Pixels, Worded, framed, scaled
from inspectnet.figures.style import line_height, text_width

OTHERS = "#bebebe"  # the colour of all classes that have none of their own
PALETTE = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (*style.COLOURS, OTHERS)], np.uint8)
HEADINGS = ("a  the photo", "b  the map's activity", "c  the map's projection", "in other images",
            "d  the class's probability", "e  the most probable class")  # fmt: skip
SIDE = 240  # of a panel as drawn, px at most
GAP, BETWEEN = 14, 22  # between panels, between rows; px
BAR = 10  # the height of a colour bar, px
BESIDE, OTHER_IMAGES = 4, 3  # between small tiles, px; rows of them
LEGEND = 210  # room for its names, px
WASH = 0.75  # how much paler a photo is beside a map
OPAQUE = 0.55  # how much of what is seen of a map is its colour; the rest is the photo in grey


@dataclass(frozen=True)
class Places:
    """Where a square was put on an image: its side, the step, and its first rows and columns; px."""

    patch: int
    stride: int
    tops: np.ndarray
    lefts: np.ndarray


@dataclass(frozen=True)
class Measure:
    """A quantity at each place of the square, and what it is where nothing is hidden."""

    values: np.ndarray
    """(h, w)."""
    whole: float
    unit: str = ""
    """What stands behind numbers, as ` %`."""

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest value."""
        return min(float(self.values.min()), self.whole), max(float(self.values.max()), self.whole)


@dataclass(frozen=True)
class MapRow:
    """The panels of one map in a photo."""

    caption: str
    activity: Measure
    projection: Pixels | Worded
    elsewhere: Sequence[tuple[Pixels | Worded, Pixels]]
    """What the map sees in other images: projection and patch, all of one size."""


@dataclass(frozen=True)
class Strip:
    """The panels of one photo, whose pictures are uint8 [H,W,3] as the network sees them."""

    caption: str
    photo: Pixels
    places: Places
    marked: tuple[int, int]
    """The first row and column, px, of the square that is drawn into the photo."""
    maps: Sequence[MapRow]
    """One row for each; the first one stands beside the panels of the photo and its classes."""
    probability: Measure
    labels: np.ndarray
    """(h, w): the number of a class in `names`."""
    names: Sequence[str]
    """Of the classes that win somewhere, those that get colours first."""


def draw_occlusion(strips: Sequence[Strip], *, title: str, footer: str) -> Figure:
    """The page of all photos, one below the other, with a row for each map."""
    size = scaled(strips[0].photo.shape[1::-1], SIDE)
    lefts = _lefts(size)
    across = lefts[-1] + LEGEND - style.MARGIN
    head = style.MARGIN + line_height(style.TITLE) + BETWEEN // 2
    top = head + line_height(style.HEADING) + 8
    step = line_height(style.HEADING) + 4 + size[1] + 6 + BAR + 2 + line_height(style.SMALL) + BETWEEN
    bottom = top + sum(len(strip.maps) for strip in strips) * step
    page = framed(across, bottom, title, footer)
    for (left, after), heading in zip(itertools.pairwise(lefts), HEADINGS, strict=True):
        page.write((left, head), heading, style.HEADING, style.TITLE_INK, room=after - left - GAP)
    for strip in strips:
        _draw_photo(page, strip, top, size)
        for row in strip.maps:
            _draw_map(page, strip, row, top, size)
            top += step
    return page.finish()


def colours_of(values: np.ndarray, ends: tuple[float, float]) -> Pixels:
    """(..., 3): blue at the lower end, red at the upper one, the middle colour where both are the same."""
    low, high = ends
    share = (values - low) / (high - low) if high > low else np.full(np.shape(values), 0.5)
    # As in the paper blue is low and red is high; the ends of turbo, which are all but black, are left out.
    return np.asarray(colormaps["turbo"](0.08 + 0.88 * share, bytes=True)[..., :3])


def lay_over(photo: Pixels, cells: Pixels, places: Places, size: tuple[int, int]) -> Pixels:
    """The photo [H,W,3] in grey, of `size` (w, h), shining through a cell [h,w,3] around the square's middle at each
    place, and pale where there is none.
    """
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB").resize(size, Image.Resampling.LANCZOS))
    out = np.rint(255 - (1 - WASH) * (255.0 - grey)).astype(np.uint8)
    rows = _cell_at(places.tops, places, photo.shape[0], size[1])
    columns = _cell_at(places.lefts, places, photo.shape[1], size[0])
    y, x = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
    covered = np.ix_(y, x)
    out[covered] = mix(cells[np.ix_(rows[y], columns[x])], grey[covered])
    return out


def mix(colours: np.ndarray, grey: np.ndarray | float = 128) -> Pixels:
    """Colours (..., 3) with a photo in grey shining through; without one, what they look like on a mid-grey one."""
    return np.asarray(np.rint(OPAQUE * colours + (1 - OPAQUE) * grey), np.uint8)


def _cell_at(starts: np.ndarray, places: Places, extent: int, drawn: int) -> np.ndarray:
    """(drawn,) for each pixel of an axis as drawn the number of the cell there, -1 where there is none."""
    first = starts[0] + (places.patch - places.stride) / 2
    number = np.floor(((np.arange(drawn) + 0.5) * extent / drawn - first) / places.stride).astype(np.int64)
    return np.where((number >= 0) & (number < len(starts)), number, -1)


def _lefts(size: tuple[int, int]) -> list[int]:
    """Where each column begins, and after them the legend."""
    widths = [size[0], size[0], size[0], 2 * _tile(size) + BESIDE, size[0], size[0]]
    return [style.MARGIN + sum(widths[:i]) + i * GAP for i in range(len(widths) + 1)]


def _tile(size: tuple[int, int]) -> int:
    """Side of the small tiles."""
    return (size[1] - (OTHER_IMAGES - 1) * BESIDE) // OTHER_IMAGES


def _draw_photo(page: Page, strip: Strip, top: int, size: tuple[int, int]) -> None:
    """The panels that are the same for all maps: the photo, the class's probability, the most probable class."""
    lefts, below = _lefts(size), top + line_height(style.HEADING) + 4
    caption = f"{strip.caption}; map {strip.maps[0].caption}"
    page.write((style.MARGIN, top), caption, style.HEADING, room=lefts[-1] + LEGEND - style.MARGIN)
    page.show(strip.photo, (lefts[0], below), size)
    factor = size[0] / strip.photo.shape[1]
    side, (y, x) = max(strip.places.patch * factor, 6), strip.marked
    page.frame((lefts[0] + x * factor, below + y * factor, side, side))
    page.show(_heat(strip, strip.probability, size), (lefts[4], below))
    cells = PALETTE[np.minimum(strip.labels, len(style.COLOURS))]
    page.show(lay_over(strip.photo, cells, strip.places, size), (lefts[5], below))
    _draw_bar(page, strip.probability, (lefts[4], below + size[1] + 6), size[0])
    _draw_legend(page, strip, (lefts[6], below), size[1])


def _draw_map(page: Page, strip: Strip, row: MapRow, top: int, size: tuple[int, int]) -> None:
    """The panels of a map: its activity, its projection, and the same in other images."""
    lefts, below = _lefts(size), top + line_height(style.HEADING) + 4
    if row is not strip.maps[0]:  # whose name stands behind the photo's
        page.write((lefts[1], top), f"map {row.caption}", style.HEADING, room=size[0])
    page.show(_heat(strip, row.activity, size), (lefts[1], below))
    page.show(row.projection, (lefts[2], below), size)
    _draw_bar(page, row.activity, (lefts[1], below + size[1] + 6), size[0])
    tile = _tile(size)
    for number, pair in enumerate(row.elsewhere[:OTHER_IMAGES]):
        height, width = pair[0].shape[:2]
        drawn = max(1, tile * width // max(width, height)), max(1, tile * height // max(width, height))
        for column, pixels in enumerate(pair):
            page.show(pixels, (lefts[3] + column * (tile + BESIDE), below + number * (tile + BESIDE)), drawn)


def _heat(strip: Strip, measure: Measure, size: tuple[int, int]) -> Pixels:
    """A measure as colours on the photo."""
    return lay_over(strip.photo, colours_of(measure.values, measure.ends), strip.places, size)


def _draw_bar(page: Page, measure: Measure, corner: tuple[int, int], width: int) -> None:
    """The colours with the values at both ends, and a tick where nothing is hidden."""
    (left, top), (low, high) = corner, measure.ends
    bar = np.broadcast_to(np.linspace(low, high, width) if high > low else np.full(width, low), (BAR, width))
    page.show(mix(colours_of(bar, measure.ends)), corner)
    at = left + ((width - 1) * (measure.whole - low) / (high - low) if high > low else width / 2)
    page.fill((at - 2.5, top - 3, 5, BAR + 6), "white")
    page.fill((at - 1.5, top - 3, 3, BAR + 6), "black")
    page.write((left, top + BAR + 3), _number(low) + measure.unit, style.SMALL, style.FOOTER_INK)
    page.write((left + width, top + BAR + 3), _number(high) + measure.unit, style.SMALL, style.FOOTER_INK, at="right")


def _draw_legend(page: Page, strip: Strip, corner: tuple[int, int], height: int) -> None:
    """The classes that win somewhere, each with its colour and the share of places where it does."""
    left, top = corner
    step = min(line_height(style.CAPTION) + 6, height // (len(style.COLOURS) + 1))
    more = [f"{len(strip.names) - len(style.COLOURS)} others"][: len(strip.names) > len(style.COLOURS)]
    for number, name in enumerate([*strip.names[: len(style.COLOURS)], *more]):
        share = np.mean(np.minimum(strip.labels, len(style.COLOURS)) == number)
        y, text = top + number * step, f"{100 * share:.0f} %" if share >= 0.005 else "<1 %"
        page.show(np.broadcast_to(mix(PALETTE[number]), (12, 12, 3)), (left, y + 1))
        page.write(
            (left + 20, y),
            name,
            style.CAPTION,
            style.CAPTION_INK,
            room=LEGEND - 30 - text_width(text, style.CAPTION),
        )
        page.write((left + LEGEND, y), text, style.CAPTION, style.FOOTER_INK, at="right")


def _number(value: float) -> str:
    """Three digits or more, without an exponent up to ten millions."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
