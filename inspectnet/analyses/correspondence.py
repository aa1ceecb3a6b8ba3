"""Correspondence: whether a network changes in the same way when the same part is hidden in different photos.

Zeiler & Fergus 2014, sec. 4.3 and Table 1: with eps_i the change of a layer's features in photo i when a part of it is
hidden, Delta is the Hamming distance of sign(eps_i) and sign(eps_j), here as a share of the dimensions, over all
pairs of photos. The lower, the more consistent. Signs are ternary: most features do not change at all, so distances
are small by themselves; the chance level says how small they would be if signs agreed by accident only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.network import Network

DIMENSIONS_AT_ONCE = 1 << 16  # of all vectors that are compared: bounds memory, and float32 counts this far exactly
PERMUTATIONS_AT_ONCE = 1000


@dataclass(frozen=True)
class Signs:
    """How often the signs of every two of V vectors differ."""

    differ: np.ndarray
    """(V, V) float64: the share of all dimensions."""
    touched: np.ndarray
    """(V, V) float64: the share of dimensions that are not zero in both."""
    chance: np.ndarray
    """(V, V) float64: what `differ` would be if one of the vectors had its dimensions shuffled."""
    changed: np.ndarray
    """(V,) float64: the share of dimensions that are not zero."""


@dataclass(frozen=True)
class Consistency:
    """What hiding parts changes in one layer, for P parts, N photos, R random places, their n = N (N - 1) / 2 pairs.

    Of each array over places the first is the part itself, the R others are random.
    """

    layer: str
    distance: np.ndarray
    """(P, 1 + R, n): the share of dimensions whose signs differ; its mean over pairs is Table 1's number."""
    among_touched: np.ndarray
    """(P, 1 + R, n): the same of the dimensions that change in either photo; NaN where none does."""
    chance: np.ndarray
    """(P, 1 + R, n): the distance to be expected of two vectors with as many signs of each kind."""
    changed: np.ndarray
    """(P, 1 + R, N): the share of dimensions that change at all."""
    others: np.ndarray
    """(P,): the mean distance to other parts in other photos; NaN if there is one part only."""
    p: np.ndarray
    """(P,): how likely random places are so consistent or more, by permutation."""
    p_relative: np.ndarray
    """(P,): the same for distance / chance, which does not depend on how many dimensions change."""


@dataclass(frozen=True)
class Correspondence:
    """The consistency of parts in several layers."""

    layers: tuple[Consistency, ...]
    hidden: np.ndarray
    """(P, 1 + R, N, H, W) bool: what was hidden, first the part itself, then the same shape at random places."""


def correspond(
    network: Network,
    x: np.ndarray,
    masks: np.ndarray,
    layers: Sequence[str],
    *,
    randoms: int = 10,
    together: bool = False,
    permutations: int = 9999,
    fill: np.ndarray | float = 0.0,
    tolerance: float = 1e-6,
    seed: int = 0,
    batch_size: int = 16,
    on_progress: Callable[[int], None] | None = None,
) -> Correspondence:
    """How alike the features of several photos change when the same part is hidden, against random places.

    x: prepared photos (N, C, H, W); masks: their parts (P, N, H, W) bool. fill: what hides, in prepared units, a
    number or (C,); 0 is the mean colour. randoms: places of equal shape and area for each part and photo, that touch
    no part. together: each of them lies the same way from the part in all photos, so that they are as near to each
    other as the parts are; p is then the rank among them, at least 1 / (1 + randoms), and else that of
    permutation_test. tolerance: changes up to this part of a photo's largest feature are none. on_progress gets how
    many more images are done. Raises LayerError, OptionError
    (Zeiler & Fergus 2014, sec. 4.3; the layer, the number of random places and the fill are not told there).
    """
    if len(x) < 2:
        raise OptionError(f"consistency is between photos, and there is {len(x)} only. Mark the parts of two or more.")
    names = {found.output: found.name for found in map(network.layer, layers)}
    outputs = list(names)
    hidden = np.stack([masks, *random_places(masks, randoms, seed, together=together)], axis=1)
    before = network.values(x, outputs)
    signs: dict[str, list[np.ndarray]] = {output: [] for output in outputs}
    flat, paint = hidden.reshape(-1, *masks.shape[2:]), np.asarray(fill, np.float32).reshape(-1, 1, 1)
    for first in range(0, len(flat), batch_size):
        rows = np.arange(first, min(first + batch_size, len(flat))) % len(x)
        after = network.values(np.where(flat[first : first + len(rows), None], paint, x[rows]), outputs)
        for output in signs:
            signs[output].append(_signs(before[output][rows], after[output], tolerance))
        if on_progress:
            on_progress(len(rows))
    shape, draws = (len(masks), 1 + randoms, len(x)), 0 if together else permutations
    found = (_consistency(names[o], np.concatenate(signs[o]), shape, draws, seed) for o in outputs)
    return Correspondence(tuple(found), hidden)


