"""Walked photos: a sample of the images, of which is known what each excites in every layer, and where.

They are the ones with a page of their own. The images of a small collection are all among them; of a large one so many
tell which units go together and what excites a unit half as much as the strongest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ModelError
from inspectnet.geometry import Maxima
from inspectnet.graph.layers import Layer
from inspectnet.images import Reader, spaced
from inspectnet.network import Network
from inspectnet.progress import Progress

MOST = 500  # photos


@dataclass(frozen=True)
class Walk:
    """What some rows of a scan excite in layers."""

    keys: NDArray[np.int64]
    """(n, 3): the rows."""
    maxima: dict[str, Maxima]
    """By layer's output, the strongest unit of each map in each row."""
    probabilities: NDArray[np.float64] | None
    """(n, classes); None of a network without clear scores."""


def walk_photos(
    network: Network, reader: Reader, keys: NDArray[np.int64], layers: Sequence[Layer], batch: int, progress: Progress
) -> Walk:
    """At most MOST rows, evenly spaced, through all layers. keys: of all rows that were scanned.

    Raises ImageError if an image has changed since.
    """
    chosen = keys[spaced(len(keys), MOST)]
    outputs = [layer.output for layer in layers]
    parts, scores = list[dict[str, Maxima]](), list[NDArray[np.float64]]()
    try:
        network.class_scores()
        scored = True
    except ModelError:
        scored = False
    with progress("walking", len(chosen), "photos") as advance:
        for first in range(0, len(chosen), batch):
            rows = chosen[first : first + batch].tolist()
            x = np.stack([reader.load(entry, (y, left)) for entry, y, left in rows])
            parts.append(network.maxima(x, outputs))
            if scored:
                scores.append(network.probabilities(x))
            advance(len(rows))
    maxima = {
        output: Maxima(
            np.concatenate([part[output].values for part in parts]),
            np.concatenate([part[output].places for part in parts]).astype(np.int16),
        )
        for output in outputs
    }
    return Walk(chosen, maxima, np.concatenate(scores) if scored else None)
