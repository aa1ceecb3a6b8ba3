"""Joins: sums copy the signal, concatenations split it; a constant factor scales it."""

import onnx_ir as ir

from inspectnet.graph.values import integer, shape_of
from inspectnet.rules.registry import Signal, Way, refuse, rule


@rule("Add", "Sum")
def add(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The same signal to every term."""
    return [_gather_up(op, node, top, x) if x in op.alive else None for x in node.inputs]


@rule("Sub")
def sub(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal to the first term, its negative to the second."""
    a, b = node.inputs
    return [
        _gather_up(op, node, top, a) if a in op.alive else None,
        _gather_up(op, node, op.Neg(top), b) if b in op.alive else None,
    ]


@rule("Mul")
def mul(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times the constant factor."""
    a, b = node.inputs
    if a in op.alive and b in op.alive:
        raise refuse(node, "both factors depend on the image")
    live, factor = (a, b) if a in op.alive else (b, a)
    bottom = _gather_up(op, node, op.Mul(top, factor), live)
    return [bottom, None] if live is a else [None, bottom]


@rule("Div")
def div(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal divided by the constant divisor."""
    live, divisor = node.inputs
    if divisor in op.alive:
        raise refuse(node, "its divisor depends on the image")
    return [_gather_up(op, node, op.Div(top, divisor), live), None]


@rule("Concat")
def concat(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """To each part its share of the signal."""
    axis = integer(node, "axis", 1)
    sizes = [x.shape[axis] for x in node.inputs]
    if len(sizes) == 1:
        return [top]
    return list(op.Split(top, sizes, axis=axis, outputs=len(sizes)))


@rule("Split")
def split(op: Way, node: ir.Node, top: Signal) -> list[ir.Value | None]:
    """The signals of the parts side by side, nothing where no signal arrived."""
    parts = top if isinstance(top, tuple) else (top, *[None] * (len(node.outputs) - 1))
    arrived = next(t for t in parts if t is not None)
    whole = [
        op.Expand(0.0, op.shape_like(arrived, y)) if t is None else t for t, y in zip(parts, node.outputs, strict=True)
    ]
    return [op.Concat(*whole, axis=integer(node, "axis", 0)), *([None] * (len(node.inputs) - 1))]


def _gather_up(op: Way, node: ir.Node, signal: ir.Value, term: ir.Value) -> ir.Value:
    """The signal summed over the axes along which `term` was stretched to the size of the output."""
    small, large = shape_of(term), shape_of(node.outputs[0])
    if small is None or large is None:
        raise refuse(node, "its shapes are not known")
    if small == large:
        return signal
    missing = len(large) - len(small)
    stretched = [a for a, n in enumerate(large) if a < missing or (small[a - missing] == 1 and n != 1)]
    if stretched:
        signal = op.ReduceSum(signal, stretched, keepdims=1)
    return op.Squeeze(signal, list(range(missing))) if missing else signal
