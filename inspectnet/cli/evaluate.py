"""inspectnet evaluate: how often networks are right, as Tables 2 and 3 of the paper tell it."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import SCORES, Opening

IMAGES = "Labelled images: a folder of folders, one for each class, a .txt or .csv list with labels, a .tar."

Models = Annotated[list[Path], typer.Argument(metavar="MODEL...", help="ONNX files.", show_default=False)]
Images = Annotated[Path, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
Crops = Annotated[int, typer.Option(help="1, the middle, or 10: corners and middle, and mirrored.")]
Layer = Annotated[str, typer.Option("--scores", "--layer", "-l", help=SCORES, show_default=False)]


def evaluate(
    models: Models,
    images: Images,
    crops: Crops = 1,
    classes: options.Classes = None,
    layer: Layer = "",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    destination: RecordDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure top-1 and top-5 error on labelled images, of one model or of several and of all together."""
    from inspectnet.analyses import evaluate as analysis
    from inspectnet.report.progress import progress

    networks = [opening.open(model) for model in models]
    size = options.images_at_once(batch_size, networks[0])
    collection = options.collection_of(images, destination.out, default=None)
    destination.finish(
        networks,
        lambda: analysis.evaluate(
            networks, collection, classes=classes, scores=layer, crops=crops, batch_size=size, threads=threads,
            progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip
