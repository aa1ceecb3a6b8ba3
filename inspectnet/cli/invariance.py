"""inspectnet invariance: how features move with the photo, as Fig. 5 of the paper shows it."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.options import option

LAYER = f"{options.LAYERS} By default the first and the last hidden one."
TRANSFORM = (
    "translate, scale, rotate, zoom (a scale of the photo itself, which blurs nothing), with commas between; other"
    " amounts as translate=-20:20:1, from:to:step."
)
DISTANCE = "relative to the length of the untouched features, raw, or cosine (one minus it)."
BORDER = "What comes in at the border: photo, the rest of it and then the mean; mean, edge or mirror."
ALIKE = "Amounts by which each transform moves pixels equally far in the mean: 0..9 px of 56. Compares them."

Direction = Annotated[str, option("Of translations: vertical, horizontal or diagonal.", metavar="DIRECTION")]


def invariance(
    model: options.Model,
    *,
    layer: Annotated[list[str], options.layers(LAYER)] = [],  # noqa: B006  (typer's way)
    images: options.Images,
    transform: Annotated[str, option(TRANSFORM, "--transform", "-t", metavar="TRANSFORMS")] = "translate,scale,rotate",
    by_pixel: Annotated[bool, option("Translate in steps of 1 px, which shows aliasing.", "--by-pixel")] = False,
    alike: Annotated[bool, option(ALIKE, "--alike")] = False,
    distance: Annotated[str, option(DISTANCE, metavar="DISTANCE")] = "relative",
    direction: Direction = "vertical",
    border: Annotated[str, option(BORDER, metavar="BORDER")] = "photo",
    scores: Scores = "",
    classes: options.Classes = None,
    batch_size: options.BatchSize = "auto",
    destination: Destination,
    opening: Opening,
) -> None:
    """Measure how features and the class's probability change while photos are shifted, scaled and rotated."""
    from inspectnet.analyses import invariance as analysis
    from inspectnet.images.amounts import parse_transforms

    analysis.check_choices(distance, direction, border)
    network, transforms = opening.open(model, scores=scores), parse_transforms(transform)
    collection = images.find(destination.out)
    destination.finish(
        [network],
        lambda progress: analysis.invariance(
            network, layer, collection, transforms=transforms, by_pixel=by_pixel, alike=alike, distance=distance,
            direction=direction, border=border, classes=classes,
            batch_size=options.images_at_once(batch_size, network), progress=progress,
        ),
    )  # fmt: skip
