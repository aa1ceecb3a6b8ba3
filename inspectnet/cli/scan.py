"""inspectnet scan: how every map answers to every image, kept in an index that other commands ask."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import KEEPING, RUNNING, option
from inspectnet.errors import OptionError

LAYERS = f"{options.LAYERS} By default all convolutions."
EACH = "Also keep every image's strongest activation of each map: 2 bytes each."
BY_CLASS = "Whether sums are kept by class, where images have labels."
INDEX = "The folder of the index; one that is there is gone on with."
STATUS = "Show how far the index in -o has come, and end."
SIZE = "Images of a shard, whose work is lost at most when a run is cut."

Models = Annotated[list[Path] | None, typer.Argument(metavar="MODEL...", help="ONNX files, which share the decoding.")]
Images = Annotated[list[Path], options.path(f"{options.IMAGES} By default the sample photos.", "--images")]
Index = Annotated[Path | None, options.path(INDEX, "--out", "-o", metavar="FOLDER", group=KEEPING)]


def scan(
    models: Models = None,
    layer: Annotated[list[str], options.layers(LAYERS)] = [],  # noqa: B006  (typer's way)
    images: Images = [],  # noqa: B006
    out: Index = None,
    top: Annotated[int, option("Strongest activations kept of each map.", min=1, metavar="N")] = 100,
    tile: Annotated[bool, option("Cut photos into tiles of the network's size.", "--tile")] = False,
    each_image: Annotated[bool, option(EACH, "--each-image")] = False,
    shard_size: Annotated[int, option(SIZE, min=1, metavar="N", group=RUNNING)] = 2000,
    by_class: Annotated[bool, option(BY_CLASS, "--by-class/--no-by-class")] = True,
    retry_failed: options.RetryFailed = False,
    status: Annotated[bool, option(STATUS, "--status")] = False,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    as_json: options.AsJson = False,
    wide: options.Wide = False,
    *,
    opening: Opening,
) -> None:
    """Scan images into an index, which deconv, diagnose, evolve and others ask with --index.

    Run again it goes on where it was cut. Several runs on one folder share the work, on one machine or many.
    """
    from inspectnet.analyses import scan as analysis

    if out is None:
        raise OptionError("there is no folder for the index. Say one with -o.")
    if status:
        from inspectnet.report.scan_status import print_status

        print_status(out)
        return
    if not models:
        raise OptionError("there is nothing to scan. Give a MODEL, or --status.")
    networks = [opening.open(path, photos=i == 0) for i, path in enumerate(models)]
    RecordDestination(as_json=as_json, wide=wide).finish(
        networks,
        lambda progress: analysis.scan(
            networks, images or [samples.folder()], out, layers=layer or None, top=top, tile=tile, by_class=by_class,
            each_image=each_image, shard_size=shard_size, retry_failed=retry_failed, engine=engine, workers=workers,
            device=opening.device, batch_size=options.images_at_once(batch_size, networks[0]), threads=threads,
            progress=progress,
        ),
    )  # fmt: skip
