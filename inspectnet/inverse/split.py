"""Two parts: one graph that runs the image and records, another that takes any number of seeds down."""

from dataclasses import dataclass

import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.graph.probes import cut_out
from inspectnet.inverse.walk import OWNER, build, finish
from inspectnet.rules import Policy, Way


@dataclass(frozen=True)
class Split:
    """An inverse in two graphs: `forward` records, `backward` takes any number of seeds down.

    forward: image (N, C, H, W) -> the recorded tensors, then the layer. backward: seed (S, ...), image_of_seed (S,)
    int64, the recorded tensors -> pixels (S, C, H, W). One forward run serves any number of backward runs.
    """

    forward: ir.Model
    backward: ir.Model
    recorded: tuple[str, ...]
    """Names of the tensors that cross: switches, signs, extents."""


def invert_split(model: ir.Model, value: str, policy: Policy) -> Split:
    """The same inverse in two parts. Raises RuleError for an operator without a rule."""
    inverse, seed, crest = build(model, value, policy)
    graph, image, pixels = inverse.graph, inverse.graph.inputs[0], inverse.graph.outputs[0]
    passes.ShapeInferencePass(strict_mode=False)(inverse)  # what is recorded is told apart by its rank
    graph.outputs.append(crest)  # the forward half gives the layer too, to make seeds of
    passes.RemoveUnusedNodesPass()(inverse)
    crossing = _crossing(graph, seed)
    recorded = [x for x in crossing if x is not image]
    for i, x in enumerate(recorded):
        x.name = x.name if x is crest else f"recorded_{i}"
    forward = cut_out(inverse, [image], list(dict.fromkeys([*recorded, crest])))
    backward = cut_out(inverse, [seed, *crossing], [pixels])
    _hand_out(backward.graph)
    return Split(finish(forward), finish(backward), tuple(str(x.name) for x in recorded))


def _crossing(graph: ir.Graph, seed: ir.Value) -> list[ir.Value]:
    """The values that depend on the image, not on the seed, and are read on the way down."""
    descended, constant = {seed}, set(graph.initializers.values())
    crossing: dict[ir.Value, None] = {}
    for node in graph:
        inputs = [x for x in node.inputs if x is not None]
        if any(x in descended for x in inputs):
            descended.update(node.outputs)
            crossing.update(dict.fromkeys(x for x in inputs if x not in descended and x not in constant))
        elif all(x in constant for x in inputs):
            constant.update(node.outputs)
    return list(crossing)


def _hand_out(backward: ir.Graph) -> None:
    """Let each seed take the recorded tensors of its own image.

    A recorded tensor of rank one is an extent: it belongs to all images.
    """
    owner = ir.Value(name=OWNER, shape=ir.Shape(["S"]), type=ir.TensorType(ir.DataType.INT64))
    op, first = Way(backward, set(), "hand_out"), next(iter(backward))
    seed, *recorded = backward.inputs
    seed.shape = ir.Shape(["S", *list(seed.shape)[1:]])
    for value in recorded:
        if value.shape is None or len(value.shape) > 1:
            readers = list(value.uses())
            own = op.Gather(value, owner, axis=0)
            own.type, own.shape = value.type, value.shape
            backward.remove(own.producer())
            backward.insert_before(first, own.producer())
            for node, index in readers:
                node.replace_input_with(index, own)
    backward.inputs.insert(1, owner)
