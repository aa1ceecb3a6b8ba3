"""inspectnet explain: what in a photo speaks for a class, by several methods side by side."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.analyses.photos import Photos
    from inspectnet.methods import Method
    from inspectnet.network import Network
    from inspectnet.report.explanations import Explained

IMAGE = "A photo, or a folder of photos, each a row of the page."
CLASS = "The class, by its number, its name or a part of that; by default each photo's most likely one."
MOST = 16  # photos on a page
DEFAULT = "deconvnet,guided_backprop,gradient,grad_cam"

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help=IMAGE, parser=options.path_of, show_default=False)]
Class = Annotated[str | None, typer.Option("--class", "-c", help=CLASS, show_default=False)]


def explain(
    model: options.Model,
    image: Photo,
    class_: Class = None,
    method: options.Methods = DEFAULT,
    scores: Scores = "",
    classes: options.Classes = None,
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what in a photo speaks for a class, by several attribution methods side by side."""
    from inspectnet.analyses.photos import read_photos
    from inspectnet.classes import class_names, find_class
    from inspectnet.methods import parse_methods
    from inspectnet.report.explanations import write_explanations

    network = opening.open(model, scores=scores)
    chosen = parse_methods(network, method)
    names = class_names(network, classes)
    wanted = None if class_ is None else find_class(class_, names)
    photos = read_photos(network, options.collection_of(image, destination.out), MOST)
    with destination.folder(model.stem, "run.json", [network]) as folder:
        made, record = _explain(network, photos, wanted, chosen)
        shown = [each[-1] for each in names]
        record |= {"explained": made.describe(shown)}
        write_explanations(folder, made, network, shown, chosen)
        folder.write_json("run.json", record)
    options.say_skipped(record["images"]["skipped"], "run.json")
    if as_json:
        show_json(folder.record_text)
    else:
        show(f"{', '.join(chosen)}: {len(made.ids)} images -> {folder.path}")


def _explain(
    network: "Network", photos: "Photos", wanted: int | None, chosen: dict[str, "Method"]
) -> tuple["Explained", dict[str, Any]]:
    """What the methods find, and the record of all that decides it."""
    import numpy as np

    from inspectnet.report.explanations import Explained
    from inspectnet.report.progress import progress
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    likely = network.probabilities(photos.x)
    classes = likely.argmax(axis=1) if wanted is None else np.full(len(photos.x), wanted)
    found = {}
    with progress("explaining", len(chosen), "methods") as advance:
        for name, method in chosen.items():
            found[name] = method.attribute(photos.x, classes)
            advance()
    record = {
        **describe_network(network),
        "scores": network.class_scores().logits,
        "methods": {name: method.options for name, method in chosen.items()},
        "images": asdict(photos.images),
        "device": network.device.name,
        "versions": versions(),
    }
    return Explained(photos.ids, photos.x, classes, likely, found), record
