"""Filters: the same weights, transposed. Biases have no part in the way down."""

import onnx_ir as ir

from inspectnet.graph.values import extents_of, input_of, integer, number
from inspectnet.graph.window import Window
from inspectnet.rules.registry import Backward, refuse, rule


@rule("Conv")
def conv(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The same filters, transposed: top (N, K, H', W') -> bottom (N, C, H, W)."""
    filters, window = _fixed(op, node), Window(node)
    group = integer(node, "group", 1)
    pads = [r - 1 - p for r, p in zip(window.reach * 2, window.pads, strict=True)]
    if set(window.strides) == {1} and min(pads) >= 0:  # the kernel of Conv is much faster than ConvTranspose's
        flipped = _flip(op, filters, group)
        return [op.Conv(top, flipped, dilations=window.dilations, group=group, pads=pads)]
    return [
        op.ConvTranspose(
            top, filters, strides=window.strides, pads=window.pads, dilations=window.dilations, group=group,
            output_padding=window.shortfall,
        )
    ]  # fmt: skip


@rule("ConvTranspose")
def conv_transpose(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The same filters as a convolution: top (N, K, H', W') -> bottom (N, C, H, W)."""
    filters, window, group = _fixed(op, node), Window(node), integer(node, "group", 1)
    return [op.Conv(top, filters, strides=window.strides, pads=window.pads, dilations=window.dilations, group=group)]


@rule("Gemm")
def gemm(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The transposed matrix: top (N, K) -> bottom (N, C)."""
    weights, transposed = _fixed(op, node), integer(node, "transB", 0)
    if integer(node, "transA", 0):
        raise refuse(node, "its image side is transposed")
    return [op.Gemm(top, weights, alpha=number(node, "alpha", 1.0), transB=1 - transposed)]


def _fixed(op: Backward, node: ir.Node) -> ir.Value:
    """The weights of `node`, which must not depend on the image."""
    weights = input_of(node, 1)
    if weights in op.alive:
        raise refuse(node, "its weights depend on the image")
    return weights


def _flip(op: Backward, filters: ir.Value, group: int) -> ir.Value:
    """Filters (K, C/g, h, w) as those of the transposed convolution (C, K/g, h, w), turned by 180 degrees."""
    k, c, *kernel = extents_of(filters)
    axes = list(range(2, 2 + len(kernel)))
    if any(extent > 1 for extent in kernel):
        first, last = [-1] * len(axes), [-(1 << 62)] * len(axes)
        filters = op.Slice(filters, first, last, axes, [-1] * len(axes))
    if group == 1:
        return op.Transpose(filters, perm=[1, 0, *axes])
    grouped = op.Reshape(filters, [group, k // group, c, *kernel])
    turned = op.Transpose(grouped, perm=[0, 2, 1, *(a + 1 for a in axes)])
    return op.Reshape(turned, [group * c, k // group, *kernel])
