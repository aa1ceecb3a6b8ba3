"""The strongest unit of each map in each image, of several layers of a network in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import ModelError
from inspectnet.geometry import Maxima
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.scanning.engine import NetworkQuestion, Rows


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
