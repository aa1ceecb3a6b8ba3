"""What several rules do along the axes of a signal."""

import numpy as np
import onnx_ir as ir

from inspectnet.graph.axes import Extents
from inspectnet.graph.values import shape_of
from inspectnet.rules.registry import Way, refuse


def gather_up(op: Way, node: ir.Node, signal: ir.Value, term: ir.Value, stretched: Extents | None = None) -> ir.Value:
    """The signal summed over the axes along which `term` was stretched, to the shape of the output by default."""
    small, large = shape_of(term), stretched or shape_of(node.outputs[0])
    if small is None or large is None:
        raise refuse(node, "its shapes are not known")
    if tuple(small) == tuple(large):
        return signal
    missing = len(large) - len(small)
    if summed := stretched_axes(small, large):
        signal = op.ReduceSum(signal, summed, keepdims=1)
    return op.Squeeze(signal, list(range(missing))) if missing else signal


def stretched_axes(small: Extents, large: Extents) -> list[int]:
    """The axes along which `small` is repeated where it meets `large`."""
    missing = len(large) - len(small)
    return [a for a, n in enumerate(large) if a < missing or (small[a - missing] == 1 and n != 1)]


def down_axis(op: Way, top: ir.Value, rank: int, axis: int, shares: np.ndarray) -> ir.Value:
    """The signal through the transposed matrix `shares` (positions above, positions below) along one axis."""
    above, below = shares.shape
    repeats = above // below
    if (
        rank == 4 and axis in (2, 3) and np.array_equal(shares, np.repeat(np.eye(below), repeats, axis=0))
    ):  # holds for crops too
        kernel = [repeats, 1] if axis == 2 else [1, repeats]
        return op.Mul(op.AveragePool(top, kernel_shape=kernel, strides=kernel), float(repeats))
    names = "abcdef"[:rank]
    equation = f"{names},{names[axis]}z->{names.replace(names[axis], 'z')}"
    return op.Einsum(top, shares.astype(np.float32), equation=equation)


def divided(op: Way, top: ir.Value, norm: ir.Value) -> ir.Value:
    """top / norm, a length taken along axes; 0 where that is 0, as torch takes it."""
    value: ir.Value = op.Where(op.Equal(norm, 0.0), 0.0, op.Div(top, norm))
    return value
