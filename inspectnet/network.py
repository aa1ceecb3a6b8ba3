"""Network: one opened model, the only door for analyses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inspectnet.errors import ModelError, blames_its_model, blaming_the_model
from inspectnet.geometry import Unit
from inspectnet.graph.directory import Directory
from inspectnet.graph.layers import Layer, find_layers
from inspectnet.graph.scores import ClassScores, ScorePool, find_pool, find_scores, of_each_class, softmax
from inspectnet.graph.subgraphs import cut, cut_at_maxima
from inspectnet.graph.unlisted import unlisted_above
from inspectnet.graph.weights import replace_weights, weights_of
from inspectnet.graph.writing import to_bytes
from inspectnet.images.prepare import Preparation
from inspectnet.inverse import Inverse
from inspectnet.inverse.operators import operators_below
from inspectnet.opened_model import OpenedModel
from inspectnet.preprocessing import class_names, prepare_model, training_epoch
from inspectnet.reading.reader import read
from inspectnet.rules import Policy
from inspectnet.runtime.batches import run_in_batches
from inspectnet.runtime.device import choose_device
from inspectnet.runtime.session import Session


def open_network(
    path: str | Path,
    *,
    device: str = "auto",
    preparation: Preparation | Mapping[str, Any] | None = None,
    aliases: Mapping[str, str] | None = None,
    threads: int = 0,
    scores: str = "",
) -> "Network":
    """The network in the ONNX file `path`, ready to be asked.

    device: auto, cpu, cuda or cuda:1. preparation: how photos become inputs, if not what travels with the model;
    or a few of its fields, {"mean": (0.5, 0.5, 0.5)}.
    aliases: further names of layers, {"conv5": "features.10"}. threads: cores to use, 0 for all.
    scores: the layer or output that holds the class scores, where several do.
    Raises ModelError, OptionError, LayerError or DeviceError.
    """
    source, on = read(path), choose_device(device)
    with blaming_the_model(source.path):
        model, photos, where = prepare_model(source, preparation or {})
        layers = find_layers(model.graph)
        unknown = unlisted_above(model.graph, layers)
        return Network(
            path=source.path, sha256=source.sha256, model=model, device=on, threads=threads,
            directory=Directory(layers, aliases, unknown), unknown=unknown, scores_in=scores,
            photos=photos, preparation_source=where,
            classes=class_names(source), epoch=training_epoch(source),
        )  # fmt: skip


@dataclass(frozen=True)
class Maxima:
    """The strongest unit of each map in each image."""

    values: np.ndarray
    """(N, K) float32: the activation."""
    places: np.ndarray
    """(N, K, 2) int64: its y and x in the map, the first one of equals; 0 for a layer without extent."""

    def unit(self, image: int, map: int) -> Unit:
        """The strongest unit of a map in an image, with its activation."""
        y, x = self.places[image, map].tolist()
        return Unit(image, map, y, x, float(self.values[image, map]))


@blames_its_model
@dataclass(eq=False, kw_only=True)
class Network(OpenedModel):
    """An opened model: its layers, what they answer, and by `inverse` the way back from them to the pixels."""

    photos: Preparation | None
    """How photos become inputs; None if they do not, as where images have 5 channels."""
    preparation_source: str
    """Where that was said, or why photos do not become inputs."""
    classes: list[str]
    """Names of the classes in the order of the output, empty if the model does not tell."""
    epoch: int | None
    """The epoch of the training at which it was saved, None if the model does not tell."""
    unknown: str | None
    """The operator above which not all layers are listed, in words; None if all are."""
    scores_in: str
    """The layer or output that holds the class scores, as the user says; empty if nothing is said."""

    @property
    def preparation(self) -> Preparation:
        """How photos become inputs. Raises ModelError for a network that takes none."""
        if self.photos is None:
            why = f"{self.path} takes no photos, for {self.preparation_source}"
            raise ModelError(f"{why}. layers, invert, verify, diagnose need none; from Python give it arrays.")
        return self.photos

    def inverse(self, policy: Policy | None = None) -> Inverse:
        """The way back by a policy, by default the deconvnet's."""
        return Inverse(self, policy or Policy())

    def activations(self, x: np.ndarray, layer: str, *, pre: bool = False) -> np.ndarray:
        """The maps (N, K, h, w) of `layer` for prepared images x (N, C, H, W), or (N, K) if it has no extent.

        pre: the raw sums before the activation. Raises LayerError, OptionError for an x of another shape.
        """
        found = self.layer(layer)
        value = found.pre if pre else found.output
        return self.values(x, [value])[value]

    def values(self, x: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The tensors of those ONNX names for prepared images x (N, C, H, W), in one pass."""
        image = str(self.model.graph.inputs[0].name)
        wanted = tuple(dict.fromkeys(name for name in names if name != image))
        run = {image: x}
        if wanted:
            session = self.session(("cut", wanted), lambda: cut(self.model, wanted))
            run |= run_in_batches(session, self.checked(x), self.fixed_batch)
        return run

    def maxima(self, x: np.ndarray, layers: Sequence[str]) -> dict[str, Maxima]:
        """By layer, the strongest unit of each map for prepared images x (N, C, H, W), in one pass for all layers.

        Only maxima and their places leave the session (Zeiler & Fergus 2014, sec. 4.1: the top 9 activations).
        """
        found = [self.layer(name) for name in layers]
        session, names = self._maxima_session(tuple(dict.fromkeys(layer.output for layer in found)))
        run, maxima = run_in_batches(session, self.checked(x), self.fixed_batch), {}
        for name, layer in zip(layers, found, strict=True):
            value, place = names[layer.output]
            places = run[place] if place else np.zeros(run[value].shape, np.int64)
            maxima[name] = Maxima(run[value], np.stack(np.divmod(places, layer.extent[1]), axis=-1))
        return maxima

    def class_scores(self, layer: str = "") -> ClassScores:
        """Where the network says which class it sees: in `layer` or an output of that name, else in its output.

        By default `layer` is what it was opened with. Raises ModelError if that is not clear, LayerError.
        """
        layer = layer or self.scores_in
        outputs = [value.name for value in self.model.graph.outputs]
        name = layer if layer in outputs else self.layer(layer).output if layer else None
        return find_scores(self.model.graph, name, str(self.path))

    def score_pool(self) -> ScorePool | None:
        """The pool over all places that the class scores are made of, if there is one. Raises ModelError."""
        return find_pool(self.model.graph, self.class_scores().logits)

    def class_maps(self) -> Layer | None:
        """The layer below such a pool that has a map for each class, if there is one. Raises ModelError."""
        pool = self.score_pool()
        maps = [layer for layer in self.layers if pool and pool.last and pool.pooled in layer.values]
        return maps[-1] if maps else None

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """(N, K) float64: of each class, for prepared images x (N, C, H, W). Raises ModelError if one is no number."""
        logits = self.class_scores().logits
        return self.softmax(self.values(x, [logits])[logits])

    def softmax(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class, by the `logits` of `class_scores`. Raises ModelError."""
        return softmax(of_each_class(logits), str(self.path))

    def layers_below_scores(self) -> list[Layer]:
        """The layers that the class scores are made of, from the bottom up."""
        passed = {operator.output for operator in operators_below(self.model, self.class_scores().logits)}
        return [layer for layer in self.layers if not passed.isdisjoint(layer.values)]

    def weights(self, layer: str = "") -> dict[str, np.ndarray]:
        """The weights of `layer`, or all, by their names in the file, float32: filters, biases, statistics."""
        every = (str(node.outputs[0].name) for node in self.model.graph)
        return weights_of(self.model, self.layer(layer).values if layer else set(every))

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> "Network":
        """The same network, but that the weights of these names hold other numbers; all other weights are shared."""
        return replace(self, model=replace_weights(self.model, weights))

    def _maxima_session(self, values: tuple[str, ...]) -> tuple[Session, dict[str, tuple[str, str | None]]]:
        """What gives the maxima of `values`, and by value the names of its outputs for them."""

        def make() -> tuple[Session, dict[str, tuple[str, str | None]]]:
            model, names = cut_at_maxima(self.model, values)
            return self.sessions.start(to_bytes(model)), names

        return self.sessions.keep(("maxima", values), make)
