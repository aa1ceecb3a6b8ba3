"""Cropping: a graph that was settled for one image, made fit for crops of it."""

from fractions import Fraction

import numpy as np
import onnx_ir as ir

from inspectnet.graph.builder import Op
from inspectnet.graph.extents import BATCH
from inspectnet.graph.taps import cuts_of
from inspectnet.graph.values import input_of, known_shape, shape_of

END = (1 << 63) - 1  # behind the last position of any axis; its negative is before the first


def free_extent(graph: ir.Graph) -> None:
    """Let there be any number of images of any height and width: drop the extents that were inferred; in place.

    Only for graphs whose units have receptive fields: nothing in them spells out the batch size.
    """
    op = Op(graph, "crop")
    settled = [node for node in graph if node.inputs[0] is not None and node.inputs[0].shape is not None]
    for node in settled:  # what was written for the way down does for any extent already
        if node.op_type == "Slice":
            _cut_from_both_ends(op, node)
        if node.op_type == "Resize" and len(node.inputs) > 3:
            _resize_by_ratio(op, node)
    graph.sort()
    graph.inputs[0].shape = ir.Shape([BATCH, known_shape(graph.inputs[0])[1], "H", "W"])
    for value in [*graph.outputs, *(value for node in graph for value in node.outputs)]:
        value.shape = None


def _cut_from_both_ends(op: Op, node: ir.Node) -> None:
    """Say where a Slice ends by how much it leaves over: skip[:, :, 4:60] of 64 rows becomes skip[:, :, 4:-4]."""
    cuts, shape = cuts_of(node), shape_of(input_of(node))
    if cuts is None or shape is None:
        return
    starts, ends = [], []
    for axis, cut in cuts.items():
        extent = shape[axis]
        start, end, step = cut.indices(extent) if isinstance(extent, int) else (cut.start, cut.stop, cut.step)
        if isinstance(extent, int) and step > 0:
            end = END if end >= extent else end - extent
        elif isinstance(extent, int):
            start, end = start - extent, -END if end < 0 else end
        starts.append(start)
        ends.append(end)
    said = [np.array(numbers, np.int64) for numbers in (starts, ends, list(cuts), [c.step for c in cuts.values()])]
    node.resize_inputs(5)
    for i, numbers in enumerate(said, 1):
        node.replace_input_with(i, op.constant(numbers))


def _resize_by_ratio(op: Op, node: ir.Node) -> None:
    """Let a Resize to a certain size make any map larger or smaller by the same ratio."""
    up, down = [], []
    for below, above in zip(*(shape_of(x) or () for x in (input_of(node), node.outputs[0])), strict=True):
        ratio = Fraction(above, below) if isinstance(below, int) and isinstance(above, int) else Fraction(1)
        up.append(ratio.numerator)
        down.append(ratio.denominator)
    node.attributes.pop("axes", None)
    node.replace_input_with(3, op.Div(op.Mul(op.Shape(node.inputs[0]), up), down))
