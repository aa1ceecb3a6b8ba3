"""Statistics: numbers worked out on paper, and tests under chance."""

from itertools import product

import numpy as np
import pytest

from inspectnet.analyses.statistics import (
    Interval,
    bootstrap,
    exchange_p,
    holm,
    pairing_p,
    rank_p,
    ratio,
    share,
    sign_p,
)


def test_the_interval_of_a_share_is_that_of_the_binomial():
    """Of 100 rows 30 are 1: of Binomial(100, 0.3) 2.5 % lie below 21 and 2.5 % above 39."""
    found = bootstrap(np.repeat([1.0, 0.0], [30, 70]))
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.21, 0.39), abs=0.011)


def test_the_interval_is_that_of_drawing_rows_again():
    rows = np.array([0.0, 1.0, 5.0])
    every = sorted(np.mean(drawn) for drawn in product(rows, repeat=3))  # 27 samples, all equally likely
    found = bootstrap(rows, draws=20_000)
    assert (found.low, found.high) == pytest.approx((every[0], every[-1]))  # 1 / 27 lies beyond neither
    same = bootstrap(np.full(7, 2.5))
    assert (same.value, same.low, same.high) == pytest.approx((2.5, 2.5, 2.5))
    assert bootstrap(np.array([4.0])) == Interval(4, None, None)


def test_intervals_cover_the_truth_as_often_as_they_say(rng):
    found = [bootstrap(rng.normal(3, 2, 40), draws=499, seed=i) for i in range(300)]
    assert 0.89 < np.mean([each.low <= 3 <= each.high for each in found]) < 0.98


def test_two_numbers_of_the_same_rows_are_compared_pair_by_pair(rng):
    """They vary much and differ by 1 always: of the difference nothing is left to doubt."""
    rows = rng.normal(0, 10, 50)[:, None] + [[1.0, 0.0]]
    apart = bootstrap(rows, lambda means: means[:, 0] - means[:, 1])
    assert (apart.low, apart.high) == pytest.approx((1, 1))
    assert bootstrap(rows[:, 0]).high - bootstrap(rows[:, 0]).low > 3


def test_the_same_seed_gives_the_same_interval_and_chunks_change_little(rng, monkeypatch):
    rows = rng.normal(size=(30, 2))
    one, again, other = (bootstrap(rows, ratio, draws=999, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    monkeypatch.setattr("inspectnet.analyses.statistics.NUMBERS_AT_ONCE", 60)
    assert bootstrap(rows[:, 0], seed=3).high == pytest.approx(bootstrap(rows[:, 0], seed=4).high, abs=0.1)


def test_a_ratio_without_a_bound_has_none():
    rows = np.array([[1.0, 0.1], [1.0, -0.2], [1.0, 0.3], [1.0, 0.1]])
    found = bootstrap(rows, ratio)
    assert found.value == pytest.approx(1 / 0.075) and found.high is None


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 64, 0, 1 - 0.025 ** (1 / 64)),
        (64, 64, 0.025 ** (1 / 64), 1),
        (5, 10, 0.1871, 0.8129),
        (1, 20, 0.0013, 0.2487),
    ],
)
def test_shares_have_the_exact_interval(count, of, low, high):
    """From the tables of Clopper & Pearson; what none of 64 shows solves (1 - p)**64 = 0.025."""
    found = share(np.arange(of) < count)
    assert (found.value, found.low, found.high) == pytest.approx((count / of, low, high), abs=5e-5)


def test_a_rank_counts_the_number_itself():
    assert rank_p(3.0, np.array([1.0, 2.0, 2.5])) == 1 / 4
    assert rank_p(2.0, np.array([1.0, 2.0, 2.5])) == 3 / 4
    assert rank_p(-1.0, -np.array([1.0, 2.0, 3.0, 4.0])) == 2 / 5  # lower ones, with all signs turned


def test_what_is_equal_but_for_rounding_counts_as_much():
    assert pairing_p(np.array([[0.1, 0.2, -0.3]] * 3)) == 1  # each pairing has the sum 0
    assert rank_p(np.inf, np.array([np.inf, 1.0, 2.0])) == 1 / 2


def test_infinite_ratios_are_exchanged_as_others_are():
    """Two of the six ways to take two of four rows have both rows that divide by 0 on one side."""
    one, other = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 3.0]])
    assert exchange_p(one, other, ratio) == pytest.approx(1 / 3, abs=0.02)
    assert exchange_p(one, one, ratio) == 1


def test_signs_are_turned_as_often_as_coins_fall():
    """Of 2**6 ways to sign six equal differences two are as extreme: p is 1/32. Zeros have no sign."""
    assert sign_p(np.array([1.0] * 6)) == pytest.approx(1 / 32, abs=0.006)
    assert sign_p(np.array([0.0, 0, 1.0] * 6)) == pytest.approx(1 / 32, abs=0.006)
    assert sign_p(np.array([1.0, -1])) == 1 and sign_p(np.zeros(4)) == 1


def test_samples_are_exchanged_in_all_ways():
    """Of the 20 ways to take three of six numbers two are as far apart as the three lowest and highest."""
    assert exchange_p(np.array([0.0, 1, 2]), np.array([3.0, 4, 5])) == pytest.approx(0.1, abs=0.01)
    assert exchange_p(np.array([0.0, 5]), np.array([2.0, 3])) == 1


def test_ratios_of_two_samples_are_exchanged_row_by_row(rng):
    """Both lose half of what they have, of different amounts: the ratio is the same, the sums are not."""
    one, other = ([[n / 2, n] for n in rng.uniform(low, low + 1, 20)] for low in (1, 9))
    assert exchange_p(np.array(one), np.array(other), ratio) > 0.05
    assert exchange_p(np.array(one)[:, 0], np.array(other)[:, 0]) < 0.001


def test_p_is_uniform_under_chance(rng):
    p = [exchange_p(rng.normal(size=8), rng.normal(size=12), draws=199, seed=i) for i in range(200)]
    p += [sign_p(rng.normal(size=10), draws=199, seed=i) for i in range(200)]
    p += [pairing_p(rng.normal(size=(7, 7)), draws=199, seed=i) for i in range(200)]
    assert 0.07 < np.mean(np.array(p) < 0.1) < 0.13 and 0.45 < np.mean(p) < 0.55


def test_own_partners_are_compared_with_all_ways_to_pair():
    """Of the 24 pairings of four one alone has all partners right."""
    assert pairing_p(np.eye(4)) == pytest.approx(1 / 24, abs=0.006)
    assert pairing_p(-np.eye(4)) == 1 and pairing_p(np.full((3, 3), np.nan)) == 1


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == pytest.approx([1, 1]) and holm([]) == [] and holm([0.2]) == [0.2]
