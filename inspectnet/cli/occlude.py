"""inspectnet occlude: what hiding each place of a photo does, as Fig. 7 of the paper shows it."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores

IMAGE = "A photo, or several: a folder, a .txt or .csv list, a .tar."
LAYER = (
    "A layer whose strongest map is watched, a glob, or one map of it, as conv5:212; repeatable. By default the last"
    " layer with filters below the classes."
)
CLASS = "The class, by its number, its name or a part of that; by default a photo's label, else its most likely one."
FILL = "What the square shows: grey, the network's mean, the photo's blur, or noise of its pixels."
BY = "Which map is the strongest one: by the sum over its places, or by its max."
IMAGES = "Other images in which the map's projections are shown; by default the sample photos."
BOXES = "Where the objects are: JSON of x0,y0,x1,y1 by image, in px of the photo; x1,y1 are outside."

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help=IMAGE, parser=options.path_of, show_default=False)]
Layers = Annotated[list[str], typer.Option("--layer", "-l", help=LAYER, show_default=False)]
Class = Annotated[str, typer.Option("--class", "-c", help=CLASS, show_default=False)]
Patch = Annotated[int | None, typer.Option(help="Side of the square, px; by default 50 of 224.", show_default=False)]
Stride = Annotated[int | None, typer.Option(help="Its steps, px; by default 8 of 224.", show_default=False)]
Fill = Annotated[str, typer.Option(help=FILL)]
By = Annotated[str, typer.Option(help=BY)]
Images = Annotated[Path | None, typer.Option(help=IMAGES, metavar="PATH", parser=options.path_of, show_default=False)]
BoxFile = Annotated[Path | None, typer.Option(help=BOXES, metavar="FILE", parser=options.path_of, show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Shuffles the pixels of the noise.")]


def occlude(
    model: options.Model,
    image: Photo,
    layer: Layers = [],  # noqa: B006  (typer's way)
    class_: Class = "",
    patch: Patch = None,
    stride: Stride = None,
    fill: Fill = "grey",
    by: By = "sum",
    images: Images = None,
    boxes: BoxFile = None,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Seed = 0,
    *,
    method: options.Method = "deconvnet",
    batch_size: options.BatchSize = "auto",
    destination: SignalDestination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Show what hiding each place of a photo does to the strongest map of each layer and to the class."""
    from inspectnet.analyses import occlude as analysis
    from inspectnet.report.progress import progress

    policy, network = options.policy_of(method), opening.open(model, scores=scores)
    size = None if batch_size == "auto" else options.images_at_once(batch_size, network)
    photos = options.collection_of(image, destination.out)
    others = options.collection_of(images or samples.folder(), destination.out)
    destination.finish(
        [network],
        lambda: analysis.occlude(
            network, photos, layer, target=class_ or None, classes=classes, patch=patch, stride=stride, fill=fill,
            by=by, others=others, boxes=boxes, policy=policy, seed=seed, batch_size=size, progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip
