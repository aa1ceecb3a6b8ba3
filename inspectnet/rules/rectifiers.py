"""Activations: the only place where the methods differ.

deconvnet rectifies the signal, whatever the forward pass did (Zeiler & Fergus 2014, sec. 2.1); guided
backpropagation rectifies it and masks it by the forward sign (Springenberg et al. 2015); gradient takes the true
derivative. Saturating functions are no rectifiers: under every method their recorded slope is held fixed.
"""

import onnx_ir as ir

from inspectnet.graph.values import integer, number
from inspectnet.rules.registry import Way, rule

RECTIFIERS = ("Relu", "LeakyRelu", "Clip")


@rule(*RECTIFIERS, when=["deconvnet"])
def rectify(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The positive part of the signal, whatever the input was."""
    return [op.Relu(top)]


@rule("Relu", "LeakyRelu", when=["guided_backprop"])
def rectify_and_mask(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The positive part of the signal, where the input was positive too."""
    return [op.Where(_positive(op, node.outputs[0]), op.Relu(top), 0.0)]


@rule("Relu", when=["gradient"])
def mask(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where the input was positive."""
    return [op.Where(_positive(op, node.outputs[0]), top, 0.0)]


@rule("LeakyRelu", when=["gradient"])
def leak(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where the input was positive, alpha times the signal elsewhere."""
    alpha = number(node, "alpha", 0.01)
    return [op.Where(_positive(op, node.inputs[0]), top, op.Mul(top, alpha))]


@rule("Clip", when=["guided_backprop"])
def rectify_between(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The positive part of the signal, where the input was between the bounds."""
    return between(op, node, op.Relu(top))


@rule("Clip", when=["gradient"])
def between(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where the input was between the bounds."""
    x, *bounds = node.inputs
    for bound, inside in zip(bounds, (op.Greater, op.Less), strict=False):
        if bound is not None:
            top = op.Where(inside(x, bound), top, 0.0)
    return [top]


@rule("Sigmoid")
def sigmoid(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope y (1 - y)."""
    y = node.outputs[0]
    return [op.Mul(top, op.Mul(y, op.Sub(1.0, y)))]


@rule("Tanh")
def tanh(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope 1 - y^2."""
    y = node.outputs[0]
    return [op.Mul(top, op.Sub(1.0, op.Mul(y, y)))]


@rule("Softmax")
def softmax(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal less its mean under y, times the recorded y."""
    y, axis = node.outputs[0], integer(node, "axis", -1)
    mean = op.ReduceSum(op.Mul(top, y), [axis], keepdims=1)
    return [op.Mul(y, op.Sub(top, mean))]


def _positive(op: Way, x: ir.Value) -> ir.Value:
    value: ir.Value = op.Greater(x, 0.0)
    return value
