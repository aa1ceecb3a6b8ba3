"""What the occlusions of many photos say together, each number beside what chance gives.

The middle of a photo matters more than its border whatever is in it, so a photo's own box, and its map's own
projection, are compared with those of all other photos. Intervals are bootstraps over photos; p is how rarely the
photos' boxes, or projections, dealt out anew among them, would do as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.analyses.statistics import Interval, bootstrap, pairing_p, ratio


@dataclass(frozen=True)
class BoxDrops:
    """How much less probable classes get where the square's middle is in the object's box, and where it is not."""

    photos: int
    inside: Interval
    """Mean over photos of the mean drop inside the box."""
    outside: Interval
    ratio: Interval
    """Of inside to outside; unbounded where it may be that nothing is lost outside."""
    larger_inside: int
    """In how many photos the drop inside exceeds that outside."""
    others_inside: float
    """With the boxes of the other photos; NaN for one photo alone, as all that follows."""
    others_outside: float
    beyond_others: Interval
    """Inside less outside, by how much more with the own box than with others': what is due to the object."""
    p: float
    """How likely boxes dealt out at random give so large a difference of inside and outside."""

    @property
    def others_ratio(self) -> float:
        """Of inside to outside with the boxes of the other photos; NaN if nothing is lost outside."""
        return self.others_inside / self.others_outside if self.others_outside > 0 else float("nan")


@dataclass(frozen=True)
class Agreement:
    """How well the drop of a map's activity goes with the energy of its projection, in the mean of photos."""

    photos: int
    own: Interval
    """The correlation with the projection of the same photo's map."""
    others: Interval
    """With those of all other photos; NaN for one photo alone, as what follows."""
    beyond_others: Interval
    p: float
    """How likely projections dealt out at random give so high a correlation."""


def correlate(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two maps, NaN if one of them is the same everywhere."""
    p, q = _standardised([a, b])
    return float(p @ q)


def compare_with_box(drop: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """The mean of a drop (h, w) over the places that are `inside` (h, w) an object, and over all others.

    NaN where there is no such place.
    """
    within, without = (float(drop[each].mean()) if each.any() else float("nan") for each in (inside, ~inside))
    return within, without


def summarise(drops: Sequence[np.ndarray], insides: Sequence[np.ndarray], *, seed: int = 0) -> BoxDrops | None:
    """What `compare_with_box` gives for each photo's drop and box, and for all pairs of different photos.

    Photos without a place inside or outside do not count; None if there are no others.
    """
    pairs = [(d.ravel(), m.ravel()) for d, m in zip(drops, insides, strict=True) if m.any() and not m.all()]
    if not pairs:
        return None
    drop, inside = (np.array(each, np.float64) for each in zip(*pairs, strict=True))
    within, without = (drop @ (mask / mask.sum(axis=1, keepdims=True)).T for mask in (inside, 1 - inside))
    own = np.stack([np.diag(within), np.diag(without)], axis=1)
    others = np.stack([_of_others(within), _of_others(without)], axis=1)
    return BoxDrops(
        len(pairs),
        bootstrap(own[:, 0], seed=seed),
        bootstrap(own[:, 1], seed=seed),
        bootstrap(own, ratio, seed=seed),
        int((own[:, 0] > own[:, 1]).sum()),
        float(others[:, 0].mean()),
        float(others[:, 1].mean()),
        bootstrap((own - others) @ [1, -1], seed=seed),
        pairing_p(within - without, seed=seed) if len(pairs) > 1 else float("nan"),
    )


def agreement(drops: Sequence[np.ndarray], energies: Sequence[np.ndarray], *, seed: int = 0) -> Agreement | None:
    """How the drops (h, w) of a map's activity go with the energies (h, w) of its projection, photo by photo.

    Photos in which one of the two is the same everywhere do not count; None if there are no others.
    """
    drop, energy = _standardised(drops), _standardised(energies)
    known = np.isfinite(drop).all(axis=1) & np.isfinite(energy).all(axis=1)
    if not known.any():
        return None
    matrix = drop[known] @ energy[known].T
    own, others = np.diag(matrix), _of_others(matrix)
    return Agreement(
        len(own),
        bootstrap(own, seed=seed),
        bootstrap(others, seed=seed),
        bootstrap(own - others, seed=seed),
        pairing_p(matrix, seed=seed) if len(own) > 1 else float("nan"),
    )


def _of_others(matrix: np.ndarray) -> np.ndarray:
    """(N,): of numbers (N, N) the mean of each row without the one on the diagonal; NaN for one row alone."""
    if len(matrix) == 1:
        return np.full(1, np.nan)
    return np.asarray((matrix.sum(axis=1) - np.diag(matrix)) / (len(matrix) - 1))


def _standardised(maps: Sequence[np.ndarray]) -> np.ndarray:
    """(N, h * w): each map less its mean, of length 1, so that products are correlations; NaN for one all the same."""
    rows = np.array([each.ravel() for each in maps], np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 0, rows / np.where(lengths > 0, lengths, 1), np.nan))
