"""What several rules do along the axes of a signal."""

import numpy as np
import onnx_ir as ir

from inspectnet.graph.axes import Extents
from inspectnet.graph.values import input_of, rank_of, shape_of
from inspectnet.rules.registry import Backward, refuse

END = (1 << 63) - 1


def gather_up(
    op: Backward, node: ir.Node, signal: ir.Value, term: ir.Value, stretched: Extents | None = None
) -> ir.Value:
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


def down_axis(op: Backward, node: ir.Node, top: ir.Value, axis: int, shares: np.ndarray, beyond: int = 0) -> ir.Value:
    """The signal through the transposed matrix `shares` (positions above, positions below) along one axis of `node`.

    beyond: how many positions above read beyond the far end of the map. All before them read, in a crop of the map,
    what they read in all of it, so that its matrix is the same without the middle.
    """
    (above, below), rank = shares.shape, rank_of(input_of(node))
    repeats = above // below
    if (
        rank == 4 and axis in (2, 3) and np.array_equal(shares, np.repeat(np.eye(below), repeats, axis=0))
    ):  # holds for crops too
        kernel = [repeats, 1] if axis == 2 else [1, repeats]
        return op.Mul(op.AveragePool(top, kernel_shape=kernel, strides=kernel), float(repeats))
    names = "abcdef"[:rank]
    equation = f"{names},{names[axis]}z->{names.replace(names[axis], 'z')}"
    return op.Einsum(top, _without_middle(op, node, axis, shares.astype(np.float32), beyond), equation=equation)


def _without_middle(op: Backward, node: ir.Node, axis: int, matrix: np.ndarray, beyond: int) -> ir.Value:
    """As many rows and columns as there are: from the near end on, and for the last `beyond` rows from the far end."""
    above, below = (op.Shape(x, start=axis, end=axis + 1) for x in (node.outputs[0], input_of(node)))
    rows = op.Max(op.Sub(above, [beyond]), [0])
    near = op.Slice(matrix, [0, 0], op.Concat(rows, below, axis=0), [0, 1])
    if not beyond:
        return near
    far = op.Slice(matrix, op.Neg(op.Concat(op.Sub(above, rows), below, axis=0)), [END, END], [0, 1])
    return op.Concat(near, far, axis=0)


def divided(op: Backward, top: ir.Value, norm: ir.Value) -> ir.Value:
    """top / norm, a length taken along axes; 0 where that is 0, as torch takes it."""
    return op.Where(op.Equal(norm, 0.0), 0.0, op.Div(top, norm))
