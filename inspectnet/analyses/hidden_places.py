"""The answers of a network to an image of which many places are hidden, one after the other: all that occlusion runs.

By the engine `incremental` what hiding a place changes is computed, and no more; by `whole` all of it, each time. Both
give the same, but for the last bits of float32.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from inspectnet.errors import ModelError, check_choice
from inspectnet.graph.layers import Layer
from inspectnet.graph.values import describe
from inspectnet.images.hiding import Places, hidden_images
from inspectnet.incremental import Cut, Incremental, estimate
from inspectnet.network import Network

NUMBERS_PER_RUN = 1 << 25  # float32 in images and maps of one run of the network: 128 MB
ENGINES = ("auto", "incremental", "whole")
LEAST_GAIN = 1.1  # times as fast: below, the whole network is run

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Computed:
    """How the answers to hidden places were computed."""

    engine: str
    """incremental or whole."""
    whole_from: str | None
    """The first layer, or operator, that is computed whole for each place; None if none is."""
    why: str
    """Why this engine."""

    @property
    def sentence(self) -> str:
        """All of that."""
        above = f", from {self.whole_from} on whole" if self.whole_from and self.engine == "incremental" else ""
        return f"{self.engine}{above}, for {self.why}"


@dataclass(frozen=True)
class Response:
    """What the network answers to n images."""

    probabilities: np.ndarray
    """(n, classes) float64."""
    activity: tuple[np.ndarray, ...]
    """By layer (n, maps) float64: each of its maps, added up over its places."""


@dataclass
class Hiding:
    """What values of a network are for images of which `places` are hidden; made once for any number of images.

    Raises OptionError for an engine that there is not.
    """

    network: Network
    places: Places
    values: Sequence[str]
    """Their ONNX names."""
    engine: str = "auto"
    batch_size: int | None = None
    """Places per run; None for as many as memory allows."""
    cut: Cut | None = None
    """Where an incremental engine that was made before parts the network."""
    computed: Computed = field(init=False)

    def __post_init__(self) -> None:
        check_choice("engine", self.engine, ENGINES)
        self.computed = self._choose()
        self._incremental = None
        if self.computed.engine == "incremental" and self.cut:
            self._incremental = Incremental(self.network, self.places, self.cut, self.batch_size)

    def at(self, places: Places) -> "Hiding":
        """The same engine for other places."""
        return replace(self, places=places, engine=self.computed.engine)

    def answers(
        self, x: np.ndarray, cover: np.ndarray, maps: Mapping[str, Sequence[int]] | None = None
    ) -> Iterator[tuple[np.ndarray, Values]]:
        """The values for the image x (C, H, W) with `cover` (C, H, W) at each place; the places (n,) beside them.

        They come in batches, of a size that keeps memory bounded, in any order. maps: of some values those that are
        wanted, (n, k, ...).
        """
        if self._incremental:
            return self._incremental.answers(x, cover, maps or {})
        return self._run_whole(x, cover, maps or {})

    def _run_whole(
        self, x: np.ndarray, cover: np.ndarray, maps: Mapping[str, Sequence[int]]
    ) -> Iterator[tuple[np.ndarray, Values]]:
        layers = [layer for layer in self.network.layers if layer.output in self.values]
        size, count = self.batch_size or batch_for(self.network, layers), len(self.places.boxes)
        for first in range(0, count, size):
            numbers = np.arange(first, min(first + size, count))
            images = hidden_images(x, cover, self.places, numbers)
            run = self.network.values(images, self.values)
            yield numbers, {name: y[:, maps[name]] if name in maps else y for name, y in run.items()}

    def _choose(self) -> Computed:
        """The engine, and why."""
        first = next(iter(self.network.model.graph))
        whole = Computed("whole", describe(first), "it was asked for")
        if self.engine == "whole":
            return whole
        if self.engine == "auto" and self.network.device.cuda:
            return replace(whole, why="by default windows are computed on the CPU only, where their cost is known")
        if self.cut is None:
            expected = estimate(self.network, self.places, self.values, self.batch_size)
            if not expected.cut.windowed:
                return replace(whole, why="a change anywhere reaches all places at once")
            if self.engine == "auto" and expected.gain < LEAST_GAIN:
                times = f"{1 / expected.gain:.2f} times as long"
                return replace(whole, why=f"what a place changes, most of all, would take {times}")
            self.cut = expected.cut
        above = self.cut.whole_from
        name = (
            None
            if above is None
            else next((x.name for x in self.network.layers if above.outputs[0].name in x.values), describe(above))
        )
        return Computed("incremental", name, "a place changes only a part of what is computed")


def respond(
    hiding: Hiding, x: np.ndarray, cover: np.ndarray, layers: Sequence[Layer], maps: Sequence[Sequence[int]]
) -> Iterator[tuple[np.ndarray, Response]]:
    """The answers to the image x (C, H, W) with `cover` at each place, and of each layer those maps; the places (n,).

    Raises ModelError for one that is no number.
    """
    network, logits = hiding.network, hiding.network.class_scores().logits
    wanted = {layer.output: chosen for layer, chosen in zip(layers, maps, strict=True)}
    for numbers, values in hiding.answers(x, cover, wanted):
        activity = tuple(_sums(network, layer, values[layer.output]) for layer in layers)
        yield numbers, Response(network.softmax(values[logits]), activity)


def answer(network: Network, x: np.ndarray, layers: Sequence[Layer]) -> Response:
    """The answers to prepared images x (N, C, H, W), of all layers in one run.

    Raises ModelError for one that is no number.
    """
    logits = network.class_scores().logits
    values = network.values(x, [logits, *(layer.output for layer in layers)])
    activity = tuple(_sums(network, layer, values[layer.output]) for layer in layers)
    return Response(network.softmax(values[logits]), activity)


def _sums(network: Network, layer: Layer, maps: np.ndarray) -> np.ndarray:
    """(n, k) float64: maps (n, k, h, w) added up. Raises ModelError."""
    sums = np.ascontiguousarray(maps).sum(axis=(2, 3), dtype=np.float64)
    if not np.isfinite(sums).all():
        raise ModelError(f"{layer.name} of {network.path} holds NaN or infinity. Check the model's weights.")
    return np.asarray(sums)


def batch_for(network: Network, layers: Sequence[Layer]) -> int:
    """Images per run: what keeps the device busy, and no more than fits in memory with the maps of all layers."""
    numbers = [math.prod(network.input_shape), *(layer.maps * math.prod(layer.extent) for layer in layers)]
    return network.fixed_batch or max(1, min(64 if network.device.cuda else 16, NUMBERS_PER_RUN // sum(numbers)))
