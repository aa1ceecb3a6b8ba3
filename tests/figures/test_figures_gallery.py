import itertools
from dataclasses import replace

import numpy as np
import pytest
from pixels import boxes_of, margins_are_white, pixels_of, texts_of

from inspectnet.figures.colour import GREY, grey_centred
from inspectnet.figures.gallery import Block, Format, draw_gallery, near_square, tile_size
from inspectnet.figures.page import Worded
from inspectnet.figures.style import COLOURS
from inspectnet.geometry import Box

TITLE, FOOTER = "conv5: the strongest activations - net.onnx", "unpooling by sum"


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


@pytest.mark.parametrize("blocks, tiles", [(1, 1), (5, 9), (7, 4), (3, 2)])
def test_tiles_of_a_block_stand_row_by_row_projections_left_of_patches(blocks, tiles):
    pixels = pixels_of(draw_gallery(colours(blocks, tiles), title=TITLE, footer=FOOTER))
    across, _ = near_square(tiles)
    for number in range(blocks):
        first = {blue: boxes_of(pixels, (10 * number, 0, blue)) for blue in (200, 100)}
        side = first[200][2] - first[200][0]
        assert first[100][:2] == (first[200][0] + across * (side + 2) - 2 + 8, first[200][1])
        for blue, place in itertools.product((200, 100), range(tiles)):
            row, column = divmod(place, across)
            left, top = first[blue][0] + column * (side + 2), first[blue][1] + row * (side + 2)
            assert boxes_of(pixels, (10 * number, 20 * place, blue)) == (left, top, left + side, top + side)
            assert (pixels[top : top + side, left : left + side] == (10 * number, 20 * place, blue)).all()


def test_captions_title_and_footer_are_on_the_page_and_touch_no_tile():
    figure = draw_gallery(colours(6, 9), title=TITLE, footer=FOOTER)
    heads = ["projections", "image patches"] * 2
    assert texts_of(figure) == [TITLE, *heads, *(f"conv5:{n}  {n + 0.5}" for n in range(6)), FOOTER]
    pixels = pixels_of(figure)
    blue = boxes_of(pixels, (0, 0, 200))
    assert (pixels[blue[1] - 2 : blue[1]] == 255).all(), "room between a caption and its tiles"
    assert margins_are_white(pixels)


def test_missing_tiles_leave_blank_places_on_both_sides():
    whole, partial = colours(2, 9)
    partial = Block(partial.caption, partial.projections[:4], partial.patches[:4])
    pixels = pixels_of(draw_gallery([whole, partial], title=TITLE, footer=FOOTER, columns=2))
    (left, top, right, _), ninth = boxes_of(pixels, (10, 0, 200)), boxes_of(pixels, (0, 160, 200))
    offset = left - boxes_of(pixels, (0, 0, 200))[0]
    assert right - left == ninth[2] - ninth[0] and top < ninth[1]
    assert (pixels[ninth[1] : ninth[3], ninth[0] + offset : ninth[2] + offset] == 255).all()


def test_zero_is_mid_grey_on_the_page():
    grey = grey_centred(np.zeros((3, 299, 299), np.float32))
    pixels = pixels_of(draw_gallery([Block("a", [grey], [plain_tile((0, 0, 9), (299, 299))])], title="", footer=""))
    grey = (pixels == GREY).all(axis=-1)  # letters have some grey pixels, too
    assert ((grey.sum(axis=0) >= 120).sum(), (grey.sum(axis=1) >= 120).sum()) == (120, 120)


def test_the_size_of_tiles_and_the_number_of_columns_can_be_asked_for():
    def size(**asked: int) -> tuple[float, float]:
        return tuple(draw_gallery(colours(4, 4), title="", footer="", **asked).get_size_inches())

    assert size(columns=1, tile=30)[0] < size(columns=4, tile=30)[0]
    assert size(columns=1, tile=30)[1] > size(columns=4, tile=30)[1]
    assert size(tile=60)[0] > size(tile=30)[0]


def test_large_pictures_stand_above_the_blocks():
    picture = plain_tile((1, 2, 3), (90, 90))
    figure = draw_gallery(colours(1, 1), [("the photo", picture), ("projected", picture)], title="t", footer="f")
    pixels = pixels_of(figure)
    left, top, right, bottom = boxes_of(pixels, (1, 2, 3))
    assert (bottom - top, right - left) == (360, 2 * 360 + 28) and bottom < boxes_of(pixels, (0, 0, 200))[1]
    assert "the photo" in texts_of(figure)


def test_fields_are_outlined_in_the_photo_and_named():
    photo = plain_tile((1, 2, 3), (90, 90))
    figure = draw_gallery(
        colours(1, 1), [("the photo", photo)], title="", footer="", fields=[("7", Box(-9, 10, 30, 40))]
    )
    pixels = pixels_of(figure)
    left, top, right, bottom = boxes_of(pixels, (1, 2, 3))
    red, green, blue = (int(COLOURS[0][i : i + 2], 16) for i in (1, 3, 5))
    outline = (pixels[top - 1 : bottom, left - 2 : right] == (red, green, blue)).all(axis=-1)
    rows, columns = np.nonzero(outline)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (4 * 30, 4 * 30) and "7" in texts_of(
        figure
    )


def test_fields_share_a_name_where_they_are_one_and_names_do_not_overlap():
    photo, box = plain_tile((1, 2, 3), (90, 90)), Box(10, 10, 50, 50)
    fields = [("7", box), ("8", box), ("9", box.moved(1, 0)), ("5", Box(-9, -9, 99, 99))]
    figure = draw_gallery(colours(1, 1), [("the photo", photo)], title="", footer="", fields=fields)
    named = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert {"7, 8", "9"} <= named.keys() and not {"7", "8", "5"} & named.keys()
    assert not named["7, 8"].overlaps(named["9"])


def test_photos_are_named_below_their_patches_in_the_order_of_these():
    named = replace(colours(1, 4)[0], names=["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    figure = draw_gallery([named], title="", footer="", tile=120)
    assert {"a.jpg · b.jpg", "c.jpg · d.jpg"} <= set(texts_of(figure)) and margins_are_white(pixels_of(figure))


def test_a_tile_that_has_to_say_something_says_it_in_itself():
    blank = Block("a", [Worded(np.full((30, 30, 3), GREY, np.uint8), "nothing came down")], [plain_tile((0, 0, 9))])
    figure = draw_gallery([blank], title="", footer="")
    assert "nothing came down" in texts_of(figure)


def test_a_page_without_maps_says_so():
    assert "no map of this layer was ever active" in texts_of(draw_gallery([], title=TITLE, footer=FOOTER))


def test_texts_of_any_length_stay_inside_the_page():
    block = Block("features." * 40 + "conv:3  1.5", [plain_tile((0, 0, 0))], [plain_tile((0, 0, 0))])
    pixels = pixels_of(draw_gallery([block], title="a long title " * 60, footer="a long policy " * 60))
    assert pixels.shape[1] < 1200 and margins_are_white(pixels)


def test_tiles_shrink_until_all_blocks_have_room():
    assert tile_size((120, 120), 16, 9) == (120, 120)
    few, many = tile_size((120, 120), 100, 9), tile_size((120, 120), 2000, 9)
    assert 24 <= many[0] < few[0] < 120
    assert Format(9, many).block[0] * Format(9, many).block[1] * 2000 < 24e6 or many == (24, 24)


def test_the_same_blocks_give_the_same_pixels():
    first, second = (pixels_of(draw_gallery(colours(5, 9), title=TITLE, footer=FOOTER)) for _ in range(2))
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
