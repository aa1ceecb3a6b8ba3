"""inspectnet selectivity: whether projections tell units apart, and units classes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.photos import read_photos
from inspectnet.cli.telling import remark
from inspectnet.errors import ModelError, OptionError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.graph.layers import Layer
    from inspectnet.images import Collection, Targets
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos. Labels as for evaluate."
METHODS = "deconvnet, guided_backprop, gradient, with commas between them."
DEFAULT = "deconvnet,guided_backprop,gradient"
MOST = 20  # images whose units are projected

Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of)]
Methods = Annotated[str, typer.Option("--method", "-m", help=METHODS)]
Units = Annotated[int, typer.Option(min=1, help="Units of each image that are projected, its strongest.")]
Others = Annotated[int, typer.Option(min=1, help="Other units, active at the same place, to compare each with.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the other units, and shuffles the labels.")]


def selectivity(
    model: options.Model,
    layer: options.OneLayer,
    images: Images = None,
    method: Methods = DEFAULT,
    units: Units = 2,
    others: Others = 5,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure how selective a layer is: its projections for their units, and, given labels, its maps for classes."""
    from inspectnet.report.run import describe_network
    from inspectnet.report.selectivity import print_selectivity
    from inspectnet.runtime.versions import versions

    network = opening.open(model, scores=scores)
    found, source, size = network.layer(layer), images or samples.folder(), options.images_at_once(batch_size, network)
    record: dict[str, Any] = {**describe_network(network), "layer": found.name, "others": others, "seed": seed}
    targets = _labelled(network, options.collection_of(source, destination.out), classes, asked=bool(scores or classes))
    with destination.folder(model.stem, "selectivity.json", [network]) as folder:
        record |= _compare_units(network, found, source, destination.out, method, (units, others, seed), folder)
        record |= _compare_classes(network, found, targets, (size, seed), folder)
        record |= {"device": network.device.name, "versions": versions()}
        folder.write_json("selectivity.json", record)
    options.say_skipped(record["images"]["skipped"], "selectivity.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_selectivity(record)
        show(f"-> {folder.path}")


def _labelled(network: "Network", collection: "Collection", classes: Path | None, *, asked: bool) -> "Targets | None":
    """The images with a class; None, and a line that says why, without two classes that nobody `asked` for."""
    from inspectnet.classes import labelled_images

    try:
        found = labelled_images(network, collection, classes)
        if found is None or len(set(found.classes)) < 2:
            why = "the images have no labels" if found is None else "the images are all of one class"
            remark(f"no class selectivity: {why}")
            return None
    except (ModelError, OptionError) as error:
        if asked:
            raise
        remark(f"no class selectivity: {error}")
        return None
    return found


def _compare_units(
    network: "Network", layer: "Layer", source: Path, out: Path | None, method: str, how: tuple[int, int, int],
    folder: "OutputFolder",
) -> dict[str, Any]:  # fmt: skip
    """How much the projections of units differ from those of others at their place, by each method."""
    from inspectnet.analyses import selectivity as analysis
    from inspectnet.report.progress import progress
    from inspectnet.report.selectivity import describe_means, describe_units, write_units
    from inspectnet.rules import Policy

    policies = {name.strip(): Policy(name.strip()) for name in method.split(",") if name.strip()}
    if not policies:
        raise OptionError("--method is empty. Name one method or more, or leave it out.")
    photos = read_photos(network, source, out, MOST)
    units, others, seed = how
    found = analysis.find_neighbours(network, photos.x, layer.output, units=units, others=others, seed=seed)
    scores = {}
    with progress("projecting", len(policies), "methods") as advance:
        for name, policy in policies.items():
            scores[name] = analysis.projection_selectivity(network, photos.x, layer.output, found, policy)
            advance()
    write_units(folder, network, layer, photos.x, found, scores)
    return {
        "images": photos.record,
        **describe_means(analysis.summarise(found, scores)),
        "units": describe_units(found, scores, photos.ids),
    }


def _compare_classes(
    network: "Network", layer: "Layer", targets: "Targets | None", how: tuple[int, int], folder: "OutputFolder"
) -> dict[str, Any]:
    """How selective the maps are for classes; nothing without labels."""
    from inspectnet.analyses import selectivity as analysis
    from inspectnet.report.progress import progress
    from inspectnet.report.selectivity import describe_classes, write_classes

    if targets is None:
        return {}
    size, seed = how
    with progress("classes", len(targets.collection)) as advance:
        found = analysis.class_selectivity(
            network, targets.collection, targets.classes, layer.output, batch_size=size, seed=seed,
            advance=advance,
        )  # fmt: skip
    write_classes(folder, found, layer.name, network.path.name)
    return {"class_selectivity": describe_classes(found, targets.names)}
