"""Correspondence: whether a network changes in the same way when the same part is hidden in different photos.

Zeiler & Fergus 2014, sec. 4.3 and Table 1: with eps_i the change of a layer's features in photo i when a part of it is
hidden, Delta is the Hamming distance of sign(eps_i) and sign(eps_j), here as a share of the dimensions, over all
pairs of photos. The lower, the more consistent; see `sign_changes` for what chance would give.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.sign_changes import Signs, Tally, compare_signs, signs_of
from inspectnet.analyses.statistics import holm
from inspectnet.arguments import Count, checks_arguments
from inspectnet.errors import OptionError
from inspectnet.images.fit import Pixels
from inspectnet.images.parts import MarkedPhotos, prepare_parts, read_parts
from inspectnet.images.places import Hidden, random_ways
from inspectnet.images.prepare import Preparation
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Images, Result, derived

SHOWN = 8  # photos that are kept as pictures


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
    other_parts: float | None
    """The mean distance to other parts in other photos; None if there is one part only."""
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
        return self._sign_change(slice(0, 1))

    @derived
    def random(self) -> SignChange:
        """Where the random places are hidden."""
        return self._sign_change(slice(1, None))

    def _sign_change(self, places: slice) -> SignChange:
        distance, touched, chance = self.distance[places], self.among_touched[places], self.chance[places]
        share = np.divide(distance, chance, out=np.ones_like(distance), where=chance > 0)
        return SignChange(
            float(distance.mean()),
            float(distance.std()),
            float(np.nanmean(touched)) if np.isfinite(touched).any() else None,
            float(chance.mean()),
            float(distance.mean() / chance.mean()) if chance.any() else None,
            float(share.mean()),
            float(share.std()),
            float(self.changed[places].mean()),
        )


@dataclass(frozen=True)
class LayerConsistency:
    """The consistency of all parts in one layer."""

    layer: str
    parts: Annotated[tuple[PartConsistency, ...], Axes("parts")]


@dataclass(frozen=True, repr=False)
class Correspondence(Result):
    """How alike the features of layers change when the same part of different photos is hidden."""

    command: ClassVar[str] = "correspond"
    photos: Annotated[tuple[str, ...], Axes("photos+")]
    parts: Annotated[tuple[str, ...], Axes("parts+")]
    layers: Annotated[tuple[LayerConsistency, ...], Axes("layers+")]
    hidden: Hidden
    """What is hidden: the parts, and where each is moved."""
    colour: Annotated[np.ndarray, Axes("3", "uint8")]
    """(3,) uint8: what hides, in RGB."""
    shown: Annotated[np.ndarray, Axes("shown height width 3", "uint8")]
    """(photos, H, W, 3) uint8: the first photos, as the network sees them."""

    @derived
    def pairs(self) -> int:
        """How many pairs of photos there are."""
        return len(self.photos) * (len(self.photos) - 1) // 2

    def picture(self, photo: int, part: int, place: int) -> Pixels:
        """(H, W, 3) uint8: a photo of `shown` with a part of it hidden, place 0, or one of its random places."""
        return np.where(self.hidden.at(part, place)[photo][..., None], self.colour, self.shown[photo])


@checks_arguments
def correspond(
    network: Network,
    layers: str | Sequence[str],
    parts: str | Path | MarkedPhotos,
    *,
    images: str | Path | None = None,
    randoms: Count = 10,
    together: bool = False,
    permutations: Annotated[int, 0, 1_000_000] = 9999,
    fill: str | float = "mean",
    tolerance: float = 1e-6,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress = silent,
) -> Correspondence:
    """How alike the features of several photos change when the same part is hidden, against random places.

    parts: a JSON file of photos and their parts, or what `prepare_parts` gives; images: the folder of the file's
    photos, if not its own. layers: names or globs. randoms: places of equal shape and area for each part and photo,
    that touch no part. together: each of them lies the same way from the part in all photos, so that they are as near
    to each other as the parts are. p is that of `permutation_test`; of places that lie together, or without
    permutations, it is the rank among the random places, at least 1 / (1 + randoms), and memory does not grow with
    their number. fill: what hides, "mean" or a grey level of 0..1. tolerance: changes up to this part of a photo's
    largest feature are none. Raises LayerError, OptionError, ImageError (Zeiler & Fergus 2014, sec. 4.3; the layer,
    the number of random places and the fill are not told there).
    """
    names = {layer.output: layer.name for layer in network.match(layers)}
    if not names:
        raise OptionError("there is no layer. Name one or more.")
    paint = _paint(fill, network.preparation)
    marked = parts if isinstance(parts, MarkedPhotos) else _read(parts, images, network.preparation)
    x = marked.x
    if len(x) < 2:
        raise OptionError(f"consistency is between photos, and there is {len(x)} only. Mark the parts of two or more.")
    hidden = Hidden(marked.masks, random_ways(marked.masks, randoms, seed, together=together))
    draws, at_once = 0 if together else permutations, max(1, batch_size // len(x))
    tallies = [{output: Tally(draws, seed) for output in names} for _ in marked.parts]
    before = network.values(x, list(names))
    with progress("hiding", len(marked.parts) * len(x) * (1 + randoms), "hidden places") as advance:
        for part, first in itertools.product(range(len(marked.parts)), range(0, 1 + randoms, at_once)):
            covered = [hidden.at(part, place) for place in range(first, min(first + at_once, 1 + randoms))]
            rows = np.arange(len(covered) * len(x)) % len(x)
            after = network.values(np.where(np.concatenate(covered)[:, None], paint, x[rows]), list(names))
            for output, tally in tallies[part].items():
                tally.add(signs_of(before[output][rows], after[output], tolerance).reshape(len(covered), len(x), -1))
            advance(len(rows))
    chosen = {"layers": list(names.values()), "randoms": randoms, "together": together, "permutations": permutations}
    chosen |= {"fill": fill, "tolerance": tolerance, "seed": seed}
    return Correspondence(
        provenance([network], Images(len(x), marked.digest), chosen),
        marked.ids,
        marked.parts,
        _consistency(marked.parts, {name: [tally[output] for tally in tallies] for output, name in names.items()}),
        hidden,
        network.preparation.restore(np.broadcast_to(paint, x[0].shape))[0, 0],
        np.stack([network.preparation.restore(photo) for photo in x[:SHOWN]]),
    )


def _read(file: str | Path, images: str | Path | None, preparation: Preparation) -> MarkedPhotos:
    return prepare_parts(read_parts(Path(file), Path(images) if images else None), preparation)


def _paint(fill: str | float, preparation: Preparation) -> np.ndarray:
    """The colour that hides, (C, 1, 1) in prepared units."""
    channels = preparation.input_size[0]
    if fill == "mean":
        return np.zeros((channels, 1, 1), np.float32)
    try:
        level = float(fill)
    except ValueError:
        level = -1
    if not 0 <= level <= 1:
        raise OptionError(f"the fill '{fill}' is neither mean nor a grey level of 0..1, as 0.5.")
    return np.float32((level - np.array(preparation.mean)) / np.array(preparation.std)).reshape(-1, 1, 1)


def _consistency(parts: Sequence[str], tallies: dict[str, list[Tally]]) -> tuple[LayerConsistency, ...]:
    """Of the parts in each layer; their p-values are corrected all together."""
    finished = {layer: [tally.finish() for tally in by_part] for layer, by_part in tallies.items()}
    p = np.stack([[p for _, p in by_part] for by_part in finished.values()])
    corrected = np.reshape(holm(p.ravel().tolist()), p.shape)
    return tuple(
        LayerConsistency(
            layer,
            tuple(
                _part(name, finished[layer][i][0], other, (*p[number, i].tolist(), *corrected[number, i].tolist()))
                for i, (name, other) in enumerate(zip(parts, _to_others(tallies[layer]), strict=True))
            ),
        )
        for number, layer in enumerate(finished)
    )


def _part(name: str, signs: Signs, other_parts: float | None, p: Sequence[float]) -> PartConsistency:
    """Of one part, whose pairs of photos are those above the diagonal."""
    one, two = np.triu_indices(signs.differ.shape[-1], 1)
    pairs = (matrix[:, one, two] for matrix in (signs.differ, signs.touched, signs.chance))
    # In C order, as arrays are loaded: sums of other orders have other last bits.
    distance, touched, chance, changed = map(np.ascontiguousarray, (*pairs, signs.changed))
    known = np.where(touched > 0, touched, np.nan)
    return PartConsistency(name, distance, distance / known, chance, changed, other_parts, *p)


def _to_others(tallies: Sequence[Tally]) -> list[float | None]:
    """For each part the mean distance to other parts in other photos."""
    parts, images = len(tallies), len(tallies[0].own)
    if parts == 1:
        return [None]
    signs = np.concatenate([tally.own for tally in tallies])
    distance = compare_signs(signs).differ.reshape((parts, images) * 2)
    other = ~np.eye(parts, dtype=bool)[:, None, :, None] & ~np.eye(images, dtype=bool)[None, :, None, :]
    means: list[float | None] = ((distance * other).sum(axis=(1, 2, 3)) / other.sum(axis=(1, 2, 3))).tolist()
    return means