def random_places(masks: np.ndarray, count: int, seed: int = 0, *, together: bool = False) -> list[np.ndarray]:
    """`count` times all masks (P, N, H, W), each moved to a random place where its box touches no part of its photo.

    together: by the same way in all photos. Raises OptionError if there is no such place, or nothing in a mask.
    """
    rng, moved = np.random.default_rng(seed), [np.zeros_like(masks) for _ in range(count)]
    for part, mine in enumerate(masks):
        ways = [
            _ways(mask, np.any(masks[:, image], axis=0), f"photo {image + 1} of {len(mine)}")
            for image, mask in enumerate(mine)
        ]
        if together:
            ways = [np.logical_and.reduce(ways)] * len(mine)
            if not ways[0].any():
                which = f"part {part + 1} of {len(masks)} cannot be moved the same way in all photos"
                how = "without touching a part or the border. Mark smaller parts, or leave out --together"
                raise OptionError(f"{which} {how}.")
        drawn = rng.choice(np.argwhere(ways[0]), count) if together else None
        for image, mask in enumerate(mine):
            shifts = rng.choice(np.argwhere(ways[image]), count) if drawn is None else drawn
            for target, shift in zip(moved, shifts - np.array(mask.shape), strict=True):
                target[part, image] = np.roll(mask, tuple(shift), axis=(0, 1))
    return moved


def compare_signs(signs: np.ndarray) -> Signs:
    """How often the signs (V, D) int8 of every two of V vectors differ, and would differ by chance."""
    equal, both_zero = (np.zeros((len(signs), len(signs))) for _ in range(2))
    counts = np.zeros((3, len(signs)))
    for first in range(0, signs.shape[1], DIMENSIONS_AT_ONCE):
        part = signs[:, first : first + DIMENSIONS_AT_ONCE]
        for number, sign in enumerate((-1, 0, 1)):
            here = (part == sign).astype(np.float32)
            same = here @ here.T
            equal += same
            both_zero += same if sign == 0 else 0
            counts[number] += here.sum(axis=1)
    shares = counts / signs.shape[1]
    differ, touched = 1 - equal / signs.shape[1], 1 - both_zero / signs.shape[1]
    return Signs(differ, touched, 1 - shares.T @ shares, 1 - shares[1])


def permutation_test(
    distance: np.ndarray, chance: np.ndarray | None = None, *, permutations: int = 9999, seed: int = 0
) -> float:
    """How likely a place drawn at random in each photo gives a mean distance as low as the first place of each.

    distance (places, N, places, N). With `chance` of that shape the sums of both are divided. If parts were nothing
    special, each of a photo's places could as well have been the first, so the test is exact; the least p is
    1 / (permutations + 1). permutations=0: each place is drawn once, the same in all photos.
    """
    places, images = distance.shape[:2]
    rng = np.random.default_rng(seed)
    observed = _total(distance, chance, np.zeros((1, images), np.int64))[0]
    lower = 0
    if not permutations:
        once = np.repeat(np.arange(places)[:, None], images, axis=1)
        return float((_total(distance, chance, once) <= observed * (1 + 1e-9)).mean())
    for first in range(0, permutations, PERMUTATIONS_AT_ONCE):
        drawn = rng.integers(0, places, (min(PERMUTATIONS_AT_ONCE, permutations - first), images))
        lower += int((_total(distance, chance, drawn) <= observed * (1 + 1e-9)).sum())
    return (1 + lower) / (1 + permutations)


