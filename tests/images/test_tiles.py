import numpy as np
import pytest

from inspectnet.images import tile_boxes, tile_id


@pytest.mark.parametrize("shape", [(32, 24), (33, 32), (100, 64), (65, 97), (47, 48), (32, 400), (300, 500)])
def test_tiles_stay_inside_and_share_no_pixel(shape):
    covered = np.zeros(shape, int)
    boxes = tile_boxes(*shape, 32, 24)
    for box in boxes:
        assert box.size == (32, 24) and box.lies_in(shape)
        covered[box.slices] += 1
    assert covered.max() == 1
    assert len(boxes) == (shape[0] // 32) * (shape[1] // 24) and boxes == sorted(
        boxes, key=lambda box: (box.y0, box.x0)
    )


def test_several_tiles_reach_from_edge_to_edge_and_one_stands_in_the_middle():
    boxes = tile_boxes(100, 63, 32, 32)
    assert sorted({box.y0 for box in boxes}) == [0, 34, 68]
    assert sorted({box.x0 for box in boxes}) == [15]


@pytest.mark.parametrize("shape", [(31, 24), (32, 23), (5, 500), (1, 1)])
def test_a_photo_smaller_than_a_tile_is_one_box(shape):
    assert tile_boxes(*shape, 32, 24) == [(0, 0, *shape[::-1])]


def test_a_handful_of_photos_gives_a_thousand_tiles():
    assert 5 * len(tile_boxes(3000, 4000, 224, 224)) > 1000


def test_the_id_of_a_tile_names_photo_and_corner():
    assert tile_id("cat/a.jpg", 112, 0) == "cat/a.jpg#112,0"
