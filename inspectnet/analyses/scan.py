"""A scan: how every map of some layers answers to every image, kept in an index that other analyses ask.

The index is made shard by shard, so that a run that was cut goes on, and any number of runs on one folder share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.provenance import images_of, model_names, provenance
from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import Count, checks_arguments
from inspectnet.engines import forget_failed, run_engine
from inspectnet.errors import OptionError
from inspectnet.graph.layers import Layer
from inspectnet.images import Sources
from inspectnet.index import SCAN, Index, Request, Statistics, open_index
from inspectnet.manifest import list_images, requested_model, said_of
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.recording import bytes_text
from inspectnet.results import Axes, Result, derived
from inspectnet.shards import share_of

MAXIMUM = np.dtype(np.float16)  # of a map in an image


@dataclass(frozen=True)
class LayerAnswers:
    """How the maps of a layer answer to the images: each by its strongest unit in each image, or tile."""

    model: str
    layer: str
    active: Annotated[np.ndarray, Axes("maps", "int64")]
    """(K,): how many images take each map above 0."""
    mean: Annotated[np.ndarray, Axes("maps", "float64")]
    """(K,)."""
    median: Annotated[np.ndarray, Axes("maps", "float64")]
    """(K,): within 3 %; 0 where half of the images do not take it above 0."""
    strongest: Annotated[np.ndarray, Axes("maps", "float32")]
    """(K,)."""

    @derived
    def dead(self) -> int:
        """How many maps no image takes above 0."""
        return int(np.count_nonzero(self.active == 0))


@dataclass(frozen=True, repr=False, eq=False)
class Scan(Result):
    """How the maps of some layers answer to the images of an index."""

    command: ClassVar[str] = "scan"
    index: str
    """The folder of the index."""
    layers: Annotated[tuple[LayerAnswers, ...], Axes("layers+")]


@checks_arguments
def scan(
    networks: Network | Sequence[Network],
    images: Sources,
    folder: str | Path,
    *,
    layers: str | Sequence[str] | None = None,
    top: Count = 100,
    tile: bool = False,
    by_class: bool = True,
    each_image: bool = False,
    shard_size: Count = 2000,
    retry_failed: bool = False,
    engine: str = "local",
    workers: Count | None = None,
    device: str = "auto",
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Scan:
    """Scan images into the index in `folder`, which is gone on with if it is there; `open_index` opens it.

    Several networks share the decoding. layers: names or globs, of every network, by default its convolutions. top:
    strongest activations kept of each map. tile: photos are cut into tiles of the network's size. by_class: whether
    sums are kept by label, where images have one. each_image: also keep every image's strongest activation of each
    map, as float16. shard_size: images whose work is lost at most when a run is cut. retry_failed: look again at the
    shards in which images could not be read. engine: local or ray. workers: processes, by default one, or one for
    each GPU that device allows. Environment variables as torchrun, srun, mpirun and Kubernetes set them
    say which shards this process begins with; processes on one folder share the work. Raises OptionError for a folder
    of another index, LayerError, ImageError, OutputError.
    """
    networks = [networks] if isinstance(networks, Network) else list(networks)
    if not networks:
        raise OptionError("there is no network. Give one or more.")
    watched = [watched_layers(network, layers) for network in networks]
    models = tuple(requested_model(*pair) for pair in zip(networks, watched, strict=True))
    request = Request(models, top, tile, by_class, each_image, shard_size, batch_size)
    place, said = Path(folder), said_of(images)
    manifest = list_images(place, request, lambda: collection_of(images), said)
    if each_image:
        size = manifest.images * sum(layer.maps for layers in watched for layer in layers) * MAXIMUM.itemsize
        rows = f"{manifest.images} images{', as much for each tile' * tile}"
        note(f"maxima of {rows}: {bytes_text(size)} in {place}", quiet=True)
    if retry_failed:
        forget_failed(SCAN, place, manifest)
    run_engine(
        SCAN, place, manifest, networks, engine=engine, workers=workers, device=device, share=share_of(),
        threads=threads, progress=progress,
    )  # fmt: skip
    return summarise(open_index(place), networks)


def summarise(index: Index, networks: Sequence[Network]) -> Scan:
    """What an index holds of its networks. Raises OptionError if it is not complete, or of others."""
    watched = [
        (name, network, layer.name)
        for name, network, model in zip(model_names(networks), networks, index.manifest.request.models, strict=True)
        for layer in model.layers
    ]
    statistics = index.statistics_of([(network, layer) for _, network, layer in watched])
    answers = tuple(_answers(name, held) for (name, *_), held in zip(watched, statistics, strict=True))
    request = index.manifest.request
    options = {
        "layers": [[layer.name for layer in model.layers] for model in request.models],
        **{name: getattr(request, name) for name in ("top", "tile", "by_class", "each_image", "shard_size")},
    }
    index.seen.refuse_nothing()
    return Scan(provenance(networks, images_of(index.seen), options), str(index.folder), answers)


def _answers(model: str, statistics: Statistics) -> LayerAnswers:
    rows = statistics.rows
    return LayerAnswers(
        model,
        statistics.layer.name,
        statistics.histogram.totals(),
        statistics.sum.total() / max(1, rows),
        statistics.histogram.quantile(0.5, rows),
        np.where(np.isfinite(statistics.highest), statistics.highest, 0).astype(np.float32),
    )


def watched_layers(network: Network, layers: str | Sequence[str] | None) -> list[Layer]:
    """The layers that are asked for, by default the convolutions, or all of a network that has none."""
    if layers is not None:
        return network.match([layers] if isinstance(layers, str) else list(layers))
    return [layer for layer in network.layers if "Conv" in layer.ops] or list(network.layers)
