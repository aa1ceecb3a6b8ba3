"""inspectnet selectivity: whether projections tell units apart, and units classes."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores

IMAGES = "A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos. Labels as for evaluate."

Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of)]
Units = Annotated[int, typer.Option(min=1, help="Units of each image that are projected, its strongest.")]
Others = Annotated[int, typer.Option(min=1, help="Other units, active at the same place, to compare each with.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the other units, and shuffles the labels.")]


def selectivity(
    model: options.Model,
    layer: options.OneLayer,
    images: Images = None,
    method: options.Projections = "deconvnet,guided_backprop,gradient",
    units: Units = 2,
    others: Others = 5,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    *,
    destination: SignalDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure how selective a layer is: its projections for their units, and, given labels, its maps for classes."""
    from inspectnet.analyses import selectivity as analysis
    from inspectnet.report.progress import progress

    network = opening.open(model, scores=scores)
    collection = options.collection_of(images or samples.folder(), destination.out)
    destination.finish(
        [network],
        lambda: analysis.selectivity(
            network, collection, layer, methods=method, units=units, others=others, classes=classes, seed=seed,
            batch_size=options.images_at_once(batch_size, network), progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip
