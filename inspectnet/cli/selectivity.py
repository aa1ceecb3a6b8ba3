"""inspectnet selectivity: whether projections tell units apart, and units classes."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.options import option

Units = Annotated[int, option("Units of each image that are projected, its strongest.", min=1, metavar="N")]
Others = Annotated[int, option("Other units, active at the same place, to compare each with.", min=1, metavar="N")]


def selectivity(
    model: options.Model,
    layer: options.OneLayer,
    images: options.Images,
    index: options.Index = None,
    method: options.Projections = "deconvnet,guided_backprop,gradient",
    units: Units = 2,
    others: Others = 5,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Annotated[int, options.seed("Draws the other units, and shuffles the labels.")] = 0,
    batch_size: options.BatchSize = "auto",
    *,
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Measure how selective a layer is: its projections for their units, and, given labels, its maps for classes."""
    from inspectnet.analyses import selectivity as analysis

    network, collection = opening.open(model, scores=scores), options.find_images(images.said, index, destination.out)
    destination.finish(
        [network],
        lambda progress: analysis.selectivity(
            network, layer, collection, methods=method, units=units, others=others, classes=classes, seed=seed,
            batch_size=options.images_at_once(batch_size, network), progress=progress,
        ),
    )  # fmt: skip
