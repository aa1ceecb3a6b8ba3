"""Correspondence: whether a network changes in the same way when the same part is hidden in different photos.

Zeiler & Fergus 2014, sec. 4.3 and Table 1: with eps_i the change of a layer's features in photo i when a part of it is
hidden, Delta is the Hamming distance of sign(eps_i) and sign(eps_j), here as a share of the dimensions, over all
pairs of photos. The lower, the more consistent; see `sign_changes` for what chance would give.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.consistency import LayerConsistency, consistency
from inspectnet.analyses.hidden_places import Computed, Hiding
from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.sign_changes import Tally, signs_of
from inspectnet.analyses.statistics import DRAWS
from inspectnet.arguments import Count, checks_arguments
from inspectnet.errors import OptionError
from inspectnet.images.fit import Pixels
from inspectnet.images.hiding import Shapes
from inspectnet.images.parts import MarkedPhotos, prepare_parts, read_parts
from inspectnet.images.places import Hidden, random_ways
from inspectnet.images.prepare import Preparation
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Images, Result, derived

PLACES_AT_ONCE = 64  # of a photo, whose unchanged maps are computed once for them
SHOWN = 8  # photos that are kept as pictures


@dataclass(frozen=True, repr=False, eq=False)
class Correspondence(Result):
    """How alike the features of layers change when the same part of different photos is hidden."""

    command: ClassVar[str] = "correspond"
    photos: Annotated[tuple[str, ...], Axes("photos+")]
    parts: Annotated[tuple[str, ...], Axes("parts+")]
    layers: Annotated[tuple[LayerConsistency, ...], Axes("layers+")]
    hidden: Hidden
    """What is hidden: the parts, and where each is moved."""
    computed: Computed
    colour: Annotated[np.ndarray, Axes("3", "uint8")]
    """(3,) uint8: what hides, in RGB."""
    shown: Annotated[np.ndarray, Axes("shown height+ width+ 3", "uint8")]
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
    engine: str = "auto",
    batch_size: int = 16,
    progress: Progress = silent,
) -> Correspondence:
    """How alike the features of several photos change when the same part is hidden, against random places.

    parts: a JSON file of photos and their parts, or what `prepare_parts` gives; images: the folder of the file's
    photos, if not its own. layers: names or globs. randoms: places of equal shape and area for each part and photo,
    that touch no part. together: in all photos they are as near to each other as the parts are, whose places are moved
    and dealt out anew among the photos. p is that of `permutation_test`; of places that lie together, or without
    permutations, it is the rank among the random places, at least 1 / (1 + randoms), and memory does not grow with
    their number. Parts are swapped as often, 9999 times without permutations. fill: what hides, "mean" or a grey level
    of 0..1. tolerance: changes up to this part of a photo's largest feature are none. engine: "incremental" computes
    what a hidden place changes, "whole" the network each time, "auto" what is expected to be faster. Raises
    LayerError, OptionError, ImageError (Zeiler & Fergus 2014, sec. 4.3; the layer, the number of random places and the
    fill are not told there).
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
    draws = 0 if together else permutations
    tallies = [{output: Tally(draws, seed) for output in names} for _ in marked.parts]
    values, at_once = network.values(x, list(names)), min(PLACES_AT_ONCE, 1 + randoms)
    before = {output: values[output] for output in names}
    shapes = Shapes(np.stack([hidden.at(0, place)[0] for place in range(at_once)]))
    hiding = Hiding(network, shapes, list(names), engine, batch_size)
    with progress("hiding", len(marked.parts) * len(x) * (1 + randoms), "hidden places") as advance:
        for part, first in itertools.product(range(len(marked.parts)), range(0, 1 + randoms, at_once)):
            masks = np.stack([hidden.at(part, place) for place in range(first, min(first + at_once, 1 + randoms))])
            signs = _signs(hiding, x, paint, masks, before, tolerance, advance)
            for output, tally in tallies[part].items():
                tally.add(signs[output])
    chosen = {"layers": list(names.values()), "randoms": randoms, "together": together, "permutations": permutations}
    chosen |= {"fill": fill, "tolerance": tolerance, "engine": engine, "seed": seed}
    return Correspondence(
        provenance([network], Images(len(x), marked.digest), chosen),
        marked.ids,
        marked.parts,
        consistency(
            marked.parts,
            {name: [tally[output] for tally in tallies] for output, name in names.items()},
            permutations or DRAWS,
            seed,
        ),
        hidden,
        hiding.computed,
        network.preparation.restore(np.broadcast_to(paint, x[0].shape))[0, 0],
        np.stack([network.preparation.restore(photo) for photo in x[:SHOWN]]),
    )


def _signs(
    hiding: Hiding,
    x: np.ndarray,
    paint: np.ndarray,
    masks: np.ndarray,
    before: Mapping[str, np.ndarray],
    tolerance: float,
    advance: Callable[[int], object],
) -> dict[str, np.ndarray]:
    """(k, N, D) int8 by layer: how the features `before` of photos x change where `masks` (k, N, H, W) hide them."""
    signs = {output: np.empty((*masks.shape[:2], features[0].size), np.int8) for output, features in before.items()}
    for i, photo in enumerate(x):
        cover = np.broadcast_to(paint, photo.shape)
        for numbers, after in hiding.at(Shapes(masks[:, i])).answers(photo, cover):
            for output, features in before.items():
                signs[output][numbers, i] = signs_of(features[i : i + 1], after[output], tolerance)
            advance(len(numbers))
    return signs


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
