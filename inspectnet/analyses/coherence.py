"""How alike the strongest activations of a map are, as its own layer sees them; of few images maps are chosen by it.

The paper shows a random subset of the maps, which needs many images: most maps respond to nothing in a few.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.graph.layers import Layer
from inspectnet.images import Collection
from inspectnet.network import Network
from inspectnet.progress import Progress
from inspectnet.scanning import Gather, NetworkQuestion, Ranking, Rows, scan

FEW = 100  # images
EVEN = 0.5  # of its strongest activation the weakest one of a map has at least, and that of the median map
EIGHTH = 8  # one map in so many comes into question


def most_alike(ranking: Ranking, coherence: np.ndarray, count: int) -> list[int]:
    """`count` of the active maps whose activations are most alike, in order; weak ones come last.

    Of the best eighth of a large layer those are taken in turn that see most of another image.
    """
    active = ranking.active()
    first, last = ranking.values[active, 0], ranking.values[active, -1]
    weak = (last < EVEN * first) | (first < EVEN * np.median(first))
    best = active[np.lexsort([-coherence[active], weak])[: max(count, len(active) // EIGHTH)]]
    images = np.array([np.bincount(row[row >= 0]).argmax() for row in ranking.keys[best, :, 0]])
    turns = [int((images[:place] == image).sum()) for place, image in enumerate(images)]
    chosen: list[int] = np.sort(best[np.argsort(turns, kind="stable")[:count]]).tolist()
    return chosen


def measure_coherence(
    network: Network,
    collection: Collection,
    rankings: Sequence[Ranking],
    *,
    tile: bool,
    batch_size: int,
    threads: int | None,
    progress: Progress,
) -> list[np.ndarray]:
    """By ranking (K,): how alike the strongest activations of each map are, from -1 to 1; 0 of fewer than two.

    It is the mean cosine, over their pairs, of the activations of all other maps at their places, less the mean over
    the places of all maps. The images are looked at again.
    """
    questions = [_Surroundings(network, ranking.layer, *_places(ranking)[:2]) for ranking in rankings]
    gathered = [{"numbers": Gather(), "vectors": Gather()} for _ in rankings]
    with progress("comparing", len(collection)) as advance:
        scan(
            collection, list(zip(questions, gathered, strict=True)), tile=tile, batch_size=batch_size, threads=threads,
            advance=advance,
        )  # fmt: skip
    return [
        _coherence(ranking, found["vectors"].result()[np.argsort(found["numbers"].result())])
        for ranking, found in zip(rankings, gathered, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Surroundings(NetworkQuestion):
    """Asks for the activations of all maps of a layer at some places of some rows."""

    layer: Layer
    keys: np.ndarray
    """(U, 3): of the rows."""
    places: np.ndarray
    """(U, 2): of the units."""

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """`vectors` (u, K), and which of the U they are, `numbers` (u,)."""
        by_row = [np.flatnonzero((self.keys == key).all(axis=1)) for key in rows.keys]
        chosen = [row for row, numbers in enumerate(by_row) if len(numbers)]
        if not chosen:
            return {"numbers": np.empty(0, np.int64), "vectors": np.empty((0, self.layer.maps), np.float32)}
        values = self.network.values(self.inputs(rows)[chosen], [self.layer.output])[self.layer.output]
        maps = np.maximum(values, 0).reshape(len(chosen), self.layer.maps, -1)
        flat = self.places @ [self.layer.extent[1], 1]
        vectors = [at_row[:, flat[by_row[row]]].T for at_row, row in zip(maps, chosen, strict=True)]
        return {"numbers": np.concatenate([by_row[row] for row in chosen]), "vectors": np.concatenate(vectors)}


def _places(ranking: Ranking) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and places (U, 3), (U, 2) of all activations, each once; and (K, k) which of them each is, -1 for none."""
    every = np.concatenate([ranking.keys, ranking.places], axis=2).reshape(-1, 5)
    found = every[:, 0] >= 0
    unique, number = np.unique(every[found], axis=0, return_inverse=True)
    numbers = np.full(len(every), -1)
    numbers[found] = number.ravel()
    return unique[:, :3], unique[:, 3:], numbers.reshape(ranking.values.shape)


def _coherence(ranking: Ranking, vectors: np.ndarray) -> np.ndarray:
    """(K,): of the activations of each map, from vectors (U, K) of all activations' places."""
    numbers, coherence = _places(ranking)[2], np.zeros(len(ranking.values))
    vectors = np.minimum(vectors, np.finfo(np.float32).max)  # of an infinite one no mean can be taken
    scaled = vectors / (float(vectors.max(initial=0)) or 1.0)
    centred = scaled - scaled.mean(axis=0, dtype=np.float64)
    for m in ranking.active().tolist():
        around = np.delete(centred[numbers[m][numbers[m] >= 0]], m, axis=1)
        lengths = np.linalg.norm(around, axis=1, keepdims=True)
        units = np.divide(around, lengths, out=np.zeros_like(around), where=lengths > 0)
        if (count := len(units)) > 1:
            coherence[m] = (np.square(units.sum(axis=0)).sum() - np.square(units).sum()) / (count * (count - 1))
    return coherence
