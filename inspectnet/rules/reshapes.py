"""Reshapes: the signal takes the way of its tensor back."""

import numpy as np
import onnx_ir as ir

from inspectnet.graph.values import constant_of, ints, word
from inspectnet.rules.registry import Way, refuse, rule


@rule("Identity", "Dropout")
def passes(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal as it is."""
    training = constant_of(node.inputs[2]) if len(node.inputs) > 2 else None
    if training is not None and training.any():
        raise refuse(node, "it is in training mode, where it drops at random")
    return [top, *([None] * (len(node.inputs) - 1))]


@rule("Cast")
def cast(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The signal as it is, in the type of the input."""
    below, above = node.inputs[0].dtype, node.outputs[0].dtype
    if below is None or above is None or not (below.is_floating_point() and above.is_floating_point()):
        raise refuse(node, f"it turns {below} into {above}")
    return [op.Cast(top, to=below.value)]


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal in the shape of the input; the first extent follows from the others."""
    shape = op.Concat([-1], op.Shape(node.inputs[0], start=1), axis=0)
    return [op.Reshape(top, shape), *([None] * (len(node.inputs) - 1))]


@rule("Transpose")
def transpose(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The axes back in their places."""
    perm = ints(node, "perm") or tuple(range(len(node.inputs[0].shape)))[::-1]
    return [op.Transpose(top, perm=np.argsort(perm).tolist())]


@rule("Slice")
def slice_(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal where it was cut out, nothing around it."""
    x, *cuts = node.inputs
    starts, ends, axes, steps = (*(constant_of(c) for c in cuts), None, None)[:4]
    if starts is None or ends is None or any(c is not None and constant_of(c) is None for c in cuts):
        raise refuse(node, "where it cuts depends on the image")
    for i in range(len(starts)):
        axis = i if axes is None else int(axes[i])
        step = 1 if steps is None else int(steps[i])
        top = _put_back(op, top, axis, np.arange(x.shape[axis])[int(starts[i]) : _end(int(ends[i])) : step], x)
    return [top, *([None] * len(cuts))]


@rule("Pad")
def pad(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal without its padding."""
    if word(node, "mode", "constant") != "constant":
        raise refuse(node, f"its mode is {word(node, 'mode')}")
    _, pads, *rest = node.inputs
    axes = [rest[1]] if len(rest) > 1 else []
    return [op.Pad(top, op.Neg(pads), 0.0, *axes), *([None] * (len(node.inputs) - 1))]


def _end(end: int) -> int | None:
    """ONNX says 'before the first' with a huge negative number, where Python's slices say None."""
    return None if end < -(1 << 30) else end


def _put_back(op: Way, top: ir.Value, axis: int, places: np.ndarray, bottom: ir.Value) -> ir.Value:
    """Along `axis`, row i of `top` at `places[i]`, zeros elsewhere: a gather from `top` with a row of zeros added."""
    rank, extent = len(bottom.shape), bottom.shape[axis]
    pads = np.zeros(2 * rank, np.int64)
    pads[rank + axis % rank] = 1
    source = np.full(extent, len(places), np.int64)
    source[places] = np.arange(len(places))
    value: ir.Value = op.Gather(op.Pad(top, pads, 0.0), source, axis=axis)
    return value
