"""Sweeps: numbers of curves worked out on paper."""

from dataclasses import replace

import numpy as np
import pytest

from inspectnet.analyses.sweeps import Sweep, compare_alike, roughness


def sweep(transform, amounts, distance, predicted=None):
    rows = np.atleast_2d(np.asarray(distance, float))
    answers = np.zeros(rows.shape, np.int64) if predicted is None else np.atleast_2d(predicted)
    amounts = np.asarray(amounts, float)
    return Sweep(transform, amounts, {"a": rows}, rows, answers, answers[:, 0], np.abs(amounts))


def test_a_straight_curve_has_one_slope_and_a_sharp_one_begins_steeper():
    straight = sweep("translate", [-12, -6, -1, 0, 1, 6, 12], [24, 12, 2, 0, 2, 12, 24]).slope("a")
    assert (straight.initial, straight.overall, straight.sharpness) == pytest.approx((2, 2, 1))
    assert straight.linearity == pytest.approx(1)
    # 1 at once, from the smallest step on: the line that fits best has the slope sum(u d) / sum(u u) = 13 / 145
    sharp = sweep("scale", [1, 2, 13], [0, 1, 1]).slope("a")
    assert (sharp.initial, sharp.overall) == pytest.approx((1, 13 / 145))
    assert sharp.sharpness == pytest.approx(145 / 13)
    missed = (1 - 13 / 145) ** 2 + (1 - 12 * 13 / 145) ** 2
    assert sharp.linearity == pytest.approx(1 - missed / (2 / 3))
    assert sweep("scale", [1, 2], [0, 0]).slope("a") is None
    assert sharp.jump is sharp.beyond is None


def test_a_line_that_begins_with_a_jump_is_straight_beyond_it():
    found = sweep("scale", [1, 1.25, 1.5, 2], [0, 0.75, 1, 1.5]).slope("a")
    assert (found.jump, found.beyond) == pytest.approx((0.5, 1))
    assert found.sharpness > 1.5 and found.linearity < 0.9
    bent = sweep("scale", [1, 2, 3, 4], [0, 1, 1, 4]).slope("a")
    assert (bent.jump, bent.beyond) == pytest.approx((-1, 0.75))
    assert sweep("rotate", [0, 5, 10, 15], [0, 1, 1, 1]).slope("a").beyond == pytest.approx(1)


def test_the_slope_is_that_of_the_mean_of_both_directions_and_photos():
    found = sweep("translate", [-12, -1, 0, 1, 12], [[24, 2, 0, 4, 24], [0, 0, 0, 2, 48]]).slope("a")
    assert (found.initial, found.overall) == pytest.approx((2, 2))


def test_a_rotation_is_as_large_as_the_shorter_way_back():
    assert sweep("rotate", [0, 90, 180, 350, -20, 365], [0] * 6).size.tolist() == [0, 90, 180, 10, 20, 5]


def test_two_changes_agree_as_often_as_counting_pairs_says():
    found = sweep("translate", range(4), np.zeros((2, 4)), [[1, 1, 2, 1], [5, 5, 5, 5]])
    assert found.consistency.value == pytest.approx((3 / 6 + 6 / 6) / 2)
    assert found.neighbour_consistency == pytest.approx((1 / 3 + 3 / 3) / 2)


def test_a_zigzag_is_rough_and_a_line_is_not():
    assert roughness(np.array([[0.0, 1, 2, 3, 4]])) == pytest.approx(0)
    assert roughness(np.array([[0.0, 1, 0, 1, 0]])) == pytest.approx(1 / 0.4)
    assert roughness(np.zeros((1, 5))) is None


def test_slopes_have_intervals_over_photos_and_layers_are_compared_photo_by_photo(rng):
    """Sharp curves, of all heights, beside straight ones of the same height: the heights say nothing of sharpness."""
    heights = rng.uniform(1, 5, (30, 1))
    straight, sharp = (heights * curve for curve in ([0, 1, 6, 12], [0, 4, 9, 12]))
    found = sweep("scale", [1, 2, 7, 13], straight)
    found = replace(found, distances={"sharp": sharp + rng.normal(0, 0.1, sharp.shape), "straight": straight})
    of_straight, apart = found.interval("straight", "sharpness"), found.sharper("sharp", "straight")
    assert (of_straight.low, of_straight.high) == pytest.approx((1, 1))
    assert apart.value == pytest.approx(found.slope("sharp").sharpness - 1)
    assert 2 < apart.low < apart.value < apart.high < 3.2
    assert found.interval("sharp", "beyond").high <= 1


def test_transforms_that_move_pixels_alike_are_compared_photo_by_photo():
    """Of ten photos all keep their answer when shifted, two when turned by as much; zooms move them further."""
    ways, still = np.array([0, 1, -1, 2, -2.0]), np.zeros((10, 5), int)
    turned = still.copy()
    turned[2:, 1:] = 1
    shifts, turns = (sweep(name, ways, still, kept) for name, kept in (("translate", still), ("rotate", turned)))
    further = sweep("zoom", 3 * ways, still)
    (found,) = compare_alike([shifts, further, turns])
    assert found.transforms == ("translate", "rotate") and found.displacements == (1, 2)
    assert found.more.value == pytest.approx(0.8) and 0.4 < found.more.low < found.more.high == pytest.approx(1)
    assert found.p == found.p_corrected == pytest.approx(2 / 2**8, abs=0.003)


def test_every_displacement_counts_alike():
    """One of the two shifts by 1 and the one by 2 keep the answer: 3/4, not 2/3."""
    one = sweep("translate", [0, 1, -1, 2], np.zeros((1, 4)), [[0, 0, 1, 0]])
    other = sweep("rotate", [0, 1, 2], np.zeros((1, 3)), [[0, 1, 1]])
    assert compare_alike([one, other])[0].more.value == pytest.approx(0.75) == one.kept_mean.value
    with pytest.raises(ValueError, match="end where they begin"):
        sweep("translate", [0, 0], np.zeros((1, 2)))
