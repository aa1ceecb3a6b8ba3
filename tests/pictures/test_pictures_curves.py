"""Curves: at the height of their values, with their mean and band; round numbers on the axes."""

import numpy as np
import pytest

from inspectnet.pictures.chart import FINE
from inspectnet.pictures.curves import (
    ABOVE,
    BAND,
    BELOW,
    DISTINCT,
    GUTTER,
    MANY,
    MEAN,
    Curves,
    colour_of,
    draw_curves,
    nice_top,
    ticks,
)

SIZE = (300, 240)
HEIGHT = SIZE[1] - ABOVE - BELOW


def panel(lines, top=1.0, x=None):
    lines = np.atleast_2d(np.asarray(lines, float))
    x = np.arange(lines.shape[1], dtype=float) if x is None else np.asarray(x, float)
    return np.asarray(draw_curves(Curves("amount", x, lines, top), SIZE))


def rows_of(pixels, colour, column):
    return np.flatnonzero((pixels[:, column] == colour).all(axis=1))


def height_of(value, top):
    return ABOVE + (HEIGHT - 1 / FINE) * (1 - value / top)


@pytest.mark.parametrize(("value", "top"), [(0.5, 1.0), (0.25, 1.0), (3, 4)])
def test_a_curve_stands_at_the_height_of_its_value(value, top):
    pixels = panel([value] * 5, top)
    assert rows_of(pixels, DISTINCT[0], SIZE[0] // 2 + 7).mean() == pytest.approx(height_of(value, top), abs=1)


def test_a_step_stands_where_x_says_so():
    """Low up to x = 9 of 10, high from there on: seen just before and after nine tenths of the width."""
    pixels = panel([0.2, 0.2, 0.8, 0.8], x=[0, 9, 9.001, 10])
    nine = GUTTER + round((SIZE[0] - GUTTER - 8) * 0.9)
    before, after = (rows_of(pixels, DISTINCT[0], nine + side).mean() for side in (-8, 8))
    assert (before, after) == pytest.approx((height_of(0.2, 1), height_of(0.8, 1)), abs=1)


def test_the_mean_lies_in_the_middle_of_its_band_of_one_deviation():
    """Two curves at 0.2 and 0.6: mean 0.4, deviation 0.2, so the band ends where the curves are."""
    pixels = panel([[0.2] * 4, [0.6] * 4])
    column = GUTTER + 100
    assert rows_of(pixels, MEAN, column).mean() == pytest.approx(height_of(0.4, 1), abs=1)
    band = rows_of(pixels, BAND, column)
    assert (band.min(), band.max()) == pytest.approx((height_of(0.6, 1), height_of(0.2, 1)), abs=3)
    assert not len(rows_of(panel([0.3] * 4), BAND, column)) and not len(rows_of(panel([0.3] * 4), MEAN, column))


def test_nothing_leaves_the_plot_even_where_the_band_reaches_below_zero():
    pixels = panel([[0.0] * 3, [0.0] * 3, [1.0] * 3])
    assert (pixels[:ABOVE, GUTTER:] == 255).all() and (pixels[:, SIZE[0] - 3 :] == 255).all()
    below = pixels[ABOVE + HEIGHT : ABOVE + HEIGHT + 4, GUTTER:]  # above the numbers
    assert not (below == BAND).all(axis=2).any()


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ((1, 1.8), [1, 1.2, 1.4, 1.6, 1.8]),
        ((-60, 60), [-50, -25, 0, 25, 50]),
        ((0, 355), [0, 100, 200, 300]),
        ((0, 0.03), [0, 0.01, 0.02, 0.03]),
    ],
)
def test_axes_have_round_numbers(ends, wanted):
    assert ticks(*ends) == pytest.approx(wanted)


@pytest.mark.parametrize(("most", "wanted"), [(1.04, 1.25), (1.25, 1.25), (0.93, 1.0), (0, 1), (7.2, 8)])
def test_the_scale_ends_at_the_next_round_number(most, wanted):
    assert nice_top([np.array([0.0, most]), np.zeros(2)]) == pytest.approx(wanted)


def test_more_curves_than_colours_share_one():
    assert len({colour_of(i, 6) for i in range(6)}) == 6
    assert {colour_of(i, 7) for i in range(7)} == {MANY}
