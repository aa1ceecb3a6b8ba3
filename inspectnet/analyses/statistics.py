"""Statistics: how sure a number is that was measured on a sample of images, filters or maps.

Intervals are percentile bootstraps (Efron & Tibshirani 1993, ch. 13) over the rows of a sample; two numbers of the
same rows in one call are compared pair by pair. They tell what other images or filters would have given, not what
another training would have: for that, the rows have to be networks.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 9999
LEVEL = 0.95
NUMBERS_AT_ONCE = 1 << 23  # weights of rows in memory


@dataclass(frozen=True)
class Interval:
    """A number and its interval."""

    value: float
    low: float | None
    """None where a ratio has no bound, and where a single row tells of no interval."""
    high: float | None


def bootstrap(
    rows: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray] = lambda means: means,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """A number that is made of the means of rows (N, ...), and its 95 % interval over the rows.

    measure: of means (B, ...) the number of each (B,); of rows that are numbers it may be left out. Draws that give
    no number are left out, too.
    """
    different, counts = np.unique(np.asarray(rows, np.float64), axis=0, return_counts=True)
    flat, rng, made = different.reshape(len(different), -1), np.random.default_rng(seed), list[np.ndarray]()
    at_once = max(1, NUMBERS_AT_ONCE // max(flat.size, 1))
    for first in range(0, draws, at_once):
        weights = rng.multinomial(len(rows), counts / len(rows), min(at_once, draws - first)) / len(rows)
        made.append(measure((weights @ flat).reshape(-1, *different.shape[1:])))
    numbers = np.sort(np.concatenate(made))
    numbers = numbers[~np.isnan(numbers)]
    value = float(measure(np.asarray(np.mean(rows, axis=0, keepdims=True, dtype=np.float64)))[0])
    if not len(numbers) or len(rows) < 2:
        return Interval(value, None, None)
    outside = (1 - LEVEL) / 2 * len(numbers)
    ends = numbers[int(outside)], numbers[len(numbers) - 1 - int(outside)]
    return Interval(value, *(float(end) if np.isfinite(end) else None for end in ends))


def share(flags: np.ndarray) -> Interval:
    """How many of flags (N,) are set, in parts of all, with the exact interval of Clopper & Pearson (1934).

    A bootstrap of flags that are all alike would know no doubt; of 64 that are none, up to 0.056 may be.
    """
    count, of = int(np.count_nonzero(flags)), len(flags)
    tail = (1 - LEVEL) / 2
    low = _solve(lambda p: 1 - _up_to(count - 1, of, p) < tail) if count else 0.0
    high = _solve(lambda p: _up_to(count, of, p) > tail) if count < of else 1.0
    return Interval(count / of, low, high)


def _solve(below: Callable[[float], bool]) -> float:
    """Where between 0 and 1 something ends to hold that holds at 0."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def _up_to(count: int, of: int, p: float) -> float:
    """How likely `of` coins that fall on heads with p give at most `count` of them."""
    k = np.arange(count + 1)
    ways = math.lgamma(of + 1) - np.array([math.lgamma(n + 1) + math.lgamma(of - n + 1) for n in k])
    return float(np.exp(ways + k * math.log(p) + (of - k) * math.log1p(-p)).sum())


def ratio(means: np.ndarray) -> np.ndarray:
    """(B,): of means (B, 2) the first in parts of the second; infinite where that is not above 0."""
    above = means[:, 1] > 0
    return np.where(above, means[:, 0] / np.where(above, means[:, 1], 1), np.inf)


def rank_p(observed: float, by_chance: np.ndarray, summed: float = 0.0) -> float:
    """How likely chance gives as much as was observed or more, of numbers (B,) that it gave; 1 / (1 + B) at least.

    To test for less, turn the signs of both. summed: the size of what was added up, if sums may be 0 but for rounding.
    """
    rounding = 1e-9 * max(abs(observed), summed) if np.isfinite(observed) else 0.0
    more = ~(by_chance < observed - rounding)  # what gives no number is no evidence against chance
    return float((1 + np.count_nonzero(more)) / (1 + len(by_chance)))


def sign_p(differences: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> float:
    """How likely paired differences (N,) have a mean as far from 0, up or down, if each might have had either sign."""
    apart = differences[differences != 0]
    if not len(apart):
        return 1.0
    rng, sums = np.random.default_rng(seed), list[np.ndarray]()
    at_once = max(1, NUMBERS_AT_ONCE // len(apart))
    for first in range(0, draws, at_once):
        signs = rng.integers(0, 2, (min(at_once, draws - first), len(apart)), np.int8)
        sums.append((2.0 * signs - 1) @ apart)
    return rank_p(abs(float(apart.sum())), np.abs(np.concatenate(sums)), float(np.abs(apart).sum()))


def exchange_p(
    one: np.ndarray,
    other: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray] = lambda means: means,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """How likely two samples (N, ...), (M, ...) differ so much, if each of their rows might have been in either.

    measure: of means (B, ...) the number of each (B,), as for `bootstrap`.
    """
    both, rng, every = np.concatenate([one, other]).astype(np.float64), np.random.default_rng(seed), np.arange(draws)
    firsts = both[: len(one)].sum(axis=0), *(rng.permutation(both)[: len(one)].sum(axis=0) for _ in every)
    means = np.stack(firsts) / len(one), (both.sum(axis=0) - np.stack(firsts)) / len(other)
    one_each, other_each = measure(means[0]), measure(means[1])
    apart = np.zeros(len(one_each))  # where they are equal, infinite ones, too
    np.subtract(one_each, other_each, out=apart, where=one_each != other_each)
    apart = np.abs(apart)
    return rank_p(float(apart[0]), apart[1:]) if apart[0] > 0 else 1.0


def pairing_p(matrix: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> float:
    """How likely (N, N) numbers of things with partners have so high a mean over their own partners, the diagonal.

    By chance any thing might have had any partner, each partner once. NaN of a thing with a partner counts as 0.
    """
    known, rng, things = np.nan_to_num(matrix), np.random.default_rng(seed), np.arange(len(matrix))
    by_chance = np.array([known[things, rng.permutation(len(known))].sum() for _ in range(draws)])
    return rank_p(float(np.trace(known)), by_chance, float(np.abs(known).max(initial=0)) * len(known))


def holm(p: Sequence[float]) -> list[float]:
    """p-values (M,) corrected for there being so many (Holm 1979): below a level they all hold together at that level.

    The k-th smallest, from 0 on, is multiplied by M - k, and is no less than the one before it.
    """
    order, corrected, least = np.argsort(p, kind="stable"), [1.0] * len(p), 0.0
    for k, place in enumerate(order):
        least = max(least, min(1.0, (len(p) - k) * p[place]))
        corrected[place] = least
    return corrected
