"""Sprites: square tiles on sheets, as WebP, small enough for any browser."""

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspectnet.figures.colour import GREY

TILE = 64  # pixels of a side
LARGEST = 4096  # pixels of a side of a sheet: what every browser's decoder and canvas takes
CRISP = 4
SIGNALS, PHOTOS = 30, 40  # qualities of WebP: of signals, which are mostly noise, and of photos, at the size of a tile

Pixels = NDArray[np.uint8]


def make_tile(picture: Pixels) -> Pixels:
    """A picture [h, w, 3] as a tile [TILE, TILE, 3], its proportions kept; mid-grey where it does not reach.

    Pixels that are enlarged more than CRISP times stay squares, as there is nothing between them.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = Image.Resampling.NEAREST if scale > CRISP else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(picture).resize(size, way))
    tile = blank()
    top, left = (TILE - small.shape[0]) // 2, (TILE - small.shape[1]) // 2
    tile[top : top + small.shape[0], left : left + small.shape[1]] = small
    return tile


def blank() -> Pixels:
    """A tile of mid-grey."""
    return np.full((TILE, TILE, 3), GREY, np.uint8)


def columns_of(count: int) -> int:
    """Of a sheet of so many tiles, about as high as wide."""
    columns = max(1, math.ceil(math.sqrt(count)))
    assert columns * TILE <= LARGEST, f"{count} tiles are too many for a sheet"
    return columns


def make_sheet(tiles: Sequence[Pixels], quality: int) -> bytes:
    """Tiles row by row on a sheet, encoded; mid-grey, exactly, where there is none."""
    columns = columns_of(len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows, columns, TILE, TILE, 3), GREY, np.uint8)
    for number, tile in enumerate(tiles):
        sheet[divmod(number, columns)] = tile
    return encode_webp(sheet.swapaxes(1, 2).reshape(rows * TILE, columns * TILE, 3), quality)


def encode_webp(picture: Pixels, quality: int) -> bytes:
    """A picture [h, w, 3] as WebP."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(
        file, "WEBP", quality=quality, method=2
    )  # more effort doubles the time for 5 % fewer bytes
    return file.getvalue()
