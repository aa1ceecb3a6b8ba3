"""Exact statistics of float32 numbers as integers, whose sums depend on no order, no grouping and no machine."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

DIGIT = 32  # bits of a digit of an exact sum
LOWEST = -149  # float32 numbers are multiples of 2^LOWEST
DIGITS = 9  # of an exact sum, from the lowest float32 to what the highest carries over
FINE = 4  # bits of the mantissa that tell bins of a histogram apart: 16 in each octave
BINS = 255 << FINE  # that finite numbers fall into


class Tally:
    """Whole numbers (rows, columns), of the rows that anything was counted in and all between; merging adds them."""

    def __init__(self, columns: int, first: int = 0, counts: Integers | None = None) -> None:
        """first: the number of the first row of `counts`."""
        self.first = first
        self.counts = np.zeros((0, columns), np.int64) if counts is None else counts

    def add(self, rows: NDArray[Any], amounts: NDArray[Any] | None = None) -> None:
        """Count each of rows (n, K), whole numbers, in its column: once, or by whole amounts (n, K) below 2^33.

        A row number below 0 counts nowhere. n is at most 2^20, which keeps sums of amounts exact in float64.
        """
        counted = rows >= 0
        if not counted.any():
            return
        low, high = int(rows[counted].min()), int(rows[counted].max()) + 1
        self._reach(low, high)
        columns = self.counts.shape[1]
        flat = ((rows - low) * columns + np.arange(columns))[counted]
        weights = None if amounts is None else amounts[counted].astype(np.float64)
        sums = np.bincount(flat, weights, (high - low) * columns).reshape(-1, columns)
        self.counts[low - self.first : high - self.first] += sums.astype(np.int64)

    def merge(self, other: Self) -> None:
        """Take in what was counted elsewhere."""
        if len(other.counts):
            self._reach(other.first, other.first + len(other.counts))
            start = other.first - self.first
            self.counts[start : start + len(other.counts)] += other.counts

    def _reach(self, low: int, high: int) -> None:
        """Have the rows low..high - 1, too."""
        if not len(self.counts):
            self.first = low
        before, after = max(0, self.first - low), max(0, high - self.first - len(self.counts))
        if before or after:
            self.counts = np.pad(self.counts, ((before, after), (0, 0)))
            self.first -= before


class ExactSum(Tally):
    """The sum of float32 numbers in each column, without any rounding.

    A float32 is a whole multiple of 2^-149. Its digits to the base 2^32 are added up one by one, each in a row of its
    own; carries wait until the sum is asked for (a superaccumulator, Kulisch 1971).
    """

    def take(self, values: NDArray[np.float32]) -> None:
        """Add numbers (n, K); they must be finite."""
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
        exponent, fraction = bits >> 23 & 0xFF, bits & 0x7FFFFF
        place = np.maximum(exponent, 1) - 1
        mantissa = np.where(exponent > 0, fraction | 1 << 23, fraction) * np.where(bits >> 31, -1, 1)
        row, wide = place // DIGIT, mantissa << place % DIGIT
        nonzero = mantissa != 0
        self.add(np.where(nonzero, row, -1), wide & 0xFFFFFFFF)
        self.add(np.where(nonzero & (wide >> DIGIT != 0), row + 1, -1), wide >> DIGIT)

    def total(self) -> NDArray[np.float64]:
        """(K,): the sums, each rounded once or twice."""
        digits, carry = self.counts.copy(), np.zeros(self.counts.shape[1], np.int64)
        for digit in digits:
            digit += carry
            carry = digit >> DIGIT
            digit &= 0xFFFFFFFF
        total = carry.astype(np.float64)
        for digit in digits[::-1]:
            total = total * 2.0**DIGIT + digit
        return np.asarray(np.ldexp(total, self.first * DIGIT + LOWEST))


class Histogram(Tally):
    """How many float32 numbers above 0 lie in each bin of a logarithmic scale, 16 bins an octave.

    The bins are fixed for all numbers there are, so that any parts merge to the same counts (quantiles by KLL or
    t-digest depend on how parts were grouped). A quantile is off by 3 % at the most.
    """

    def take(self, values: NDArray[np.float32]) -> None:
        """Count numbers (n, K)."""
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
        self.add(np.where(values > 0, bits >> 23 - FINE, -1))

    def totals(self) -> Integers:
        """(K,): how many numbers of each column are above 0."""
        return np.asarray(self.counts.sum(axis=0))

    def edges(self) -> NDArray[np.float64]:
        """(rows + 1,): where the bins begin, and the last one ends."""
        numbers = np.arange(self.first, self.first + len(self.counts) + 1, dtype=np.uint32) << 23 - FINE
        return np.asarray(numbers.view(np.float32), np.float64)

    def quantile(self, q: float, total: int) -> NDArray[np.float64]:
        """(K,): the number that a part q of `total` numbers does not exceed; those not above 0 count as 0."""
        if not len(self.counts):
            return np.zeros(self.counts.shape[1])
        rank = max(1, int(np.ceil(q * total)))
        above = np.cumsum(self.counts, axis=0) + (total - self.counts.sum(axis=0))
        edges = self.edges()
        middles = np.sqrt(edges[:-1] * edges[1:])
        first = np.argmax(above >= rank, axis=0)
        return np.where(above[0] - self.counts[0] >= rank, 0.0, middles[first])
