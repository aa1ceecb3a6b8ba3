"""The occluder: where the square goes, what stands in it, and where a box lies after resizing and cropping."""

import re

import numpy as np
import pytest

from inspectnet.errors import OptionError
from inspectnet.geometry import Box
from inspectnet.images import Preparation
from inspectnet.images.hiding import hidden_images
from inspectnet.images.occluder import FILLS, Grid, box_mask, cover_of, slide

PLAIN = Preparation((3, 12, 10), (0.5, 0.4, 0.3), (0.2, 0.25, 0.5), crop_pct=1)


def test_the_papers_image_gets_the_default_square_and_others_their_part_of_it():
    assert [(g.patch, g.stride) for g in (slide((224, 224)), slide((448, 500)), slide((56, 64)), slide((4, 4)))] == [
        (50, 8), (100, 16), (12, 2), (1, 1)
    ]  # fmt: skip
    assert slide((224, 224)).shape == (22, 22)  # floor((224 - 50) / 8) + 1


def test_all_places_are_inside_and_the_grid_is_in_the_middle():
    grid = slide((12, 10), 4, 3)
    np.testing.assert_array_equal(grid.tops, [1, 4, 7])  # of 8 px to go two are left over, one above and one below
    np.testing.assert_array_equal(grid.lefts, [0, 3, 6])
    np.testing.assert_array_equal(grid.corners[:4], [[1, 0], [1, 3], [1, 6], [4, 0]])
    assert slide((5, 5), 5, 9).corners.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("patch", "stride", "match"),
    [
        (11, 1, r"a patch of 11 px does not fit into the image of 12 x 10. Choose less."),
        (0, 1, r"the patch cannot be 0 px. Choose 1 or more."),
        (4, 0, r"the stride cannot be 0 px. Choose 1 or more."),
        (4, -2, r"the stride cannot be -2 px"),
    ],
)
def test_a_square_that_does_not_fit_or_move_is_refused(patch, stride, match):
    with pytest.raises(OptionError, match=match):
        slide((12, 10), patch, stride)


def test_a_square_of_the_cover_is_all_that_changes():
    x, cover = np.zeros((2, 4, 5), np.float32), np.arange(40, dtype=np.float32).reshape(2, 4, 5) + 1
    grid = Grid(2, 1, np.array([0, 2]), np.array([0, 3]))
    found = hidden_images(x, cover, grid, np.array([0, 3]))
    wanted = np.zeros((2, 2, 4, 5), np.float32)
    wanted[0, :, :2, :2], wanted[1, :, 2:, 3:] = cover[:, :2, :2], cover[:, 2:, 3:]
    np.testing.assert_array_equal(found, wanted)
    assert not x.any()


def test_sums_and_middles_are_those_under_each_square(rng):
    values, grid = rng.normal(size=(12, 10)), slide((12, 10), 4, 3)
    wanted = [[values[y : y + 4, x : x + 4].sum() for x in (0, 3, 6)] for y in (1, 4, 7)]
    np.testing.assert_allclose(grid.sums(values), wanted, atol=1e-12)
    np.testing.assert_array_equal(grid.middles(values), values[3:10:3, 2:9:3])


@pytest.fixture
def x(rng):
    return PLAIN.normalise(rng.integers(0, 256, (12, 10, 3), np.uint8))


def test_grey_is_128_in_the_networks_own_units_and_mean_is_zero(x):
    grey = cover_of("grey", x, PLAIN, 4)
    for channel, (mean, std) in enumerate(zip(PLAIN.mean, PLAIN.std, strict=True)):
        np.testing.assert_allclose(grey[channel], (128 / 255 - mean) / std, rtol=1e-5)
    np.testing.assert_array_equal(cover_of("mean", x, PLAIN, 4), np.zeros_like(x))


def test_noise_is_the_photos_own_pixels_in_an_order_that_the_seed_decides(x):
    noise = cover_of("noise", x, PLAIN, 4, seed=1)
    np.testing.assert_array_equal(cover_of("noise", x, PLAIN, 4, seed=1), noise)
    assert (noise != x).any() and (noise != cover_of("noise", x, PLAIN, 4, seed=2)).any()
    colours = [sorted(map(tuple, each.reshape(3, -1).T.tolist())) for each in (x, noise)]
    assert colours[0] == colours[1]


def test_blur_keeps_an_even_colour_up_to_the_edge_and_flattens_noise(x):
    even = PLAIN.normalise(np.full((12, 10, 3), (200, 50, 7), np.uint8))
    np.testing.assert_array_equal(cover_of("blur", even, PLAIN, 4), even)
    blurred = cover_of("blur", x, PLAIN, 8)
    assert (blurred.std(axis=(1, 2)) < 0.5 * x.std(axis=(1, 2))).all()
    np.testing.assert_allclose(blurred.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=0.3)


@pytest.mark.parametrize("fill", FILLS)
def test_a_network_of_one_channel_or_of_bgr_is_covered_too(fill, rng):
    for preparation in (Preparation((1, 12, 10), (0.5,), (0.5,)), Preparation((3, 12, 10), (0,) * 3, (1,) * 3,
                                                                              channel_order="bgr")):  # fmt: skip
        x = preparation.normalise(rng.integers(0, 256, (12, 10, 3), np.uint8))
        assert cover_of(fill, x, preparation, 4).shape == x.shape


def test_an_unknown_fill_is_refused(x):
    with pytest.raises(OptionError, match=r"no fill 'black'. There are: grey, mean, blur, noise"):
        cover_of("black", x, PLAIN, 4)


def test_a_box_goes_through_the_same_resizing_and_cropping_as_its_photo():
    """A photo of 48 x 20 covers 24 x 10, of which the middle 12 rows are kept."""
    found = box_mask(Box(4, 0, 10, 48), (48, 20), PLAIN)
    wanted = np.zeros((12, 10), bool)
    wanted[:, 2:5] = True
    np.testing.assert_array_equal(found, wanted)
    high = box_mask(Box(0, 0, 20, 24), (48, 20), PLAIN)
    np.testing.assert_array_equal(high, np.arange(12)[:, None].repeat(10, axis=1) < 6)


def test_the_border_around_a_photo_is_in_no_box():
    bordered = Preparation((3, 8, 8), (1.0,) * 3, (1.0,) * 3, crop_mode="border")
    found = box_mask(Box(0, 0, 16, 8), (8, 16), bordered)
    np.testing.assert_array_equal(found[:, 0], [False, False, True, True, True, True, False, False])


@pytest.mark.parametrize("box", [(20, 0, 30, 5), (10, 0, 21, 5), (-1, 0, 3, 5), (0, 40, 5, 49), (5, 0, 5, 5)], ids=str)
def test_a_box_that_does_not_lie_in_its_photo_is_refused(box):
    what = f"the box {list(box)} does not lie in the photo, which has 20 x 48 pixels. Give x0, y0, x1, y1, the last two"
    with pytest.raises(OptionError, match=re.escape(what)):
        box_mask(Box(*box), (48, 20), PLAIN)
