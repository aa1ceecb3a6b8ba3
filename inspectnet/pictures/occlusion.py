"""The page of occlusion: for each photo five panels, as in Fig. 7 of Zeiler & Fergus 2014, two of them by map."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.chart import COLOURS
from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK, Pixels
from inspectnet.pictures.layout import MARGIN, scaled
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

# Blue is low and red is high, as in the paper; the middle part of turbo (Mikhailov 2019, Apache-2.0).
RAMP = np.array(
    [
        (75, 81, 211), (56, 135, 249), (38, 186, 227), (44, 225, 181), (77, 248, 131), (131, 253, 90),
        (192, 238, 61), (240, 204, 44), (255, 157, 34), (250, 103, 25), (209, 52, 14), (160, 17, 1),
    ],
    np.float64,
)  # fmt: skip
OTHERS = (190, 190, 190)  # the colour of all classes that have none of their own
HEADINGS = ("a  the photo", "b  the map's activity", "c  the map's projection", "in other images",
            "d  the class's probability", "e  the most probable class")  # fmt: skip
SIDE = 240  # of a panel as drawn, px at most
GAP, BETWEEN = 14, 22  # between panels, between rows; px
TITLE, CAPTION, SMALL = 20, 15, 13  # letters, px
BAR = 10  # the height of a colour bar, px
BESIDE = 4  # between small tiles, px
OTHER_IMAGES = 3  # rows of small tiles
LEGEND = 210  # room for its names, px
WASH = 0.75  # how much paler a photo is beside a map


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
    projection: Pixels
    elsewhere: Sequence[tuple[Pixels, Pixels]]
    """What the map sees in other images: projection and patch, all of one size."""


@dataclass(frozen=True)
class Strip:
    """The panels of one photo, whose pictures are uint8 [H,W,3] as the network sees them."""

    caption: str
    photo: Pixels
    places: Places
    marked: tuple[int, int]
    """(row, column) of the place whose square is drawn into the photo."""
    maps: Sequence[MapRow]
    """One row for each; the first one stands beside the panels of the photo and its classes."""
    probability: Measure
    labels: np.ndarray
    """(h, w): the number of a class in `names`."""
    names: Sequence[str]
    """Of the classes that win somewhere, those that get colours first."""


def draw_occlusion(strips: Sequence[Strip], *, title: str, footer: str) -> Image.Image:
    """The page of all photos, one below the other, with a row for each map."""
    size = scaled(strips[0].photo.shape[1::-1], SIDE)
    lefts = _lefts(size)
    across = lefts[-1] + LEGEND - MARGIN
    heading_top = MARGIN + line_height(TITLE) + BETWEEN // 2
    top = heading_top + line_height(CAPTION) + 8
    step = line_height(CAPTION) + 4 + size[1] + 6 + BAR + 2 + line_height(SMALL) + BETWEEN
    bottom = top + sum(len(strip.maps) for strip in strips) * step
    page = Image.new("RGB", (across + 2 * MARGIN, bottom + line_height(SMALL) + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, MARGIN), shorten(title, across, TITLE), TITLE, TITLE_INK)
    for (left, after), heading in zip(itertools.pairwise(lefts), HEADINGS, strict=True):
        write(draw, (left, heading_top), shorten(heading, after - left - GAP, CAPTION), CAPTION, TITLE_INK)
    for strip in strips:
        _draw_photo(page, draw, strip, top, size)
        for row in strip.maps:
            _draw_map(page, draw, strip, row, top, size)
            top += step
    write(draw, (MARGIN, bottom), shorten(footer, across, SMALL), SMALL, FOOTER_INK)
    return page


def colours_of(values: np.ndarray, ends: tuple[float, float]) -> Pixels:
    """(..., 3): blue at the lower end, red at the upper one, the middle colour where both are the same."""
    low, high = ends
    share = (values - low) / (high - low) if high > low else np.full(np.shape(values), 0.5)
    at = np.linspace(0, 1, len(RAMP))
    levels = np.stack([np.interp(share, at, channel) for channel in RAMP.T], axis=-1)
    return np.asarray(np.rint(levels), np.uint8)


def lay_over(photo: Pixels, cells: Pixels, places: Places, size: tuple[int, int]) -> Pixels:
    """The photo [H,W,3], pale and of `size` (w, h), under a cell [h,w,3] around the square's middle at each place."""
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB").resize(size, Image.Resampling.LANCZOS))
    out = np.rint(255 - (1 - WASH) * (255.0 - grey)).astype(np.uint8)
    rows = _cell_at(places.tops, places, photo.shape[0], size[1])
    columns = _cell_at(places.lefts, places, photo.shape[1], size[0])
    y, x = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
    out[np.ix_(y, x)] = cells[np.ix_(rows[y], columns[x])]
    return out


