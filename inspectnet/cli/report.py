"""inspectnet report: a page in which people walk through a network."""

from pathlib import Path
from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import KEEPING, option
from inspectnet.report.lines import show, show_files, show_json

LAYERS = f"{options.LAYERS} By default all that the index holds, or all convolutions."
WITH = "Analyses to run and show, by commas: diagnose, evaluate, evolve, explain, invariance, occlude, sanity ..."
PHOTO = "A photo, or a folder of a few, for analyses that look at single ones; repeatable."
RESULT = "A folder with the result of another command, to show; repeatable."
CHECKPOINT = "A checkpoint of the training, or a folder of them, for evolve; repeatable."
LIVE = "Whether the page can project photos itself."
LIVE_MOST = "MB of weights that the page is given for that at the most."

Tile = Annotated[bool, option("Cut photos into tiles of the network's size, as the sample photos are.", "--tile")]
With = Annotated[str, option(WITH, "--with", metavar="NAMES")]
Photo = Annotated[list[Path] | None, options.path(PHOTO, "--photo")]
Results = Annotated[list[Path] | None, options.path(RESULT, "--result", metavar="FOLDER")]
Checkpoint = Annotated[list[Path] | None, options.path(CHECKPOINT, "--checkpoint")]


def report(
    model: options.Model,
    *,
    layer: Annotated[list[str], options.layers(LAYERS)] = [],  # noqa: B006  (typer's way)
    images: options.Images,
    index: options.Index = None,
    tile: Tile = False,
    with_: With = "",
    photo: Photo = None,
    result: Results = None,
    checkpoint: Checkpoint = None,
    single_file: Annotated[bool, option("All in one HTML file.", "--single-file", group=KEEPING)] = False,
    live: Annotated[bool, option(LIVE, "--live/--no-live", group=KEEPING)] = True,
    live_most: Annotated[float, option(LIVE_MOST, min=0, metavar="MB", group=KEEPING)] = 200,
    classes: options.Classes = None,
    method: options.Method = "deconvnet",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    destination: RecordDestination,
    opening: Opening,
) -> None:
    """Write a page in which people walk through the network: every map with what excites it, photos through all layers.

    It opens in a browser from the disk, and projects photos itself.
    """
    from inspectnet.explorer.report import Plan
    from inspectnet.explorer.site import INDEX
    from inspectnet.images import join
    from inspectnet.report.keeping import load
    from inspectnet.report.progress import progress

    names = tuple(name.strip() for name in with_.split(",") if name.strip())
    checkpoints = [opening.open(path, photos=False) for path in options.files_of(checkpoint or [])]
    photos = join([options.collection_of([path], destination.out) for path in photo]) if photo else None
    network = opening.open(model)
    plan = Plan(
        layer or None, method, True if tile else None if index else not images.said, classes,
        tuple(map(load, result or [])), names, photos, tuple(checkpoints), single_file, live_most if live else 0,
        options.images_at_once(batch_size, network), threads,
    )  # fmt: skip
    plan.check()
    collection = options.find_images(images.said, index, destination.out)
    with destination.folder([network]) as folder:
        made = plan.write(folder, network, collection, progress)
    options.say_skipped(made.skipped, "result.json")
    if destination.as_json:
        show_json(folder.record_text)
        return
    more = f", {made.results} results" if made.results else ""
    show(f"{made.layers} layers, {made.units} maps, {made.images} images{more}")
    if made.live:
        show(f"without the live part: {made.live}")
    show_files(folder.path, [INDEX])
