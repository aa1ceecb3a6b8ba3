"""What a layer sees: the strongest activations of each map over a data set, projected to pixels.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 2: "for a given feature map, we show the top 9 activations, each projected
separately down to pixel space", beside the image patches. Per image and map the strongest position counts, so one
image wins once; the rectified map ranks, before any contrast normalisation; equal values go to the earlier image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np

from inspectnet.analyses.coherence import FEW, measure_coherence, most_alike
from inspectnet.analyses.layer_features import LayerFeatures, project_layers, refuse_beforehand
from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.analyses.selection import Maps, Selection, select_maps
from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import checks_arguments
from inspectnet.errors import OptionError
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Reader, Sources
from inspectnet.index import Among, Index
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Result
from inspectnet.rules import Policy
from inspectnet.scanning import Ranking, Scanned, find_strongest, refuse_other_rows


@dataclass(frozen=True)
class Needed:
    """The options that its page tells."""

    layers: tuple[str, ...]
    tile: bool
    maps: object
    units: object
    policy: Policy
    seed: int


@dataclass(frozen=True, repr=False, eq=False)
class Features(Result):
    """What layers see: their strongest activations over images, or of one photo, projected to pixels."""

    command: ClassVar[str] = "deconv"
    needs: ClassVar[Any] = Needed
    layers: Annotated[tuple[LayerFeatures, ...], Axes("layers+")]
    operators: Mapping[str, str]
    """By kind of operator below the layers, what happens to the signal at it, in words."""
    photo: str | None
    """The image, where it was a single one and no search."""
    pixels: Annotated[np.ndarray, Axes("height+ width+ 3", "uint8")] | None
    """(H, W, 3) uint8: that photo as the network saw it."""
    photo_count: int
    """How many photos could be read, which may have been cut into more tiles."""


@checks_arguments
def deconv(
    network: Network,
    layers: str | Sequence[str],
    images: Sources | None = None,
    *,
    index: Index | None = None,
    maps: Maps | None = None,
    units: str | Sequence[int] = "",
    top: int = 9,
    tile: bool | None = None,
    method: str | Policy = "deconvnet",
    seed: int = 0,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Features:
    """The strongest activations of maps of some layers over images, projected to pixels beside the image patches.

    Given one photo: the maps that it activates most, each from its strongest unit, and each layer's whole activity.
    layers: names, globs, or single maps, as conv5:212. images: by default the sample photos; an index, or what its
    `among` gives, is not scanned again. index: one that a photo is compared with: its maps are those that it activates
    most relative to each map's highest activation there. maps: how many, drawn by the seed among those that anything
    activates (of one photo the strongest), "all", or which ones; by default 16, of at most 100 images those whose
    strongest activations are most alike (`measure_coherence`).
    units: just these of every layer. top: activations of each map. tile: photos are cut into tiles of the network's
    size; by default where no images are given. method: a projection, as the command takes it. threads: that decode.
    Raises LayerError, OptionError, RuleError for an operator without a rule, ImageError if no image can be read,
    ModelError.
    """
    if top < 1:
        raise OptionError(f"a map cannot show its {top} strongest activations. Choose 1 or more.")
    policy, collection = policy_of(method), collection_of(images)
    if tile is None:
        tile = collection.tile if isinstance(collection, Scanned | Among) else images is None
    inverse, selections = network.inverse(policy), select_maps(network, layers, maps, units)
    for selection in selections:
        refuse_beforehand(inverse, selection.layer, selection.most, top)
    photo = collection.entries[0].id if collection.is_photo and not tile else None
    if index is not None and not photo:
        raise OptionError("an index is compared with one photo. Give one, or the index in place of the images.")
    scanned, count = [selection.layer for selection in selections], top if photo is None else 1
    highest = [index.statistics(network, layer).highest if index is not None else None for layer in scanned]
    run: dict[str, Any] = {"batch_size": batch_size, "threads": threads, "progress": progress}
    coherence: dict[str, np.ndarray] = {}
    if isinstance(collection, Among):
        refuse_other_rows(collection.tile, tile)
        chosen = [selection.among(collection.active(network, selection.layer), seed) for selection in selections]
        rankings, seen = collection.strongest(network, scanned, chosen, count, **run), collection.seen
    else:
        rankings, seen = find_strongest(network, collection, scanned, count, tile=tile, **run)
        if maps is None and not photo and top > 1 and len(collection) <= FEW:
            coherence = _coherence(network, collection, selections, rankings, tile=tile, **run)
        chosen = [
            selection.strongest(ranking.in_order(most)) if photo else _among(selection, ranking, coherence, seed)
            for selection, ranking, most in zip(selections, rankings, highest, strict=True)
        ]
    reader, pixels = Reader(collection, network.preparation, tile), None
    made = project_layers(network, reader, rankings, chosen, policy, progress)
    made = tuple(_with_coherence(*two, coherence) for two in zip(made, scanned, strict=True))
    if photo:  # the joint activity, which the paper's sec. 5 misses, comes down too
        x = reader.load(0)[None]
        whole = [inverse.project_seeds(x, layer.output, network.activations(x, layer.output))[0] for layer in scanned]
        made = tuple(_of_photo(*three) for three in zip(made, whole, highest, strict=True))
        pixels = network.preparation.restore(x[0])
    asked = [address for selection in selections for address in selection.addresses]
    options = {"layers": asked, "maps": maps, "units": units, "top": top, "tile": tile, "policy": policy, "seed": seed,
               **(collection.asked if isinstance(collection, Among) else {})}  # fmt: skip
    about, photos = provenance([network], images_of(seen), options), len(collection) - len(seen.unread)
    return Features(about, made, inverse.policy_of_ops(*(layer.output for layer in scanned)), photo, pixels, photos)


def _coherence(
    network: Network, collection: Collection, selections: Sequence[Selection], rankings: Sequence[Ranking], **run: Any
) -> dict[str, np.ndarray]:
    """By output of the layers whose maps are chosen by it (K,): how alike each map's strongest activations are."""
    pairs = zip(selections, rankings, strict=True)
    asked = [ranking for one, ranking in pairs if one.numbers is None and len(ranking.active()) > one.most]
    measured = measure_coherence(network, collection, asked, **run) if asked else []
    return {ranking.layer.output: alike for ranking, alike in zip(asked, measured, strict=True)}


def _among(selection: Selection, ranking: Ranking, coherence: Mapping[str, np.ndarray], seed: int) -> list[int]:
    """The maps of a layer to show of many images, or of few."""
    if (alike := coherence.get(ranking.layer.output)) is not None:
        return most_alike(ranking, alike, selection.most)
    return selection.among(ranking.active(), seed)


def _with_coherence(features: LayerFeatures, layer: Layer, coherence: Mapping[str, np.ndarray]) -> LayerFeatures:
    """Those of a layer, with how alike the activations of its maps are where these were chosen by it."""
    if (alike := coherence.get(layer.output)) is None:
        return features
    return replace(features, maps=tuple(replace(about, coherence=float(alike[about.map])) for about in features.maps))


def _of_photo(features: LayerFeatures, whole: np.ndarray, highest: np.ndarray | None) -> LayerFeatures:
    """Those of a photo, with the whole layer's activity projected, and by map its highest activation in an index."""
    if highest is not None:
        maps = tuple(replace(about, highest=float(highest[about.map])) for about in features.maps)
        features = replace(features, maps=maps)
    return replace(features, whole=whole)
