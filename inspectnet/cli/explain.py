"""inspectnet explain: what in a photo speaks for a class, by several methods side by side."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores

IMAGE = "A photo, or a folder of photos, each a row of the page."
CLASS = "The class, by its number, its name or a part of that; by default each photo's most likely one."

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help=IMAGE, parser=options.path_of, show_default=False)]
Class = Annotated[str | None, typer.Option("--class", "-c", help=CLASS, show_default=False)]


def explain(
    model: options.Model,
    image: Photo,
    class_: Class = None,
    method: options.Methods = "deconvnet,guided_backprop,gradient,grad_cam",
    scores: Scores = "",
    classes: options.Classes = None,
    *,
    destination: SignalDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what in a photo speaks for a class, by several attribution methods side by side."""
    from inspectnet.analyses import explain as analysis
    from inspectnet.report.progress import progress

    network, images = opening.open(model, scores=scores), options.collection_of(image, destination.out)
    destination.finish(
        [network],
        lambda: analysis.explain(
            network, images, target=class_, methods=method, classes=classes, progress=progress
        ),
        as_json=as_json,
    )  # fmt: skip
