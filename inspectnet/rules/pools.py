"""Pools: maxima return to their switches, means spread evenly."""

import math

import onnx_ir as ir

from inspectnet.graph.values import extent_of, input_of, integer
from inspectnet.graph.window import Window
from inspectnet.rules.registry import Backward, refuse, rule


@rule("MaxPool", when=["unpool=sum"])
def max_pool(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value returns to the switch that won its window; windows that share a switch add up."""
    return [_scatter(op, top, _switches(op, node), input_of(node), "add")]


@rule("MaxPool", when=["unpool=overwrite"])
def max_pool_overwriting(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value returns to the switch that won its window; of windows that share a switch the last one wins."""
    return [_scatter(op, top, _switches(op, node), input_of(node), "none")]


@rule("MaxPool", when=["unpool=centre"])
def max_pool_to_centre(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value goes to the centre of its window (Mahendran & Vedaldi 2016); centres outside the map are lost."""
    kernel = Window(node).kernel
    centre = [
        float(i == sum(k // 2 * math.prod(kernel[a + 1 :]) for a, k in enumerate(kernel)))
        for i in range(math.prod(kernel))
    ]
    return [_lay_over_window(op, node, top, centre)]


@rule("GlobalMaxPool")
def global_max_pool(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value returns to where its map was largest."""
    x = input_of(node)
    flat = op.Reshape(x, [0, 0, -1])
    return [_scatter(op, top, op.ArgMax(flat, axis=2, keepdims=1), x, "add")]


@rule("AveragePool")
def average_pool(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value, divided by the size of its window, goes to every position of the window."""
    kernel = Window(node).kernel
    shares = op.Div(top, _window_sizes(op, node))
    return [_lay_over_window(op, node, shares, [1.0] * math.prod(kernel))]


@rule("GlobalAveragePool")
def global_average_pool(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """Each value, divided by the size of the map, goes to every position."""
    x = input_of(node)
    size = op.Cast(op.ReduceProd(op.Shape(x, start=2), keepdims=0), to=1)
    return [op.Expand(op.Div(top, size), op.shape_like(top, x))]


def _switches(op: Backward, node: ir.Node) -> ir.Value:
    """The pool's Indices (N, C, H', W') as places in their own maps, so that no batch is in them."""
    if len(node.outputs) < 2:
        node.resize_outputs(2)
    indices = node.outputs[1]
    if indices.name is None:
        indices.name, indices.dtype, indices.shape = (
            f"{node.outputs[0].name}/switches",
            ir.DataType.INT64,
            node.outputs[0].shape,
        )
    if integer(node, "storage_order", 0):
        raise refuse(node, "its Indices count along columns")
    return op.Mod(indices, op.ReduceProd(op.Shape(input_of(node), start=2)))


def _scatter(op: Backward, top: ir.Value, switches: ir.Value, bottom: ir.Value, reduction: str) -> ir.Value:
    """A map of bottom's shape that holds `top` at `switches`."""
    area = op.ReduceProd(op.Shape(bottom, start=2))
    blank = op.Expand(0.0, op.Concat(op.Shape(top, end=2), area, axis=0))
    flat = [op.Reshape(x, [0, 0, -1]) for x in (switches, top)]
    filled = op.ScatterElements(blank, *flat, axis=2, reduction=reduction)
    return op.Reshape(filled, op.shape_like(top, bottom))


def _lay_over_window(op: Backward, node: ir.Node, top: ir.Value, kernel: list[float]) -> ir.Value:
    """Each value times `kernel`, laid over its window; overlaps add up."""
    window, channels = Window(node), extent_of(input_of(node), 1)
    ones = op.Expand(op.Reshape(kernel, [1, 1, *window.kernel]), [channels, 1, *window.kernel])
    cropped = [e + max(0, -s) for e, s in zip(window.end, window.shortfall, strict=True)]
    return op.ConvTranspose(
        top, ones, strides=window.strides, pads=[*window.begin, *cropped], dilations=window.dilations, group=channels,
        output_padding=[max(0, s) for s in window.shortfall],
    )  # fmt: skip


def _window_sizes(op: Backward, node: ir.Node) -> ir.Value | float:
    """By how much each value of an average pool was divided: a number, or (1, 1, H', W') where the border differs."""
    window, padded = Window(node), bool(integer(node, "count_include_pad"))
    if not any(window.overhang) and (padded or not any(window.pads)):
        return float(math.prod(window.kernel))
    image = op.Expand(1.0, op.Concat([1, 1], op.Shape(input_of(node), start=2), axis=0))
    beyond = [*([0] * len(window.begin) if padded else window.begin), *window.overhang]
    if padded:
        image = op.Pad(image, [0, 0, *window.begin, 0, 0, *window.end], 1.0)
    else:
        beyond[len(window.begin) :] = [e + o for e, o in zip(window.end, window.overhang, strict=True)]
    ones = op.Expand(1.0, [1, 1, *window.kernel])
    return op.Conv(image, ones, strides=window.strides, dilations=window.dilations, pads=beyond)
