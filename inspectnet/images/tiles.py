"""Tiles: big photos cut into pieces of the network's size, so that a few give thousands of patches."""

from inspectnet.geometry import Box


def tile_boxes(height: int, width: int, tile_height: int, tile_width: int) -> list[Box]:
    """The tiles of a photo of height x width pixels, row by row.

    As many as fit side by side, spread from edge to edge. None overlap: what two tiles shared would be found twice
    by a search for the strongest activations. A photo smaller than a tile, in either direction, is one box: all of
    it, to be resized.
    """
    if height < tile_height or width < tile_width:
        return [Box.at(0, 0, (height, width))]
    tops, lefts = _starts(height, tile_height), _starts(width, tile_width)
    return [Box.at(top, left, (tile_height, tile_width)) for top in tops for left in lefts]


def tile_id(photo: str, top: int, left: int) -> str:
    """The id of a tile: `photo.jpg#top,left`."""
    return f"{photo}#{top},{left}"


def _starts(length: int, tile: int) -> list[int]:
    count = length // tile
    spare = length - count * tile
    if count == 1:
        return [spare // 2]
    return [i * tile + round(i * spare / (count - 1)) for i in range(count)]
