"""inspectnet occlude: what hiding each place of a photo does, as Fig. 7 of the paper shows it."""

from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.boxes import Boxes
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.errors import RuleError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.analyses.occlusion import WatchedMap
    from inspectnet.analyses.selection import Selection
    from inspectnet.images import Batch, Collection, Seen
    from inspectnet.images.occluder import Grid
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder
    from inspectnet.report.occlusion import Occluded
    from inspectnet.rules import Policy
    from inspectnet.scan import Feature, Ranking

IMAGE = "A photo, or several: a folder, a .txt or .csv list, a .tar."
LAYER = (
    "A layer whose strongest map is watched, a glob, or one map of it, as conv5:212; repeatable. By default the last"
    " layer with filters below the classes."
)
CLASS = "The class, by its number, its name or a part of that; by default a photo's label, else its most likely one."
FILL = "What the square shows: grey, the network's mean, the photo's blur, or noise of its pixels."
BY = "Which map is the strongest one: by the sum over its places, or by its max."
IMAGES = "Other images in which the map's projections are shown; by default the sample photos."
BOXES = "Where the objects are: JSON of x0,y0,x1,y1 by image, in px of the photo; x1,y1 are outside."
SHOWN, ROWS = 6, 12  # photos and rows on the page, at most
ELSEWHERE = 3  # other images in which a map is shown

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help=IMAGE, parser=options.path_of, show_default=False)]
Layers = Annotated[list[str], typer.Option("--layer", "-l", help=LAYER, show_default=False)]
Class = Annotated[str, typer.Option("--class", "-c", help=CLASS, show_default=False)]
Patch = Annotated[int | None, typer.Option(help="Side of the square, px; by default 50 of 224.", show_default=False)]
Stride = Annotated[int | None, typer.Option(help="Its steps, px; by default 8 of 224.", show_default=False)]
Fill = Annotated[str, typer.Option(help=FILL)]
By = Annotated[str, typer.Option(help=BY)]
Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
BoxFile = Annotated[Path | None, typer.Option(help=BOXES, metavar="FILE", parser=options.path_of, show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Shuffles the pixels of the noise.")]


@dataclass(frozen=True)
class Request:
    """All that the occlusion of any photo needs to know."""

    network: "Network"
    wanted: list["Selection"]
    """The layers, and their maps if these are said."""
    policy: "Policy"
    how: dict[str, Any]
    """Arguments of `occlude`: patch, stride, fill, by, seed, batch_size."""
    target: int | None
    """The class that is watched in all photos."""
    labels: dict[str, int]
    """By image the class it is filed under."""
    names: list[str]
    """What classes are called."""
    photos: "Collection"
    others: "Collection"
    grid: "Grid"
    """The places of the square."""
    insides: "dict[str, np.ndarray]"
    """By photo with a box the places where the square's middle is in it, (h, w) of bool."""

    @property
    def shown(self) -> int:
        """How many photos are on the page."""
        return max(1, min(SHOWN, ROWS // sum(each.most for each in self.wanted)))

    @property
    def layers(self) -> list[str]:
        """The names of the layers."""
        return [each.layer.name for each in self.wanted]

    @property
    def files(self) -> dict[str, list[str]]:
        """By photo the name of each map's file: the photo's own, with the map's behind it where there are several."""
        from inspectnet.report.names import file_names

        maps = [address for each in self.wanted for address in each.addresses]
        tails = [f"\0{address}" for address in maps] if len(maps) > 1 else [""]  # which no name of a file holds
        found = file_names(entry.id + tail for entry in self.photos for tail in tails)
        return {entry.id: [found[entry.id + tail] for tail in tails] for entry in self.photos}


@dataclass
class Panels:
    """What is kept of each photo, to be summed up."""

    drops: "list[np.ndarray]" = field(default_factory=list)
    """Of the class's probability, of photos with a box."""
    insides: "list[np.ndarray]" = field(default_factory=list)
    maps: "dict[str, list[tuple[np.ndarray, np.ndarray]]]" = field(default_factory=dict)
    """By layer, or map if it was said, the drops of its activity and the energies of its projection."""

    def add(self, made: "Occluded") -> None:
        """Keep a photo's numbers."""
        if made.inside is not None:
            self.drops.append(made.found.probability_drop)
            self.insides.append(made.inside)
        layers = [each.layer.name for each in made.found.watched]
        for name, each in zip(layers, made.found.watched, strict=True):
            what = name if layers.count(name) == 1 else f"{name}:{each.map}"
            self.maps.setdefault(what, []).append((each.activity_drop, each.energy))

    def describe(self) -> dict[str, Any]:
        """What all photos say together, for JSON."""
        from inspectnet.analyses.occlusion_summary import agreement, summarise
        from inspectnet.report.occlusion import describe_agreement, describe_boxes

        found = {name: agreement(*zip(*pairs, strict=True)) for name, pairs in self.maps.items()}
        boxes = describe_boxes(summarise(self.drops, self.insides))
        return {**boxes, "agreement": describe_agreement(found)}


def occlude(
    model: options.Model,
    image: Photo,
    layer: Layers = [],  # noqa: B006  (typer's way)
    class_: Class = "",
    patch: Patch = None,
    stride: Stride = None,
    fill: Fill = "grey",
    by: By = "sum",
    images: Images = None,
    boxes: BoxFile = None,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Seed = 0,
    *,
    choices: options.PolicyChoices,
    batch_size: options.BatchSize = "auto",
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what hiding each place of a photo does to the strongest map of each layer and to the class."""
    from inspectnet.analyses.occlusion import check_choices
    from inspectnet.images.occluder import slide
    from inspectnet.report.occlusion import print_occlusion

    policy = choices.policy()
    check_choices(fill, by)
    boxed = Boxes.read(boxes)
    network = opening.open(model, scores=scores)
    grid = slide(network.input_shape[1:], patch, stride)
    size = None if batch_size == "auto" else options.images_at_once(batch_size, network)
    how = {"patch": patch, "stride": stride, "fill": fill, "by": by, "seed": seed, "batch_size": size}
    watched = _watched(network, layer, policy)
    photos = options.collection_of(image, destination.out)
    others = options.collection_of(images or samples.folder(), destination.out)
    target, labels, names = _classes(network, photos, class_, classes)
    insides = {id: grid.middles(mask) for id, mask in boxed.masks(photos, network.preparation)}
    request = Request(network, watched, policy, how, target, labels, names, photos, others, grid, insides)
    with destination.folder(model.stem, "run.json", [network]) as folder:
        record = _run(request, folder)
        folder.write_json("run.json", record)
    options.say_skipped(record["images"]["skipped"], "run.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_occlusion(record)
        show(f"-> {folder.path}")


def _watched(network: "Network", addresses: list[str], policy: "Policy") -> list["Selection"]:
    """The layers and maps that --layer means, by default the layer that Grad-CAM takes.

    Raises LayerError, OptionError; RuleError for a layer that cannot be inverted.
    """
    from inspectnet.analyses.occlusion import layer_of
    from inspectnet.analyses.selection import Selection, select_maps
    from inspectnet.methods import cam_layer

    found = select_maps(network, addresses, 1) if addresses else [Selection(cam_layer(network), count=1)]
    for each in found:
        layer_of(network, each.layer.name)
        if obstacle := network.inverse(policy).obstacle(each.layer.output):
            raise RuleError(obstacle)
    return found


def _classes(
    network: "Network", photos: "Collection", text: str, file: Path | None
) -> tuple[int | None, dict[str, int], list[str]]:
    """The class that is said; by image the one it is filed under; what all classes are called."""
    from inspectnet.classes import class_names, find_class, true_classes

    if text:
        known = class_names(network, file)
        return find_class(text, known), {}, [each[-1] for each in known]
    return None, *true_classes(network, photos, file)


def _run(request: Request, folder: "OutputFolder") -> dict[str, Any]:
    """Occlude photo by photo, draw the first ones; gives the record."""
    from inspectnet.images import Stream
    from inspectnet.report.occlusion import write_arrays, write_page
    from inspectnet.report.progress import progress

    grid, files = request.grid, request.files
    stream = Stream(request.photos, request.network.preparation, batch_size=1)
    batches = iter(stream)
    first = list(islice(batches, 1))
    stream.seen.refuse_nothing()
    rankings, others_seen = _scan(request)
    shown: list[Occluded] = []
    photos, panels = list[dict[str, Any]](), Panels()
    with progress("occluding", len(request.photos) * len(grid.corners), "positions") as advance:
        for batch in chain(first, batches):
            made = _occlude(request, rankings, batch, len(shown) < request.shown, advance)
            write_arrays(folder, files[made.id], made)
            photos.append(made.describe(request.names))
            panels.add(made)
            shown += [made] if len(shown) < request.shown else []
    policy, fill = request.policy, request.how["fill"]
    square = f"{fill} square of {grid.patch} px, every {grid.stride} px"
    words = f"{square}; {policy.method}; unpool {policy.unpool}; LRN {policy.lrn}"
    write_page(folder, shown, request.network, request.names, words)
    skipped = [{"image": each.id, "reason": each.reason} for each in stream.seen.skipped]
    images = {"count": len(photos), "sha256": stream.seen.digest, "skipped": skipped}
    others = {"count": others_seen.count, "sha256": others_seen.digest}
    record = _describe(request) | {"images": images, "other_images": others}
    return {**record, **panels.describe(), "photos": photos}


def _describe(request: Request) -> dict[str, Any]:
    """All that decides the result but the images."""
    from inspectnet.report.run import describe_run

    grid, how = request.grid, request.how
    return {
        **describe_run(request.network, request.policy, request.layers),
        "scores": request.network.class_scores().logits,
        "square": {"patch": grid.patch, "stride": grid.stride, "fill": how["fill"], "places": grid.shape},
        "by": how["by"],
        "seed": how["seed"],
    }


def _scan(request: Request) -> tuple[list["Ranking"], "Seen"]:
    """Which of the other images excite each map of the layers most."""
    from inspectnet.report.progress import progress
    from inspectnet.scan import find_strongest

    with progress("scanning", len(request.others)) as advance:
        top = ELSEWHERE + 1  # one more, for the photo itself may be among them
        layers = [request.network.layer(name) for name in request.layers]
        return find_strongest(request.network, request.others, layers, top, advance=advance)


def _occlude(request: Request, rankings: list["Ranking"], batch: "Batch", draw: bool, advance: Any) -> "Occluded":
    """One photo's occlusion; if it is drawn, its maps in other images too."""
    from inspectnet.analyses import occlusion
    from inspectnet.report.occlusion import Occluded

    network, id, x = request.network, batch.ids[0], batch.x[0]
    target = request.labels.get(id) if request.target is None else request.target
    source = "prediction" if target is None else "label" if request.target is None else "option"
    maps = {each.layer.name: each.numbers for each in request.wanted if each.numbers is not None}
    found = occlusion.occlude(
        network, x, request.layers, target=target, maps=maps, policy=request.policy, on_progress=advance, **request.how
    )
    photo = network.preparation.restore(x)
    own = request.photos.read(int(batch.keys[0, 0])) if draw else b""
    elsewhere = [_elsewhere(request, rankings, watched, own) for watched in found.watched] if draw else ()
    return Occluded(id, photo, found, source, elsewhere, request.insides.get(id))


def _elsewhere(request: Request, rankings: list["Ranking"], watched: "WatchedMap", own: bytes) -> list["Feature"]:
    """The map in the other images that excite it most, without the photo itself, whose file holds `own`."""
    from inspectnet.images import Reader
    from inspectnet.scan import project_winners

    ranking = next(each for each in rankings if each.layer.output == watched.layer.output)
    reader = Reader(request.others, request.network.preparation)
    made = project_winners(request.network, reader, ranking, [watched.map], request.policy)
    entries = {entry.id: i for i, entry in enumerate(request.others)}
    return [each for each in made[watched.map] if request.others.read(entries[each.activation.image]) != own][
        :ELSEWHERE
    ]
