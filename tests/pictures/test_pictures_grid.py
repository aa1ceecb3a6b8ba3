import itertools

import numpy as np
import pytest
from PIL import Image

from inspectnet.pictures.colour import GREY, grey_centred
from inspectnet.pictures.grid import Block, draw_gallery
from inspectnet.pictures.layout import Box, Contents, Layout, lay_out, scaled, tile_size

TITLE, FOOTER = "conv5 · deconvnet · net · 12 images", "unpooling by sum"


def plain_tile(colour: tuple[int, int, int], shape: tuple[int, int] = (30, 30)) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (*shape, 3))


def colours(blocks: int, tiles: int) -> list[Block]:
    """Blocks whose every tile has a colour of its own: red tells the block, green the tile, blue the side."""
    return [
        Block(
            f"conv5:{number}  {number + 0.5}",
            [plain_tile((10 * number, 20 * place, 200)) for place in range(tiles)],
            [plain_tile((10 * number, 20 * place, 100)) for place in range(tiles)],
        )
        for number in range(blocks)
    ]


def layout_of(blocks: list[Block], shape: tuple[int, int] = (30, 30), tile: int | None = None) -> Layout:
    tiles = max(len(block.projections) for block in blocks)
    size = scaled(shape, tile) if tile else tile_size(shape, len(blocks), tiles)
    return lay_out(Contents(TITLE, FOOTER, [block.caption for block in blocks], tiles, size))


def cut(page: Image.Image, box: Box) -> np.ndarray:
    return np.asarray(page.crop(box))


@pytest.mark.parametrize("blocks, tiles", [(1, 1), (5, 9), (7, 4), (3, 2)])
def test_every_tile_stands_at_its_place_in_its_colour(blocks, tiles):
    drawn = colours(blocks, tiles)
    page, layout = draw_gallery(drawn, title=TITLE, footer=FOOTER), layout_of(drawn)
    assert page.size == layout.size and page.mode == "RGB"
    for number, place in itertools.product(range(blocks), range(tiles)):
        left, right = layout.projections[number][place], layout.patches[number][place]
        assert (cut(page, left) == (10 * number, 20 * place, 200)).all()
        assert (cut(page, right) == (10 * number, 20 * place, 100)).all()


def test_what_is_neither_tile_nor_text_is_white():
    drawn = colours(6, 9)
    page, layout = np.array(draw_gallery(drawn, title=TITLE, footer=FOOTER)), layout_of(drawn)
    texts = (layout.title, layout.footer, *layout.captions)
    for text in texts:
        assert (page[text.top : text.bottom, text.left : text.right] < 128).any(), "there is ink"
    for box in itertools.chain(texts, *layout.projections, *layout.patches):
        page[box.top : box.bottom, box.left : box.right] = 255
    assert (page == 255).all()


def test_text_is_grey_ink_on_white_and_touches_no_tile():
    drawn = colours(6, 9)
    page, layout = draw_gallery(drawn, title=TITLE, footer=FOOTER), layout_of(drawn)
    for box in (layout.title, layout.footer, *layout.captions):
        letters = cut(page, box).astype(int)
        assert (letters[..., 0] == letters[..., 1]).all() and (letters[..., 1] == letters[..., 2]).all()


def test_missing_tiles_leave_blank_places_on_both_sides():
    whole, partial = colours(2, 9)
    partial = Block(partial.caption, partial.projections[:4], partial.patches[:4])
    page, layout = draw_gallery([whole, partial], title=TITLE, footer=FOOTER), layout_of([whole, partial])
    for side in (layout.projections[1], layout.patches[1]):
        assert all((cut(page, box) < 255).any() for box in side[:4])
        assert all((cut(page, box) == 255).all() for box in side[4:])


def test_small_tiles_are_enlarged_into_squares_of_equal_pixels():
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    block = Block("conv1:0  1", [tile], [tile[::-1]])
    page, layout = draw_gallery([block], title=TITLE, footer=FOOTER), layout_of([block], (7, 7))
    drawn = cut(page, layout.projections[0][0])
    assert drawn.shape == (119, 119, 3) and np.array_equal(drawn, tile.repeat(17, 0).repeat(17, 1))
    assert np.array_equal(drawn[8::17, 8::17], tile)


