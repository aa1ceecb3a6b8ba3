"""Class selectivity: how much more the images of one class excite each map than all others do (Morcos et al. 2018)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.analyses.provenance import images_of
from inspectnet.analyses.statistics import Interval, bootstrap
from inspectnet.errors import OptionError
from inspectnet.graph.layers import Layer
from inspectnet.images import Targets
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Images, derived
from inspectnet.scanning import Gather, NetworkQuestion, Rows, scan


@dataclass(frozen=True)
class ClassSelectivity:
    """How much more the images of one class excite each map of a layer than all others do; (K,)."""

    images: Images
    index: Annotated[np.ndarray, Axes("maps+", "float64")]
    """0: all classes alike; 1: one class alone. 0 for a map that nothing activates."""
    chance: Annotated[np.ndarray, Axes("maps", "float64")]
    """The same with the labels shuffled: what few images of each class give by themselves."""
    best: Annotated[np.ndarray, Axes("maps", "int64")]
    """The class that excites it most."""
    best_names: Annotated[tuple[str, ...], Axes("maps")]
    """What that class is called."""

    @derived
    def mean(self) -> float:
        """The mean index over maps."""
        return float(self.index.mean())

    @derived
    def mean_by_chance(self) -> float:
        """The same with the labels shuffled."""
        return float(self.chance.mean())

    @derived
    def beyond_chance(self) -> Interval:
        """By how much the index exceeds that of shuffled labels in the mean, over maps."""
        return bootstrap(self.index - self.chance)


def class_selectivity(
    network: Network,
    targets: Targets,
    layer: Layer,
    *,
    batch_size: int = 16,
    seed: int = 0,
    progress: Progress = silent,
) -> ClassSelectivity:
    """How selective each map of a layer is over images whose classes are known.

    The index is (a - b) / (a + b): a is the mean activity over the images of the class that excites the map most, b
    that over all other images; activity is the rectified map's mean over its places (Morcos et al. 2018, sec. 2.2).
    Raises ImageError if no image can be read, OptionError if they are all of one class.
    """
    gathered = Gather()
    asked = [(_Activity(network, layer), {"activity": gathered})]
    with progress("scanning", len(targets.collection)) as advance:
        seen = scan(targets.collection, asked, batch_size=batch_size, advance=advance)
    activity, labels = gathered.result(), targets.classes[seen.keys[:, 0]]
    if len(np.unique(labels)) < 2:
        raise OptionError("the images are all of one class, from which no map can tell another. Give more classes.")
    index, best = _class_index(activity, labels)
    chance, _ = _class_index(activity, np.random.default_rng(seed).permutation(labels))
    return ClassSelectivity(images_of(seen), index, chance, best, tuple(targets.names[k] for k in best))


@dataclass(frozen=True, eq=False)
class _Activity(NetworkQuestion):
    """Asks for the mean activity of each map of a layer."""

    layer: Layer

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """(n, K): over the places of the rectified map."""
        maps = np.maximum(self.network.activations(self.inputs(rows), self.layer.output), 0)
        return {"activity": maps.reshape(*maps.shape[:2], -1).mean(axis=2)}


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
