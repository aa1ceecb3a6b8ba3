"""Exact sums and histograms: against Python's fractions and NumPy's quantiles, whatever the order and the grouping."""

from fractions import Fraction

import numpy as np
import pytest

from inspectnet.scanning.tally import ExactSum, Histogram, Tally
from inspectnet.scanning.top import largest


def numbers(seed, rows=60, columns=3):
    """Float32 of all sizes and signs, with zeros, denormal and equal ones."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((rows, columns)) * 10.0 ** rng.integers(-44, 30, (rows, columns))
    drawn[rng.random((rows, columns)) < 0.1] = 0
    return drawn.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_sum_is_that_of_fractions_rounded_at_the_end(seed):
    values, total = numbers(seed), ExactSum(3)
    total.take(values)
    exact = [float(sum(map(Fraction, column.tolist()))) for column in values.T]
    assert np.allclose(total.total(), exact, rtol=1e-15, atol=0)


def test_a_sum_that_cancels_is_zero():
    values = numbers(9)
    total = ExactSum(3)
    total.take(np.concatenate([values, -values]))
    assert not total.total().any()


@pytest.mark.parametrize("kind", [ExactSum, Histogram])
def test_parts_in_any_order_and_grouping_give_the_same_integers(kind):
    values, rng = numbers(1, rows=200), np.random.default_rng(2)
    whole = kind(3)
    whole.take(values)
    for _ in range(5):
        parts = []
        for rows in np.array_split(rng.permutation(200), rng.integers(2, 9)):
            parts.append(kind(3))
            parts[-1].take(values[rows])
        while len(parts) > 1:
            parts[0].merge(parts.pop(rng.integers(1, len(parts))))
        assert parts[0].first == whole.first
        assert np.array_equal(parts[0].counts, whole.counts)


def test_nothing_counted_is_nothing():
    total, histogram = ExactSum(2), Histogram(2)
    total.take(np.zeros((4, 2), np.float32))
    histogram.take(np.full((4, 2), -1, np.float32))
    total.merge(ExactSum(2))
    assert total.total().tolist() == [0, 0]
    assert histogram.quantile(0.5, 4).tolist() == [0, 0]


@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.99, 1])
def test_a_quantile_is_within_half_a_bin_of_the_number_itself(q):
    rng = np.random.default_rng(3)
    values = np.exp(rng.normal(0, 3, (1001, 4))).astype(np.float32) * (rng.random((1001, 4)) < 0.7)
    histogram = Histogram(4)
    histogram.take(values)
    exact = np.quantile(values, q, axis=0, method="inverted_cdf")
    assert np.allclose(histogram.quantile(q, 1001), exact, rtol=0.032, atol=0)


def test_bins_hold_what_lies_between_their_edges():
    values, histogram = np.geomspace(1e-30, 1e30, 4001, dtype=np.float32)[:, None], Histogram(1)
    histogram.take(values)
    assert np.array_equal(histogram.counts[:, 0], np.histogram(values, histogram.edges())[0])


def test_amounts_are_added_where_they_belong():
    tally = Tally(2)
    tally.add(np.array([[5, 7], [5, -1]]), np.array([[1, 10], [2, 99]]))
    assert tally.first == 5
    assert tally.counts.tolist() == [[3, 0], [0, 0], [0, 10]]


@pytest.mark.parametrize("k", [1, 3, 20, 50])
def test_the_largest_are_those_of_a_stable_sort(k):
    values = np.random.default_rng(k).integers(0, 6, (7, 50)).astype(np.float32)
    assert np.array_equal(largest(values, k), np.argsort(-values, axis=1, kind="stable")[:, :k])
