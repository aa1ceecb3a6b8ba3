"""Signs of changes: how alike two photos' features change, and how rarely chance would make them as alike.

Zeiler & Fergus 2014, sec. 4.3: the Hamming distance of sign(eps_i) and sign(eps_j), here as a share of the dimensions.
Signs are ternary: most features do not change at all, so distances are small by themselves; the chance level says how
small they would be if signs agreed by accident only.
"""

from dataclasses import dataclass

import numpy as np

from inspectnet.analyses.statistics import rank_p

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


class Tally:
    """One part in one layer: how alike photos change at each place, as the places come, first the part's own.

    All signs are kept only where the places of different photos are mixed.
    """

    def __init__(self, draws: int, seed: int) -> None:
        self._draws, self._seed = draws, seed
        self._signs, self._compared = list[np.ndarray](), list[Signs]()

    def add(self, signs: np.ndarray) -> None:
        """Take in the signs (k, N, D) of the next k places."""
        if self._draws or not self._signs:
            self._signs += list(signs if self._draws else signs[:1])
        if not self._draws:
            self._compared += map(compare_signs, signs)

    @property
    def own(self) -> np.ndarray:
        """(N, D): the signs where the part itself is hidden."""
        return self._signs[0]

    def finish(self) -> tuple[Signs, np.ndarray]:
        """The signs' differences within each place, (1 + R, N, N), (1 + R, N) of `changed`; and p (2,)."""
        if not self._draws:
            names = ("differ", "touched", "chance", "changed")
            stacked = Signs(*(np.stack([getattr(matrix, name) for matrix in self._compared]) for name in names))
            return stacked, np.array([_rank(stacked.differ), _rank(stacked.differ, stacked.chance)])
        shape = (len(self._signs), len(self.own)) * 2
        every, same = compare_signs(np.concatenate(self._signs)), np.arange(shape[0])
        differ, touched, chance = (matrix.reshape(shape) for matrix in (every.differ, every.touched, every.chance))
        p = [permutation_test(differ, c, permutations=self._draws, seed=self._seed) for c in (None, chance)]
        within = Signs(
            differ[same, :, same], touched[same, :, same], chance[same, :, same], every.changed.reshape(shape[:2])
        )
        return within, np.array(p)


def signs_of(before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
    """(n, D) int8: the sign of what is lost of each feature, 0 where nothing changes."""
    before, after = before.reshape(len(before), -1), after.reshape(len(after), -1)
    still = tolerance * np.abs(before).max(axis=1, keepdims=True)
    change = before - after
    return np.where(np.abs(change) > still, np.sign(change), 0).astype(np.int8)


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
    1 / (permutations + 1).
    """
    places, images = distance.shape[:2]
    rng = np.random.default_rng(seed)
    observed = _total(distance, chance, np.zeros((1, images), np.int64))[0]
    totals = list[np.ndarray]()
    for first in range(0, permutations, PERMUTATIONS_AT_ONCE):
        drawn = rng.integers(0, places, (min(PERMUTATIONS_AT_ONCE, permutations - first), images))
        totals.append(_total(distance, chance, drawn))
    return rank_p(-float(observed), -np.concatenate(totals))


def _total(distance: np.ndarray, chance: np.ndarray | None, drawn: np.ndarray) -> np.ndarray:
    """For each row of places drawn (draws, N), the sum of distances over all pairs of photos."""
    one, two = np.triu_indices(distance.shape[1], 1)
    total = distance[drawn[:, one], one, drawn[:, two], two].sum(axis=1)
    if chance is None:
        return np.asarray(total)
    by_chance = chance[drawn[:, one], one, drawn[:, two], two].sum(axis=1)
    return np.asarray(np.where(by_chance > 0, total / np.where(by_chance > 0, by_chance, 1), 1))


def _rank(distance: np.ndarray, chance: np.ndarray | None = None) -> float:
    """How likely a random place has a mean distance as low as the first, of distances within each (places, N, N)."""
    total = distance.sum(axis=(1, 2))
    if chance is not None:
        by_chance = chance.sum(axis=(1, 2))
        total = np.where(by_chance > 0, total / np.where(by_chance > 0, by_chance, 1), 1)
    return rank_p(-float(total[0]), -total[1:])
