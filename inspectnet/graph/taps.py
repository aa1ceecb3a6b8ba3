"""Taps: along one axis, which positions of its input each position of an operator's output reads."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import onnx_ir as ir

from inspectnet.graph.resampling import resampling
from inspectnet.graph.values import constant_of, input_of, integer, known_shape, optional_input, rank_of, word
from inspectnet.graph.window import Window

MIRRORS: dict[str, Literal["reflect", "edge", "wrap"]] = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
LARGEST = 1 << 22  # taps: what has more along one axis is no image network's


@dataclass(frozen=True)
class Taps:
    """The positions below that each position above reads, along one axis."""

    place: np.ndarray
    """(above, taps): where each tap lies; less than 0 or beyond the end in padding."""
    source: np.ndarray
    """(above, taps): what it reads there, of the positions below; -1 for a constant."""
    read: np.ndarray
    """(above, taps): whether there is such a tap at all."""
    ratio: Fraction
    """How far the taps move from one position to the next; negative where the map is flipped."""
    period: int | None
    """Moved by multiples of this, the map below gives the map above moved in whole; None if it never does."""
    least: int = 1
    """The fewest positions below with which the operator can be computed."""

    @property
    def reach(self) -> tuple[Fraction, Fraction]:
        """The hull of all taps, each taken from where `ratio` puts its position."""
        away = self.place * self.ratio.denominator - np.arange(len(self.place))[:, None] * self.ratio.numerator
        if not self.read.any():
            return Fraction(0), Fraction(0)
        low, high = (int(bound) for bound in (away[self.read].min(), away[self.read].max()))
        return Fraction(low, self.ratio.denominator), Fraction(high, self.ratio.denominator)


def taps_of(node: ir.Node, value: ir.Value, axis: int) -> Taps | None:
    """The taps of `node` along an axis that its first input and its output `value` share; None if they are not told."""
    below, above = (known_shape(x)[axis] for x in (input_of(node), value))
    if node.op_type not in TAPS or not isinstance(below, int) or not isinstance(above, int):
        return None
    if above > LARGEST or below > LARGEST:
        return None
    if node.op_type == "Split":
        return _split(node, value, axis, below, above)
    return TAPS[node.op_type](node, axis, below, above)


def _taps(
    place: np.ndarray, below: int, ratio: Fraction | int, period: int | None, read: np.ndarray | None = None
) -> Taps:
    """Taps that find nothing in padding."""
    source = np.where((place >= 0) & (place < below), place, -1)
    return Taps(place, source, np.ones(place.shape, bool) if read is None else read, Fraction(ratio), period)


def _window(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    window, i = Window(node), axis - 2
    if above * window.kernel[i] > LARGEST:
        return None
    taps = np.arange(window.kernel[i]) * window.dilations[i]
    at = np.arange(above)[:, None] * window.strides[i] - window.begin[i]
    return _taps(at + taps, below, window.strides[i], window.strides[i])


def _transposed_window(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    window, i = Window(node), axis - 2
    if above * window.kernel[i] > LARGEST:
        return None
    at = np.arange(above)[:, None] + window.begin[i] - np.arange(window.kernel[i]) * window.dilations[i]
    stride = window.strides[i]
    return _taps(at // stride, below, Fraction(1, stride), 1, at % stride == 0)


def _space_to_depth(node: ir.Node, axis: int, below: int, above: int) -> Taps:
    side = integer(node, "blocksize")
    return _taps(np.arange(above)[:, None] * side + np.arange(side), below, side, side)


def _depth_to_space(node: ir.Node, axis: int, below: int, above: int) -> Taps:
    side = integer(node, "blocksize")
    return _taps(np.arange(above)[:, None] // side, below, Fraction(1, side), 1)


def _resize(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    how = resampling(node, axis)
    if isinstance(how, str):
        return None
    place = how.first[:, None] + np.arange(how.shares.shape[1])
    ratio = Fraction(below - 1, above - 1) if how.aligns_corners and min(below, above) > 1 else Fraction(below, above)
    source = np.where(how.shares != 0, place.clip(0, below - 1), -1)
    return Taps(place, source, how.read, ratio, how.period, how.least)


def _slice(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    cuts = cuts_of(node)
    if cuts is None:
        return None
    cut = cuts.get(axis, slice(0, below, 1))
    places = np.arange(below)[cut][:, None]
    return _taps(places, below, cut.step, abs(cut.step)) if len(places) == above else None


def cuts_of(node: ir.Node) -> dict[int, slice] | None:
    """What a Slice takes of the axes that it cuts; None if that is computed."""
    constants = [constant_of(x) for x in node.inputs[1:]]
    if any(c is None and x is not None for c, x in zip(constants, node.inputs[1:], strict=True)):
        return None
    starts, ends, axes, steps = (*constants, None, None)[:4]
    if starts is None or ends is None:
        return None
    axes, steps = np.arange(len(starts)) if axes is None else axes, np.ones_like(starts) if steps is None else steps
    cuts = zip(axes.tolist(), starts.tolist(), ends.tolist(), steps.tolist(), strict=True)
    return {axis % rank_of(input_of(node)): slice(start, end, step) for axis, start, end, step in cuts}


def _pad(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    mode, widths = word(node, "mode", "constant"), widths_of(node, axis)
    if widths is None or (mode != "constant" and min(widths) < 0):
        return None
    place = np.arange(above)[:, None] - widths[0]
    if mode == "constant":
        return _taps(place, below, 1, 1)
    if mode not in MIRRORS:
        return None
    source = np.pad(np.arange(below), widths, mode=MIRRORS[mode])[:, None]
    least = {"reflect": max(widths) + 1, "wrap": max(1, *widths)}.get(mode, 1)
    return Taps(place, source, np.ones(place.shape, bool), Fraction(1), 1, least)


def widths_of(node: ir.Node, axis: int) -> tuple[int, int] | None:
    """How much a Pad adds at both ends of an axis; None if that is computed."""
    pads, chosen = constant_of(node.inputs[1]), optional_input(node, 3)
    rank = rank_of(input_of(node))
    axes = range(rank) if chosen is None else constant_of(chosen)
    if pads is None or axes is None:
        return None
    by_axis = dict(zip((int(a) % rank for a in axes), pads.reshape(2, -1).T.tolist(), strict=True))
    begin, end = by_axis.get(axis % rank, (0, 0))
    return begin, end


def _gather(node: ir.Node, axis: int, below: int, above: int) -> Taps | None:
    indices = constant_of(node.inputs[1])
    if integer(node, "axis") % rank_of(input_of(node)) != axis:
        return _taps(np.arange(above)[:, None], below, 1, 1)
    if indices is None or indices.shape != (above,):
        return None
    places = indices.astype(np.int64)[:, None] % below
    ratio = Fraction(int(places[-1, 0] - places[0, 0]), max(1, above - 1))
    return _taps(places, below, ratio or 1, None)


def _split(node: ir.Node, value: ir.Value, axis: int, below: int, above: int) -> Taps | None:
    if integer(node, "axis") % rank_of(input_of(node)) != axis:
        return _taps(np.arange(above)[:, None], below, 1, 1)
    parts = list(node.outputs)[: list(node.outputs).index(value)]
    before = [extent for part in parts if isinstance(extent := known_shape(part)[axis], int)]
    if len(before) < len(parts):
        return None
    return _taps(np.arange(above)[:, None] + sum(before), below, 1, None)


TAPS: dict[str, Callable[..., Taps | None]] = {
    "Conv": _window, "MaxPool": _window, "AveragePool": _window, "ConvTranspose": _transposed_window,
    "SpaceToDepth": _space_to_depth, "DepthToSpace": _depth_to_space, "Resize": _resize,
    "Slice": _slice, "Pad": _pad, "Gather": _gather, "Split": _split,
}  # fmt: skip
"""The operators that move or mix places, each axis by itself."""
