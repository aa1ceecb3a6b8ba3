"""inspectnet evaluate: how often networks are right, as Tables 2 and 3 of the paper tell it."""

from pathlib import Path
from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.options import option

IMAGES = (
    "Labelled images: a folder of folders, one for each class, a .txt or .csv list with labels, a .tar; repeatable."
)


def evaluate(
    models: options.Models,
    images: Annotated[list[Path], options.path(IMAGES, "--images")],
    crops: Annotated[int, option("1, the middle, or 10: corners and middle, and mirrored.", metavar="1|10")] = 1,
    classes: options.Classes = None,
    scores: Scores = "",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    *,
    destination: Destination,
    opening: Opening,
) -> None:
    """Measure top-1 and top-5 error on labelled images, of one model or of several and of all together."""
    from inspectnet.analyses import evaluate as analysis

    networks = [opening.open(model) for model in models]
    size = options.images_at_once(batch_size, networks[0])
    collection = options.collection_of(images, destination.out)
    destination.finish(
        networks,
        lambda progress: analysis.evaluate(
            networks, collection, classes=classes, scores=scores, crops=crops, batch_size=size, threads=threads,
            progress=progress,
        ),
    )  # fmt: skip
