"""Correspondence: whether a network changes in the same way when the same part is hidden in different photos.

Zeiler & Fergus 2014, sec. 4.3 and Table 1: with eps_i the change of a layer's features in photo i when a part of it is
hidden, Delta is the Hamming distance of sign(eps_i) and sign(eps_j), here as a share of the dimensions, over all
pairs of photos. The lower, the more consistent. Signs are ternary: most features do not change at all, so distances
are small by themselves; the chance level says how small they would be if signs agreed by accident only.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inspectnet.analyses.statistics import holm, rank_p
from inspectnet.errors import OptionError
from inspectnet.images.places import Hidden, random_ways
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
    """(P, 2): how likely random places are so consistent or more: by distance, and by distance / chance, which does
    not depend on how many dimensions change."""
    p_corrected: np.ndarray
    """(P, 2): the same, corrected by Holm for all p-values of all layers and parts."""


@dataclass(frozen=True)
class Correspondence:
    """The consistency of parts in several layers."""

    layers: tuple[Consistency, ...]
    hidden: Hidden


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
    other as the parts are. p is that of permutation_test; of places that lie together, or without permutations, it is
    the rank among the random places, at least 1 / (1 + randoms), and memory does not grow with their number.
    tolerance: changes up to this part of a photo's largest feature are none. on_progress gets how many more images
    are done. Raises LayerError, OptionError (Zeiler & Fergus 2014, sec. 4.3; the layer, the number of random places
    and the fill are not told there).
    """
    if len(x) < 2:
        raise OptionError(f"consistency is between photos, and there is {len(x)} only. Mark the parts of two or more.")
    names = {found.output: found.name for found in map(network.layer, layers)}
    hidden = Hidden(masks, random_ways(masks, randoms, seed, together=together))
    before, paint = network.values(x, list(names)), np.asarray(fill, np.float32).reshape(-1, 1, 1)
    draws, at_once = 0 if together else permutations, max(1, batch_size // len(x))
    tallies = [{output: _Tally(draws, seed) for output in names} for _ in masks]
    for part, first in itertools.product(range(len(masks)), range(0, 1 + randoms, at_once)):
        covered = [hidden.at(part, place) for place in range(first, min(first + at_once, 1 + randoms))]
        rows = np.arange(len(covered) * len(x)) % len(x)
        after = network.values(np.where(np.concatenate(covered)[:, None], paint, x[rows]), list(names))
        for output, tally in tallies[part].items():
            tally.add(_signs(before[output][rows], after[output], tolerance).reshape(len(covered), len(x), -1))
        if on_progress:
            on_progress(len(rows))
    found = [_consistency(name, [tally[output] for tally in tallies]) for output, name in names.items()]
    return Correspondence(_corrected(found), hidden)


class _Tally:
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
            found = Signs(*(np.stack([getattr(each, name) for each in self._compared]) for name in names))
            return found, np.array([_rank(found.differ), _rank(found.differ, found.chance)])
        shape = (len(self._signs), len(self.own)) * 2
        every, same = compare_signs(np.concatenate(self._signs)), np.arange(shape[0])
        differ, touched, chance = (each.reshape(shape) for each in (every.differ, every.touched, every.chance))
        p = [permutation_test(differ, c, permutations=self._draws, seed=self._seed) for c in (None, chance)]
        within = Signs(
            differ[same, :, same], touched[same, :, same], chance[same, :, same], every.changed.reshape(shape[:2])
        )
        return within, np.array(p)


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


def _signs(before: np.ndarray, after: np.ndarray, tolerance: float) -> np.ndarray:
    """(n, D) int8: the sign of what is lost of each feature, 0 where nothing changes."""
    before, after = before.reshape(len(before), -1), after.reshape(len(after), -1)
    still = tolerance * np.abs(before).max(axis=1, keepdims=True)
    change = before - after
    return np.where(np.abs(change) > still, np.sign(change), 0).astype(np.int8)


def _consistency(layer: str, tallies: Sequence[_Tally]) -> Consistency:
    """Of the parts of one layer."""
    found, p = zip(*(tally.finish() for tally in tallies), strict=True)
    one, two = np.triu_indices(len(tallies[0].own), 1)
    distance, touched, chance = (
        np.stack([getattr(each, name)[:, one, two] for each in found]) for name in ("differ", "touched", "chance")
    )
    known, signs = np.where(touched > 0, touched, np.nan), np.concatenate([tally.own for tally in tallies])
    others = _to_others(compare_signs(signs).differ.reshape((len(tallies), len(tallies[0].own)) * 2))
    changed, likely = np.stack([each.changed for each in found]), np.stack(p)
    return Consistency(layer, distance, distance / known, chance, changed, others, likely, likely)


def _corrected(layers: Sequence[Consistency]) -> tuple[Consistency, ...]:
    """The same with their p-values corrected, all together."""
    every = np.stack([layer.p for layer in layers])
    corrected = np.reshape(holm(every.ravel().tolist()), every.shape)
    return tuple(replace(layer, p_corrected=p) for layer, p in zip(layers, corrected, strict=True))


def _to_others(distance: np.ndarray) -> np.ndarray:
    """Of distances (P, N, P, N), the mean for each part over other parts in other photos."""
    parts, images = distance.shape[:2]
    other = ~np.eye(parts, dtype=bool)[:, None, :, None] & ~np.eye(images, dtype=bool)[None, :, None, :]
    if parts == 1:
        return np.full(1, np.nan)
    return np.asarray((distance * other).sum(axis=(1, 2, 3)) / other.sum(axis=(1, 2, 3)))
