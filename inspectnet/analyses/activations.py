"""The activations of some layers for every image of a collection, written to a folder in one pass.

For images whose activations fit into memory there is `Network.activations`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.arguments import Count, checks_arguments
from inspectnet.engines import forget_failed, run_engine
from inspectnet.errors import check_choice
from inspectnet.images import Sources, collection_of
from inspectnet.manifest import list_images, requested_model, said_of
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.recording import FLOAT, POOLS, RECORDING, Request, bytes_text, open_activations, request_arrays
from inspectnet.results import Axes, Result, derived
from inspectnet.shards import share_of


@dataclass(frozen=True)
class WrittenArray:
    """One array on disk."""

    name: str
    """The address of what it holds: conv5, conv5:7, conv5:7@3,3."""
    shape: Annotated[tuple[int, ...], Axes("axes+")]
    """Images that were read, then of each."""

    @derived
    def bytes(self) -> int:
        """How many it takes."""
        return math.prod(self.shape) * FLOAT.itemsize


@dataclass(frozen=True, repr=False, eq=False)
class Activations(Result):
    """Activations that were written to a folder, which `open_activations` opens."""

    command: ClassVar[str] = "activations"
    folder: str
    shards: int
    """Files that each array lies in."""
    arrays: Annotated[tuple[WrittenArray, ...], Axes("arrays+")]


@checks_arguments
def activations(
    network: Network,
    layers: str | Sequence[str],
    images: Sources,
    folder: str | Path,
    *,
    pool: str = "",
    shard_size: Count = 2000,
    retry_failed: bool = False,
    engine: str = "local",
    workers: Count | None = None,
    device: str = "auto",
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Activations:
    """Write the activations of layers, maps or units for all images to a folder, where a run that was cut goes on.

    layers: names, globs or addresses, as conv5:pre, conv5:7, conv5:7@3,3. pool: "max" or "mean" over the places of a
    map, by default none. shard_size: images of one file. retry_failed, engine, workers, device: as of `scan`; several
    processes on one folder share the work. Raises LayerError, OptionError for a folder that holds something
    else, ImageError if no image can be read, OutputError.
    """
    check_choice("pool", pool, POOLS)
    watched, arrays = request_arrays(network, layers, pool)
    request = Request((requested_model(network, watched),), tuple(arrays), pool, shard_size, batch_size)
    place = Path(folder)
    manifest = list_images(place, request, lambda: collection_of(images), said_of(images))
    total = sum(math.prod((manifest.images, *array.shape)) for array in arrays) * FLOAT.itemsize
    note(f"activations of {manifest.images} images: {bytes_text(total)} in {place}", quiet=True)
    if retry_failed:
        forget_failed(RECORDING, place, manifest)
    run_engine(
        RECORDING, place, manifest, [network], engine=engine, workers=workers, device=device, share=share_of(),
        threads=threads, progress=progress,
    )  # fmt: skip
    written = open_activations(place)
    written.seen.refuse_nothing()
    options = {"layers": [array.name for array in arrays], "pool": pool, "shard_size": shard_size}
    return Activations(
        provenance([network], images_of(written.seen), options),
        str(place),
        manifest.shards,
        tuple(WrittenArray(name, written[name].shape) for name in written),
    )
