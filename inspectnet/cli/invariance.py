"""inspectnet invariance: how features move with the photo, as Fig. 5 of the paper shows it."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.errors import OptionError

IMAGES = "Photos, or folders or lists of them; the paper shows five."
LAYERS = "A layer, by any of its names; repeatable. By default the first and the last hidden one."
TRANSFORM = (
    "translate, scale, rotate, zoom (a scale of the photo itself, which blurs nothing), with commas between; other"
    " amounts as translate=-20:20:1, from:to:step."
)
DISTANCE = "relative to the length of the untouched features, raw, or cosine (one minus it)."
BORDER = "What comes in at the border: photo, the rest of it and then the mean; mean, edge or mirror."

Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help=IMAGES, parser=options.path_of, show_default=False)
]
Layers = Annotated[list[str], typer.Option("--layer", "-l", help=LAYERS, show_default=False)]
Transform = Annotated[str, typer.Option("--transform", "-t", help=TRANSFORM)]
Distance = Annotated[str, typer.Option(help=DISTANCE)]
Direction = Annotated[str, typer.Option(help="Of translations: vertical, horizontal or diagonal.")]
Border = Annotated[str, typer.Option(help=BORDER)]
ByPixel = Annotated[bool, typer.Option("--by-pixel", help="Translate in steps of 1 px, which shows aliasing.")]
ALIKE = "Amounts by which each transform moves pixels equally far in the mean: 0..9 px of 56. Compares them."
Alike = Annotated[bool, typer.Option("--alike", help=ALIKE)]


def invariance(
    model: options.Model,
    images: Images,
    layer: Layers = [],  # noqa: B006  (typer's way)
    transform: Transform = "translate,scale,rotate",
    by_pixel: ByPixel = False,
    alike: Alike = False,
    distance: Distance = "relative",
    direction: Direction = "vertical",
    border: Border = "photo",
    scores: Scores = "",
    classes: options.Classes = None,
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure how features and the class's probability change while photos are shifted, scaled and rotated."""
    from inspectnet.analyses import invariance as analysis
    from inspectnet.report.progress import progress

    analysis.check_choices(distance, direction, border)
    network, transforms = opening.open(model, scores=scores), _transforms(transform)
    sources = [options.collection_of(source, destination.out) for source in images]
    destination.finish(
        [network],
        lambda: analysis.invariance(
            network, sources, layer, transforms=transforms, by_pixel=by_pixel, alike=alike, distance=distance,
            direction=direction, border=border, classes=classes,
            batch_size=options.images_at_once(batch_size, network), progress=progress,
        ),
        as_json=as_json,
    )  # fmt: skip


def _transforms(text: str) -> dict[str, list[float] | None]:
    """The transforms that are asked for, with the amounts that from:to:step means. Raises OptionError."""
    from inspectnet.images.amounts import TRANSFORMS

    amounts = dict[str, list[float] | None]()
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, numbers = part.partition("=")
        if name not in TRANSFORMS:
            raise OptionError(f"--transform '{name}' is none of {', '.join(TRANSFORMS)}.")
        amounts[name] = _numbers(numbers, name) if equals else None
    if not amounts:
        raise OptionError("--transform is empty. Name one or more of translate, scale, rotate, zoom.")
    return amounts


def _numbers(text: str, name: str) -> list[float]:
    try:
        low, high, step = (float(part) for part in text.split(":"))
        steps = (high - low) / step
    except (ValueError, ZeroDivisionError):
        steps = -1.0
    if not 1 <= steps + 1e-6 <= 10_000:
        what = f"--transform {name}={text} is not from:to:step with two amounts or more"
        raise OptionError(f"{what}. Write it like translate=-60:60:5.")
    return [round(low + step * i, 9) for i in range(int(steps + 1e-6) + 1)]
