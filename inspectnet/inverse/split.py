"""Two parts: one graph that runs the image and records, another that takes any number of seeds down.

What crosses has its images in rows, the first axis, so that each seed takes those of its own image. What has not, as
the (T, N, C) of recurrent networks, is worked out again on the way down, from what is below it and has.
"""

from dataclasses import dataclass

import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.graph.axes import axes_of
from inspectnet.graph.extents import fixed_batch, images_in, is_told
from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import input_of, integer, known_shape, producer_of, read_values, shape_of, values_above
from inspectnet.inverse.walk import OWNER, build, finish
from inspectnet.rules import Backward, Policy


@dataclass(frozen=True)
class Split:
    """An inverse in two graphs: `forward` records, `backward` takes any number of seeds down.

    forward: image (N, C, H, W) -> the recorded tensors (N, ...), then the layer. backward: seed (S, ...),
    image_of_seed (S,) int64, the recorded tensors -> pixels (S, C, H, W). One forward run serves any number of
    backward runs. S is that of the images where the graph insists on their number.
    """

    forward: ir.Model
    backward: ir.Model
    recorded: tuple[str, ...]
    """Names of the tensors that cross: switches, signs, gates; one row for each image."""


def invert_split(model: ir.Model, value: str, policy: Policy) -> Split:
    """The same inverse in two parts. Raises RuleError for an operator without a rule."""
    inverse, seed, target = build(model, value, policy)
    graph, image = inverse.graph, inverse.graph.inputs[0]
    passes.ShapeInferencePass(strict_mode=False)(inverse)  # what the rules record has axes, too
    graph.outputs.append(target)  # the forward half gives the layer too, to make seeds of
    passes.RemoveUnusedNodesPass()(inverse)
    read = _read_on_the_way(graph, seed)
    recording = cut_out(inverse, [image], list(dict.fromkeys([*read, target])))
    seed.shape = target.shape if fixed_batch(graph) else ir.Shape(["S", *known_shape(target)[1:]])
    _count_seeds(graph, seed)
    crossing = _crossing(graph, read, _with_images_in_rows(recording.graph))
    names = [str(x.name) if x is target else f"recorded_{i}" for i, x in enumerate(crossing)]
    _record(recording.graph, dict(zip((str(x.name) for x in crossing), names, strict=True)))
    forward = cut_out(recording, recording.graph.inputs, list(dict.fromkeys([*names, str(target.name)])))
    backward = cut_out(inverse, [seed, *crossing], [graph.outputs[0]])
    for x, name in zip(backward.graph.inputs[1:], names, strict=True):
        x.name = name
    _hand_out(backward.graph)
    return Split(finish(forward), finish(backward), tuple(names))


def _read_on_the_way(graph: ir.Graph, seed: ir.Value) -> list[ir.Value]:
    """What depends on the image alone, or on its extent, and is read on the way down."""
    carried, dependent = values_above(graph, seed), values_above(graph, graph.inputs[0])
    down = [node for node in graph if node.outputs[0] in carried]
    return list(dict.fromkeys(x for node in down for x in read_values(node) if x in dependent - carried))


def _with_images_in_rows(graph: ir.Graph) -> set[str]:
    """The names of the values whose first axis is the images, and no other."""
    return {str(x.name) for x, axes in axes_of(graph).items() if axes.rows_are_images}


def _count_seeds(graph: ir.Graph, seed: ir.Value) -> None:
    """Let the extents that the graph asks for, where they hold a number of images, hold that of the seeds."""
    op, there = Backward(graph, set(), "count"), list(graph)
    seeds = op.Shape(seed, start=0, end=1)
    for node in [node for node in there if node.op_type == "Shape" and not node.domain and is_told(input_of(node))]:
        shape = shape_of(input_of(node)) or ()
        part = shape[integer(node, "start") : integer(node, "end", len(shape))]
        if node.inputs[0] is not seed and any(map(images_in, part)):
            own = op.Add(
                [n if isinstance(n, int) else 0 for n in part], op.Mul([images_in(n) or 0 for n in part], seeds)
            )
            ir.convenience.replace_all_uses_with(node.outputs[0], own)
    for node in list(graph)[len(there) :]:
        graph.remove(node)
        graph.insert_before(there[0], node)


def _crossing(graph: ir.Graph, read: list[ir.Value], in_rows: set[str]) -> list[ir.Value]:
    """The values that are recorded: of those that are `read`, or of what they are made of, the first in rows."""
    asked, seen, crossing = list(read), set[ir.Value](), list[ir.Value]()
    dependent = values_above(graph, graph.inputs[0])
    while asked:
        value = asked.pop(0)
        if value in seen or value not in dependent:
            continue
        seen.add(value)
        maker = value.producer()
        if maker is None or value.name in in_rows:
            crossing.append(value)
        else:
            asked += read_values(maker)
    return crossing


def _record(graph: ir.Graph, names: dict[str, str]) -> None:
    """Call the values that cross, and a copy of the image if it is one of them, by their new names."""
    values = {str(x.name): x for x in (graph.inputs[0], *(x for node in graph for x in node.outputs))}
    op = Backward(graph, set(), "record")
    for name, new in names.items():
        value = values[name]
        if value is graph.inputs[0]:
            value = op.Identity(value)
            value.type, value.shape = graph.inputs[0].type, graph.inputs[0].shape
        value.name = new


def _hand_out(backward: ir.Graph) -> None:
    """Let each seed take the recorded tensors of its own image."""
    seed, *recorded = backward.inputs
    owner = ir.Value(name=OWNER, shape=ir.Shape(known_shape(seed)[:1]), type=ir.TensorType(ir.DataType.INT64))
    op, first = Backward(backward, set(), "hand_out"), next(iter(backward))
    for value in recorded:
        readers = list(value.uses())
        own = op.Gather(value, owner, axis=0)
        own.type, own.shape = value.type, value.shape
        gather = producer_of(own)
        backward.remove(gather)
        backward.insert_before(first, gather)
        for node, index in readers:
            node.replace_input_with(index, own)
    backward.inputs.insert(1, owner)
