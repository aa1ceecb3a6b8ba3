"""inspectnet sanity: do explanations depend on what the network has learnt? (Adebayo et al. 2018)."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar."

Images = Annotated[Path, typer.Argument(metavar="IMAGES", help=IMAGES, parser=options.path_of, show_default=False)]
Repeats = Annotated[int, typer.Option(min=1, help="How many times the weights are shuffled anew.")]
Seed = Annotated[int, typer.Option(min=0, help="Shuffles the weights, and draws the other classes.")]


def sanity(
    model: options.Model,
    images: Images,
    method: options.Methods = "deconvnet,guided_backprop,gradient,input_x_gradient,grad_cam,guided_grad_cam",
    scores: Scores = "",
    repeats: Repeats = 1,
    seed: Seed = 0,
    *,
    destination: SignalDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Test whether explanations depend on the weights: similarity while layer after layer is randomised."""
    from inspectnet.analyses import sanity as analysis
    from inspectnet.report.progress import progress

    network, photos = opening.open(model, scores=scores), options.collection_of(images, destination.out)
    destination.finish(
        [network],
        lambda: analysis.sanity(network, photos, methods=method, repeats=repeats, seed=seed, progress=progress),
        as_json=as_json,
    )
