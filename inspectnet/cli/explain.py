"""inspectnet explain: what in a photo speaks for a class, by several methods side by side."""

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores


def explain(
    model: options.Model,
    images: options.Images,
    class_: options.Class = None,
    method: options.Methods = None,
    scores: Scores = "",
    classes: options.Classes = None,
    *,
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Show what in a photo speaks for a class, by several attribution methods side by side."""
    from inspectnet.analyses import explain as analysis

    network, collection = opening.open(model, scores=scores), images.find(destination.out)
    destination.finish(
        [network],
        lambda progress: analysis.explain(
            network, collection, target=class_, methods=method, classes=classes, progress=progress
        ),
    )
