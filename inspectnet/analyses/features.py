"""What a layer sees: the strongest activations of each map over a data set, projected to pixels.

Zeiler & Fergus 2014, sec. 4.1 and Fig. 2: "for a given feature map, we show the top 9 activations, each projected
separately down to pixel space", beside the image patches. Per image and map the strongest position counts, so one
image wins once; the rectified map ranks, before any contrast normalisation; equal values go to the earlier image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from inspectnet.analyses.layer_features import LayerFeatures, layer_features, project_layers, refuse_too_many
from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.analyses.selection import Maps, Selection, select_maps
from inspectnet.analyses.sources import Sources, collection_of
from inspectnet.errors import RuleError
from inspectnet.images import Collection, Reader, Seen, read_photo
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Result
from inspectnet.rules import Policy
from inspectnet.scan import Feature, find_strongest
from inspectnet.scan.peaks import refuse_nan
from inspectnet.scan.winners import project_features


@dataclass(frozen=True, repr=False)
class Features(Result):
    """What layers see: their strongest activations over images, or of one photo, projected to pixels."""

    command: ClassVar[str] = "deconv"
    layers: tuple[LayerFeatures, ...]
    operators: Mapping[str, str]
    """By kind of operator below the layers, what happens to the signal at it, in words."""
    photo: str | None
    """The image, where it was a single one and no search."""
    pixels: np.ndarray | None
    """(H, W, 3) uint8: that photo as the network saw it."""


def features(
    network: Network,
    images: Sources,
    layers: Sequence[str],
    *,
    maps: Maps = 16,
    units: str | Sequence[int] = "",
    top: int = 9,
    tile: bool = False,
    policy: Policy | None = None,
    seed: int = 0,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Features:
    """The strongest activations of maps of some layers over images, projected to pixels beside the image patches.

    Given one photo: the maps that it activates most, each from its strongest unit, and each layer's whole activity.
    layers: names, globs, or single maps, as conv5:212. maps: how many, drawn by the seed among those that anything
    activates (of one photo the strongest), "all", or which ones; units: just these of every layer. top: activations
    of each map. tile: photos are cut into tiles of the network's size. threads: that decode. Raises LayerError,
    OptionError, RuleError for an operator without a rule, ImageError if no image can be read, ModelError.
    """
    policy, collection = policy or Policy(), collection_of(images)
    selections = select_maps(network, layers, maps, units)
    for selection in selections:  # before hours of work
        refuse_too_many(network, selection.layer, selection.most, top)
        if obstacle := network.inverse(policy).obstacle(selection.layer.output):
            raise RuleError(obstacle)
    photo = pixels = None
    if collection.is_photo and not tile:
        photo = collection.entries[0].id
        made, seen, pixels = _inspect_photo(network, collection, selections, policy)
    else:
        found = [selection.layer for selection in selections]
        with progress("scanning", len(collection)) as advance:
            rankings, seen = find_strongest(
                network, collection, found, top, tile=tile, batch_size=batch_size, threads=threads, advance=advance
            )
        pairs = zip(selections, rankings, strict=True)
        chosen = [selection.among(ranking.active(), seed) for selection, ranking in pairs]
        reader = Reader(collection, network.preparation, tile)
        made = project_layers(network, reader, rankings, chosen, policy, progress)
    options = {"layers": [selection.layer.name for selection in selections], "maps": maps, "units": units, "top": top,
               "tile": tile, "policy": asdict(policy), "seed": seed}  # fmt: skip
    operators: dict[str, str] = {}
    for selection in selections:
        operators |= network.inverse(policy).policy_of_ops(selection.layer.output)
    return Features(provenance([network], images_of(seen), options), made, operators, photo, pixels)


def _inspect_photo(
    network: Network, collection: Collection, selections: Sequence[Selection], policy: Policy
) -> tuple[tuple[LayerFeatures, ...], Seen, np.ndarray]:
    """What one photo activates in each layer.

    Maps are projected from their strongest units; the whole layer's activity comes down at once too (the paper's sec.
    5 misses this joint view).
    """
    name, (sha256, pixels), seen = collection.entries[0].id, read_photo(collection, 0), Seen(collection)
    seen.note_entry(bytes.fromhex(sha256), None)
    seen.note_rows(np.zeros((1, 3), np.int64))
    x, made = network.preparation.apply(pixels)[None], list[LayerFeatures]()
    for layer, selection in ((selection.layer, selection) for selection in selections):
        maxima = network.maxima(x, [layer.output])[layer.output]
        refuse_nan(network, layer, maxima.values, [name])
        shown = selection.strongest(np.argsort(-maxima.values[0], kind="stable"))
        active = [m for m in shown if maxima.values[0, m] > 0]
        by_map: dict[int, tuple[Feature, ...]] = {m: () for m in (shown if selection.numbers else active)}
        features = project_features(network, layer, x, [maxima.unit(0, m) for m in active], [name], policy)
        by_map |= {m: (feature,) for m, feature in zip(active, features, strict=True)}
        whole = network.inverse(policy).project_seeds(x, layer.output, network.activations(x, layer.output))[0]
        made.append(layer_features(network, layer, by_map, whole))
    return tuple(made), seen, network.preparation.restore(x[0])
