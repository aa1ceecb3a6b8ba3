"""Normalisations: what was measured on the way up is held fixed on the way down."""

import onnx_ir as ir

from inspectnet.graph.values import input_of, inputs_of, integer, number, rank_of
from inspectnet.rules.registry import Backward, refuse, rule


@rule("BatchNormalization")
def batch_norm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times gamma / sqrt(var + eps) of its channel."""
    if integer(node, "training_mode"):
        raise refuse(node, "it is in training mode, where each batch has statistics of its own")
    x, gamma, _, _, var = inputs_of(node)
    factor = op.Div(gamma, op.Sqrt(op.Add(var, number(node, "epsilon", 1e-5))))
    return [op.Mul(top, op.Reshape(factor, [1, -1, *[1] * (rank_of(x) - 2)])), None, None, None, None]


@rule("LRN", when=["lrn=identity"])
def lrn_identity(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal as it is: no contrast normalisation on the way down (Zeiler & Fergus 2014, sec. 2.1)."""
    return [top]


@rule("LRN", when=["lrn=gradient"])
def lrn_gradient(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The true derivative: y_c = x_c s_c^-beta, with s_c = bias + alpha/size * sum of x_j^2 over neighbours j of c.

    bottom_c = top_c s_c^-beta - 2 alpha beta/size * x_c * sum of top_j x_j s_j^(-beta-1) over j, whose neighbour c is
    """
    x, size = input_of(node), integer(node, "size", 1)
    alpha, beta = number(node, "alpha", 1e-4), number(node, "beta", 0.75)
    below, above = (size - 1) // 2, size // 2
    s = op.Add(
        op.Mul(_mean_over_channels(op, op.Mul(x, x), below, above), alpha),
        number(node, "bias", 1.0),
    )
    direct = op.Mul(top, op.Pow(s, -beta))
    shared = _mean_over_channels(op, op.Mul(op.Mul(top, x), op.Pow(s, -beta - 1)), above, below)
    return [op.Sub(direct, op.Mul(op.Mul(x, shared), 2 * alpha * beta))]


def _mean_over_channels(op: Backward, x: ir.Value, below: int, above: int) -> ir.Value:
    """The sum over the channels c - below .. c + above, divided by their number; channels that do not exist are 0."""
    plane = op.Unsqueeze(op.Reshape(x, [0, 0, -1]), [1])  # (N, 1, C, H W): the channels become a spatial axis
    mean = op.AveragePool(plane, kernel_shape=[below + above + 1, 1], pads=[below, 0, above, 0], count_include_pad=1)
    return op.Reshape(mean, op.Shape(x))
