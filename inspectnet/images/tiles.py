"""Tiles: big photos cut into pieces of the network's size, so that a few give thousands of patches."""

from typing import NamedTuple

from inspectnet.errors import OptionError


class Box(NamedTuple):
    """A rectangle of a decoded photo, in pixels; `top` and `left` are inside it."""

    top: int
    left: int
    height: int
    width: int


def tile_boxes(height: int, width: int, tile_height: int, tile_width: int, overlap: float = 0.5) -> list[Box]:
    """The tiles of a photo of height x width pixels, row by row.

    Neighbours share `overlap` of their side, 0 <= overlap < 1; the last row and column end at the far edge,
    so that every pixel is in a tile. A photo that is smaller than a tile, in either direction, is one box:
    all of it, to be resized. Raises OptionError for another overlap.
    """
    if not 0 <= overlap < 1:
        raise OptionError(f"tiles cannot overlap by {overlap}. Choose at least 0 and less than 1.")
    if height < tile_height or width < tile_width:
        return [Box(0, 0, height, width)]
    tops = _starts(height, tile_height, overlap)
    lefts = _starts(width, tile_width, overlap)
    return [Box(top, left, tile_height, tile_width) for top in tops for left in lefts]


def tile_id(photo: str, top: int, left: int) -> str:
    """The id of a tile: `photo.jpg#top,left`."""
    return f"{photo}#{top},{left}"


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    stride = max(1, round(tile * (1 - overlap)))
    return [*range(0, length - tile, stride), length - tile]
