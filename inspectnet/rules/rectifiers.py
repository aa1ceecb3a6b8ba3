"""Rectifiers: where the methods differ.

deconvnet rectifies the signal, whatever the forward pass did (Zeiler & Fergus 2014, sec. 2.1); guided
backpropagation rectifies it and masks it by the forward sign (Springenberg et al. 2015); gradient takes the true
derivative, of smooth rectifiers in `smooth.py`. Functions that saturate on both sides are no rectifiers: `slopes.py`.
"""

import onnx_ir as ir

from inspectnet.graph.operators import RECTIFIERS, SMOOTH
from inspectnet.graph.values import constant_of, input_of, number
from inspectnet.rules.registry import Backward, rule


@rule(*RECTIFIERS, when=["rectify=signal"])
def rectify(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The positive part of the signal, whatever the input was."""
    return [op.Relu(top), *([None] * (len(node.inputs) - 1))]


@rule("Relu", "LeakyRelu", "ThresholdedRelu", when=["rectify=guided"])
def rectify_and_mask(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The positive part of the signal, where the output was positive too."""
    return [op.Where(op.Greater(node.outputs[0], 0.0), op.Relu(top), 0.0)]


@rule(*SMOOTH, "PRelu", when=["rectify=guided"])
def rectify_and_mask_below(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The positive part of the signal, where the input was positive too."""
    x, *slope = node.inputs
    return [op.Where(op.Greater(x, 0.0), op.Relu(top), 0.0), *([None] * len(slope))]


@rule("Clip", when=["rectify=signal"])
def rectify_bounded(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The positive part of the signal, whatever the input was; if negative numbers pass, as the gradient."""
    return rectify(op, node, top) if _rectifies(node) else between(op, node, top)


@rule("Clip", when=["rectify=guided"])
def rectify_between(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The positive part of the signal, where the input was between the bounds; if negatives pass, as the gradient."""
    return between(op, node, op.Relu(top) if _rectifies(node) else top)


@rule("Relu", "ThresholdedRelu", when=["rectify=gradient"])
def mask(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where the output was positive."""
    return [op.Where(op.Greater(node.outputs[0], 0.0), top, 0.0)]


@rule("LeakyRelu", when=["rectify=gradient"])
def leak(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where the input was positive, alpha times the signal elsewhere."""
    alpha = number(node, "alpha", 0.01)
    return [op.Where(op.Greater(input_of(node), 0.0), top, op.Mul(top, alpha))]


@rule("PRelu", when=["rectify=gradient"])
def leak_as_learnt(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal where the input was positive, the learnt slope times the signal elsewhere."""
    x, slope = node.inputs
    return [op.Where(op.Greater(x, 0.0), top, op.Mul(top, slope)), None]


@rule("Clip", when=["rectify=gradient"])
def between(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal where the input was between the bounds."""
    x, *bounds = node.inputs
    for bound, inside in zip(bounds, (op.Greater, op.Less), strict=False):
        if bound is not None:
            top = op.Where(inside(x, bound), top, 0.0)
    return [top]


def _rectifies(clip: ir.Node) -> bool:
    """Whether the lower bound keeps negative numbers back; between -1 and 1 a Clip saturates on both sides, as Tanh."""
    low = constant_of(clip.inputs[1]) if len(clip.inputs) > 1 else None
    return low is not None and bool((low >= 0).all())
