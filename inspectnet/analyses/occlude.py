"""Occlusion: what a square that hides part of a photo does to a map's activity and to the answer.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 7: if hiding a place makes a class less probable, the network looks at the
object there and not at its surroundings; if the activity of a map drops where its projection shows structure, the
projection shows what excites the map.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np

from inspectnet.analyses.hidden_places import Computed
from inspectnet.analyses.labelled_photos import known_labels
from inspectnet.analyses.occluded_photo import OccludedPhoto, WatchedMap, occlude_photo
from inspectnet.analyses.occlusion_setup import Setup
from inspectnet.analyses.occlusion_summary import Agreement, BoxDrops, agree, summarise
from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import checks_arguments
from inspectnet.classes import class_names, find_class, true_classes
from inspectnet.errors import ImageError, OptionError
from inspectnet.geometry import Box
from inspectnet.images import Collection, Reader, Sources, Stream, read_photo
from inspectnet.images.boxes import find_box, read_boxes
from inspectnet.images.occluder import Grid, box_mask
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Images, Result, derived
from inspectnet.rules import Policy
from inspectnet.scanning import Ranking, find_strongest, project_winners

SHOWN, ROWS = 6, 12  # photos of which pictures are kept, and maps in them, at most
ELSEWHERE = 3  # other images in which a map is shown

Labels = Mapping[str, int]


@dataclass(frozen=True)
class Needed:
    """The options that its page tells."""

    fill: str
    policy: Policy


@dataclass(frozen=True, repr=False, eq=False)
class Occlusion(Result):
    """What hiding each place of photos does to maps of layers and to the classes."""

    command: ClassVar[str] = "occlude"
    needs: ClassVar[Any] = Needed
    grid: Grid
    """The places of the square."""
    layers: Annotated[tuple[str, ...], Axes("watched")]
    """Of each watched map, what was asked for: a layer, whose strongest map it is, or the map, as conv5:212."""
    photos: Annotated[tuple[OccludedPhoto, ...], Axes("photos+")]
    other_images: Images
    """Those in which the maps of the first photos are shown, too."""
    computed: Computed
    operators: Mapping[str, str]
    """By kind of operator below the layers, what happens to the signal of a projection at it, in words."""

    @derived
    def boxes(self) -> BoxDrops | None:
        """What the photos with a box lose inside and outside of it; None without any."""
        boxed = [(photo.drop, photo.inside) for photo in self.photos if photo.inside is not None]
        return summarise([drop for drop, _ in boxed], [inside for _, inside in boxed])

    @derived
    def agreement(self) -> tuple[Agreement, ...]:
        """How the drop of each watched map goes with its projection, in the mean of photos."""
        columns = zip(*(photo.maps for photo in self.photos), strict=True)
        pairs = [([m.drop for m in maps], [m.energy for m in maps]) for maps in columns]
        agreements = (agree(of, *pair) for of, pair in zip(self.layers, pairs, strict=True))
        return tuple(agreement for agreement in agreements if agreement)


@checks_arguments
def occlude(
    network: Network,
    layers: str | Sequence[str] = (),
    images: Sources | None = None,
    *,
    target: int | str | None = None,
    labels: Sequence[int] | None = None,
    classes: str | Path | None = None,
    patch: int | None = None,
    stride: int | None = None,
    shape: str = "square",
    fill: str = "grey",
    by: str = "sum",
    others: Sources | None = None,
    boxes: str | Path | Mapping[str, Box] | None = None,
    method: str | Policy = "deconvnet",
    seed: int = 0,
    engine: str = "auto",
    batch_size: int | None = None,
    progress: Progress = silent,
) -> Occlusion:
    """What hiding each place of photos does to the strongest map of each layer and to the classes.

    images: of photos in memory the names are their numbers; by default the sample photos. layers: names,
    globs, or single maps, as conv5:212; by default the last layer with filters below the classes. target: the class
    that is watched, by its number or name; by default a photo's label (of arrays that in `labels`), else its most
    probable class. classes: a file that names them. patch, stride: px of the square, see `slide`;
    shape: "slic" hides superpixels, about as large as a square of `patch`, see `superpixels`; fill: what it shows,
    see `cover_of`; by: a map's strength, "sum" over its places or "max". others: other images in which the maps are
    shown, by default the sample photos. boxes: of objects, a JSON file or by the photos' names, in px of the photo.
    seed: of the noise. engine: "incremental" computes what a square changes, "whole" the network for each place, "auto"
    what is expected to be faster; see `Computed`. batch_size: places per run, by default as many as memory allows.

    Maps of places are kept of all photos; pictures (photo, cover, projections, other images) of the first 6, or as many
    as have 12 maps. Raises OptionError, LayerError, ModelError, RuleError, ImageError.
    """
    boxed = read_boxes(Path(boxes)) if isinstance(boxes, str | Path) else boxes or {}
    setup = Setup(network, layers, patch, stride, fill, by, policy_of(method), seed, batch_size, engine, shape)
    photos, rest = collection_of(images), collection_of(others)
    watched, truth, names = _classes(network, photos, target, labels, classes)
    insides = _insides(network, photos, boxed, setup.grid, boxes if isinstance(boxes, str | Path) else "boxes")
    stream = Stream(photos, network.preparation, batch_size=1)
    batches = iter(stream)
    first = list(itertools.islice(batches, 1))
    stream.seen.refuse_nothing()
    # one more, for the photo itself may be among them
    rankings, others_seen = find_strongest(network, rest, setup.layers, ELSEWHERE + 1, progress=progress)
    made, shown = list[OccludedPhoto](), max(1, min(SHOWN, ROWS // setup.most))
    with progress("occluding", len(photos) * len(setup.grid.corners), "positions") as advance:
        for batch in itertools.chain(first, batches):
            image, x, keep = batch.ids[0], batch.x[0], len(made) < shown
            own, source = (watched, "option") if watched is not None else (truth.get(image), "label")
            photo = occlude_photo(
                setup, x, names, image=image, target=own, target_from=source, inside=insides.get(image), keep=keep,
                advance=advance,
            )  # fmt: skip
            made.append(_with_others(setup, photo, x, rest, rankings) if keep else photo)
    return _result(setup, tuple(made), images_of(stream.seen), images_of(others_seen), target)


def _result(
    setup: Setup, photos: tuple[OccludedPhoto, ...], images: Images, others: Images, target: int | str | None
) -> Occlusion:
    network, grid, layers = setup.network, setup.grid, [layer.name for layer in setup.layers]
    options = {"layers": layers, "target": target, "shape": setup.shape, "patch": setup.side, "stride": grid.stride,
               "fill": setup.fill,
               "by": setup.by, "engine": setup.engine, "policy": setup.policy, "seed": setup.seed,
               "scores": network.class_scores().logits}  # fmt: skip
    operators = network.inverse(setup.policy).policy_of_ops(*layers)
    addresses = tuple(address for selection in setup.selections for address in selection.addresses)
    return Occlusion(provenance([network], images, options), grid, addresses, photos, others, setup.computed, operators)


def _classes(
    network: Network,
    photos: Collection,
    target: int | str | None,
    labels: Sequence[int] | None,
    file: str | Path | None,
) -> tuple[int | None, Labels, Sequence[str]]:
    """The class that is watched in all photos; by photo its true one; what all classes are called."""
    known = class_names(network, file)
    names = [called[-1] for called in known]
    if isinstance(target, str):
        return find_class(target, known), {}, names
    if target is not None and not 0 <= target < len(known):
        raise OptionError(f"there is no class {target}: there are {len(known)}, 0 to {len(known) - 1}.")
    if target is not None:
        return target, {}, names
    if labels is not None:
        return None, known_labels(photos, labels, len(known)), names
    return None, *true_classes(network, photos, file)


def _insides(
    network: Network, photos: Collection, boxes: Mapping[str, Box], grid: Grid, where: str | Path
) -> dict[str, np.ndarray]:
    """By photo with a box (h, w) of bool: the places where the square's middle is in it.

    Photos that cannot be read have none. Raises OptionError for a box that does not lie in its photo.
    """
    insides = dict[str, np.ndarray]()
    for i, entry in enumerate(photos):
        if (box := find_box(boxes, entry.id)) is None:
            continue
        try:
            height, width = read_photo(photos, i)[1].shape[:2]
            insides[entry.id] = grid.middles(box_mask(box, (height, width), network.preparation))
        except ImageError:
            continue
        except OptionError as error:
            raise OptionError(f"{entry.id} in {where}: {error}") from error
    return insides


def _with_others(
    setup: Setup, photo: OccludedPhoto, x: np.ndarray, others: Collection, rankings: Sequence[Ranking]
) -> OccludedPhoto:
    """The photo x with its maps in the other images that excite them most, without those whose pixels are its own."""
    reader = Reader(others, setup.network.preparation)
    places = {entry.id: i for i, entry in enumerate(others)}

    def show(watched: WatchedMap) -> WatchedMap:
        ranking = next(ranking for ranking in rankings if ranking.layer.name == watched.layer)
        top = project_winners(setup.network, reader, ranking, [watched.map], setup.policy)[watched.map]
        other = [f for f in top if not np.array_equal(reader.load(places[f.activation.image]), x)]
        return replace(watched, elsewhere=tuple(other[:ELSEWHERE]))

    return replace(photo, maps=tuple(map(show, photo.maps)))
