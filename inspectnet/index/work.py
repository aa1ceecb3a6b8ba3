"""The work of a scan: a shard's images become its file of statistics."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import OptionError
from inspectnet.files.npz import is_whole, read_npz, write_npz
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Seen
from inspectnet.index.request import Manifest, Request
from inspectnet.index.statistics import Statistics, as_bytes, from_bytes
from inspectnet.manifest import ManifestShards
from inspectnet.network import Network
from inspectnet.scanning import Peaks, scan
from inspectnet.shards import remove_parts, shard_path, write_whole

Place = str
"""Before the names of a layer's arrays: the number of its model and its own, as 0/3."""

UNREAD, SHA256, ROWS = "unread", "sha256", "rows"  # arrays of a shard that belong to no layer


class ScanWork(ManifestShards[Request]):
    """Shards of a scan with the networks that look at them."""

    def __init__(self, folder: Path, manifest: Manifest, networks: Sequence[Network], threads: int | None) -> None:
        """networks: those of the manifest, in its order. threads: that decode."""
        super().__init__(folder, manifest)
        self._networks, self._threads = networks, threads
        self.layers = layers_of(manifest, networks)

    def is_done(self, number: int) -> bool:
        """Whether the file of a shard is there, and whole."""
        return is_done(self.folder, self.manifest, number)

    def do(self, number: int, advance: Callable[[int], object]) -> None:
        """Scan a shard. Raises ImageError for an image that has changed, ModelError, OutputError for a full disk."""
        path = shard_file(self.folder, self.manifest, number)
        remove_parts(path)
        arrays = self._scan(self.images(number), advance)
        write_whole(path, lambda file: write_npz(file, arrays))

    def _scan(self, collection: Collection, advance: Callable[[int], object]) -> dict[str, NDArray[Any]]:
        request = self.manifest.request
        labels = np.array([label or "" for label in collection.labels]) if request.by_class else None
        kept = [
            {layer.output: Statistics(layer, request.top, labels, request.each_image) for layer in layers}
            for layers in self.layers
        ]
        asked = [
            (Peaks(network, layers), statistics)
            for network, layers, statistics in zip(self._networks, self.layers, kept, strict=True)
        ]
        seen = scan(
            collection, asked, tile=request.tile, part=range(len(collection)), batch_size=request.batch_size,
            threads=self._threads, advance=advance,
        )  # fmt: skip
        arrays = of_images(seen)
        for model, statistics in enumerate(kept):
            for layer, of_layer in enumerate(statistics.values()):
                named = of_layer.arrays()
                if of_layer.images is not None:
                    none = np.empty((0, of_layer.layer.maps), np.float16)
                    named["images"] = np.concatenate([none, *of_layer.images])
                arrays |= {f"{model}/{layer}/{name}": array for name, array in named.items()}
        return arrays


def of_images(seen: Seen) -> dict[str, NDArray[Any]]:
    """What a shard keeps of its images: their hashes, which rows they gave, which could not be read and why."""
    return {
        SHA256: np.frombuffer(b"".join(seen.hashes), np.uint8).reshape(-1, 32),
        ROWS: seen.keys.astype(np.int32),
        UNREAD: as_bytes([[lost.id, lost.reason] for lost in seen.unread]),
    }


def failures_of(path: Path) -> list[tuple[str, str]]:
    """The images of a shard that could not be read, and why. Raises OptionError for a damaged file."""
    try:
        unread = from_bytes(read_npz(path, lambda name: name == UNREAD)[UNREAD])
        return [(str(id), str(reason)) for id, reason in unread]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} is damaged ({error}). Remove it and run the scan again.") from error


def is_done(folder: Path, manifest: Manifest, number: int) -> bool:
    """Whether the file of a shard is there, and whole."""
    return is_whole(shard_file(folder, manifest, number))


def shard_file(folder: Path, manifest: Manifest, number: int) -> Path:
    """Where the statistics of a shard lie."""
    return shard_path(folder / "shards", number, f".{manifest.signatures[number]}.npz")


def layers_of(manifest: Manifest, networks: Sequence[Network]) -> list[list[Layer]]:
    """The watched layers of each network."""
    return [
        [network.layer(layer.name) for layer in model.layers]
        for network, model in zip(networks, manifest.request.models, strict=True)
    ]


def read_statistics(path: Path, layers: Mapping[Place, Layer], first: int) -> dict[Place, Statistics]:
    """What a file holds of some layers; first: the image that its image 0 is. Raises OSError, ValueError, KeyError.

    All layers in one go, for a file of many has a long table of contents.
    """
    held: dict[Place, dict[str, NDArray[Any]]] = {place: {} for place in layers}

    def wanted(member: str) -> bool:
        place, _, name = member.rpartition("/")
        return place in held and name != "images"

    for member, array in read_npz(path, wanted).items():
        place, _, name = member.rpartition("/")
        held[place][name] = array
    return {place: Statistics.of(layer, held[place], first) for place, layer in layers.items()}


def places_of(layers: Sequence[Sequence[Layer]]) -> dict[Place, Layer]:
    """The watched layers of each model by their places in a file."""
    return {f"{model}/{at}": layer for model, of_model in enumerate(layers) for at, layer in enumerate(of_model)}
