"""inspectnet correspond: whether the same part means the same in different photos, as in Table 1 of the paper."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import option

PARTS = "Photos and the boxes or masks of their parts."
DRAWS = "Draws of the permutation test; 0: p is the rank among the random places, for hundreds of them."

Images = Annotated[Path | None, options.path("Where the photos are, if not beside PARTS.json.", metavar="FOLDER")]
Together = Annotated[
    bool, option("Random places are as near to each other as the parts: these, moved and dealt out anew.", "--together")
]
Fill = Annotated[str, option("What hides: mean, the mean colour, or a grey level of 0..1.", metavar="FILL")]


def correspond(
    model: options.Model,
    parts: Annotated[Path, typer.Argument(metavar="PARTS.json", help=PARTS, parser=options.path_of)],
    layer: options.Layers,
    images: Images = None,
    randoms: Annotated[int, option("Random places to compare with, for each part and photo.", min=1, metavar="N")] = 10,
    together: Together = False,
    permutations: Annotated[int, option(DRAWS, min=0, metavar="N")] = 9999,
    fill: Fill = "mean",
    seed: Annotated[int, options.seed("Draws the random places and the permutations.")] = 0,
    engine: options.HidingEngine = "auto",
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
) -> None:
    """Measure whether layers change alike when the same part of different photos is hidden, against random places."""
    from inspectnet.analyses import correspond as analysis

    network = opening.open(model)
    destination.finish(
        [network],
        lambda progress: analysis.correspond(
            network, layer, parts, images=images, randoms=randoms, together=together, permutations=permutations,
            fill=fill, seed=seed, engine=engine, batch_size=options.images_at_once(batch_size, network),
            progress=progress,
        ),
    )  # fmt: skip
