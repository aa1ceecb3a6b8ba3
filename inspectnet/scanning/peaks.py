"""The strongest unit of each map in each image, of several layers of a network in one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from inspectnet.errors import ModelError, OptionError
from inspectnet.geometry import Maxima
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Seen
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.scanning.engine import NetworkQuestion, Rows, scan
from inspectnet.scanning.top import Ranking, Top


@dataclass(frozen=True, eq=False)
class Peaks(NetworkQuestion):
    """Asks for the Maxima of layers, by their outputs. Raises ModelError for activations that are not a number."""

    layers: Sequence[Layer]

    def __call__(self, rows: Rows) -> dict[str, Maxima]:
        """The Maxima of each layer."""
        x = self.inputs(rows)
        maxima = self.network.maxima(x, [layer.output for layer in self.layers])
        for layer in self.layers:
            refuse_nan(self.network, layer, maxima[layer.output].values, rows.ids)
        return maxima


def refuse_nan(network: Network, layer: Layer, values: np.ndarray, ids: Sequence[str]) -> None:
    """Raise ModelError if one of values (N, K) of the images `ids` is not a number."""
    strange = np.isnan(values).any(axis=1)
    if strange.any():
        what = f"{layer.name} of {network.path} is not a number (NaN) for the image"
        raise ModelError(f"{what} {ids[int(strange.argmax())]}. Check the model's weights.")


@runtime_checkable
class Scanned(Protocol):
    """A collection that was scanned before, and knows what excites maps most."""

    @property
    def seen(self) -> Seen:
        """What was read of it."""

    @property
    def tile(self) -> bool:
        """Whether its photos were cut into tiles."""

    def ranking(self, network: Network, layer: Layer, top: int) -> Ranking:
        """The strongest activations of each map of a layer."""


def find_strongest(
    network: Network,
    collection: Collection,
    layers: Sequence[Layer],
    top: int,
    *,
    tile: bool = False,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> tuple[list[Ranking], Seen]:
    """The `top` strongest activations of every map of some layers over a collection, and what was read of it.

    A collection that was scanned before is not scanned again. Raises OptionError if it does not know them.
    """
    if isinstance(collection, Scanned):
        if collection.tile != tile:
            raise OptionError(f"the index is of {'tiles' if collection.tile else 'whole images'}. Ask it for those.")
        return [collection.ranking(network, layer, top) for layer in layers], collection.seen
    tops = {layer.output: Top(layer, top) for layer in layers}
    asked = [(Peaks(network, layers), tops)]
    with progress("scanning", len(collection), "photos" if tile else "images") as advance:
        seen = scan(collection, asked, tile=tile, batch_size=batch_size, threads=threads, advance=advance)
    return [tops[layer.output].result() for layer in layers], seen
