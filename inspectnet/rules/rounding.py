"""Rounding to a grid and back: the signal passes straight through (Bengio et al. 2013), but for what saturates."""

import onnx_ir as ir

from inspectnet.graph.values import integer
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
    x, scale, *zero = node.inputs
    if zero and zero[0] is not None and not zero[0].dtype.is_integer():  # the steps of float8 have no one size
        return round_off(op, node, top)
    if len(scale.shape) > 1:
        raise refuse(node, "its blocks have scales of their own")
    axis = integer(node, "axis", 1) % len(x.shape)
    rounded = op.DequantizeLinear(node.outputs[0], *(y for y in (scale, *zero) if y is not None), axis=axis)
    step = op.Reshape(scale, [-1 if a == axis else 1 for a in range(len(x.shape))]) if len(scale.shape) else scale
    reached = op.LessOrEqual(op.Abs(op.Sub(x, rounded)), op.Mul(step, HALF_A_STEP))
    return [op.Where(reached, top, 0.0), *([None] * (len(node.inputs) - 1))]
