"""Inverse: the way back from the layers of an opened model to its pixels, by one policy."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from inspectnet.errors import OptionError, blames_its_model
from inspectnet.geometry import Unit
from inspectnet.graph.axes import view_of
from inspectnet.graph.doubles import Doubles, can_run
from inspectnet.graph.layers import Layer
from inspectnet.graph.values import name_of
from inspectnet.graph.writing import save, to_bytes
from inspectnet.inverse import operators
from inspectnet.inverse.files import inverse_files
from inspectnet.inverse.operators import Operator
from inspectnet.inverse.projection import (
    Projection,
    project_cropped,
    project_seeds,
    project_shared,
    project_singly,
    run_backward,
    run_size,
    runs,
)  # fmt: skip
from inspectnet.inverse.split import invert_split
from inspectnet.inverse.unit_crops import check_unit, crop_of
from inspectnet.inverse.walk import invert
from inspectnet.opened_model import OpenedModel
from inspectnet.rules import Policy
from inspectnet.runtime.session import Session


@blames_its_model
class Inverse:
    """Takes signals from layers down to pixels; its sessions are among those that the opened model keeps."""

    def __init__(self, opened: OpenedModel, policy: Policy) -> None:
        self.path, self.opened, self.policy = opened.path, opened, policy

    def project(self, x: np.ndarray, layer: str, units: Sequence[Unit], *, crop: bool = True) -> Iterator[Projection]:
        """The projection of each of `units` of `layer` in the prepared images x (N, C, H, W), in their order.

        Each goes through the crop of the image that it can see, or with crop=False through all of it.
        Raises LayerError for a unit that the layer does not have, RuleError for an operator without a rule.
        """
        start, x = self.opened.layer(layer), self.opened.checked(x)
        for unit in units:
            check_unit(start, unit, len(x))
        whole, most = crop_of(start, self.opened.input_shape[1:]).whole, self.opened.pixels_per_run
        if crop and not whole and self.policy.stays_in_field:
            return project_cropped(self._fused(start.output, any_extent=True), start, x, units, most)
        alone = len({unit.image for unit in units}) == len(units)  # else what the image recorded serves several units
        if alone or self.opened.fixed_batch:
            return project_singly(self._fused(start.output), start, x, units, self.opened.fixed_batch)
        return project_shared(*self._split(start), start, x, units, most)

    def project_seeds(self, x: np.ndarray, layer: str, seed: np.ndarray, owner: np.ndarray | None = None) -> np.ndarray:
        """The pixels (N, C, H, W) that a whole seed (N, K, h, w), one for each image of x (N, C, H, W), becomes.

        With seed = activations the joint activity comes down. owner (S,): the images in x of S seeds, which then come
        down by the inverse in two parts. Raises OptionError for wrong shapes.
        """
        start = self.opened.layer(layer)
        expected = (len(x) if owner is None else len(owner), *start.shape[1:])
        if seed.shape != expected:
            raise OptionError(f"the seed has the shape {seed.shape}, but {start.name} wants {expected}.")
        if owner is None:
            return self.backward(x, start.output, seed)
        forward, backward = self._split(start)
        recorded = forward.run_kept({forward.inputs[0]: self.opened.checked(x)})
        parts = runs(range(len(owner)), x.shape[2:], self.opened.pixels_per_run)
        return np.concatenate([run_backward(backward, recorded, seed[part], owner[part]) for part in map(list, parts)])

    def backward(self, x: np.ndarray, value: str, seed: np.ndarray, *, down_to: str = "") -> np.ndarray:
        """What a seed on the tensor of that ONNX name, in its shape, becomes on the image, or on the layer `down_to`.

        By the method `gradient` it is the derivative of sum(seed * tensor) by pixels (N, C, H, W), or by the layer's
        maps (N, K, h, w). Raises LayerError, and RuleError if no signal gets there.
        """
        session = self._fused(value, down_to=self.opened.layer(down_to).output if down_to else "")
        fixed = self.opened.fixed_batch
        size = fixed or run_size(x.shape[2:], self.opened.pixels_per_run)
        top = np.asarray(seed, np.float32)
        return project_seeds(session, self.opened.checked(x), top, size, filling=fixed is not None)

    def save(
        self, layer: str, out: Path, *, pre: bool = False, split: bool = False, force: bool = True
    ) -> dict[Path, tuple[list[str], list[str]]]:
        """Write the inverse from `layer` down to `out`, or in two parts; gives each file's inputs and outputs.

        They run under any onnxruntime; their metadata holds layer, policy and the source's sha256. split: `out` with
        .forward.onnx and .backward.onnx in place of .onnx. force: other files too. Raises RuleError, OutputError.
        """
        start = self.opened.layer(layer)
        about = {"layer": start.name + ":pre" * pre, "source_sha256": self.opened.sha256}
        value = start.pre if pre else start.output
        models = inverse_files(self.opened.model, value, self.policy, out, about, split=split)
        save(models, force=force)
        return {
            path: (list(map(name_of, m.graph.inputs)), list(map(name_of, m.graph.outputs)))
            for path, m in models.items()
        }

    def obstacle(self, layer: str) -> str | None:
        """Why signals cannot come down from `layer`, None if they can."""
        find = functools.partial(operators.obstacles, self.opened.model, self.policy)
        return self.opened.sessions.keep(("obstacles", self.policy), find).get(self.opened.layer(layer).output)

    def operators(self, layer: str, *, pre: bool = False) -> list[Operator]:
        """The operators that a signal on `layer`, or on its raw sums, passes, from the bottom up. Raises RuleError."""
        start = self.opened.layer(layer)
        return operators.operators_below(self.opened.model, start.pre if pre else start.output, self.policy)

    def policy_of_ops(self, *layers: str) -> dict[str, str]:
        """What happens to the signal at each kind of operator below `layers`, in words. Raises RuleError."""
        words = dict[str, str]()
        for layer in layers:
            words |= operators.policy_of_ops(self.opened.model, self.opened.layer(layer).output, self.policy)
        return words

    def emitted(self, layer: str) -> set[str]:
        """The kinds of operators in the graph of the inverse from `layer`. Raises RuleError."""
        graph = invert(self.opened.model, self.opened.layer(layer).output, self.policy).graph
        return {node.op_type for node in graph}

    def operator_session(self, operator: Operator, *, doubles: bool = False) -> Session | Doubles:
        """One operator with its rule: live inputs and `seeds` in, outputs and signals below out; doubles: if it can."""
        model = operators.invert_operator(self.opened.model, operator, self.policy)
        return Doubles(model) if doubles and can_run(model) else self.opened.sessions.start(to_bytes(model))

    def _fused(self, value: str, *, any_extent: bool = False, down_to: str = "") -> Session:
        goal, view = view_of(self.opened.value(down_to)) if down_to else ("", [])
        build = functools.partial(invert, self.opened.model, value, self.policy)
        make = functools.partial(build, any_extent=any_extent, down_to=goal, view=view)
        return self.opened.session(("fused", self.policy, value, any_extent, down_to), make)

    def _split(self, layer: Layer) -> tuple[Session, Session]:
        """The inverse in two parts: what records, and what takes seeds down."""

        def make() -> tuple[Session, Session]:
            parts, start = invert_split(self.opened.model, layer.output, self.policy), self.opened.sessions.start
            return start(to_bytes(parts.forward)), start(to_bytes(parts.backward))

        return self.opened.sessions.keep(("split", self.policy, layer.output), make)
