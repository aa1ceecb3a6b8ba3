import numpy as np
import pytest

from inspectnet.pictures.grid import Block
from inspectnet.pictures.layout import Contents, lay_out, tile_size
from inspectnet.pictures.photo import draw_photo

RED, GREEN, BLUE, BLACK = (250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0)


def flat(colour: tuple[int, int, int], size: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (size, size, 3))


@pytest.mark.parametrize("blocks", [1, 9])
def test_photo_and_layer_stand_side_by_side_above_the_maps(blocks):
    captions = [f"conv5:{number}@6,6  {number}" for number in range(blocks)]
    maps = [Block(caption, [flat(BLUE, 40)], [flat(BLACK, 40)]) for caption in captions]
    page = draw_photo(flat(RED, 227), flat(GREEN, 227), maps, title="cat", footer="policy")
    tile = tile_size((40, 40), blocks, 1)
    layout = lay_out(Contents("cat", "policy", captions, 1, tile, pictures=((227, 227), (227, 227))))
    assert page.size == layout.size

    for box, colour in zip(layout.pictures, (RED, GREEN), strict=True):
        assert (box.width, box.height) == (227, 227), "drawn pixel by pixel"
        assert (np.asarray(page.crop(box)) == colour).all()
    for (left,), (right,) in zip(layout.projections, layout.patches, strict=True):
        assert (np.asarray(page.crop(left)) == BLUE).all() and (np.asarray(page.crop(right)) == BLACK).all()
        assert left.top > layout.pictures[0].bottom
    for box in (*layout.picture_captions, *layout.captions):
        assert (np.asarray(page.crop(box)) < 128).any(), "there is ink"


@pytest.mark.parametrize("size, drawn", [(32, 352), (64, 320), (227, 227), (720, 360)])
def test_photos_of_any_size_are_drawn_at_a_size_to_look_at(size, drawn):
    page = np.asarray(draw_photo(flat(RED, size), flat(GREEN, size), [], title="t", footer="f"))
    assert (page == RED).all(-1).sum() == drawn**2 == (page == GREEN).all(-1).sum()


def test_a_photo_that_leaves_a_layer_cold_says_so():
    page = np.asarray(draw_photo(flat(RED, 64), flat(GREEN, 64), [], title="", footer=""))
    below = page[np.flatnonzero((page == RED).all(-1).any(1)).max() + 1 :]
    assert (below < 128).any(), "a line of text stands below the pictures"
