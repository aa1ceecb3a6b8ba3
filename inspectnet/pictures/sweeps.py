"""Sweeps: a row for each change of some photos, with samples of it and curves beside them.

As in Fig. 5 of Zeiler & Fergus 2014.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inspectnet.pictures.curves import ABOVE, GUTTER, MANY, MEAN, Curves, colour_of, draw_curves, draw_key
from inspectnet.pictures.grid import CAPTION_INK, FOOTER_INK, PAPER, TITLE_INK, Pixels
from inspectnet.pictures.layout import MARGIN
from inspectnet.pictures.lettering import line_height, shorten, text_width, write

TILE, GAP = 64, 4  # px
BAR = 5  # px, a curve's colour beside its photo
PANEL = (340, 300)  # px, at least as high as this
BETWEEN = 22  # px between columns, and rows
TITLE, HEADING, SMALL = 20, 15, 12  # letters, px
LEGEND_NAME = 180  # px


@dataclass(frozen=True)
class Row:
    """One kind of change: what some photos become, and a panel of curves for each heading of the page."""

    samples: Sequence[Sequence[Pixels]]
    """For each photo that is shown, as many pictures [H, W, 3] as there are `amounts`."""
    amounts: Sequence[str]
    panels: Sequence[Curves]


def draw_sweeps(
    rows: Sequence[Row], headings: Sequence[str], names: Sequence[str], *, title: str, footer: str
) -> Image.Image:
    """The page of all rows, under headings for the samples and each panel; `names` of the curves in a legend."""
    first = rows[0]
    across = BAR + GAP + len(first.amounts) * (TILE + GAP)
    height = max(PANEL[1], len(first.samples) * (TILE + GAP) + line_height(SMALL) + ABOVE)
    lefts = [MARGIN, *(MARGIN + across + BETWEEN + i * (PANEL[0] + BETWEEN) for i in range(len(first.panels)))]
    inner = lefts[-1] + PANEL[0] - MARGIN
    keys = _lay_out_keys(names, inner)
    head = MARGIN + line_height(TITLE) + BETWEEN
    top = head + line_height(HEADING) + 10
    legend = top + len(rows) * (height + BETWEEN)
    below = legend + (keys[-1][1] + 1) * (line_height(SMALL) + 8) + 4
    page = Image.new("RGB", (inner + 2 * MARGIN, below + line_height(SMALL) + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (MARGIN, MARGIN), shorten(title, inner, TITLE), TITLE, TITLE_INK)
    for number, (left, heading) in enumerate(zip(lefts, headings, strict=True)):
        write(draw, (left + (GUTTER if number else 0), head), shorten(heading, PANEL[0], HEADING), HEADING, CAPTION_INK)
    for number, row in enumerate(rows):
        upper = top + number * (height + BETWEEN)
        _draw_samples(page, row, (MARGIN, upper), len(names))
        for left, panel in zip(lefts[1:], row.panels, strict=True):
            page.paste(draw_curves(panel, (PANEL[0], height)), (left, upper))
    _draw_legend(page, names, keys, legend)
    write(draw, (MARGIN, below), shorten(footer, inner, SMALL), SMALL, FOOTER_INK)
    return page


def _draw_samples(page: Image.Image, row: Row, corner: tuple[int, int], count: int) -> None:
    """The photos downwards, each with its curve's colour at the left, the amounts to the right."""
    draw = ImageDraw.Draw(page)
    (left, top), first = corner, corner[0] + BAR + GAP
    for number, pictures in enumerate(row.samples):
        y = top + ABOVE + number * (TILE + GAP)
        if count > 1 and colour_of(number, count) != MANY:
            draw.rectangle((left, y, left + BAR - 1, y + TILE - 1), fill=colour_of(number, count))
        for place, pixels in enumerate(pictures):
            tile = Image.fromarray(np.ascontiguousarray(pixels))
            tile = tile.resize((TILE, TILE), Image.Resampling.LANCZOS)
            page.paste(tile, (first + place * (TILE + GAP), y))
    y = top + ABOVE + len(row.samples) * (TILE + GAP)
    for place, amount in enumerate(row.amounts):
        x = first + place * (TILE + GAP) + (TILE - text_width(amount, SMALL)) // 2
        write(draw, (x, y), amount, SMALL, FOOTER_INK)


def _entries(names: Sequence[str]) -> list[str]:
    """What the legend says: each curve, if each has a colour of its own, then their mean."""
    if len(names) == 1:
        return list(names)
    each = list(names) if colour_of(0, len(names)) != MANY else [f"each of {len(names)} photos"]
    return [*each, "mean, and one standard deviation"]


def _lay_out_keys(names: Sequence[str], inner: int) -> list[tuple[int, int]]:
    """Where (x, line) each entry of the legend stands; lines are broken at the width of the page."""
    places, x, line = [], 0, 0
    for entry in _entries(names):
        width = 30 + min(text_width(entry, SMALL), LEGEND_NAME + 60) + BETWEEN
        if x and x + width > inner:
            x, line = 0, line + 1
        places.append((x, line))
        x += width
    return places


def _draw_legend(page: Image.Image, names: Sequence[str], keys: Sequence[tuple[int, int]], top: int) -> None:
    draw, entries = ImageDraw.Draw(page), _entries(names)
    for number, (entry, (x, line)) in enumerate(zip(entries, keys, strict=True)):
        mean = len(names) > 1 and number == len(entries) - 1
        y = top + line * (line_height(SMALL) + 8)
        colour = MEAN if mean else colour_of(number, len(names))
        page.paste(draw_key(colour, line_height(SMALL), thick=mean, band=mean), (MARGIN + x, y))
        write(draw, (MARGIN + x + 30, y), shorten(entry, LEGEND_NAME + 60, SMALL), SMALL, CAPTION_INK)
