"""Network: one opened model, the only door for analyses."""

import copy
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from inspectnet import inverse, projection
from inspectnet.errors import OptionError, blames_its_model
from inspectnet.geometry import Unit
from inspectnet.graph.axes import view_of
from inspectnet.graph.directory import Directory
from inspectnet.graph.doubles import Doubles, can_run
from inspectnet.graph.layers import Layer, find_layers
from inspectnet.graph.scores import KEEPING, Scores, find_scores, of_each_class, softmax
from inspectnet.graph.subgraphs import cut, cut_at_maxima
from inspectnet.graph.unlisted import unlisted_above
from inspectnet.graph.values import shape_of
from inspectnet.graph.weights import replace_weights, weights_of
from inspectnet.graph.writing import save, to_bytes
from inspectnet.images.prepare import Preparation
from inspectnet.inverse import Operator
from inspectnet.preprocessing import class_names, image_shape, prepare_model, training_epoch
from inspectnet.projection import Maxima, Projection
from inspectnet.reading.reader import Source, read
from inspectnet.reading.settling import fixed_batch
from inspectnet.rules import Policy
from inspectnet.runtime.device import Device, choose_device
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
    return Network(read(path), choose_device(device), preparation, aliases, threads, scores)


@blames_its_model
class Network:
    """An opened model: its layers, what they answer, and the way back from them to the pixels."""

    def __init__(
        self,
        source: Source,
        device: Device,
        preparation: Preparation | Mapping[str, Any] | None = None,
        aliases: Mapping[str, str] | None = None,
        threads: int = 0,
        scores: str = "",
    ) -> None:
        self.path, self.sha256, self.device = source.path, source.sha256, device
        self._threads, self._scores = threads, scores
        self._model, self.preparation, self.preparation_source = prepare_model(source, preparation or {})
        """How photos become inputs, and where that was said."""
        self.classes = class_names(source)
        """Names of the classes in the order of the output, empty if the model does not tell."""
        self.epoch = training_epoch(source)
        """The epoch of the training at which it was saved, None if the model does not tell."""
        layers = find_layers(self._model.graph)
        self.unknown = unlisted_above(self._model.graph, layers)
        """The operator above which not all layers are listed, in words; None if all are."""
        self._directory = Directory(layers, aliases, self.unknown)
        self._sessions: dict[object, Session] = {}
        self._obstacles: dict[Policy, dict[str, str]] = {}
        self._maxima_names: dict[tuple[str, ...], dict[str, tuple[str, str | None]]] = {}

    @property
    def layers(self) -> list[Layer]:
        """All layers, from the bottom up."""
        return self._directory.layers

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one prepared image."""
        return image_shape(self._model)

    @property
    def fixed_batch(self) -> int | None:
        """The batch size the graph insists on, None if any will do."""
        return fixed_batch(self._model.graph)

    def layer(self, name: str) -> Layer:
        """The layer called `name`, by any of its names. Raises LayerError with the nearest ones."""
        return self._directory.find(name)

    def match(self, patterns: Sequence[str]) -> list[Layer]:
        """The layers that names or globs mean, from the bottom up. Raises LayerError."""
        return self._directory.match(patterns)

    def activations(self, x: np.ndarray, layer: str, *, pre: bool = False) -> np.ndarray:
        """The maps (N, K, h, w) of `layer` for prepared images x (N, C, H, W), or (N, K) if it has no extent.

        pre: the raw sums before the activation. Raises LayerError, OptionError for an x of another shape.
        """
        found = self.layer(layer)
        value = found.pre if pre else found.output
        return self.values(x, [value])[value]

    def maxima(self, x: np.ndarray, layers: Sequence[str]) -> dict[str, Maxima]:
        """By layer, the strongest unit of each map for prepared images x (N, C, H, W), in one pass for all layers.

        Only maxima and their places leave the session (Zeiler & Fergus 2014, sec. 4.1: the top 9 activations).
        """
        found = [self.layer(name) for name in layers]
        session, names = self._maxima_session(tuple(dict.fromkeys(layer.output for layer in found)))
        run, out = projection.run_forward(session, self._checked(x), self.fixed_batch), {}
        for name, layer in zip(layers, found, strict=True):
            value, place = names[layer.output]
            places = run[place] if place else np.zeros(run[value].shape, np.int64)
            out[name] = Maxima(run[value], np.stack(np.divmod(places, layer.extent[1]), axis=-1))
        return out

    def project(
        self, x: np.ndarray, layer: str, units: Sequence[Unit], policy: Policy | None = None, *, crop: bool = True
    ) -> Iterator[Projection]:
        """The projection of each of `units`, units of `layer` in the prepared images x (N, C, H, W), in their order.

        Each goes through the crop of the image that it can see, or with crop=False through all of it.
        Raises LayerError for a unit that the layer does not have, RuleError for an operator without a rule.
        """
        found, policy, x = self.layer(layer), policy or Policy(), self._checked(x)
        for unit in units:
            projection.check_unit(found, unit, len(x))
        whole = projection.crop_of(found, self.input_shape[1:]).whole
        if crop and not whole and policy.stays_in_field:
            return projection.project_cropped(self._fused(found, policy, any_extent=True), found, x, units)
        if self.fixed_batch:
            return projection.project_singly(self._fused(found, policy), found, x, units, self.fixed_batch)
        return projection.project_shared(*self._split(found, policy), found, x, units)

    def project_seeds(
        self, x: np.ndarray, layer: str, seed: np.ndarray, policy: Policy | None = None, owner: np.ndarray | None = None
    ) -> np.ndarray:
        """The pixels (N, C, H, W) that a whole seed (N, K, h, w), one for each image of x (N, C, H, W), becomes.

        With seed = activations the joint activity comes down. owner (S,): the images in x of S seeds, which then come
        down by the inverse in two parts. Raises OptionError for wrong shapes.
        """
        found, policy = self.layer(layer), policy or Policy()
        expected = (len(x) if owner is None else len(owner), *found.shape[1:])
        if seed.shape != expected:
            raise OptionError(f"the seed has the shape {seed.shape}, but {found.name} wants {expected}.")
        if owner is None:
            return self.pull(x, found.output, seed, policy)
        return projection.project_owned(*self._split(found, policy), self._checked(x), seed, owner)

    def pull(self, x: np.ndarray, value: str, seed: np.ndarray, policy: Policy, *, down_to: str = "") -> np.ndarray:
        """What a seed on the tensor of that ONNX name, in its shape, becomes on the image, or on the layer `down_to`.

        By the method `gradient` it is the derivative of sum(seed * tensor) by pixels (N, C, H, W), or by the layer's
        maps (N, K, h, w). Raises LayerError, and RuleError if no signal gets there.
        """
        goal, view = view_of(self._value(self.layer(down_to).output)) if down_to else ("", [])
        build = functools.partial(inverse.invert, self._model, value, policy, down_to=goal, view=view)
        session, seed = self._session(("fused", value, policy, goal or False), build), np.asarray(seed, np.float32)
        return projection.project_seeds(session, self._checked(x), seed, batch=self.fixed_batch)

    def save_inverse(
        self, layer: str, policy: Policy, out: Path, *, pre: bool = False, split: bool = False, overwrite: bool = True
    ) -> dict[Path, tuple[list[str], list[str]]]:
        """Write the inverse from `layer` down to `out`, or in two parts; gives each file's inputs and outputs.

        They run under any onnxruntime; their metadata holds layer, policy and the source's sha256. split: `out` with
        .forward.onnx and .backward.onnx in place of .onnx. overwrite: other files too. Raises RuleError, OutputError.
        """
        found = self.layer(layer)
        value = found.pre if pre else found.output
        about = {"layer": found.name + ":pre" * pre, "source_sha256": self.sha256}
        models = inverse.inverse_files(self._model, value, policy, out, about, split=split)
        save(models, overwrite=overwrite)
        return {
            path: ([x.name for x in m.graph.inputs], [x.name for x in m.graph.outputs]) for path, m in models.items()
        }

    def values(self, x: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The tensors of those ONNX names for prepared images x (N, C, H, W), in one pass."""
        image = str(self._model.graph.inputs[0].name)
        wanted = tuple(dict.fromkeys(name for name in names if name != image))
        found = {image: x}
        if wanted:
            session = self._session(("cut", wanted), lambda: cut(self._model, wanted))
            found |= projection.run_forward(session, self._checked(x), self.fixed_batch)
        return found

    def scores(self, layer: str = "") -> Scores:
        """Where the network says which class it sees: in `layer` or an output of that name, else in its output.

        By default `layer` is what it was opened with. Raises ModelError if that is not clear, LayerError.
        """
        layer = layer or self._scores
        outputs = [value.name for value in self._model.graph.outputs]
        name = layer if layer in outputs else self.layer(layer).output if layer else None
        return find_scores(self._model.graph, name, str(self.path))

    @functools.cached_property
    def logits(self) -> tuple[str, tuple[int, ...]]:
        """The ONNX name of the class scores before the softmax, or the sigmoid, and the shape that one image's have.

        Raises ModelError if it is not clear which output holds the scores.
        """
        name = self.scores().value
        below = reversed(inverse.operators_below(self._model, name))
        last = next((operator for operator in below if operator.op_type not in KEEPING), None)
        shape = tuple(int(n or 0) for n in (shape_of(self._value(name)) or ())[1:])
        squashed = ("Softmax", "LogSoftmax") if math.prod(shape) > 1 else ("Sigmoid",)
        name = last.inputs[0] if last and last.op_type in squashed else name
        return name, tuple(int(n or 0) for n in (shape_of(self._value(name)) or ())[1:])

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) float64: of each class, for what `values` says of `logits`. Raises ModelError if that is no number."""
        return softmax(of_each_class(logits), str(self.path))

    def operators(self, layer: str = "", policy: Policy | None = None, *, pre: bool = False) -> list[Operator]:
        """The operators below `layer`, or the scores, from the bottom up; with a policy those that a signal passes."""
        ends = (self.layer(layer).output, self.layer(layer).pre) if layer else (self.logits[0],) * 2
        return inverse.operators_below(self._model, ends[pre], policy)

    def layers_below_scores(self) -> list[Layer]:
        """The layers that the class scores are made of, from the bottom up."""
        passed = {operator.output for operator in self.operators()}
        return [layer for layer in self.layers if not passed.isdisjoint(layer.values)]

    def weights(self, layer: str = "") -> dict[str, np.ndarray]:
        """The weights of `layer`, or all, by their names in the file, float32: filters, biases, statistics."""
        every = (str(node.outputs[0].name) for node in self._model.graph)
        return weights_of(self._model, self.layer(layer).values if layer else set(every))

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> "Network":
        """A twin, without sessions yet, in which the weights of these names hold other numbers; all else is shared."""
        twin = copy.copy(self)
        twin._model, twin._sessions, twin._maxima_names = replace_weights(self._model, weights), {}, {}
        return twin

    def operator_session(self, operator: Operator, policy: Policy, *, doubles: bool = False) -> Session | Doubles:
        """One operator with its rule: live inputs and `seeds` in, outputs and signals below out; doubles: if it can."""
        model = inverse.invert_operator(self._model, operator, policy)
        return Doubles(model) if doubles and can_run(model) else Session(to_bytes(model), self.device, self._threads)

    def emitted(self, layer: str, policy: Policy) -> set[str]:
        """The kinds of operators in the inverse from `layer`."""
        return {node.op_type for node in inverse.invert(self._model, self.layer(layer).output, policy).graph}

    def obstacle(self, layer: str, policy: Policy | None = None) -> str | None:
        """Why signals cannot come down from `layer`, None if they can."""
        if (policy := policy or Policy()) not in self._obstacles:
            self._obstacles[policy] = inverse.obstacles(self._model, policy)
        return self._obstacles[policy].get(self.layer(layer).output)

    def policy_of_ops(self, layer: str, policy: Policy) -> dict[str, str]:
        """What happens to the signal at each operator below `layer`, in words."""
        return inverse.policy_of_ops(self._model, self.layer(layer).output, policy)

    def _value(self, name: str) -> ir.Value:
        return next(value for node in self._model.graph for value in node.outputs if value.name == name)

    def _session(self, key: object, build: Callable[[], ir.Model]) -> Session:
        if key not in self._sessions:
            self._sessions[key] = Session(to_bytes(build()), self.device, self._threads)
        return self._sessions[key]

    def _fused(self, layer: Layer, policy: Policy, *, any_extent: bool = False) -> Session:
        build = functools.partial(inverse.invert, self._model, layer.output, policy, any_extent=any_extent)
        return self._session(("fused", layer.output, policy, any_extent), build)

    def _split(self, layer: Layer, policy: Policy) -> tuple[Session, Session]:
        parts = functools.cache(lambda: inverse.invert_split(self._model, layer.output, policy))
        key = ("split", layer.output, policy)
        forward = self._session((*key, "up"), lambda: parts().forward)
        return forward, self._session((*key, "down"), lambda: parts().backward)

    def _maxima_session(self, values: tuple[str, ...]) -> tuple[Session, dict[str, tuple[str, str | None]]]:
        if values not in self._maxima_names:
            model, self._maxima_names[values] = cut_at_maxima(self._model, values)
            self._session(("maxima", values), lambda: model)
        return self._sessions["maxima", values], self._maxima_names[values]

    def _checked(self, x: np.ndarray) -> np.ndarray:
        if x.ndim != 4 or x.shape[1:] != self.input_shape or not len(x):
            wanted = ", ".join(map(str, self.input_shape))
            raise OptionError(f"images have the shape {x.shape}, but {self.path} wants (N, {wanted}).")
        return np.ascontiguousarray(x, np.float32)
