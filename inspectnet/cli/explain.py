"""inspectnet explain: what in a photo speaks for a class, by several methods side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.photos import Photos, read_photos
from inspectnet.errors import OptionError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.network import Network
    from inspectnet.report.explanations import Explained

IMAGE = "A photo, or a folder of photos, each a row of the page."
CLASS = "The class, by its number, its name or a part of that; by default each photo's most likely one."
METHODS = (
    "deconvnet, guided_backprop, gradient, input_x_gradient, integrated_gradients, smoothgrad, grad_cam, layer_cam,"
    " guided_grad_cam, with commas between them; or all."
)
LAYER = "The layer of the maps of grad_cam and its like; by default the last one with filters below the classes."
MOST = 16  # photos on a page
DEFAULT = "deconvnet,guided_backprop,gradient,grad_cam"

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help=IMAGE, parser=options.path_of, show_default=False)]
Class = Annotated[str | None, typer.Option("--class", "-c", help=CLASS, show_default=False)]
Methods = Annotated[str, typer.Option("--method", "-m", help=METHODS)]
Layer = Annotated[str, typer.Option("--layer", "-l", help=LAYER, show_default=False)]
Steps = Annotated[int, typer.Option(min=1, help="Steps of integrated_gradients.")]
Samples = Annotated[int, typer.Option(min=1, help="Noisy copies for smoothgrad.")]
Noise = Annotated[float, typer.Option(min=0, help="Their noise, as a part of the image's range of values.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the noise.")]


def explain(
    model: options.Model,
    image: Photo,
    class_: Class = None,
    method: Methods = DEFAULT,
    layer: Layer = "",
    scores: Scores = "",
    classes: options.Classes = None,
    steps: Steps = 64,
    samples: Samples = 50,
    noise: Noise = 0.15,
    seed: Seed = 0,
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what in a photo speaks for a class, by several attribution methods side by side."""
    from inspectnet.classes import class_names, find_class
    from inspectnet.report.explanations import write_explanations

    network = opening.open(model, scores=scores)
    chosen = chosen_methods(network, method, layer, steps, samples, noise, seed)
    names = class_names(network, classes)
    wanted = None if class_ is None else find_class(class_, names)
    photos = read_photos(network, image, destination.out, MOST)
    with destination.folder(model.stem, "run.json", [network]) as folder:
        made, record = _explain(network, photos, wanted, chosen)
        shown = [each[-1] for each in names]
        record |= {"explained": made.describe(shown)}
        write_explanations(folder, made, network, shown, _layer_of(chosen))
        folder.write_json("run.json", record)
    options.say_skipped(record["images"]["skipped"], "run.json")
    if as_json:
        show_json(folder.record_text)
    else:
        show(f"{', '.join(chosen)}: {len(made.ids)} images -> {folder.path}")


def chosen_methods(
    network: "Network", method: str, layer: str, steps: int, samples: int, noise: float, seed: int
) -> dict[str, dict[str, Any]]:
    """The methods that are asked for, in that order, and the options of each. Raises OptionError, LayerError."""
    from inspectnet.analyses.explanations import METHODS, OF_A_LAYER, cam_layer, find_method

    names = list(METHODS) if method == "all" else [name.strip() for name in method.split(",") if name.strip()]
    for name in names:
        find_method(name)
    if not names:
        raise OptionError("--method is empty. Name one method or more, or leave it out.")
    if layer and not set(names) & set(OF_A_LAYER):
        raise OptionError(f"--layer is for {', '.join(OF_A_LAYER)}, none of which is asked for. Leave it out.")
    place = {"layer": cam_layer(network, layer).name} if set(names) & set(OF_A_LAYER) else {}
    own: dict[str, dict[str, Any]] = {name: place for name in OF_A_LAYER}
    own |= {"integrated_gradients": {"steps": steps}, "smoothgrad": {"samples": samples, "noise": noise, "seed": seed}}
    return {name: own.get(name, {}) for name in names}


def _layer_of(chosen: dict[str, dict[str, Any]]) -> str:
    return next((str(options["layer"]) for options in chosen.values() if "layer" in options), "")


def _explain(
    network: "Network", photos: Photos, wanted: int | None, chosen: dict[str, dict[str, Any]]
) -> tuple["Explained", dict[str, Any]]:
    """What the methods find, and the record of all that decides it."""
    import numpy as np

    from inspectnet.analyses import explanations
    from inspectnet.report.explanations import Explained
    from inspectnet.report.progress import progress
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    likely = explanations.probabilities(network, photos.x)
    classes = likely.argmax(axis=1) if wanted is None else np.full(len(photos.x), wanted)
    found = {}
    with progress("explaining", len(chosen), "methods") as advance:
        for method, how in chosen.items():
            found[method] = explanations.explain(network, photos.x, classes, method, **how)
            advance()
    record = {
        **describe_network(network),
        "scores": network.logits[0],
        "methods": chosen,
        "images": photos.record,
        "device": network.device.name,
        "versions": versions(),
    }
    return Explained(photos.ids, photos.x, classes, likely, found), record
