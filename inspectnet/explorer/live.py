"""The live part: graphs with which the page computes projections of any photo itself, on one file of weights."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inspectnet.errors import ModelError
from inspectnet.explorer.contract import Live
from inspectnet.explorer.page import pack
from inspectnet.geometry import Unit
from inspectnet.graph.apart import SharedWeights, weigh
from inspectnet.graph.layers import Layer
from inspectnet.graph.subgraphs import cut
from inspectnet.inverse import PIXELS, SEED, invert
from inspectnet.network import Network
from inspectnet.rules import Policy

WEIGHTS = "weights.bin"  # as graphs call it
METHODS = ("deconvnet", "guided_backprop", "gradient")
MOST = 200  # MB of weights that a page is given
EXPLORE = "'inspectnet explore' computes it beside the page"


@dataclass(frozen=True)
class Proof:
    """A recorded projection, which the page computes again before it trusts itself."""

    layer: int
    unit: int
    y: int
    x: int
    method: str
    value: float
    image: str
    pixels: str


class LivePart:
    """The graphs of a network for the page: forward, and from each layer down by each method."""

    def __init__(self, network: Network, layers: Sequence[tuple[int, Layer]], version: str) -> None:
        """layers: with their numbers. version: of the page's runtime."""
        self._network, self._layers, self._version = network, layers, version
        inverses = [network.inverse(Policy(method)) for method in METHODS]
        self._inverted = [
            (number, layer) for number, layer in layers if not any(each.obstacle(layer.output) for each in inverses)
        ]

    def describe(self) -> Live:
        """What the page has to know of them."""
        image = str(self._network.model.graph.inputs[0].name)
        numbers = tuple(number for number, _ in self._inverted)
        outputs = {layer.name: layer.output for _, layer in self._layers}
        return Live(
            self._version,
            WEIGHTS,
            METHODS,
            numbers,
            image,
            SEED,
            PIXELS,
            outputs,
            self._scores,
            self._scores is not None,
        )

    def names(self) -> list[str]:
        """The names of its values but for the runtime, in the order in which they are best made."""
        graphs = [f"live/inverse/{number}/{method}" for number, _ in self._inverted for method in METHODS]
        return ["live/forward", *graphs, "live/weights"]

    def value(self, name: str) -> str:
        """A graph, or the weights of all graphs. Raises KeyError for no name, RuleError."""
        if name == "live/weights":
            return pack(in_planes(self._graphs[1]))
        return pack(self._graphs[0][name])

    @property
    def proven(self) -> Layer:
        """The layer whose projection is recorded: the highest that signals come down from."""
        return self._inverted[-1][1]

    def proof(self, x: np.ndarray, unit: Unit) -> Proof:
        """The projection of a unit of the layer `proven` in an image x (1, C, H, W), as onnxruntime computes it."""
        (number, layer), method = self._inverted[-1], METHODS[0]
        (projected,) = self._network.inverse(Policy(method)).project(x, layer.output, [unit], crop=False)
        return Proof(
            number, unit.map, unit.y, unit.x, method, unit.value,
            encode_floats(x), encode_floats(projected.pixels[None]),
        )  # fmt: skip

    @cached_property
    def _scores(self) -> str | None:
        """The value of the class scores before any softmax; None where there are none, or one number for all."""
        try:
            scores = self._network.class_scores()
        except ModelError:
            return None
        return None if scores.alone else scores.logits

    @cached_property
    def _graphs(self) -> tuple[dict[str, bytes], bytes]:
        """All graphs by name, and their weights."""
        weights, model = SharedWeights(WEIGHTS), self._network.model
        values = [*(layer.output for _, layer in self._layers), *([self._scores] if self._scores else [])]
        graphs = {"live/forward": weights.take(cut(model, values))}
        for number, layer in self._inverted:
            for method in METHODS:
                graphs[f"live/inverse/{number}/{method}"] = weights.take(invert(model, layer.output, Policy(method)))
        return graphs, weights.file()


def in_planes(data: bytes) -> bytes:
    """Numbers of 4 bytes with all their first bytes first: exponents are alike, and gzip sees it."""
    whole = len(data) // 4 * 4
    return np.frombuffer(data[:whole], np.uint8).reshape(-1, 4).T.tobytes() + data[whole:]


def why_not_live(network: Network, most: float = MOST) -> str:
    """Why a page cannot be given the graphs of a network; empty if it can. most: MB of weights."""
    if (size := weigh(network.model) / 1e6) > most:
        return f"the weights take {size:.0f} MB, more than {most:g} MB, which a page is given; {EXPLORE}"
    if (network.fixed_batch or 1) > 1:
        return f"the network takes {network.fixed_batch} images at a time; {EXPLORE}"
    return ""


def encode_floats(array: np.ndarray) -> str:
    """An array as float32 in base64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()
