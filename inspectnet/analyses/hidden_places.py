"""The answers of a network to a photo with a square at each of many places: all that occlusion runs.

`respond` is the one place that runs the network on hidden images: an engine that computes only what a square changes
has the same arguments and gives the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import ModelError
from inspectnet.graph.layers import Layer
from inspectnet.images.occluder import Grid, occluded
from inspectnet.network import Network

NUMBERS_PER_RUN = 1 << 25  # float32 in images and maps of one run of the network: 128 MB


@dataclass(frozen=True)
class Response:
    """What the network answers to n images."""

    probabilities: np.ndarray
    """(n, classes) float64."""
    activity: tuple[np.ndarray, ...]
    """By layer (n, maps) float64: each of its maps, added up over its places."""


def respond(
    network: Network,
    x: np.ndarray,
    cover: np.ndarray,
    grid: Grid,
    layers: Sequence[Layer],
    batch_size: int | None = None,
) -> Iterator[Response]:
    """The answers to the image x (C, H, W) with a square of `cover` at each of the grid's corners, in their order.

    They come in batches, of a size that keeps memory bounded.
    """
    size, corners = batch_size or batch_for(network, layers), grid.corners
    for first in range(0, len(corners), size):
        yield answer(network, occluded(x, cover, corners[first : first + size], grid.patch), layers)


def answer(network: Network, x: np.ndarray, layers: Sequence[Layer]) -> Response:
    """The answers to prepared images x (N, C, H, W), of all layers in one run.

    Raises ModelError for one that is no number.
    """
    logits = network.class_scores().logits
    values = network.values(x, [logits, *(layer.output for layer in layers)])
    activity = tuple(values[layer.output].sum(axis=(2, 3), dtype=np.float64) for layer in layers)
    for layer, sums in zip(layers, activity, strict=True):
        if not np.isfinite(sums).all():
            raise ModelError(f"{layer.name} of {network.path} holds NaN or infinity. Check the model's weights.")
    return Response(network.softmax(values[logits]), activity)


def batch_for(network: Network, layers: Sequence[Layer]) -> int:
    """Images per run: what keeps the device busy, and no more than fits in memory with the maps of all layers."""
    numbers = [math.prod(network.input_shape), *(layer.maps * math.prod(layer.extent) for layer in layers)]
    return network.fixed_batch or max(1, min(64 if network.device.cuda else 16, NUMBERS_PER_RUN // sum(numbers)))
