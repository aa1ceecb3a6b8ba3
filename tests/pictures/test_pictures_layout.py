import itertools

import pytest

from inspectnet.pictures.layout import (
    MARGIN,
    PAGE_PIXELS,
    TILE,
    Box,
    Contents,
    Layout,
    lay_out,
    near_square,
    scaled,
    tile_size,
)


def contents(blocks: int = 7, tiles: int = 9, tile: tuple[int, int] = (20, 20), **more: object) -> Contents:
    captions = [f"conv5:{number}  12.5" for number in range(blocks)]
    return Contents(**{"title": "t", "footer": "f", "captions": captions, "tiles": tiles, "tile": tile, **more})


def boxes(layout: Layout) -> list[Box]:
    tiles = itertools.chain(*layout.projections, *layout.patches)
    around = (layout.title, *layout.picture_captions, *layout.pictures, *layout.captions, layout.footer)
    return [*around, *tiles]


def apart(one: Box, other: Box) -> bool:
    return one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top


@pytest.mark.parametrize("pictures", [(), ((227, 227), (227, 180)), ((20, 300),)], ids=["none", "two", "narrow"])
@pytest.mark.parametrize("tile", [(7, 7), (24, 24), (120, 120), (15, 44)], ids=str)
@pytest.mark.parametrize("blocks, tiles", [(0, 0), (1, 1), (1, 9), (5, 2), (7, 9), (12, 5)])
def test_nothing_on_a_page_overlaps_or_leaves_it(blocks, tiles, tile, pictures):
    layout = lay_out(contents(blocks, tiles, tile, pictures=pictures, message="nothing was active"))
    placed = boxes(layout) + ([] if blocks else [layout.message])
    assert all(apart(*pair) for pair in itertools.combinations(placed, 2))
    width, height = layout.size
    for box in placed:
        assert MARGIN <= box.left < box.right <= width - MARGIN
        assert MARGIN <= box.top < box.bottom <= height - MARGIN


def test_each_block_has_its_caption_above_its_projections_left_of_its_patches():
    layout = lay_out(contents())
    for caption, left, right in zip(layout.captions, layout.projections, layout.patches, strict=True):
        assert caption.bottom < min(box.top for box in left + right)
        assert max(box.right for box in left) < min(box.left for box in right)
        assert [box.top for box in left] == [box.top for box in right]
        shift = {other.left - one.left for one, other in zip(left, right, strict=True)}
        assert len(shift) == 1, "both grids have the same shape"


def test_tiles_keep_the_size_they_were_given():
    layout = lay_out(contents(tile=(15, 44)))
    assert {(b.width, b.height) for row in layout.projections + layout.patches for b in row} == {(15, 44)}


@pytest.mark.parametrize("blocks", range(1, 40))
def test_the_columns_of_a_page_are_balanced(blocks):
    lefts = [box.left for box in lay_out(contents(blocks)).captions]
    heights = [lefts.count(left) for left in set(lefts)]
    assert max(heights) - min(heights) <= 1


@pytest.mark.parametrize("asked, found", [(1, 1), (3, 3), (7, 7), (99, 7)])
def test_the_number_of_columns_can_be_asked_for(asked, found):
    assert len({box.left for box in lay_out(contents(7), asked).captions}) == found


@pytest.mark.parametrize("count, grid", [(0, (1, 1)), (1, (1, 1)), (2, (2, 1)), (4, (2, 2)), (5, (3, 2)), (9, (3, 3))])
def test_tiles_stand_in_a_grid_as_square_as_can_be(count, grid):
    assert near_square(count) == grid


@pytest.mark.parametrize(
    "size, drawn",
    [
        ((7, 7), (119, 119)),
        ((51, 51), (102, 102)),
        ((99, 99), (99, 99)),
        ((120, 120), (120, 120)),
        ((163, 163), (120, 120)),
        ((7, 21), (35, 105)),
        ((500, 250), (120, 60)),
        ((5000, 1), (120, 1)),
    ],
    ids=str,
)
def test_small_tiles_grow_by_a_whole_factor_and_large_ones_shrink_to_fit(size, drawn):
    assert scaled(size, TILE) == drawn


def test_tiles_shrink_when_a_page_has_many_blocks_and_the_page_keeps_its_size():
    sides = [tile_size((163, 163), blocks, 9)[0] for blocks in (1, 16, 96, 256, 512)]
    assert sides == sorted(sides, reverse=True) and sides[0] == TILE > sides[-1] >= 24
    width, height = lay_out(contents(256, 9, tile_size((163, 163), 256, 9))).size
    assert width * height < 1.2 * PAGE_PIXELS


def test_a_block_of_small_tiles_gets_wider_for_its_caption():
    narrow, wide = contents(1, 1, (7, 7)), contents(1, 1, (7, 7), captions=["layer4.2.conv3:2047  12.5"])
    assert wide.block[0] > narrow.block[0] > 2 * 7
    endless = contents(1, 1, (7, 7), captions=["long" * 100])
    assert endless.block[0] == 240, "but not without end"
