"""Joins: sums copy the signal, concatenations split it, choices hand it to the term that was chosen."""

import onnx_ir as ir

from inspectnet.graph.values import input_of, inputs_of, integer, known_shape
from inspectnet.rules.broadcasting import gather_up
from inspectnet.rules.holding import hold, is_statistic
from inspectnet.rules.registry import HELD, Backward, Bottoms, Signal, refuse, rule


@rule("Add", "Sum")
def add(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The same signal to every term."""
    return [gather_up(op, node, top, x) if x in op.alive else None for x in node.inputs]


@rule("Mean")
def mean(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The same share of the signal to every term."""
    return add(op, node, op.Div(top, float(len(node.inputs))))


@rule("Sub", when=["state=held"])
def centre(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal to the first term, its negative to the second; a statistic that is taken off is held fixed."""
    return hold(op, node, sub(op, node, top), lambda x: is_statistic(node, x))


@rule("Sub", when=["state=gradient"])
def sub(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal to the first term, its negative to the second."""
    a, b = node.inputs
    return [
        gather_up(op, node, top, a) if a in op.alive else None,
        gather_up(op, node, op.Neg(top), b) if b in op.alive else None,
    ]


@rule("Max", "Min")
def extremes(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal to the term that won; terms that tie share it; Max(x, 0) is read as a Relu."""
    y = node.outputs[0]
    won = [op.Cast(op.Equal(x, y), to=1) for x in node.inputs]
    share = op.Div(top, op.Sum(*won) if len(won) > 1 else won[0])
    return [
        gather_up(op, node, op.Mul(share, mine), x) if x in op.alive else None
        for x, mine in zip(node.inputs, won, strict=True)
    ]


@rule("Where")
def where(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal to the term that was chosen; the choice is held fixed; Where(x > 0, x, 0) is read as a Relu."""
    chosen, a, b = node.inputs
    return [
        HELD,
        gather_up(op, node, op.Where(chosen, top, 0.0), a) if a in op.alive else None,
        gather_up(op, node, op.Where(chosen, 0.0, top), b) if b in op.alive else None,
    ]


@rule("Concat")
def concat(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """To each part its share of the signal."""
    axis = integer(node, "axis", 1)
    shapes = [known_shape(x) for x in inputs_of(node)]
    if len(shapes) == 1:
        return [top]
    sizes = [size for shape in shapes if isinstance(size := shape[axis], int)]
    if len(sizes) < len(shapes):
        raise refuse(node, "it joins images, or maps of which an extent is not known")
    return op.several("Split", len(sizes), top, sizes, axis=axis)


@rule("Split", parts=True)
def split(op: Backward, node: ir.Node, top: Signal) -> list[ir.Value | None]:
    """The signals of the parts side by side, nothing where no signal arrived."""
    parts = top if isinstance(top, tuple) else (top, *[None] * (len(node.outputs) - 1))
    axis, arrived = integer(node, "axis", 0), next(t for t in parts if t is not None)
    shape = known_shape(input_of(node))
    apart = axis % len(shape) == 0
    if apart and not isinstance(shape[0], int):
        raise refuse(node, "it takes the images apart")
    whole = [
        t if t is not None else op.Expand(0.0, op.Shape(y) if apart else op.shape_like(arrived, y))
        for t, y in zip(parts, node.outputs, strict=True)
    ]
    return [op.Concat(*whole, axis=axis), *([None] * (len(node.inputs) - 1))]
