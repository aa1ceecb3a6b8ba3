"""inspectnet occlude: what hiding each place of a photo does, as Fig. 7 of the paper shows it."""

from pathlib import Path
from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import SignalDestination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.options import option

LAYER = f"{options.ADDRESSES} The strongest map of it is watched, by default of the last hidden one with filters."
FILL = "What the square shows: grey, the network's mean, the photo's blur, or noise of its pixels."
SHAPE = "What is hidden: a square, or slic, superpixels about as large as one (pip install 'inspectnet[superpixels]')."
BY = "Which map is the strongest one: by the sum over its places, or by its max."
OTHERS = f"Other images in which the map's projections are shown. {options.IMAGES} By default the sample photos."
INDEX = "An index that scan has made, in place of --others: nothing is scanned again."
BOXES = "Where the objects are: JSON of x0,y0,x1,y1 by image, in px of the photo; x1,y1 are outside."

By = Annotated[str, option(BY, metavar="sum|max")]


def occlude(
    model: options.Model,
    *,
    layer: Annotated[list[str], options.layers(LAYER)] = [],  # noqa: B006  (typer's way)
    images: options.Images,
    class_: options.Class = None,
    patch: Annotated[int | None, option("Side of the square; by default 50 of 224.", metavar="PX")] = None,
    stride: Annotated[int | None, option("Its steps; by default 8 of 224.", metavar="PX")] = None,
    shape: Annotated[str, option(SHAPE, metavar="square|slic")] = "square",
    fill: Annotated[str, option(FILL, metavar="FILL")] = "grey",
    by: By = "sum",
    others: Annotated[list[Path], options.path(OTHERS, "--others")] = [],  # noqa: B006
    index: Annotated[Path | None, options.path(INDEX, "--index", metavar="FOLDER")] = None,
    boxes: Annotated[Path | None, options.path(BOXES, metavar="FILE")] = None,
    scores: Scores = "",
    classes: options.Classes = None,
    seed: Annotated[int, options.seed("Shuffles the pixels of the noise.")] = 0,
    method: options.Method = "deconvnet",
    engine: options.HidingEngine = "auto",
    batch_size: options.BatchSize = "auto",
    destination: SignalDestination,
    opening: Opening,
) -> None:
    """Show what hiding each place of a photo does to the strongest map of each layer and to the class."""
    from inspectnet.analyses import occlude as analysis

    policy, network = options.policy_of(method), opening.open(model, scores=scores)
    size = None if batch_size == "auto" else options.images_at_once(batch_size, network)
    photos = images.find(destination.out)
    elsewhere = options.find_images(others, index, destination.out)
    destination.finish(
        [network],
        lambda progress: analysis.occlude(
            network, layer, photos, target=class_, classes=classes, patch=patch, stride=stride, shape=shape,
            fill=fill, by=by, others=elsewhere, boxes=boxes, method=policy, seed=seed, engine=engine, batch_size=size,
            progress=progress,
        ),
    )  # fmt: skip