def _total(distance: np.ndarray, chance: np.ndarray | None, drawn: np.ndarray) -> np.ndarray:
    """For each row of places drawn (draws, N), the sum of distances over all pairs of photos."""
    one, two = np.triu_indices(distance.shape[1], 1)
    total = distance[drawn[:, one], one, drawn[:, two], two].sum(axis=1)
    if chance is None:
        return np.asarray(total)
    by_chance = chance[drawn[:, one], one, drawn[:, two], two].sum(axis=1)
    return np.asarray(np.where(by_chance > 0, total / np.where(by_chance > 0, by_chance, 1), 1))


def _signs(before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
    """(n, D) int8: the sign of what is lost of each feature, 0 where nothing changes."""
    before, after = before.reshape(len(before), -1), after.reshape(len(after), -1)
    still = tolerance * np.abs(before).max(axis=1, keepdims=True)
    change = before - after
    return np.where(np.abs(change) > still, np.sign(change), 0).astype(np.int8)


def _ways(mask: np.ndarray, parts: np.ndarray, photo: str) -> np.ndarray:
    """(2 H, 2 W) bool: by which ways, counted from (-H, -W), a mask (H, W) can be moved and touch none of the parts."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        raise OptionError(f"a part of {photo} has not a single pixel. Mark where it is.")
    height, width = int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1
    free = _covered(parts, height, width) == 0
    if not free.any():
        what = f"no room beside the parts of {photo} for a box of {width} x {height}, to compare a part with"
        raise OptionError(f"{what}. Mark smaller parts.")
    ways = np.zeros((2 * mask.shape[0], 2 * mask.shape[1]), bool)
    top, left = mask.shape[0] - int(ys.min()), mask.shape[1] - int(xs.min())
    ways[top : top + free.shape[0], left : left + free.shape[1]] = free
    return ways


def _covered(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """How many pixels of a mask (H, W) lie in each box of that size, by its top left corner."""
    sums = np.pad(mask.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return np.asarray(sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width])


def _consistency(
    layer: str, signs: np.ndarray, shape: tuple[int, int, int], permutations: int, seed: int
) -> Consistency:
    """Of the signs (P * (1 + R) * N, D) of one layer."""
    parts, places, images = shape
    found, all_places = compare_signs(signs), shape + shape
    one, two = np.triu_indices(images, 1)
    part, place = np.arange(parts)[:, None, None], np.arange(places)[:, None]
    pairs = (part, place, one, part, place, two)
    distance, chance, touched = (each.reshape(all_places) for each in (found.differ, found.chance, found.touched))
    known = np.where(touched[pairs] > 0, touched[pairs], np.nan)
    return Consistency(
        layer,
        distance[pairs],
        distance[pairs] / known,
        chance[pairs],
        found.changed.reshape(shape),
        _to_others(distance[:, 0, :, :, 0]),
        np.array([permutation_test(distance[k, :, :, k], permutations=permutations, seed=seed) for k in range(parts)]),
        np.array(
            [
                permutation_test(distance[k, :, :, k], chance[k, :, :, k], permutations=permutations, seed=seed)
                for k in range(parts)
            ]
        ),
    )


def _to_others(distance: np.ndarray) -> np.ndarray:
    """Of distances (P, N, P, N), the mean for each part over other parts in other photos."""
    parts, images = distance.shape[:2]
    other = ~np.eye(parts, dtype=bool)[:, None, :, None] & ~np.eye(images, dtype=bool)[None, :, None, :]
    if parts == 1:
        return np.full(1, np.nan)
    return np.asarray((distance * other).sum(axis=(1, 2, 3)) / other.sum(axis=(1, 2, 3)))
