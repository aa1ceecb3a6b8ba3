"""The page of one photo: what the network saw, what a layer kept of it, and the layer's strongest maps."""

from collections.abc import Sequence

from PIL import Image

from inspectnet.pictures.grid import Block, Pixels, draw_page


def draw_photo(photo: Pixels, whole: Pixels, blocks: Sequence[Block], *, title: str, footer: str) -> Image.Image:
    """The photo beside the projection of all of a layer's activity at once, above one block for each map.

    photo and whole are uint8 [H,W,3], as the network sees them: cropped and resized.
    """
    pictures = (("the photo as the network sees it", photo), ("the whole layer, projected at once", whole))
    nothing = "no map of this layer is active on this photo"
    return draw_page(blocks, pictures, title=title, footer=footer, nothing=nothing)
