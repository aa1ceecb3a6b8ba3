"""The units of a layer as columns: what all images, or classes of them, do to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inspectnet.explorer.contract import Alike, ClassMean, Histogram, short
from inspectnet.index import Statistics

BINS = 20  # of a histogram
CLASSES = 10  # of a unit, the strongest
ALIKE = 8  # units that are told of each
TWINS = 0.99  # correlation of the maxima of duplicates
ENOUGH = 50  # images that tell which units are alike

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """What is known of a layer's units without their tiles."""

    statistics: Statistics
    classes: Mapping[str, int]
    """By label, the class that it means."""
    values: NDArray[np.float32]
    """(n, K): each unit's strongest activation in the walked photos."""

    @cached_property
    def highest(self) -> Floats:
        """(K,): over all images; 0 where all are below."""
        highest = np.where(np.isfinite(self.statistics.highest), self.statistics.highest, 0)
        return np.maximum(highest, 0).astype(np.float64)

    @cached_property
    def mean(self) -> Floats:
        """(K,): of each image's strongest activation."""
        return np.asarray(self.statistics.sum.total() / max(1, self.statistics.rows))

    @cached_property
    def active(self) -> Floats:
        """(K,): the share of images that excite each unit above 0."""
        return np.asarray(self.statistics.histogram.totals() / max(1, self.statistics.rows))

    @cached_property
    def by_class(self) -> dict[int, tuple[int, Floats]]:
        """By class, how many images it has, and their mean (K,)."""
        known: dict[int, tuple[int, Floats]] = {}
        for label, (rows, total) in self.statistics.by_class.items():
            if (index := self.classes.get(label)) is not None and rows:
                before, sums = known.get(index, (0, np.zeros(len(self.highest))))
                known[index] = before + rows, sums + total.total()
        return {index: (rows, sums / rows) for index, (rows, sums) in sorted(known.items())}

    @cached_property
    def selectivity(self) -> tuple[Floats, NDArray[np.int64]] | None:
        """(K,): how much more a unit's best class excites it than all others, and which it is; None without classes.

        (a - b) / (a + b) of the mean maxima a of the class and b of all other images (Morcos et al. 2018, eq. 1).
        """
        if len(self.by_class) < 2:
            return None
        counts = np.array([rows for rows, _ in self.by_class.values()])
        means = np.stack([mean for _, mean in self.by_class.values()])
        best = means.argmax(axis=0)
        units = np.arange(means.shape[1])
        a, own = means[best, units], counts[best]
        b = ((counts[:, None] * means).sum(axis=0) - own * a) / (counts.sum() - own)
        a, b = np.maximum(a, 0), np.maximum(b, 0)
        total = np.where(a + b > 0, a + b, 1)
        return (a - b) / total, np.array(list(self.by_class))[best]

    @cached_property
    def dead(self) -> int:
        """How many units no image excites."""
        return int(np.count_nonzero(self.statistics.histogram.totals() == 0))

    @cached_property
    def duplicates(self) -> int | None:
        """How many units go with another one over the walked photos; None of too few of them."""
        if len(self.values) < ENOUGH:
            return None
        return sum(
            int((self.likeness(range(first, min(first + 256, len(self.highest)))).max(axis=1) >= TWINS).sum())
            for first in range(0, len(self.highest), 256)
        )

    @cached_property
    def _units(self) -> Floats:
        """(n, K): the maxima, each unit's of mean 0 and length 1; 0 where all are equal."""
        centred = self.values.astype(np.float64) - self.values.mean(axis=0, dtype=np.float64)
        length = np.sqrt((centred**2).sum(axis=0))
        return np.asarray(centred / np.where(length > 0, length, 1))

    def likeness(self, units: range) -> Floats:
        """(units, K): the correlation of the maxima of some units with those of all; -1 with itself."""
        alike = self._units[:, units.start : units.stop].T @ self._units
        alike[np.arange(len(units)), list(units)] = -1
        return np.asarray(alike)

    def alike(self, units: range) -> list[tuple[Alike, ...]]:
        """Of each unit those that go with it most, if any do."""
        if len(self.values) < 3:
            return [()] * len(units)
        return [
            tuple(Alike(int(k), short(row[k])) for k in np.argsort(-row, kind="stable")[:ALIKE] if row[k] > 0)
            for row in self.likeness(units)
        ]

    def strongest_classes(self, unit: int) -> tuple[ClassMean, ...]:
        """The classes that excite a unit most."""
        rows = sorted(((mean[unit], -index) for index, (_, mean) in self.by_class.items()), reverse=True)[:CLASSES]
        return tuple(ClassMean(-index, short(mean), self.by_class[-index][0]) for mean, index in rows)

    def histogram(self, unit: int) -> Histogram:
        """How many images excite a unit how strongly, from 0 to the highest; the first bin holds those below, too."""
        kept = self.statistics.histogram
        edges = np.linspace(0, self.highest[unit] or 1, BINS + 1)
        bounds = kept.edges()
        middles = np.sqrt(bounds[:-1] * bounds[1:])
        own = kept.counts[:, unit]
        counts = np.zeros(BINS, np.int64)
        np.add.at(counts, np.clip(np.searchsorted(edges, middles, side="right") - 1, 0, BINS - 1), own)
        counts[0] += self.statistics.rows - own.sum()
        return Histogram(tuple(map(short, edges)), tuple(counts.tolist()))


def row_at_quantile(values: NDArray[np.float32], q: float) -> int | None:
    """The row of values (n,) that a share q of them does not exceed; None if it is not above 0."""
    order = np.argsort(values, kind="stable")
    row = int(order[max(0, int(np.ceil(q * len(order))) - 1)])
    return row if values[row] > 0 else None
