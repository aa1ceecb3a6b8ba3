"""Window: the geometry of a convolution or pool, one axis beside the other; said in one way, explicit pads."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.builder import add_initializer
from inspectnet.graph.values import describe, extents_of, graph_of, input_of, integer, ints, rank_of, shape_of, word


class Window:
    """Kernel, strides, pads and dilations of one node, defaults filled in; automatic padding was made explicit."""

    def __init__(self, node: ir.Node) -> None:
        rank = rank_of(input_of(node)) - 2
        self.kernel = ints(node, "kernel_shape") or _kernel_of_filters(node)
        self.strides = ints(node, "strides", (1,) * rank)
        self.dilations = ints(node, "dilations", (1,) * rank)
        pads = ints(node, "pads", (0,) * (2 * rank))
        self.begin, self.end = pads[:rank], pads[rank:]
        self._bottom, self._top = input_of(node), node.outputs[0]

    @property
    def _extents(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return extents_of(self._bottom, 2), extents_of(self._top, 2)

    @property
    def pads(self) -> list[int]:
        """All pads as ONNX writes them: the begins, then the ends."""
        return [*self.begin, *self.end]

    @property
    def reach(self) -> tuple[int, ...]:
        """How many positions the window spans per axis, holes of the dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def shortfall(self) -> list[int]:
        """Positions at the far end of the bottom that the transposed window leaves out; negative in ceil mode."""
        axes = zip(*self._extents, self.strides, self.reach, self.begin, self.end, strict=True)
        return [n - ((m - 1) * s + r - b - e) for n, m, s, r, b, e in axes]

    @property
    def overhang(self) -> list[int]:
        """Positions by which the last window of a ceil-mode pool sticks out beyond the padding."""
        return [max(0, -s) for s in self.shortfall]


def explicit_pads(node: ir.Node) -> bool:
    """Write out what `auto_pad`, `output_shape` and `ceil_mode` mean for the shapes at hand, in place; whether needed.

    A crop is then padded like the whole image; and ceil mode, whose extent ONNX and its runtimes have counted
    differently over the years, is gone where pads can say the same.
    """
    if shape_of(input_of(node)) is None or shape_of(node.outputs[0]) is None:
        return False
    mode = word(node, "auto_pad", "NOTSET")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise ModelError(f"{describe(node)} has the unknown padding '{mode}'. Export the model again.")
    automatic, sized = mode != "NOTSET", bool(ints(node, "output_shape"))
    if automatic or sized:
        for name in ("auto_pad", "pads", "output_shape"):
            node.attributes.pop(name, None)
        window = Window(node)
        if sized:
            _pad_to_size(node, window)
        total = _same_totals(node, window) if mode != "VALID" or sized else [0] * len(window.kernel)
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = [*small, *large] if mode == "SAME_UPPER" else [*large, *small]
        node.attributes.add(ir.AttrInt64s("pads", pads))
    return _ceil_as_pads(node) if integer(node, "ceil_mode", 0) else automatic or sized


def _ceil_as_pads(node: ir.Node) -> bool:
    """Replace ceil mode by padding at the end; a last window that begins in the padding does not count."""
    window, extra = Window(node), []
    extents = extents_of(input_of(node), 2)
    for n, s, r, b, e in zip(extents, window.strides, window.reach, window.begin, window.end, strict=True):
        steps = math.ceil((n + b + e - r) / s)
        steps -= steps * s >= n + b
        extra.append(max(0, steps * s + r - n - b - e))
    counts = any(extra) and bool(integer(node, "count_include_pad"))
    begin, end = window.begin, tuple(e + x for e, x in zip(window.end, extra, strict=True))
    if counts and any(window.pads):  # padding counts in the mean, but not what is beyond it
        _pad_before(node, window.pads, 0.0)
        begin, end = (0,) * len(extra), tuple(extra)
    elif node.op_type == "MaxPool" and not _are_pads(end, window):
        _pad_before(node, [*(0 for _ in extra), *extra], -math.inf)
        end = window.end
    if not _are_pads(end, window):
        return False
    node.attributes.add(ir.AttrInt64s("pads", [*begin, *end]))
    node.attributes.add(ir.AttrInt64("ceil_mode", 0))
    if counts:
        node.attributes.add(ir.AttrInt64("count_include_pad", 0))
    return True


def _are_pads(widths: Sequence[int], window: Window) -> bool:
    """Whether a pool may have such pads: less than its kernel, which one with dilation exceeds."""
    return all(width < k for width, k in zip(widths, window.kernel, strict=True))


def _pad_before(node: ir.Node, pads: Sequence[int], number: float) -> None:
    """Let a pool read its map from behind a Pad of its own."""
    x, name, rank = input_of(node), f"{node.outputs[0].name}/padded", len(pads) // 2
    widths = np.array([0, 0, *pads[:rank], 0, 0, *pads[rank:]], np.int64)
    constants = [
        add_initializer(graph_of(node), f"{name}/{key}", array)
        for key, array in (("pads", widths), ("value", np.array(number, np.float32)))
    ]
    pad = ir.Node("", "Pad", [x, *constants], attributes=[ir.AttrString("mode", "constant")], name=name)
    pad.outputs[0].name, pad.outputs[0].type = name, x.type
    graph_of(node).insert_before(node, pad)
    node.replace_input_with(0, pad.outputs[0])


def _pad_to_size(node: ir.Node, window: Window) -> None:
    """Let a transposed convolution, whose output was said to be larger than the filters reach, end in empty places."""
    axes = zip(extents_of(input_of(node), 2), extents_of(node.outputs[0], 2), window.strides, window.reach, strict=True)
    extra = ints(node, "output_padding", (0,) * len(window.kernel))
    wanted = [max(x, m - (n - 1) * s - r) for x, (n, m, s, r) in zip(extra, axes, strict=True)]
    node.attributes.add(ir.AttrInt64s("output_padding", wanted))


def _same_totals(node: ir.Node, window: Window) -> list[int]:
    """The padding per axis for which a transposed convolution has the extents it has, others ceil(input / stride)."""
    bottom, top = extents_of(input_of(node), 2), extents_of(node.outputs[0], 2)
    if node.op_type == "ConvTranspose":
        extra = ints(node, "output_padding", (0,) * len(window.kernel))
        axes = zip(bottom, top, window.strides, window.reach, extra, strict=True)
        return [max(0, (n - 1) * s + r + x - m) for n, m, s, r, x in axes]
    axes2 = zip(bottom, window.strides, window.reach, strict=True)
    return [max(0, (math.ceil(n / s) - 1) * s + r - n) for n, s, r in axes2]


def _kernel_of_filters(node: ir.Node) -> tuple[int, ...]:
    return extents_of(input_of(node, 1), 2)
