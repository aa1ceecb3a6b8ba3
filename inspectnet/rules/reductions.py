"""Reductions: many numbers became one along some axes; its signal goes back to all of them, in shares."""

import onnx_ir as ir

from inspectnet.graph.extents import images_in
from inspectnet.graph.values import constant_of, input_of, integer, optional_input, shape_of
from inspectnet.rules.broadcasting import divided
from inspectnet.rules.registry import Backward, refuse, rule


@rule("ReduceSum")
def reduce_sum(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to all that were added up."""
    return _copy_to_all(op, node, _unsqueezed(op, node, top))


@rule("ReduceMean")
def reduce_mean(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value, divided by how many made it, goes back to all of them."""
    top = _unsqueezed(op, node, top)
    count = op.Cast(op.ReduceProd(op.Gather(op.Shape(input_of(node)), _axes(node)), keepdims=0), to=1)
    return _copy_to_all(op, node, op.Div(top, count))


@rule("ReduceMax", "ReduceMin")
def reduce_to_extreme(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value returns to the number that won; those that tie share it."""
    y, top = (_unsqueezed(op, node, value) for value in (node.outputs[0], top))
    won = op.Cast(op.Equal(input_of(node), y), to=1)
    share = op.Div(top, op.ReduceSum(won, _axes(node), keepdims=1))
    return [op.Mul(won, share), *([None] * (len(node.inputs) - 1))]


@rule("ReduceL1")
def reduce_l1(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to all that made it, with their recorded signs."""
    return _times(op, node, op.Sign(input_of(node)), _unsqueezed(op, node, top))


@rule("ReduceL2")
def reduce_l2(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to all that made it, times the recorded x / y; nothing where all are 0."""
    y, top = (_unsqueezed(op, node, value) for value in (node.outputs[0], top))
    return _times(op, node, input_of(node), divided(op, top, y))


@rule("ReduceSumSquare")
def reduce_sum_square(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to all that made it, times the recorded 2 x."""
    return _times(op, node, input_of(node), op.Mul(_unsqueezed(op, node, top), 2.0))


@rule("ReduceLogSumExp")
def reduce_log_sum_exp(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to all that made it, times the recorded exp(x - y)."""
    y, top = (_unsqueezed(op, node, value) for value in (node.outputs[0], top))
    return _times(op, node, op.Exp(op.Sub(input_of(node), y)), top)


def _axes(node: ir.Node) -> list[int]:
    """The axes that were reduced, counted from the first; none of them may be that of the images."""
    shape = shape_of(input_of(node)) or ()
    rank, given = len(shape), optional_input(node, 1)
    axes = constant_of(given)
    everything = given is None and not integer(node, "noop_with_empty_axes")
    reduced = list(range(rank)) if everything else sorted(int(a) % rank for a in axes) if axes is not None else []
    if not reduced or any(images_in(shape[a]) or (a == 0 and not isinstance(shape[a], int)) for a in reduced):
        raise refuse(node, "it reduces over the images, or its axes are not known")
    return reduced


def _unsqueezed(op: Backward, node: ir.Node, value: ir.Value) -> ir.Value:
    """A value of the output's shape with the reduced axes back in their places, one long."""
    axes = _axes(node)
    return value if integer(node, "keepdims", 1) else op.Unsqueeze(value, axes)


def _times(op: Backward, node: ir.Node, slope: ir.Value, share: ir.Value) -> list[ir.Value | None]:
    return [op.Mul(slope, share), *([None] * (len(node.inputs) - 1))]


def _copy_to_all(op: Backward, node: ir.Node, share: ir.Value) -> list[ir.Value | None]:
    x = input_of(node)
    return [op.Expand(share, op.shape_like(share, x)), *([None] * (len(node.inputs) - 1))]
