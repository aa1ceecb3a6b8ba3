"""The sheet: small tiles of one size side by side, as filters are shown, those that stand out in a frame."""

from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image

from inspectnet.pictures.grid import Pixels
from inspectnet.pictures.layout import near_square

GAP = 2  # px between tiles
FRAME = (213, 94, 0)  # of tiles that are marked: told apart from all greys, also by the colour-blind
THICK = 2  # px
FLAT_COST, BLANK_COST = 0.08, 0.15  # of a tile more in a row, of an empty last row, as parts of the width


def draw_sheet(tiles: Sequence[Pixels], width: int, marked: Collection[int] = ()) -> Pixels:
    """The sheet [h,width,3] of tiles [h,w,3], row by row from the first; numbers in `marked` get a frame.

    Tiles are enlarged by a whole factor, so that their pixels stay squares, or reduced; what is left of the width
    is white.
    """
    height, breadth = tiles[0].shape[:2]
    across = _across(len(tiles), breadth, width)
    factor = _factor(across, breadth, width)
    size = (max(1, round(breadth * factor)), max(1, round(height * factor)))
    step = (size[0] + 2 * THICK + GAP, size[1] + 2 * THICK + GAP)
    rows = -(-len(tiles) // across)
    sheet = np.full((rows * step[1] - GAP, width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = (number // across) * step[1], (number % across) * step[0]
        if number in marked:
            sheet[top : top + size[1] + 2 * THICK, left : left + size[0] + 2 * THICK] = FRAME
        way = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.LANCZOS
        drawn = Image.fromarray(np.ascontiguousarray(tile)).resize(size, way)
        sheet[top + THICK : top + THICK + size[1], left + THICK : left + THICK + size[0]] = np.asarray(drawn)
    return sheet


def _factor(across: int, breadth: int, width: int) -> float:
    """By how much tiles of that breadth are enlarged, so many to a row."""
    room = (width + GAP) // across - GAP - 2 * THICK
    assert room > 0, f"{across} tiles have no room in {width} px"
    return room // breadth if breadth <= room else room / breadth


def _across(count: int, breadth: int, width: int) -> int:
    """How many tiles stand in a row: nearly a square of them, or a few more where they fill the width better."""
    square, _ = near_square(count)

    def good(n: int) -> float:
        used = n * (round(breadth * _factor(n, breadth, width)) + 2 * THICK + GAP) / width
        return used - FLAT_COST * (n - square) - BLANK_COST * (-count % n) / n

    return max(range(square, square + 4), key=good)
