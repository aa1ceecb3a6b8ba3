"""Sampling at places that are no pixels': each value returns to the pixels between which it was taken."""

import itertools
import math

import onnx_ir as ir

from inspectnet.graph.values import extents_of, input_of, inputs_of, integer, word
from inspectnet.rules.registry import HELD, Backward, Bottoms, refuse, rule

Corner = tuple[ir.Value, ir.Value | float]  # a row or column, and its share


@rule("GridSample", when=["state=held"])
def grid_sample(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """Each value goes, by their shares, to the pixels between which it was taken; the places are held fixed."""
    x, grid = inputs_of(node)
    extents = extents_of(x, 2)
    pixels = op.Expand(0.0, op.Concat(op.Shape(top, end=2), [math.prod(extents)], axis=0))
    for corner in itertools.product(*(_corners(op, node, axis) for axis in range(len(extents)))):
        inside, share, place = None, None, None
        for (at, part), extent in zip(corner, extents, strict=True):
            within, index = _within(op, at, extent), _clipped(op, at, extent)
            inside = within if inside is None else op.And(inside, within)
            share = part if share is None else op.Mul(share, part)
            place = index if place is None else op.Add(op.Mul(place, float(extent)), index)
        share = op.Unsqueeze(op.Where(inside, share, 0.0), [1])
        places = op.Expand(op.Unsqueeze(op.Cast(place, to=ir.DataType.INT64), [1]), op.Shape(top))
        flat = [op.Reshape(value, [0, 0, -1]) for value in (places, op.Mul(top, share))]
        pixels = op.ScatterElements(pixels, *flat, axis=2, reduction="add")
    bottom = op.Reshape(pixels, [0, 0, *extents])
    return [bottom if x in op.alive else None, HELD if grid in op.alive else None]


@rule("GridSample", when=["state=gradient"])
def grid_sample_at_fixed_places(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """Each value goes, by their shares, to the pixels between which it was taken, which the image may not decide."""
    if node.inputs[1] in op.alive:
        raise refuse(node, "where it looks depends on the image")
    return grid_sample(op, node, top)


def _corners(op: Backward, node: ir.Node, axis: int) -> list[Corner]:
    """The places along an axis (rows, columns) between which each value was taken, (N, H', W'), with their shares."""
    mode, beyond = word(node, "mode", "linear"), word(node, "padding_mode", "zeros")
    extents = extents_of(input_of(node), 2)
    extent = extents[axis]
    if mode not in ("linear", "bilinear", "nearest") or beyond == "reflection":
        raise refuse(node, f"mode {mode}, padding {beyond}")
    reach = op.Add(op.Gather(node.inputs[1], len(extents) - 1 - axis, axis=-1), 1.0)  # 0..2, from edge to edge; x first
    if integer(node, "align_corners", 0):
        at = op.Mul(reach, (extent - 1) / 2)
    else:
        at = op.Sub(op.Mul(reach, extent / 2), 0.5)
    if beyond == "border":
        at = _clipped(op, at, extent)
    if mode == "nearest":
        return [(op.Round(at), 1.0)]
    low = op.Floor(at)
    share = op.Sub(at, low)
    return [(low, op.Sub(1.0, share)), (op.Add(low, 1.0), share)]


def _within(op: Backward, at: ir.Value, extent: int) -> ir.Value:
    return op.Equal(at, _clipped(op, at, extent))


def _clipped(op: Backward, at: ir.Value, extent: int) -> ir.Value:
    return op.Clip(at, 0.0, float(extent - 1))
