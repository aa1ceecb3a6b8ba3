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
class OthersBoxes:
    """What photos lose inside and outside the boxes of all other photos, and how much more their own box tells."""

    inside: float
    outside: float
    ratio: float | None
    """Of inside to outside; None if nothing is lost outside."""
    beyond: Interval
    """Inside less outside, by how much more with the own box: what is due to the object."""
    p: float
    """How likely boxes dealt out at random give so large a difference of inside and outside."""


@dataclass(frozen=True)
class BoxDrops:
    """How much less probable classes get where the square's middle is in the object's box, and where it is not."""

    photos: int
    inside: Interval
    """Mean over photos of the mean drop inside the box."""
    outside: Interval
    ratio: float | None
    """Of inside to outside; None if nothing is lost outside."""
    ratio_interval: tuple[float | None, float | None]
    """Unbounded where it may be that nothing is lost outside."""
    larger_inside: int
    """In how many photos the drop inside exceeds that outside."""
    others: OthersBoxes | None
    """None for one photo alone."""


@dataclass(frozen=True)
class OthersProjections:
    """How a map's drop goes with the projections of all other photos, and how much better with its own."""

    correlation: Interval
    beyond: Interval
    """By how much the correlation with the own projection is larger."""
    p: float
    """How likely projections dealt out at random give so high a correlation."""


@dataclass(frozen=True)
class Agreement:
    """How well the drop of a map's activity goes with the energy of its projection, in the mean of photos."""

    of: str
    """The layer, or the map if it was asked for."""
    photos: int
    correlation: Interval
    """With the projection of the same photo's map."""
    others: OthersProjections | None
    """None for one photo alone."""


def correlate(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson's correlation of two maps, None if one of them is the same everywhere."""
    p, q = _standardised([a, b])
    return _known(float(p @ q))


def compare_with_box(drop: np.ndarray, inside: np.ndarray) -> tuple[float | None, float | None]:
    """The mean of a drop (h, w) over the places that are `inside` (h, w) an object, and over all others.

    None where there is no such place.
    """
    within, without = (float(drop[places].mean()) if places.any() else None for places in (inside, ~inside))
    return within, without


def summarise(drops: Sequence[np.ndarray], insides: Sequence[np.ndarray], *, seed: int = 0) -> BoxDrops | None:
    """What `compare_with_box` gives for each photo's drop and box, and for all pairs of different photos.

    Photos without a place inside or outside do not count; None if there are no others.
    """
    pairs = [(d.ravel(), m.ravel()) for d, m in zip(drops, insides, strict=True) if m.any() and not m.all()]
    if not pairs:
        return None
    drop, inside = (np.array(rows, np.float64) for rows in zip(*pairs, strict=True))
    within, without = (drop @ (mask / mask.sum(axis=1, keepdims=True)).T for mask in (inside, 1 - inside))
    own = np.stack([np.diag(within), np.diag(without)], axis=1)
    both = bootstrap(own, ratio, seed=seed)
    return BoxDrops(
        len(pairs),
        bootstrap(own[:, 0], seed=seed),
        bootstrap(own[:, 1], seed=seed),
        _known(both.value),
        (both.low, both.high),
        int((own[:, 0] > own[:, 1]).sum()),
        _others_boxes(own, within, without, seed) if len(pairs) > 1 else None,
    )


def agree(of: str, drops: Sequence[np.ndarray], energies: Sequence[np.ndarray], *, seed: int = 0) -> Agreement | None:
    """How the drops (h, w) of a map's activity go with the energies (h, w) of its projection, photo by photo.

    Photos in which one of the two is the same everywhere do not count; None if there are no others.
    """
    drop, energy = _standardised(drops), _standardised(energies)
    known = np.isfinite(drop).all(axis=1) & np.isfinite(energy).all(axis=1)
    if not known.any():
        return None
    matrix = drop[known] @ energy[known].T
    own = np.diag(matrix)
    beside = None
    if len(own) > 1:
        others = _of_others(matrix)
        beyond = bootstrap(own - others, seed=seed)
        beside = OthersProjections(bootstrap(others, seed=seed), beyond, pairing_p(matrix, seed=seed))
    return Agreement(of, len(own), bootstrap(own, seed=seed), beside)


def _others_boxes(own: np.ndarray, within: np.ndarray, without: np.ndarray, seed: int) -> OthersBoxes:
    """own (N, 2): the drops inside and outside; within, without (N, N): those of each photo with each box."""
    others = np.stack([_of_others(within), _of_others(without)], axis=1)
    inside, outside = (float(column.mean()) for column in others.T)
    return OthersBoxes(
        inside,
        outside,
        inside / outside if outside > 0 else None,
        bootstrap((own - others) @ [1, -1], seed=seed),
        pairing_p(within - without, seed=seed),
    )


def _of_others(matrix: np.ndarray) -> np.ndarray:
    """(N,): of numbers (N, N) the mean of each row without the one on the diagonal."""
    return np.asarray((matrix.sum(axis=1) - np.diag(matrix)) / (len(matrix) - 1))


def _standardised(maps: Sequence[np.ndarray]) -> np.ndarray:
    """(N, h * w): each map less its mean, of length 1, so that products are correlations; NaN for one all the same."""
    rows = np.array([values.ravel() for values in maps], np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(lengths > 0, rows / np.where(lengths > 0, lengths, 1), np.nan))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
