"""Normalisation by statistics of the image itself: held fixed, but for the method gradient.

y = gamma u + beta with u = (x - mean) / sigma, over the places of a map (InstanceNormalization), of a group of maps
(GroupNormalization), or over the last axes (LayerNormalization). With g = gamma * top, statistics that are held give
g / sigma; the true derivative is (g - mean(g) - u mean(g u)) / sigma.
"""

from collections.abc import Callable

import onnx_ir as ir

from inspectnet.graph.values import input_of, inputs_of, integer, ints, number, rank_of
from inspectnet.rules.broadcasting import divided
from inspectnet.rules.registry import Backward, rule

Back = Callable[[Backward, ir.Value, ir.Value, list[int], float], ir.Value]


def hold(op: Backward, x: ir.Value, g: ir.Value, axes: list[int], epsilon: float) -> ir.Value:
    """g / sigma."""
    return op.Div(g, _unit_and_sigma(op, x, axes, epsilon)[1])


def differentiate(op: Backward, x: ir.Value, g: ir.Value, axes: list[int], epsilon: float) -> ir.Value:
    """(g - mean(g) - u mean(g u)) / sigma."""
    unit, sigma = _unit_and_sigma(op, x, axes, epsilon)
    along = op.Mul(unit, op.ReduceMean(op.Mul(g, unit), axes, keepdims=1))
    return op.Div(op.Sub(op.Sub(g, op.ReduceMean(g, axes, keepdims=1)), along), sigma)


@rule("InstanceNormalization", when=["state=held"])
def instance_norm_held(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times gamma and the recorded 1 / sigma of its map."""
    return _instance(op, node, top, hold)


@rule("InstanceNormalization", when=["state=gradient"])
def instance_norm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The true derivative, through mean and sigma of each map."""
    return _instance(op, node, top, differentiate)


@rule("GroupNormalization", when=["state=held"])
def group_norm_held(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times gamma and the recorded 1 / sigma of its group of maps."""
    return _group(op, node, top, hold)


@rule("GroupNormalization", when=["state=gradient"])
def group_norm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The true derivative, through mean and sigma of each group of maps."""
    return _group(op, node, top, differentiate)


@rule("LayerNormalization", when=["state=held"])
def layer_norm_held(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times gamma and the recorded 1 / sigma over the last axes."""
    return _layer(op, node, top, hold)


@rule("LayerNormalization", when=["state=gradient"])
def layer_norm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The true derivative, through mean and sigma over the last axes."""
    return _layer(op, node, top, differentiate)


@rule("MeanVarianceNormalization", when=["state=held"])
def mean_variance_held(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times the recorded 1 / sigma."""
    return [hold(op, input_of(node), top, list(ints(node, "axes", (0, 2, 3))), 0.0)]


@rule("MeanVarianceNormalization", when=["state=gradient"])
def mean_variance(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The true derivative, through mean and sigma."""
    return [differentiate(op, input_of(node), top, list(ints(node, "axes", (0, 2, 3))), 0.0)]


@rule("LpNormalization", when=["state=held"])
def lp_norm_held(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal divided by the recorded norm, nothing where that is 0."""
    return [divided(op, top, _norm(op, node)[0])]


@rule("LpNormalization", when=["state=gradient"])
def lp_norm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The true derivative: the signal less y' sum(top y), divided by the norm; y' is y, or the sign of x for p = 1."""
    norm, direction, axis = _norm(op, node)
    along = op.ReduceSum(op.Mul(top, node.outputs[0]), [axis], keepdims=1)
    return [divided(op, op.Sub(top, op.Mul(direction, along)), norm)]


def _instance(op: Backward, node: ir.Node, top: ir.Value, back: Back) -> list[ir.Value | None]:
    x, gamma, _ = inputs_of(node)
    g = op.Mul(top, _per_channel(op, gamma, x))
    return [back(op, x, g, list(range(2, rank_of(x))), number(node, "epsilon", 1e-5)), None, None]


def _group(op: Backward, node: ir.Node, top: ir.Value, back: Back) -> list[ir.Value | None]:
    x, gamma, _ = inputs_of(node)
    rows = [0, integer(node, "num_groups", 1), -1]
    g = op.Reshape(op.Mul(top, _per_channel(op, gamma, x)), rows)
    bottom = back(op, op.Reshape(x, rows), g, [2], number(node, "epsilon", 1e-5))
    return [op.Reshape(bottom, op.shape_like(top, x)), None, None]


def _layer(op: Backward, node: ir.Node, top: ir.Value, back: Back) -> list[ir.Value | None]:
    x, gamma = input_of(node), input_of(node, 1)
    rank = rank_of(x)
    axes = list(range(integer(node, "axis", -1) % rank, rank))
    bottom = back(op, x, op.Mul(top, gamma), axes, number(node, "epsilon", 1e-5))
    return [bottom, None, *([None] * (len(node.inputs) - 2))]


def _unit_and_sigma(op: Backward, x: ir.Value, axes: list[int], epsilon: float) -> tuple[ir.Value, ir.Value]:
    """(x - mean) / sigma, and sigma = sqrt(variance + epsilon)."""
    centred = op.Sub(x, op.ReduceMean(x, axes, keepdims=1))
    sigma = op.Sqrt(op.Add(op.ReduceMean(op.Mul(centred, centred), axes, keepdims=1), epsilon))
    return op.Div(centred, sigma), sigma


def _norm(op: Backward, node: ir.Node) -> tuple[ir.Value, ir.Value, int]:
    """The recorded norm, its slope by x, and the axis along which it was taken."""
    x, axis = input_of(node), integer(node, "axis", -1)
    if integer(node, "p", 2) == 1:
        return op.ReduceL1(x, [axis], keepdims=1), op.Sign(x), axis
    return op.ReduceL2(x, [axis], keepdims=1), node.outputs[0], axis


def _per_channel(op: Backward, numbers: ir.Value, x: ir.Value) -> ir.Value:
    """Numbers (C,) as (C, 1, 1)."""
    return op.Reshape(numbers, [-1, *[1] * (rank_of(x) - 2)])