def _cell_at(starts: np.ndarray, places: Places, extent: int, drawn: int) -> np.ndarray:
    """(drawn,) for each pixel of an axis as drawn the number of the cell there, -1 where there is none."""
    first = starts[0] + (places.patch - places.stride) / 2
    number = np.floor(((np.arange(drawn) + 0.5) * extent / drawn - first) / places.stride).astype(np.int64)
    return np.where((number >= 0) & (number < len(starts)), number, -1)


def _lefts(size: tuple[int, int]) -> list[int]:
    """Where each column begins, and after them the legend."""
    widths = [size[0], size[0], size[0], 2 * _tile(size) + BESIDE, size[0], size[0]]
    return [MARGIN + sum(widths[:i]) + i * GAP for i in range(len(widths) + 1)]


def _tile(size: tuple[int, int]) -> int:
    """Side of the small tiles."""
    return (size[1] - (OTHER_IMAGES - 1) * BESIDE) // OTHER_IMAGES


def _draw_photo(page: Image.Image, draw: ImageDraw.ImageDraw, strip: Strip, top: int, size: tuple[int, int]) -> None:
    """The panels that are the same for all maps: the photo, the class's probability, the most probable class."""
    lefts, below = _lefts(size), top + line_height(CAPTION) + 4
    caption = f"{strip.caption}; map {strip.maps[0].caption}"
    write(draw, (MARGIN, top), shorten(caption, lefts[-1] + LEGEND - MARGIN, CAPTION), CAPTION, CAPTION_INK)
    palette = np.array([*COLOURS, OTHERS], np.uint8)
    page.paste(_marked(strip, size), (lefts[0], below))
    page.paste(_heat(strip, strip.probability, size), (lefts[4], below))
    labels = lay_over(strip.photo, palette[np.minimum(strip.labels, len(COLOURS))], strip.places, size)
    page.paste(Image.fromarray(labels), (lefts[5], below))
    _draw_bar(page, draw, strip.probability, (lefts[4], below + size[1] + 6), size[0])
    _draw_legend(draw, strip, (lefts[6], below), size[1])


def _draw_map(
    page: Image.Image, draw: ImageDraw.ImageDraw, strip: Strip, row: MapRow, top: int, size: tuple[int, int]
) -> None:
    """The panels of a map: its activity, its projection, and the same in other images."""
    lefts, below = _lefts(size), top + line_height(CAPTION) + 4
    if row is not strip.maps[0]:  # whose name stands behind the photo's
        write(draw, (lefts[1], top), shorten(f"map {row.caption}", size[0], CAPTION), CAPTION, CAPTION_INK)
    page.paste(_heat(strip, row.activity, size), (lefts[1], below))
    page.paste(_resized(row.projection, size), (lefts[2], below))
    _draw_elsewhere(page, row, (lefts[3], below), _tile(size))
    _draw_bar(page, draw, row.activity, (lefts[1], below + size[1] + 6), size[0])


def _heat(strip: Strip, measure: Measure, size: tuple[int, int]) -> Image.Image:
    """A measure as colours on the photo."""
    return Image.fromarray(lay_over(strip.photo, colours_of(measure.values, measure.ends), strip.places, size))


