"""Functions of single numbers that are no rectifiers: under every method the signal times the recorded slope.

x is the input, y the output. Those that saturate (Sigmoid, Tanh, Softmax ...) are gates where they scale another
signal: `products.py`.
"""

import math

import onnx_ir as ir

from inspectnet.graph.values import inputs_of, integer, number
from inspectnet.rules.broadcasting import gather_up
from inspectnet.rules.registry import HELD, Backward, Bottoms, refuse, rule


@rule("Sigmoid")
def sigmoid(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope y (1 - y)."""
    y = node.outputs[0]
    return [op.Mul(top, op.Mul(y, op.Sub(1.0, y)))]


@rule("HardSigmoid")
def hard_sigmoid(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times alpha where the recorded y is between 0 and 1."""
    y = node.outputs[0]
    inside = op.And(op.Greater(y, 0.0), op.Less(y, 1.0))
    return [op.Where(inside, op.Mul(top, number(node, "alpha", 0.2)), 0.0)]


@rule("Tanh")
def tanh(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope 1 - y^2."""
    y = node.outputs[0]
    return [op.Mul(top, op.Sub(1.0, op.Mul(y, y)))]


@rule("Softsign")
def softsign(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope 1 / (1 + abs(x))^2."""
    root = op.Add(op.Abs(node.inputs[0]), 1.0)
    return [op.Div(top, op.Mul(root, root))]


@rule("Erf")
def erf(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope 2 / sqrt(pi) exp(-x^2)."""
    x = node.inputs[0]
    return [op.Mul(top, op.Mul(op.Exp(op.Neg(op.Mul(x, x))), 2 / math.sqrt(math.pi)))]


@rule("Softmax")
def softmax(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal less its mean under y, times the recorded y."""
    y, axis = node.outputs[0], integer(node, "axis", -1)
    mean = op.ReduceSum(op.Mul(top, y), [axis], keepdims=1)
    return [op.Mul(y, op.Sub(top, mean))]


@rule("LogSoftmax")
def log_softmax(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal less its sum times the recorded exp(y)."""
    y, axis = node.outputs[0], integer(node, "axis", -1)
    return [op.Sub(top, op.Mul(op.Exp(y), op.ReduceSum(top, [axis], keepdims=1)))]


@rule("Exp")
def exp(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded y."""
    return [op.Mul(top, node.outputs[0])]


@rule("Log")
def log(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal divided by the recorded x."""
    return [op.Div(top, node.inputs[0])]


@rule("Sqrt")
def sqrt(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal divided by twice the recorded y."""
    return [op.Div(top, op.Mul(node.outputs[0], 2.0))]


@rule("Reciprocal")
def reciprocal(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded slope -y^2."""
    y = node.outputs[0]
    return [op.Neg(op.Mul(top, op.Mul(y, y)))]


@rule("Abs")
def absolute(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times the recorded sign of x."""
    return [op.Mul(top, op.Sign(node.inputs[0]))]


@rule("Neg")
def negative(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The negative signal."""
    return [op.Neg(top)]


@rule("Pow")
def power(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times the recorded slope c x^(c - 1), for a constant exponent c."""
    x, exponent = inputs_of(node)
    if exponent in op.alive:
        raise refuse(node, "its exponent depends on the image")
    exponent = op.Cast(exponent, to=1)
    slope = op.Mul(exponent, op.Pow(x, op.Sub(exponent, 1.0)))
    return [gather_up(op, node, op.Mul(top, slope), x), None]


@rule("Sign")
def sign(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """No signal: the slope of a step is 0, and the sign that was found is held fixed."""
    return [HELD]
