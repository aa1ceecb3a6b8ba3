"""inspectnet activations: the activations of layers, maps or units for every image, in files."""

from pathlib import Path
from typing import Annotated

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import KEEPING, RUNNING, option

LAYERS = f"{options.LAYERS} Also raw sums, conv5:pre, one map, conv5:212, or one unit, conv5:212@6,6."
OUT = "Where the arrays go; those of the same run are gone on with."
POOL = "Keep one number of each map: its maximum, or its mean over all places."
SHARD = "Images of one file; so many are lost at most when a run is cut."


def activations(
    model: options.Model,
    layer: Annotated[list[str], options.layers(LAYERS)],
    images: options.Images,
    out: Annotated[Path, options.path(OUT, "--out", "-o", metavar="FOLDER", group=KEEPING)],
    pool: Annotated[str, option(POOL, metavar="max|mean")] = "",
    shard_size: Annotated[int, option(SHARD, min=1, metavar="N", group=RUNNING)] = 2000,
    retry_failed: options.RetryFailed = False,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    as_json: options.AsJson = False,
    wide: options.Wide = False,
    *,
    opening: Opening,
) -> None:
    """Write the activations of any layers, maps or units for all images: NPY files that Python opens as one array.

    Run again it goes on where it was cut; several runs on one folder share the work, on one machine or many.
    """
    from inspectnet.analyses import activations as analysis

    network = opening.open(model)
    RecordDestination(as_json=as_json, wide=wide).finish(
        [network],
        lambda progress: analysis.activations(
            network, layer, list(images.said or [samples.folder()]), out, pool=pool, shard_size=shard_size,
            retry_failed=retry_failed, engine=engine, workers=workers, device=opening.device,
            batch_size=options.images_at_once(batch_size, network), threads=threads, progress=progress,
        ),
    )  # fmt: skip
