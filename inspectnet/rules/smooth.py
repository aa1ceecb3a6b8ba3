"""Smooth rectifiers under `gradient`: the signal times the true slope, taken from what was recorded.

x is the input, y the output. Under the other methods they are rectifiers like any other: `rectifiers.py`.
"""

import math

import onnx_ir as ir

from inspectnet.graph.values import input_of, number, word
from inspectnet.rules.registry import Backward, rule

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875  # ONNX's defaults


@rule("Elu", when=["rectify=gradient"])
def elu(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where x > 0, times y + alpha elsewhere."""
    x, y = node.inputs[0], node.outputs[0]
    return [op.Where(op.Greater(x, 0.0), top, op.Mul(top, op.Add(y, number(node, "alpha", 1.0))))]


@rule("Selu", when=["rectify=gradient"])
def selu(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times gamma where x > 0, times y + alpha gamma elsewhere."""
    alpha, gamma = number(node, "alpha", SELU_ALPHA), number(node, "gamma", SELU_GAMMA)
    slope = op.Where(op.Greater(node.inputs[0], 0.0), gamma, op.Add(node.outputs[0], alpha * gamma))
    return [op.Mul(top, slope)]


@rule("Celu", when=["rectify=gradient"])
def celu(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal where x > 0, times y / alpha + 1 elsewhere."""
    slope = op.Add(op.Div(node.outputs[0], number(node, "alpha", 1.0)), 1.0)
    return [op.Where(op.Greater(node.inputs[0], 0.0), top, op.Mul(top, slope))]


@rule("Softplus", when=["rectify=gradient"])
def softplus(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times sigmoid(x)."""
    return [op.Mul(top, op.Sigmoid(node.inputs[0]))]


@rule("HardSwish", when=["rectify=gradient"])
def hard_swish(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times x / 3 + 1/2 between -3 and 3, nothing below, the signal above."""
    x = input_of(node)
    within = op.Mul(top, op.Add(op.Div(x, 3.0), 0.5))
    return [op.Where(op.Greater(x, -3.0), op.Where(op.Less(x, 3.0), within, top), 0.0)]


@rule("Swish", when=["rectify=gradient"])
def swish(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times s + alpha x s (1 - s), with s = sigmoid(alpha x)."""
    x = op.Mul(node.inputs[0], number(node, "alpha", 1.0))
    s = op.Sigmoid(x)
    return [op.Mul(top, op.Add(s, op.Mul(op.Mul(x, s), op.Sub(1.0, s))))]


@rule("Mish", when=["rectify=gradient"])
def mish(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times t + x sigmoid(x) (1 - t^2), with t = tanh(softplus(x))."""
    x = input_of(node)
    t = op.Tanh(op.Softplus(x))
    return [op.Mul(top, op.Add(t, op.Mul(op.Mul(x, op.Sigmoid(x)), op.Sub(1.0, op.Mul(t, t)))))]


@rule("Gelu", when=["rectify=gradient"])
def gelu(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal times P(x) + x P'(x), with P the normal distribution, or its approximation by tanh."""
    x = input_of(node)
    share, density = (_by_tanh if word(node, "approximate", "none") == "tanh" else _by_erf)(op, x)
    return [op.Mul(top, op.Add(share, op.Mul(x, density)))]


def _by_erf(op: Backward, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """(1 + erf(x / sqrt 2)) / 2 and its derivative, the normal density."""
    share = op.Mul(op.Add(op.Erf(op.Mul(x, math.sqrt(0.5))), 1.0), 0.5)
    return share, op.Mul(op.Exp(op.Mul(op.Mul(x, x), -0.5)), 1 / math.sqrt(2 * math.pi))


def _by_tanh(op: Backward, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """(1 + tanh u) / 2 and its derivative, with u = sqrt(2 / pi) (x + 0.044715 x^3)."""
    scale, square = math.sqrt(2 / math.pi), op.Mul(x, x)
    t = op.Tanh(op.Mul(op.Mul(x, scale), op.Add(op.Mul(square, 0.044715), 1.0)))
    inner = op.Mul(op.Add(op.Mul(square, 3 * 0.044715), 1.0), scale / 2)
    return op.Mul(op.Add(t, 1.0), 0.5), op.Mul(op.Sub(1.0, op.Mul(t, t)), inner)