def _marked(strip: Strip, size: tuple[int, int]) -> Image.Image:
    """The photo with the outline of one square: white with black at both sides, to be seen on anything."""
    picture, factor, places = _resized(strip.photo, size), size[0] / strip.photo.shape[1], strip.places
    y, x = (starts[i] * factor for starts, i in zip((places.tops, places.lefts), strip.marked, strict=True))
    draw, extent = ImageDraw.Draw(picture), max(places.patch * factor - 1, 5)
    for inset, ink in ((0, 0), (1, 255), (2, 0)):
        draw.rectangle((x + inset, y + inset, x + extent - inset, y + extent - inset), outline=(ink, ink, ink))
    return picture


def _draw_elsewhere(page: Image.Image, row: MapRow, corner: tuple[int, int], tile: int) -> None:
    """A row for each other image: projection left, patch right."""
    left, top = corner
    for number, pair in enumerate(row.elsewhere[:OTHER_IMAGES]):
        height, width = pair[0].shape[:2]
        drawn = max(1, tile * width // max(width, height)), max(1, tile * height // max(width, height))
        for column, pixels in enumerate(pair):
            page.paste(_resized(pixels, drawn), (left + column * (tile + BESIDE), top + number * (tile + BESIDE)))


def _resized(pixels: Pixels, size: tuple[int, int]) -> Image.Image:
    """Enlarged by squares, so that nothing is shown that the network did not say; reduced smoothly."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    whole = size[0] % picture.width == 0 and size[1] % picture.height == 0
    return picture.resize(size, Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)


def _draw_bar(
    page: Image.Image, draw: ImageDraw.ImageDraw, measure: Measure, corner: tuple[int, int], width: int
) -> None:
    """The colours with the values at both ends, and a tick where nothing is hidden."""
    (left, top), (low, high) = corner, measure.ends
    bar = np.broadcast_to(np.linspace(low, high, width) if high > low else np.full(width, low), (BAR, width))
    page.paste(Image.fromarray(colours_of(bar, measure.ends)), corner)
    at = left + (round((width - 1) * (measure.whole - low) / (high - low)) if high > low else width // 2)
    draw.rectangle((at - 2, top - 3, at + 2, top + BAR + 2), fill=PAPER)
    draw.rectangle((at - 1, top - 3, at + 1, top + BAR + 2), fill=(0, 0, 0))
    for value, share in ((low, 0), (high, 1)):
        text = _number(value) + measure.unit
        place = left + share * (width - text_width(text, SMALL))
        write(draw, (place, top + BAR + 3), text, SMALL, FOOTER_INK)


def _draw_legend(draw: ImageDraw.ImageDraw, strip: Strip, corner: tuple[int, int], height: int) -> None:
    """The classes that win somewhere, each with its colour and the share of places where it does."""
    left, top = corner
    step = min(line_height(SMALL) + 6, height // (len(COLOURS) + 1))
    names = [
        *strip.names[: len(COLOURS)],
        *[f"{len(strip.names) - len(COLOURS)} others"][: len(strip.names) > len(COLOURS)],
    ]
    for number, name in enumerate(names):
        colour = COLOURS[number] if number < len(COLOURS) else OTHERS
        share = np.mean(np.minimum(strip.labels, len(COLOURS)) == number)
        y = top + number * step
        draw.rectangle((left, y + 2, left + 12, y + 14), fill=colour)
        text = f"{100 * share:.0f} %" if share >= 0.005 else "<1 %"
        room = LEGEND - 20 - text_width(text, SMALL) - 10
        write(draw, (left + 20, y), shorten(name, room, SMALL), SMALL, CAPTION_INK)
        write(draw, (left + LEGEND - text_width(text, SMALL), y), text, SMALL, FOOTER_INK)


def _number(value: float) -> str:
    """Three digits or more, without an exponent up to ten millions."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
