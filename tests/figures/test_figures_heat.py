"""Heat over a photo: its colours mean values, the same as those of the bar."""

import numpy as np
import pytest

from inspectnet.figures.heat import OPAQUE, colour_bar, heat_over


def test_the_largest_value_has_the_lightest_colour_and_zero_the_darkest(rng):
    photo = np.full((8, 8, 3), 128, np.uint8)
    heat = rng.permutation(64).reshape(8, 8).astype(np.float32)
    brightness = heat_over(photo, heat).astype(float) @ (0.2126, 0.7152, 0.0722)
    order = np.argsort(heat.ravel())
    assert (np.diff(brightness.ravel()[order]) >= -1).all()  # a grey level of rounding
    assert brightness.max() - brightness.min() > 100


def test_the_photo_shows_through_in_grey():
    photo = np.zeros((2, 2, 3), np.uint8)
    photo[0] = (255, 255, 255)
    drawn = heat_over(photo, np.zeros((2, 2), np.float32)).astype(float)
    np.testing.assert_allclose(drawn[0] - drawn[1], (1 - OPAQUE) * 255, atol=1)


def test_a_map_of_zeros_has_the_colour_of_zero_everywhere():
    drawn = heat_over(np.full((3, 3, 3), 128, np.uint8), np.zeros((3, 3), np.float32))
    assert (drawn == colour_bar(2, 1)[0, 0]).all()


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_the_bar_shows_the_colours_of_the_map_whatever_its_scale(scale):
    values = np.linspace(0, 1, 65, dtype=np.float32)[None].repeat(2, 0)
    drawn = heat_over(np.full((2, 65, 3), 128, np.uint8), values * np.float32(scale))
    assert np.abs(drawn.astype(int) - colour_bar(65, 2)).max() <= 1


def test_values_below_zero_are_no_heat():
    with pytest.raises(AssertionError, match="no heat"):
        heat_over(np.zeros((2, 2, 3), np.uint8), -np.ones((2, 2), np.float32))
