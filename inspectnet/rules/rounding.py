"""Rounding to a grid and back: the signal passes straight through (Bengio et al. 2013), but for what saturates."""

import onnx_ir as ir

from inspectnet.graph.values import input_of, integer, optional_input, rank_of
from inspectnet.rules.registry import Backward, refuse, rule

HALF_A_STEP = 0.501  # of the grid, and what float32 adds


@rule("DequantizeLinear")
@rule("QuantizeLinear", when=["rectify=signal"])
def round_off(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal as it is: rounding is passed straight through."""
    return [top, *([None] * (len(node.inputs) - 1))]


@rule("QuantizeLinear", when=["rectify=guided", "rectify=gradient"])
def round_within(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal as it is where the grid reaches the number, nothing beyond its ends, as of a Clip."""
    x, scale, zero = input_of(node), input_of(node, 1), optional_input(node, 2)
    grid = None if zero is None else zero.dtype
    if grid is not None and not grid.is_integer():  # the steps of float8 have no one size
        return round_off(op, node, top)
    if rank_of(scale) > 1:
        raise refuse(node, "its blocks have scales of their own")
    axis = integer(node, "axis", 1) % rank_of(x)
    rounded = op.DequantizeLinear(node.outputs[0], scale, *([] if zero is None else [zero]), axis=axis)
    step = op.Reshape(scale, [-1 if a == axis else 1 for a in range(rank_of(x))]) if rank_of(scale) else scale
    reached = op.LessOrEqual(op.Abs(op.Sub(x, rounded)), op.Mul(step, HALF_A_STEP))
    return [op.Where(reached, top, 0.0), *([None] * (len(node.inputs) - 1))]
