import numpy as np
import pytest

from inspectnet.errors import OptionError
from inspectnet.images import tile_boxes, tile_id


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(32, 32), (33, 32), (100, 64), (65, 97), (47, 48), (32, 400)])
def test_tiles_cover_every_pixel_and_stay_inside(shape, overlap):
    covered = np.zeros(shape, int)
    boxes = tile_boxes(*shape, 32, 24, overlap)
    for top, left, height, width in boxes:
        assert (height, width) == (32, 24) and 0 <= top <= shape[0] - 32 and 0 <= left <= shape[1] - 24
        covered[top : top + height, left : left + width] += 1
    assert covered.min() >= 1
    assert len(set(boxes)) == len(boxes) and boxes == sorted(boxes)


def test_neighbours_share_half_and_the_last_ones_end_at_the_edge():
    boxes = tile_boxes(100, 64, 32, 32)
    assert sorted({box.top for box in boxes}) == [0, 16, 32, 48, 64, 68]
    assert sorted({box.left for box in boxes}) == [0, 16, 32]
    assert len(boxes) == 18


def test_one_tile_is_enough_for_a_photo_of_its_size():
    assert tile_boxes(32, 24, 32, 24) == [(0, 0, 32, 24)]


@pytest.mark.parametrize("shape", [(31, 24), (32, 23), (5, 500), (1, 1)])
def test_a_photo_smaller_than_a_tile_is_one_box(shape):
    assert tile_boxes(*shape, 32, 24) == [(0, 0, *shape)]


def test_a_few_photos_give_thousands_of_patches():
    assert 1000 * 3 < 5 * len(tile_boxes(3000, 4000, 224, 224)) < 1000 * 5


@pytest.mark.parametrize("overlap", [1, 1.5, -0.1, float("nan")])
def test_an_impossible_overlap_is_refused(overlap):
    with pytest.raises(OptionError, match="tiles cannot overlap by"):
        tile_boxes(64, 64, 32, 32, overlap)


def test_the_id_of_a_tile_names_photo_and_corner():
    assert tile_id("cat/a.jpg", 112, 0) == "cat/a.jpg#112,0"