def test_large_tiles_are_reduced_and_a_signal_of_zeros_stays_mid_grey():
    grey = grey_centred(np.zeros((3, 299, 299), np.float32))
    stripes = plain_tile((255, 255, 255), (299, 299)).copy()
    stripes[:, ::2] = 0
    block = Block("conv5:0  1", [grey], [stripes])
    page, layout = draw_gallery([block], title=TITLE, footer=FOOTER), layout_of([block], (299, 299))
    left, right = layout.projections[0][0], layout.patches[0][0]
    assert (left.width, left.height) == (120, 120) and (cut(page, left) == GREY).all()
    inside = cut(page, right)[:, 4:-4].astype(int)
    assert np.abs(inside - 127).max() < 40, "antialiased: stripes finer than a pixel become grey"


def test_zero_is_mid_grey_in_every_tile_of_the_page():
    rng = np.random.default_rng(1)
    signals = rng.standard_normal((6, 3, 24, 24)).astype(np.float32)
    signals[:, :, 10:14, 10:14] = 0
    blocks = [Block(f"conv2:{n}  1", [grey_centred(signals[n])], [plain_tile((9, 9, 9), (24, 24))]) for n in range(6)]
    page, layout = draw_gallery(blocks, title=TITLE, footer=FOOTER, tile=24), layout_of(blocks, (24, 24), 24)
    for (box,) in layout.projections:
        assert (cut(page, box)[10:14, 10:14] == GREY).all()


def test_the_size_of_tiles_and_the_number_of_columns_can_be_asked_for():
    drawn = colours(4, 4)
    narrow = draw_gallery(drawn, title="", footer="", columns=1, tile=30)
    wide = draw_gallery(drawn, title="", footer="", columns=4, tile=30)
    assert narrow.width < wide.width and narrow.height > wide.height
    assert (
        draw_gallery(drawn, title="", footer="", tile=60).width
        > draw_gallery(drawn, title="", footer="", tile=30).width
    )


def test_a_page_without_maps_says_so():
    empty = draw_gallery([], title=TITLE, footer=FOOTER)
    layout = lay_out(Contents(TITLE, FOOTER, [], 0, (120, 120), message="no map of this layer was ever active"))
    assert empty.size == layout.size
    for box in (layout.title, layout.message, layout.footer):
        assert (cut(empty, box) < 128).any()


def test_a_block_without_tiles_is_a_caption_above_blank_places():
    page = draw_gallery([Block("conv5:3  0", [], [])], title=TITLE, footer=FOOTER)
    assert page.width > 100 and page.height > 100


def test_texts_of_any_length_stay_inside_the_page():
    block = Block("features." * 40 + "conv:3  1.5", [plain_tile((0, 0, 0))], [plain_tile((0, 0, 0))])
    page = np.asarray(draw_gallery([block], title="a long title " * 60, footer="a long policy " * 60))
    assert page.shape[1] < 1200
    for margin in (page[:24], page[-24:], page[:, :24], page[:, -24:]):
        assert (margin == 255).all()


def test_the_same_blocks_give_the_same_pixels():
    first, second = (draw_gallery(colours(5, 9), title=TITLE, footer=FOOTER) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    "block, reason",
    [
        (Block("a", [plain_tile((0, 0, 0))], []), "without its partner"),
        (Block("a", [plain_tile((0, 0, 0))], [plain_tile((0, 0, 0), (9, 9))]), "several sizes"),
        (Block("a", [plain_tile((0, 0, 0)).astype(float)], [plain_tile((0, 0, 0))]), "uint8"),
    ],
    ids=["unpaired", "sizes", "floats"],
)
def test_blocks_that_cannot_be_drawn_are_refused(block, reason):
    with pytest.raises(AssertionError, match=reason):
        draw_gallery([block], title=TITLE, footer=FOOTER)
