"""Passages: how a change at some places of an image passes through each operator, and where it reaches all places."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from inspectnet.graph.fields import is_fixed_to_places, moves_of
from inspectnet.graph.operators import REGROUPING
from inspectnet.graph.taps import Taps, cuts_of, widths_of
from inspectnet.graph.values import constant_of, inner_nodes, integer, optional_input, word
from inspectnet.graph.window import Window
from inspectnet.incremental.reach import Reach


@dataclass(frozen=True)
class Passage:
    """How a window of an operator's output is made of windows of its live inputs."""

    reach: tuple[Reach, Reach] = (Reach(), Reach())
    """Along height and width."""
    empty: float = 0.0
    """What is read where the input has no places: 0, or -inf."""

    @property
    def in_place(self) -> bool:
        """Whether each place is made of the same place."""
        return self == Passage()


def passage_of(node: ir.Node, value: ir.Value, live: list[ir.Value], axes: Mapping[ir.Value, str]) -> Passage | None:
    """The passage through `node` to its `value`; None where a change anywhere may reach all places.

    live: the inputs that depend on the image; axes: the letters of each live value, N first.
    """
    values = [*live, value]
    if any(not axes[x].startswith("N") or x.type != ir.TensorType(ir.DataType.FLOAT) for x in values):
        return None
    if any(x is not None and x not in live and constant_of(x) is None for x in node.inputs) or inner_nodes(node):
        return None
    moves = moves_of(node, value, live, axes)
    if moves is None or (node.op_type not in REGROUPING and is_fixed_to_places(node, set(live), axes[value])):
        return None
    if not moves or _leaves_places(node, axes[value]):
        return Passage()
    known = node.op_type in PASSAGES and axes[value] == "NCHW"
    return PASSAGES[node.op_type](node, moves) if known else None


def _leaves_places(node: ir.Node, letters: str) -> bool:
    """Whether a Slice or Pad takes or adds maps only."""
    if node.op_type == "Slice":
        return {letters[axis] for axis in cuts_of(node) or {}} == {"C"}
    if node.op_type == "Pad" and not optional_input(
        node, 3
    ):  # onnxruntime loses which axes, where it moves a Transpose
        return all(widths_of(node, axis) == (0, 0) for axis, letter in enumerate(letters) if letter != "C")
    return False


def _window(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage | None:
    window = Window(node)
    if integer(node, "ceil_mode") or any(x.uses() for x in node.outputs[1:]):
        return None
    axes = zip(window.strides, window.begin, window.reach, strict=True)
    height, width = (Reach(stride, begin, reach) for stride, begin, reach in axes)
    return Passage((height, width), -math.inf if node.op_type == "MaxPool" else 0.0)


def _transposed_window(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage | None:
    window = Window(node)
    axes = zip(window.strides, window.begin, window.reach, strict=True)
    height, width = (Reach(begin=reach - 1 - begin, size=reach, holes=stride) for stride, begin, reach in axes)
    return Passage((height, width))


def _space_to_depth(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage:
    side = integer(node, "blocksize")
    return Passage((Reach(side, size=side), Reach(side, size=side)))


def _depth_to_space(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage:
    side = integer(node, "blocksize")
    return Passage((Reach(blocks=side), Reach(blocks=side)))


def _moved(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage | None:
    """Where each place is taken from one place, or is empty."""
    if any(taps.source.shape[1] != 1 or not taps.read.all() for taps in moves):
        return None
    height, width = (Reach(moved=tuple(taps.source[:, 0].tolist())) for taps in moves)
    return Passage((height, width))


def _slice(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage | None:
    """A Slice that takes only some of the maps, too, is none."""
    return _moved(node, moves) if all(axis >= 2 for axis in cuts_of(node) or {}) else None


def _pad(node: ir.Node, moves: tuple[Taps, Taps]) -> Passage | None:
    passage, filled = _moved(node, moves), constant_of(optional_input(node, 2))
    empty = 0.0 if filled is None else float(filled.ravel()[0])
    pads_places_only = all(widths_of(node, axis) == (0, 0) for axis in (0, 1))
    if passage is None or not pads_places_only:
        return None
    if word(node, "mode", "constant") != "constant" or empty in (0.0, -math.inf):
        return Passage(passage.reach, empty if word(node, "mode", "constant") == "constant" else 0.0)
    return None


PASSAGES: dict[str, Callable[[ir.Node, tuple[Taps, Taps]], Passage | None]] = {
    "Conv": _window, "MaxPool": _window, "AveragePool": _window, "ConvTranspose": _transposed_window,
    "SpaceToDepth": _space_to_depth, "DepthToSpace": _depth_to_space,
    "Slice": _slice, "Pad": _pad, "Resize": _moved, "Gather": _moved, "Split": _moved,
}  # fmt: skip
"""The operators that move or mix places, and do no more than that to the maps."""


def counts(node: ir.Node, extents: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """By which factors, along height and width, the mean of an AveragePool's window grows where padding counts not.

    extents: of its input. None where padding counts, or there is none.
    """
    window = Window(node)
    if integer(node, "count_include_pad") or not any(window.pads):
        return None
    factors = []
    axes = zip(extents, window.kernel, window.strides, window.begin, window.dilations, window.end, strict=True)
    for extent, kernel, stride, begin, dilation, end in axes:
        above = (extent + begin + end - (kernel - 1) * dilation - 1) // stride + 1
        at = np.arange(above)[:, None] * stride - begin + np.arange(kernel) * dilation
        inside = ((at >= 0) & (at < extent)).sum(axis=1)
        factors.append((kernel / np.maximum(inside, 1)).astype(np.float32))
    return factors[0], factors[1]
