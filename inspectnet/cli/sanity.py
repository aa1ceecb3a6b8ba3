"""inspectnet sanity: do explanations depend on what the network has learnt? (Adebayo et al. 2018)."""

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

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar."
MOST = 50  # images, as many as in the paper
DEFAULT = "deconvnet,guided_backprop,gradient,input_x_gradient,grad_cam,guided_grad_cam"

Images = Annotated[Path, typer.Argument(metavar="IMAGES", help=IMAGES, parser=options.path_of, show_default=False)]
Repeats = Annotated[int, typer.Option(min=1, help="How many times the weights are shuffled anew.")]
Seed = Annotated[int, typer.Option(min=0, help="Shuffles the weights, and draws the other classes.")]


def sanity(
    model: options.Model,
    images: Images,
    method: options.Methods = DEFAULT,
    scores: Scores = "",
    repeats: Repeats = 1,
    seed: Seed = 0,
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Test whether explanations depend on the weights: similarity while layer after layer is randomised."""
    from inspectnet.analyses.photos import read_photos
    from inspectnet.methods import parse_methods
    from inspectnet.report.sanity import print_sanity, write_sanity

    network = opening.open(model, scores=scores)
    chosen = parse_methods(network, method)
    photos = read_photos(network, options.collection_of(images, destination.out), MOST)
    with destination.folder(model.stem, "sanity.json", [network]) as folder:
        record, found = _check(network, photos, chosen, repeats, seed)
        write_sanity(folder, record, found, network.path.name)
    options.say_skipped(record["images"]["skipped"], "sanity.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_sanity(record)
        show(f"-> {folder.path}")


def _check(
    network: "Network", photos: "Photos", methods: "dict[str, Method]", repeats: int, seed: int
) -> tuple[dict[str, Any], Any]:
    """All that was measured, with the record of what decides it; and the cascade itself."""
    from inspectnet.analyses import sanity
    from inspectnet.report.progress import progress
    from inspectnet.report.run import describe_network
    from inspectnet.report.sanity import describe_cascade
    from inspectnet.runtime.versions import versions

    classes = network.probabilities(photos.x).argmax(axis=1)
    with progress("shuffling", repeats * len(sanity.weights_by_layer(network)), "layers") as advance:
        found = sanity.randomise(
            network, photos.x, classes, methods, repeats=repeats, seed=seed, on_progress=lambda: advance()
        )
    distance = sanity.class_distance(network, photos.x, classes, methods, seed=seed)
    whole = {name: method.attribute(photos.x, classes) for name, method in methods.items()}
    edges = {name: sanity.edge_likeness(photos.x, e) for name, e in whole.items() if e.ndim == 4}
    record = {
        **describe_network(network),
        "scores": network.class_scores().logits,
        "options": {name: method.options for name, method in methods.items()},
        "images": asdict(photos.images),
        "repeats": repeats,
        "seed": seed,
        "layers": found.layers,
        "methods": describe_cascade(found, distance, edges),
        "device": network.device.name,
        "versions": versions(),
    }
    return record, found
