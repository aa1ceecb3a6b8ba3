"""Unpooling by hand: small maps whose answers can be read off."""

import numpy as np
import pytest
from small import build, project, run

# windows of 3 at stride 2 over 5x5: the 9 in the middle wins all four
SHARED = np.array([[[[1, 2, 3, 2, 1], [2, 4, 5, 4, 2], [3, 5, 9, 5, 3], [2, 4, 5, 4, 2], [1, 2, 3, 2, 1]]]], np.float32)


def pool(op, x):
    return op.MaxPool(x, kernel_shape=[3, 3], strides=[2, 2])


def test_values_that_share_a_switch_add_up():
    pixels = project(build((1, 5, 5), pool), SHARED, [[[[1, 2], [3, 4]]]])
    expected = np.zeros((5, 5))
    expected[2, 2] = 1 + 2 + 3 + 4
    np.testing.assert_array_equal(pixels[0, 0], expected)


def test_overwriting_keeps_the_last_of_the_values_that_share_a_switch():
    pixels = project(build((1, 5, 5), pool), SHARED, [[[[1, 2], [3, 4]]]], unpool="overwrite")
    assert pixels[0, 0, 2, 2] == 4 and pixels.sum() == 4


def test_the_centre_needs_no_switches():
    pixels = project(build((1, 5, 5), pool), SHARED, [[[[1, 2], [3, 4]]]], unpool="centre")
    expected = np.zeros((5, 5))
    expected[1, 1], expected[1, 3], expected[3, 1], expected[3, 3] = 1, 2, 3, 4
    np.testing.assert_array_equal(pixels[0, 0], expected)


def test_of_equal_values_the_first_in_row_order_is_the_switch():
    pixels = project(build((1, 4, 4), lambda op, x: op.MaxPool(x, kernel_shape=[2, 2], strides=[2, 2])),
                     np.ones((1, 1, 4, 4)), [[[[1, 2], [3, 4]]]])  # fmt: skip
    np.testing.assert_array_equal(pixels[0, 0, ::2, ::2], [[1, 2], [3, 4]])
    assert pixels.sum() == 10


def test_padding_never_wins_a_window():
    model = build((1, 2, 2), lambda op, x: op.MaxPool(x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    pixels = project(model, [[[[-4, -3], [-2, -1]]]], np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(pixels[0, 0], [[0, 0], [0, 4]])


def test_an_average_that_counts_no_padding_spreads_more_at_the_border():
    model = build((1, 2, 2), lambda op, x: op.AveragePool(x, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1]))
    pixels = project(model, np.zeros((1, 1, 2, 2)), [[[[1, 2], [3, 4]]]])
    np.testing.assert_array_equal(pixels[0, 0], [[1, 2], [3, 4]])  # each window holds one pixel of the image


@pytest.mark.parametrize("images", [1, 3])
def test_switches_of_one_image_know_nothing_of_the_others(images, rng):
    x = rng.normal(size=(images, 2, 6, 6))
    model = build((2, 6, 6), pool)
    seed = rng.normal(size=run(model, x).shape)
    together = project(model, x, seed)
    alone = [project(model, x[i : i + 1], seed[i : i + 1])[0] for i in range(images)]
    np.testing.assert_array_equal(together, alone)
