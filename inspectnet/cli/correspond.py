"""inspectnet correspond: whether the same part means the same in different photos, as in Table 1 of the paper."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening

DRAWS = "Draws of the permutation test; 0: p is the rank among the random places, for hundreds of them."

Parts = Annotated[
    Path,
    typer.Argument(
        metavar="PARTS.json", help="Photos and the boxes or masks of their parts.", parser=options.path_of,
        show_default=False,
    ),
]  # fmt: skip
Images = Annotated[
    Path | None,
    typer.Option(
        help="The folder of the photos, if not that of PARTS.json.", metavar="FOLDER", parser=options.path_of,
        show_default=False,
    ),
]  # fmt: skip
Randoms = Annotated[int, typer.Option(min=1, help="Random places to compare with, for each part and photo.")]
Together = Annotated[
    bool, typer.Option("--together", help="Random places lie the same way from the part in all photos.")
]
Permutations = Annotated[int, typer.Option(min=0, help=DRAWS)]
Fill = Annotated[str, typer.Option(help="What hides: mean, the mean colour, or a grey level of 0..1.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the random places and the permutations.")]


def correspond(
    model: options.Model,
    parts: Parts,
    layer: options.Layers,
    images: Images = None,
    randoms: Randoms = 10,
    together: Together = False,
    permutations: Permutations = 9999,
    fill: Fill = "mean",
    seed: Seed = 0,
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure whether layers change alike when the same part of different photos is hidden, against random places."""
    from inspectnet.analyses import correspond as analysis
    from inspectnet.report.progress import progress

    network = opening.open(model)
    destination.finish(
        [network],
        lambda: analysis.correspond(
            network, parts, layer, images=images, randoms=randoms, together=together, permutations=permutations,
            fill=fill, seed=seed, batch_size=options.images_at_once(batch_size, network), progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip
