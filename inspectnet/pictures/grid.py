"""The gallery of a layer: for each map its projections beside the image patches that caused them.

As in Fig. 2 of Zeiler & Fergus 2014.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inspectnet.pictures.layout import CAPTION, TILE, Box, Contents, Layout, lay_out, scaled, tile_size
from inspectnet.pictures.lettering import shorten, write

PICTURE = 360  # the longest side of a large picture, px
PAPER = (255, 255, 255)
TITLE_INK, CAPTION_INK, FOOTER_INK = 16, 48, 112  # grey levels

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Block:
    """One map of a layer: what it is called, and its tiles, strongest first, all of one size [H,W,3]."""

    caption: str
    projections: Sequence[Pixels]
    patches: Sequence[Pixels]


def draw_gallery(
    blocks: Sequence[Block], *, title: str, footer: str, columns: int | None = None, tile: int | None = None
) -> Image.Image:
    """The page of a layer, its blocks row by row; a block with fewer tiles than others leaves places blank.

    `tile` is the longest side of a tile as drawn, in pixels; what is not given is chosen to suit the page.
    """
    nothing = "no map of this layer was ever active"
    return draw_page(blocks, (), title=title, footer=footer, nothing=nothing, columns=columns, tile=tile)


def draw_page(
    blocks: Sequence[Block],
    pictures: Sequence[tuple[str, Pixels]],
    *,
    title: str,
    footer: str,
    nothing: str,
    columns: int | None = None,
    tile: int | None = None,
) -> Image.Image:
    """A page of large pictures, each with a caption, above blocks, or above `nothing` if there are none."""
    assert columns is None or columns >= 1, f"a page has at least one column, not {columns}"
    assert tile is None or tile >= 1, f"a tile has at least one pixel, not {tile}"
    shape = _common_shape(blocks)
    tiles = max((len(block.projections) for block in blocks), default=0)
    contents = Contents(
        title=title,
        footer=footer,
        captions=[block.caption for block in blocks],
        tiles=tiles,
        tile=scaled(shape, tile) if tile else tile_size(shape, len(blocks), tiles),
        pictures=[scaled((picture.shape[1], picture.shape[0]), PICTURE) for _, picture in pictures],
        message=nothing,
    )
    layout = lay_out(contents, columns)
    page = Image.new("RGB", layout.size, PAPER)
    _paint_tiles(page, layout, blocks)
    for (_, picture), box in zip(pictures, layout.pictures, strict=True):
        _paint(page, picture, box)
    _letter(page, layout, contents, [caption for caption, _ in pictures])
    return page


def _common_shape(blocks: Sequence[Block]) -> tuple[int, int]:
    """(width, height) of all tiles; a square where there are none."""
    for block in blocks:
        assert len(block.projections) == len(block.patches), f"{block.caption}: a tile without its partner"
    shapes = {tile.shape[:2] for block in blocks for tile in (*block.projections, *block.patches)}
    assert len(shapes) <= 1, f"tiles of several sizes on one page: {sorted(shapes)}"
    height, width = next(iter(shapes), (TILE, TILE))
    return width, height


def _paint_tiles(page: Image.Image, layout: Layout, blocks: Sequence[Block]) -> None:
    for block, left, right in zip(blocks, layout.projections, layout.patches, strict=True):
        # Not strict: a map that was active on few images has fewer tiles than places.
        for pixels, box in zip(block.projections, left, strict=False):
            _paint(page, pixels, box)
        for pixels, box in zip(block.patches, right, strict=False):
            _paint(page, pixels, box)


def _paint(page: Image.Image, pixels: Pixels, box: Box) -> None:
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, "a tile is uint8 [H,W,3]"
    tile = Image.fromarray(np.ascontiguousarray(pixels))
    if tile.size != (box.width, box.height):
        # Enlarged pixels stay visible as squares: nothing is shown that the network did not say.
        way = Image.Resampling.NEAREST if tile.width <= box.width else Image.Resampling.LANCZOS
        tile = tile.resize((box.width, box.height), way, reducing_gap=3)  # 3 looks the same as none, but is fast
    page.paste(tile, box)


def _letter(page: Image.Image, layout: Layout, contents: Contents, picture_captions: Sequence[str]) -> None:
    lines = [
        (contents.title, layout.title, layout.title_letters, TITLE_INK),
        (contents.footer, layout.footer, layout.footer_letters, FOOTER_INK),
    ]
    for text, box in zip(picture_captions, layout.picture_captions, strict=True):
        lines.append((text, box, CAPTION, CAPTION_INK))
    for text, box in zip(contents.captions, layout.captions, strict=True):
        lines.append((text, box, contents.caption_letters, CAPTION_INK))
    if not contents.captions:
        lines.append((contents.message, layout.message, CAPTION, CAPTION_INK))

    draw = ImageDraw.Draw(page)
    for text, box, letters, ink in lines:
        write(draw, (box.left, box.top), shorten(text, box.width, letters), letters, ink)
