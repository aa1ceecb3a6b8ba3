"""Geometry: what of an image a box holds, within it, across its border and beyond."""

import numpy as np
import pytest

from inspectnet.geometry import Box

IMAGE = np.arange(1, 25).reshape(2, 3, 4)  # two channels of 3 x 4


@pytest.mark.parametrize(
    "box",
    [
        (1, 0, 3, 2),
        (0, 0, 4, 3),
        (-2, -1, 2, 2),
        (3, 2, 6, 9),
        (-5, 0, -1, 3),
        (9, 1, 12, 2),
        (0, -4, 2, -2),
        (-1, -1, 9, 9),
    ],
)
def test_a_part_is_cut_as_from_an_image_with_room_around_it(box):
    wide = np.pad(IMAGE, ((0, 0), (10, 10), (10, 10)), constant_values=7)
    x0, y0, x1, y1 = box
    np.testing.assert_array_equal(Box(*box).cut(IMAGE, 7), wide[:, y0 + 10 : y1 + 10, x0 + 10 : x1 + 10])


def test_a_part_keeps_the_kind_of_its_numbers():
    assert Box(-1, -1, 1, 1).cut(IMAGE.astype(np.uint8), 128).dtype == np.uint8


def test_a_box_has_a_corner_and_a_size():
    box = Box.at(2, 5, (3, 4))
    assert box == (5, 2, 9, 5) and box.size == (3, 4) and box.moved(-2, 1) == (6, 0, 10, 3)


@pytest.mark.parametrize(
    ("box", "inside"),
    [((0, 0, 4, 3), True), ((0, 0, 5, 3), False), ((-1, 0, 2, 2), False), ((2, 1, 2, 3), False), ((3, 2, 4, 3), True)],
)
def test_a_box_lies_in_an_image_if_it_holds_pixels_of_it_only(box, inside):
    assert Box(*box).lies_in((3, 4)) is inside
