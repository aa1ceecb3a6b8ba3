"""inspectnet sanity: do explanations depend on what the network has learnt? (Adebayo et al. 2018)."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.options import option


def sanity(
    model: options.Model,
    images: options.Images,
    method: options.Methods = None,
    scores: Scores = "",
    repeats: Annotated[int, option("How many times the weights are shuffled anew.", min=1, metavar="N")] = 1,
    seed: Annotated[int, options.seed("Shuffles the weights, and draws the other classes.")] = 0,
    *,
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Test whether explanations depend on the weights: similarity while layer after layer is randomised."""
    from inspectnet.analyses import sanity as analysis

    network, photos = opening.open(model, scores=scores), images.find(destination.out)
    destination.finish(
        [network],
        lambda progress: analysis.sanity(
            network, photos, methods=method, repeats=repeats, seed=seed, progress=progress
        ),
    )
