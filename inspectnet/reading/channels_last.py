"""Channels last: a graph that takes (N, H, W, C), as TensorFlow's exporters write it, becomes one for (N, C, H, W).

The image's axes are turned as the first thing. This Transpose then sinks through the graph, operator by operator, and
so do the others on its way, until they meet the ones that the exporter put around the convolutions, and cancel.
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.graph.builder import add_initializer
from inspectnet.graph.operators import ALONG, CHOICES, POINTWISE, REDUCTIONS, ROUNDINGS
from inspectnet.graph.values import constant_of, input_of, integer, ints, optional_input, producer_of, shape_of, word

Axes = tuple[int, ...]  # of a Transpose: axis i of its output is axis turn[i] of its input
Sunk = tuple[Axes, dict[int, np.ndarray], dict[str, int]]  # the outputs' turn, what constants and attributes become

TO_LAST: Axes = (0, 2, 3, 1)
TO_FIRST: Axes = (0, 3, 1, 2)
CHANNELS = (1, 3)  # of a photo


def put_channels_first(model: ir.Model) -> bool:
    """Let `model` take its image as (N, C, H, W), in place; whether it took it as (N, H, W, C).

    The maps of its layers and outputs are (N, C, H, W) then, too, under the names that they had. Where the shape could
    mean either, it means (N, C, H, W) already, and where a convolution reads it; where it is no photo's, the first
    operators tell.
    """
    graph = model.graph
    image, (n, h, w, c) = graph.inputs[0], shape_of(graph.inputs[0]) or ()
    if h in CHANNELS or _is_filtered(image) or not (c in CHANNELS or _is_turned_at_once(image)):
        return False
    first = ir.Value(name=image.name, shape=ir.Shape([n, c, h, w]), type=image.type)
    image.name = f"{first.name}/channels_last"
    graph.inputs[:] = [first]
    turn = ir.node("Transpose", [first], {"perm": TO_LAST}, name=image.name)
    turn.outputs[0].name, turn.outputs[0].type = image.name, image.type
    graph.insert_before(graph[0], turn)
    _redirect(image, turn.outputs[0])
    for node in list(graph):
        _cancel(node) if node.op_type == "Transpose" else _sink(graph, node)
    passes.RemoveUnusedNodesPass()(model)
    return True


def _is_filtered(image: ir.Value) -> bool:
    """Whether a convolution reads the image, or what pointwise operators make of it: axis 1 holds its channels."""
    asked, seen = [image], {image}
    while asked:
        for node in asked.pop().consumers():
            if node.op_type == "Conv" and not node.domain:
                return True
            made = node.outputs[0]
            if node.op_type in POINTWISE and not node.domain and made not in seen:
                asked.append(made)
                seen.add(made)
    return False


def _is_turned_at_once(image: ir.Value) -> bool:
    """Whether all that reads the image takes it for (N, H, W, C), and turns it to (N, C, H, W)."""
    perms = [ints(n, "perm") if n.op_type == "Transpose" and not n.domain else () for n in image.consumers()]
    return bool(perms) and all(tuple(perm) == TO_FIRST for perm in perms)


def _cancel(node: ir.Node) -> None:
    """Let a Transpose of a Transpose be one, or none."""
    second, first = _turn_of(node.outputs[0]), _turn_of(node.inputs[0])
    if first is None or second is None:
        return
    both = tuple(first[axis] for axis in second)
    below = input_of(producer_of(input_of(node)))
    node.replace_input_with(0, below)
    node.attributes.add(ir.AttrInt64s("perm", both))
    if _in_order(both):
        _redirect(node.outputs[0], below)
        node.op_type = "Identity"  # an output of the graph keeps it, for the sake of its name
        node.attributes.clear()


def _sink(graph: ir.Graph, node: ir.Node) -> None:
    """Let `node` read what was transposed before it, and transpose what it gives instead, if that is the same."""
    turn = next((t for x in node.inputs if (t := _turn_of(x)) is not None), None)
    sunk = None if turn is None or node.domain or node.op_type not in SINKS else SINKS[node.op_type](node, turn)
    if sunk is None:
        return
    above, constants, attributes = sunk
    if len(above) != len(TO_LAST) and not _in_order(above) and any(v.is_graph_output() for v in node.outputs):
        return  # these are no maps, whose axes we may choose
    for i, x in enumerate(node.inputs):
        if i in constants:
            node.replace_input_with(
                i, add_initializer(graph, f"{node.outputs[0].name}/channels_first_{i}", constants[i])
            )
        elif x is not None and _turn_of(x) is not None:
            node.replace_input_with(i, input_of(producer_of(x)))
    for name, number in attributes.items():
        node.attributes.add(ir.AttrInt64(name, number))
    for value in () if _in_order(above) else node.outputs:
        again = ir.node("Transpose", [value], {"perm": above}, name=f"{value.name}/channels_last")
        again.outputs[0].name, again.outputs[0].type = again.name, value.type
        _redirect(value, again.outputs[0])
        graph.insert_after(node, again)


def _pointwise(node: ir.Node, turn: Axes) -> Sunk | None:
    """All that is not constant must come turned alike; constants are turned back."""
    constants, back = {}, np.argsort(turn)
    for i, x in enumerate(node.inputs):
        numbers = constant_of(x)
        if x is None or _turn_of(x) == turn or (numbers is not None and numbers.size == 1):
            continue
        if numbers is None or numbers.ndim > len(turn):
            return None
        wide = numbers.reshape((1,) * (len(turn) - numbers.ndim) + numbers.shape)
        constants[i] = np.ascontiguousarray(wide.transpose(back))
    return turn, constants, _turned_axis(node, turn)


def _along(node: ir.Node, turn: Axes) -> Sunk:
    return turn, {}, _turned_axis(node, turn)


def _turned_axis(node: ir.Node, turn: Axes) -> dict[str, int]:
    return {"axis": turn[integer(node, "axis")]} if "axis" in node.attributes else {}


def _reduce(node: ir.Node, turn: Axes) -> Sunk | None:
    """Where axes go away, those that remain may be in order already."""
    axes = np.array(integer(node, "axis")) if node.op_type in CHOICES else constant_of(optional_input(node, 1))
    if axes is None or not axes.size:
        return None
    gone = [turn[axis] for axis in axes.ravel()]
    left = [axis for axis in turn if axis not in gone]
    keeps = node.op_type != "Squeeze" and integer(node, "keepdims", 1)
    above = turn if keeps else tuple(sorted(left).index(axis) for axis in left)
    return (above, {}, {"axis": gone[0]}) if node.op_type in CHOICES else (above, {1: np.array(gone)}, {})


def _pad(node: ir.Node, turn: Axes) -> Sunk | None:
    pads, axes = constant_of(node.inputs[1]), optional_input(node, 3)
    if axes is not None:
        named = constant_of(axes)
        return None if named is None else (turn, {3: np.take(turn, named)}, {})
    return None if pads is None else (turn, {1: pads.reshape(2, -1)[:, np.argsort(turn)].ravel()}, {})


def _slice(node: ir.Node, turn: Axes) -> Sunk | None:
    axes = constant_of(optional_input(node, 3))
    return None if axes is None else (turn, {3: np.take(turn, axes)}, {})


def _resize(node: ir.Node, turn: Axes) -> Sunk | None:
    """The scales or the sizes, whichever are given, in the other order."""
    given = [i for i in (2, 3) if (x := optional_input(node, i)) is not None and shape_of(x) != (0,)]
    vectors = [constant_of(node.inputs[i]) for i in given]
    crops = word(node, "coordinate_transformation_mode") == "tf_crop_and_resize"
    if crops or "axes" in node.attributes or len(given) != 1 or vectors[0] is None:
        return None
    return turn, {given[0]: vectors[0][np.argsort(turn)]}, {}


SINKS: dict[str, Callable[[ir.Node, Axes], Sunk | None]] = {
    **dict.fromkeys(ALONG | ROUNDINGS, _along),
    **dict.fromkeys(POINTWISE | {"Concat"}, _pointwise),
    **dict.fromkeys(REDUCTIONS | CHOICES | {"Squeeze"}, _reduce),
    "Pad": _pad,
    "Slice": _slice,
    "Resize": _resize,
}


def _turn_of(value: ir.Value | None) -> Axes | None:
    """How a Transpose made `value`; None if something else made it."""
    node = None if value is None else value.producer()
    return ints(node, "perm") or None if node is not None and node.op_type == "Transpose" else None


def _redirect(old: ir.Value, new: ir.Value) -> None:
    """Let all nodes but the maker of `new` read it in place of `old`; an output of the graph stays."""
    for reader, i in list(old.uses()):
        if reader is not new.producer():
            reader.replace_input_with(i, new)


def _in_order(turn: Axes) -> bool:
    return turn == tuple(sorted(turn))
