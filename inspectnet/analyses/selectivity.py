"""Selectivity: does a unit's projection show that unit, and does a unit stand for a class?

Mahendran & Vedaldi 2016 found that reversed networks give much the same picture for any unit of a place: what they
show is what the forward pass recorded, more than what the unit stands for. So a unit is compared with others that are
active at the same place. Which classes excite a map is another matter: Morcos et al. 2018.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.analyses.statistics import Interval, bootstrap, ratio
from inspectnet.errors import LayerError, OptionError
from inspectnet.geometry import Unit
from inspectnet.images import Collection, Skipped, Stream
from inspectnet.inverse import Projection
from inspectnet.network import Network
from inspectnet.rules import Policy

Neighbours = tuple[Unit, ...]
"""A unit that an image activates strongly, then others that are active at the same place."""


@dataclass(frozen=True)
class ClassSelectivity:
    """How much more the images of one class excite each map of a layer than all others do; (K,)."""

    index: np.ndarray
    """0: all classes alike; 1: one class alone. 0 for a map that nothing activates."""
    chance: np.ndarray
    """The same with the labels shuffled: what few images of each class give by themselves."""
    best: np.ndarray
    """The class that excites it most."""
    images: int
    skipped: tuple[Skipped, ...]
    digest: str
    """sha256 over the ids and bytes of the images."""

    @property
    def beyond_chance(self) -> Interval:
        """By how much the index exceeds that of shuffled labels in the mean, over maps."""
        return bootstrap(self.index - self.chance)


def find_neighbours(
    network: Network, x: np.ndarray, layer: str, *, units: int = 2, others: int = 5, seed: int = 0
) -> list[Neighbours]:
    """For each prepared image of x (N, C, H, W) its strongest `units`, each with up to `others`, drawn by the seed.

    A unit is the strongest one of its map. Raises LayerError if nowhere two units are active at one place.
    """
    draw, found = np.random.default_rng(seed), []
    for image, maps in enumerate(network.activations(x, layer)):
        rows = maps.reshape(len(maps), -1)
        for m in np.argsort(-rows.max(axis=1), kind="stable")[:units]:
            place = int(rows[m].argmax())
            active = np.flatnonzero(rows[:, place] > 0)
            if m not in active or len(active) < 2:
                continue
            chosen = [int(m), *map(int, draw.permutation(active[active != m])[:others])]
            y, x_ = divmod(place, maps.shape[2] if maps.ndim == 3 else 1)
            found.append(tuple(Unit(image, n, y, x_, float(rows[n, place])) for n in chosen))
    if not found:
        raise LayerError(f"in {layer} no two units are active at one place of these images. Choose another layer.")
    return found


def projection_selectivity(
    network: Network, x: np.ndarray, layer: str, found: Sequence[Neighbours], policy: Policy
) -> np.ndarray:
    """(units,) float64: 1 less the mean correlation of each unit's projection with those of its neighbours.

    0: all show the same; 1: they have nothing in common. Projections that are zero everywhere, of which nothing was
    left on the way down, are left out; NaN where that leaves none. Raises RuleError.
    """
    return np.array([_selectivity([p.pixels for p in project(network, x, layer, each, policy)]) for each in found])


def project(network: Network, x: np.ndarray, layer: str, units: Neighbours, policy: Policy) -> list[Projection]:
    """The projections of a unit and of its neighbours, all through the same part of the image."""
    return list(network.inverse(policy).project(x, layer, units))


def class_selectivity(
    network: Network,
    collection: Collection,
    classes: np.ndarray,
    layer: str,
    *,
    batch_size: int = 16,
    seed: int = 0,
    advance: Callable[[int], object] = lambda n: None,
) -> ClassSelectivity:
    """How selective each map of a layer is over images whose `classes` (entries,) are known.

    The index is (a - b) / (a + b): a is the mean activity over the images of the class that excites the map most, b
    that over all other images; activity is the rectified map's mean over its places (Morcos et al. 2018, sec. 2.2).
    Raises ImageError if no image can be read, OptionError if they are all of one class.
    """
    stream = Stream(collection, network.preparation, batch_size=batch_size, advance=advance)
    activity, labels = list[np.ndarray](), list[np.ndarray]()
    for batch in stream:
        maps = np.maximum(network.activations(batch.x, layer), 0)
        activity.append(maps.reshape(*maps.shape[:2], -1).mean(axis=2))
        labels.append(classes[batch.keys[:, 0]])
    stream.seen.refuse_nothing()
    each, own = np.concatenate(activity), np.concatenate(labels)
    if len(np.unique(own)) < 2:
        raise OptionError("the images are all of one class, from which no map can tell another. Give more classes.")
    index, best = _class_index(each, own)
    chance, _ = _class_index(each, np.random.default_rng(seed).permutation(own))
    return ClassSelectivity(index, chance, best, len(own), stream.seen.skipped, stream.seen.digest)


def _selectivity(projections: Sequence[np.ndarray]) -> float:
    """Of the first projection among the others."""
    pixels = [p.ravel().astype(np.float64) for p in projections]
    unit, *others = [p - p.mean() for p in pixels]
    lengths = [float(np.linalg.norm(p)) for p in others]
    length = float(np.linalg.norm(unit))
    alike = [float(unit @ p) / (length * n) for p, n in zip(others, lengths, strict=True) if length and n]
    return 1 - float(np.mean(alike)) if alike else float("nan")


def _class_index(activity: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The index of each map (K,), and the class that excites it most, of activities (N, K)."""
    classes, rows, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(classes), activity.shape[1]))
    np.add.at(sums, rows, activity.astype(np.float64))
    best = (sums / counts[:, None]).argmax(axis=0)
    most, maps = sums[best, np.arange(activity.shape[1])], counts[best]
    a, b = most / maps, (sums.sum(axis=0) - most) / (len(labels) - maps)
    total = np.where(a + b > 0, a + b, 1)
    return np.where(a + b > 0, (a - b) / total, 0.0), classes[best]


def summarise(found: Sequence[Neighbours], scores: Mapping[str, np.ndarray]) -> dict[str, Interval | None]:
    """By method the mean over units with its interval over images; units without a score are left out, None if all."""
    images = np.array([unit.image for unit, *_ in found])
    means: dict[str, Interval | None] = {}
    for name, score in scores.items():
        known = np.isfinite(score)
        rows = np.stack([np.bincount(images[known], score[known]), np.bincount(images[known])], axis=1)
        means[name] = bootstrap(rows[rows[:, 1] > 0], ratio) if known.any() else None
    return means
