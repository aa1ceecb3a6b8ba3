"""inspectnet invariance: how features move with the photo, as Fig. 5 of the paper shows it."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.classes import Classes
from inspectnet.cli.destination import Destination
from inspectnet.cli.opening import Opening, Scores
from inspectnet.cli.scenes import Photo, read_labelled, sample_changes
from inspectnet.errors import OptionError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.analyses.sweeps import Sweep
    from inspectnet.network import Network

IMAGES = "Photos, or folders or lists of them; the paper shows five."
LAYERS = "A layer, by any of its names; repeatable. By default the first and the last hidden one."
TRANSFORM = (
    "translate, scale, rotate, zoom (a scale of the photo itself, which blurs nothing), with commas between; other"
    " amounts as translate=-20:20:1, from:to:step."
)
DISTANCE = "relative to the length of the untouched features, raw, or cosine (one minus it)."
BORDER = "What comes in at the border: photo, the rest of it and then the mean; mean, edge or mirror."
MOST = 50  # photos

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
    classes: Classes = None,
    batch_size: options.BatchSize = "auto",
    *,
    destination: Destination,
    opening: Opening,
    as_json: options.AsJson = False,
) -> None:
    """Measure how features and the class's probability change while photos are shifted, scaled and rotated."""
    from inspectnet.analyses.invariance import check_choices
    from inspectnet.report.invariance import print_invariance, write_invariance

    check_choices(distance, direction, border)
    network = opening.open(model, scores=scores)
    amounts, size = (
        _amounts(transform, network, by_pixel, direction if alike else ""),
        options.images_at_once(batch_size, network),
    )
    layers = [found.name for found in network.match(layer)] if layer else []
    photos, skipped = read_labelled(network, images, destination.out, classes, MOST)
    how = {"distance": distance, "direction": direction, "border": border}
    with destination.folder(model.stem, "invariance.json", [network]) as folder:
        sweeps = _sweep(network, photos, layers, amounts, size, how)
        record = _record(network, photos, skipped, sweeps, how)
        samples, shown = sample_changes(network, photos, sweeps, direction, border)
        write_invariance(folder, record, sweeps, samples, shown)
    options.say_skipped(skipped, "invariance.json")
    if as_json:
        show_json(folder.record_text)
    else:
        print_invariance(record)
        show(f"-> {folder.path}")


def _sweep(
    network: "Network", photos: list[Photo], layers: list[str], amounts: dict[str, "np.ndarray"], size: int,
    how: dict[str, str],
) -> tuple["Sweep", ...]:  # fmt: skip
    import numpy as np

    from inspectnet.analyses import invariance as analysis
    from inspectnet.report.progress import progress

    labels = np.array([photo.label for photo in photos])
    with progress("changing", len(photos) * sum(map(len, amounts.values()))) as advance:
        return analysis.invariance(
            network, [photo.pixels for photo in photos], labels, layers,
            amounts=amounts, batch_size=size, on_progress=lambda n: advance(n), **how,
        )  # fmt: skip


def _record(
    network: "Network", photos: list[Photo], skipped: list[dict[str, str]], sweeps: tuple["Sweep", ...],
    how: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    """All that was measured, and all that decides it."""
    from inspectnet.report.invariance import describe_comparisons, describe_sweeps
    from inspectnet.report.run import describe_network
    from inspectnet.runtime.versions import versions

    digest = hashlib.sha256(b"".join(f"{photo.id}\0{photo.sha256}".encode() for photo in photos)).hexdigest()
    return {
        **describe_network(network),
        **how,
        "scores": network.logits[0],
        "labelled": all(photo.labelled for photo in photos),
        "images": {"count": len(photos), "sha256": digest, "skipped": skipped},
        "photos": [photo.to_json() for photo in photos],
        "sweeps": describe_sweeps(sweeps),
        "alike": describe_comparisons(sweeps),
        "device": network.device.name,
        "versions": versions(),
    }


def _amounts(text: str, network: "Network", by_pixel: bool, alike: str) -> dict[str, "np.ndarray"]:
    """The amounts of each transform that is asked for: the paper's, those alike in a direction, or from:to:step.

    Raises OptionError.
    """
    from inspectnet.images.amounts import TRANSFORMS, alike_amounts, paper_amounts

    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, numbers = part.partition("=")
        if name not in TRANSFORMS:
            raise OptionError(f"--transform '{name}' is none of {', '.join(TRANSFORMS)}.")
        own = _numbers(numbers, name) if equals else None
        size = network.input_shape[1:]
        usual = alike_amounts(name, size, alike) if alike else paper_amounts(name, size, by_pixel)
        found[name] = usual if own is None else own
    if not found:
        raise OptionError("--transform is empty. Name one or more of translate, scale, rotate, zoom.")
    return found


def _numbers(text: str, name: str) -> "np.ndarray":
    import numpy as np

    try:
        low, high, step = (float(part) for part in text.split(":"))
        steps = (high - low) / step
    except (ValueError, ZeroDivisionError):
        steps = -1.0
    if not 1 <= steps + 1e-6 <= 10_000:
        what = f"--transform {name}={text} is not from:to:step with two amounts or more"
        raise OptionError(f"{what}. Write it like translate=-60:60:5.")
    return np.round(low + step * np.arange(int(steps + 1e-6) + 1), 9)
