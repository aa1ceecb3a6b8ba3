"""Consistency of parts: from the signs of changes to the numbers of Table 1, with their controls and p-values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.analyses.sign_changes import Signs, Tally, compare_signs, permutation_test
from inspectnet.analyses.statistics import holm
from inspectnet.results import Axes, derived


@dataclass(frozen=True)
class SignChange:
    """How often the signs of two photos' changes differ, over their pairs and over places."""

    mean: float
    """The share of dimensions whose signs differ: Table 1's number."""
    deviation: float
    of_touched: float | None
    """The mean share of the dimensions that change in either photo; None if none does."""
    chance: float
    """The mean distance to be expected of two vectors with as many signs of each kind."""
    of_chance: float | None
    """`mean` in parts of `chance`; None if no dimension changes."""
    share_mean: float
    """The distance of each pair in parts of its chance, 1 where no dimension changes, in the mean."""
    share_deviation: float
    changed: float
    """The share of dimensions that change at all, in the mean of photos."""


@dataclass(frozen=True)
class Swapped:
    """The control of the parts' names, dealt out anew in each photo: the same places, but nothing corresponds."""

    change: SignChange
    """Of the part in one photo and the other parts in the others."""
    p: float
    """How likely parts drawn in each photo are as consistent as the part, or more."""
    p_of_chance: float
    """The same by distance / chance."""
    p_corrected: float
    """By Holm for both p-values of all layers and parts, apart from those of random places."""
    p_of_chance_corrected: float


@dataclass(frozen=True)
class PartConsistency:
    """What hiding a part of N photos changes in a layer, for n = N (N - 1) / 2 pairs and R random places.

    Of each array the first row is the part itself, the R others are the random places.
    """

    part: str
    distance: Annotated[np.ndarray, Axes("randoms+1 pairs", "float64")]
    """(1 + R, n): the share of dimensions whose signs differ."""
    among_touched: Annotated[np.ndarray, Axes("randoms+1 pairs", "float64", nan=True)]
    """(1 + R, n): the same of the dimensions that change in either photo; NaN where none does."""
    chance: Annotated[np.ndarray, Axes("randoms+1 pairs", "float64")]
    """(1 + R, n): the distance to be expected of two vectors with as many signs of each kind."""
    changed: Annotated[np.ndarray, Axes("randoms+1 photos", "float64")]
    """(1 + R, N): the share of dimensions that change at all."""
    swapped: Swapped | None
    """None if there is one part only."""
    p: float
    """How likely random places are so consistent or more."""
    p_of_chance: float
    """The same by distance / chance, which does not depend on how many dimensions change."""
    p_corrected: float
    """By Holm for both p-values of all layers and parts."""
    p_of_chance_corrected: float

    @derived
    def hidden(self) -> SignChange:
        """Where the part itself is hidden."""
        return self._of_places(slice(0, 1))

    @derived
    def random(self) -> SignChange:
        """Where the random places are hidden."""
        return self._of_places(slice(1, None))

    def _of_places(self, places: slice) -> SignChange:
        return _sign_change(*(rows[places] for rows in (self.distance, self.among_touched, self.chance, self.changed)))


@dataclass(frozen=True)
class LayerConsistency:
    """The consistency of all parts in one layer."""

    layer: str
    parts: Annotated[tuple[PartConsistency, ...], Axes("parts")]


def consistency(
    parts: Sequence[str], tallies: dict[str, list[Tally]], draws: int, seed: int
) -> tuple[LayerConsistency, ...]:
    """Of the parts in each layer; their p-values are corrected all together, those of swapped parts by themselves."""
    finished = {layer: [tally.finish() for tally in by_part] for layer, by_part in tallies.items()}
    exchanged = {layer: _swap(by_part, draws, seed) for layer, by_part in tallies.items()}
    by_places = _with_corrected([[p for _, p in by_part] for by_part in finished.values()])
    by_names = _with_corrected([[p for _, p in by_part] for by_part in exchanged.values()])
    return tuple(
        LayerConsistency(
            layer,
            tuple(
                _part(
                    name,
                    finished[layer][i][0],
                    Swapped(exchanged[layer][i][0], *by_names[number][i]) if exchanged[layer] else None,
                    by_places[number][i],
                )
                for i, name in enumerate(parts)
            ),
        )
        for number, layer in enumerate(finished)
    )


def _with_corrected(p: Sequence[Sequence[np.ndarray]]) -> list[list[list[float]]]:
    """Of p-values (layers, parts, 2) these four: both, and both corrected for all of them."""
    values = np.array(p)
    corrected = np.reshape(holm(values.ravel().tolist()), values.shape)
    numbers: list[list[list[float]]] = np.concatenate([values, corrected], axis=-1).tolist()
    return numbers


def _part(name: str, signs: Signs, swapped: Swapped | None, p: Sequence[float]) -> PartConsistency:
    """Of one part, whose pairs of photos are those above the diagonal."""
    one, two = np.triu_indices(signs.differ.shape[-1], 1)
    pairs = (matrix[:, one, two] for matrix in (signs.differ, signs.touched, signs.chance))
    # In C order, as arrays are loaded: sums of other orders have other last bits.
    distance, touched, chance, changed = map(np.ascontiguousarray, (*pairs, signs.changed))
    return PartConsistency(name, distance, _among(distance, touched), chance, changed, swapped, *p)


def _among(distance: np.ndarray, touched: np.ndarray) -> np.ndarray:
    """The distances in parts of the dimensions that change in either photo; NaN where none does."""
    return np.asarray(distance / np.where(touched > 0, touched, np.nan))


def _sign_change(distance: np.ndarray, among: np.ndarray, chance: np.ndarray, changed: np.ndarray) -> SignChange:
    """Over all pairs of photos in these arrays."""
    share = np.divide(distance, chance, out=np.ones_like(distance), where=chance > 0)
    return SignChange(
        float(distance.mean()),
        float(distance.std()),
        float(np.nanmean(among)) if np.isfinite(among).any() else None,
        float(chance.mean()),
        float(distance.mean() / chance.mean()) if chance.any() else None,
        float(share.mean()),
        float(share.std()),
        float(changed.mean()),
    )


def _swap(tallies: Sequence[Tally], draws: int, seed: int) -> list[tuple[SignChange, np.ndarray]]:
    """Of each part the change to other parts of other photos, and p (2,) if any part might have been it in each photo.

    Nothing if there is one part only.
    """
    parts, photos = len(tallies), len(tallies[0].own)
    if parts == 1:
        return []
    signs = compare_signs(np.concatenate([tally.own for tally in tallies]))
    shape = (parts, photos) * 2
    differ, touched, chance = (matrix.reshape(shape) for matrix in (signs.differ, signs.touched, signs.chance))
    changed = signs.changed.reshape(parts, photos)
    one, two = np.nonzero(~np.eye(photos, dtype=bool))
    swapped = []
    for part in range(parts):
        others = np.arange(parts) != part
        distance, either, by_chance = (matrix[part][one, :, two][:, others] for matrix in (differ, touched, chance))
        change = _sign_change(distance, _among(distance, either), by_chance, changed[others])
        own_first, chance_first = (np.roll(matrix, -part, axis=(0, 2)) for matrix in (differ, chance))
        p = [permutation_test(own_first, by, permutations=draws, seed=seed) for by in (None, chance_first)]
        swapped.append((change, np.array(p)))
    return swapped
