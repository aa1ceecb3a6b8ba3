"""Receptive fields: which pixels a unit sees, for every layer of any graph without loops.

Per axis a field is three numbers: unit i sees the pixels [start + i * jump, start + i * jump + size).
The start is negative where padding is seen. Where paths join, the field is the hull of theirs.
(Zeiler & Fergus 2014, sec. 4.1, cut their image patches this way without giving a formula.)
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from inspectnet.graph.axes import RESHAPING, axes_of, reduced_axes, regrouped
from inspectnet.graph.values import constant_of, integer, live_values, shape_of, word
from inspectnet.graph.window import Window

Number = int | Fraction


@dataclass(frozen=True)
class Axis:
    """A receptive field along one axis, in pixels."""

    size: Number
    jump: Number
    start: Number
    grid: int
    """A crop of the image is aligned with every map on the way if it starts at a multiple of this."""

    def span(self, position: int) -> tuple[int, int]:
        """The pixels [first, last + 1) that the unit at `position` sees; they may lie outside the image."""
        first = self.start + position * self.jump
        return math.floor(first), math.ceil(first + self.size)

    @property
    def phases(self) -> int:
        """After how many units their places on the grid repeat; 1 where each lies on it alike."""
        return (Fraction(self.grid) / self.jump).numerator

    def crop(self, extent: int) -> int:
        """The least extent of a crop that holds any one unit's field and is aligned at both ends."""
        needed = max(end - first // self.grid * self.grid for first, end in map(self.span, range(self.phases)))
        missing = (extent - needed) % self.grid
        return min(extent, needed + missing)

    def crop_start(self, position: int, extent: int) -> int:
        """Where the crop for the unit at `position` begins: aligned, inside the image, holding the unit's field."""
        aligned = self.span(position)[0] // self.grid * self.grid
        return max(0, min(aligned, extent - self.crop(extent)))


Field = tuple[Axis, Axis]  # height, width; None in its place means the whole image
Step = tuple[Axis, int, int, int]  # along one axis: the field below, the window's reach, its stride, its pad

POINTWISE = frozenset(
    "Relu LeakyRelu Clip Elu Selu Celu PRelu ThresholdedRelu Softplus Softsign Gelu HardSwish HardSigmoid Mish Swish"
    " Sigmoid Tanh Exp Log Sqrt Abs Neg Pow Erf Reciprocal Add Sub Sum Mean Mul Div Max Min Dropout Identity Cast"
    " Round Floor Ceil Sign QuantizeLinear DequantizeLinear".split()
)
WINDOWED = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool"})
RESAMPLING = frozenset({"Resize", "DepthToSpace", "SpaceToDepth"})
ALIGNED = frozenset(
    {"Add", "Sub", "Sum", "Mean", "Mul", "Div", "Max", "Min", "Pow", "PRelu", "Concat"}
)  # inputs, place by place
ALONG_CHANNELS = frozenset({"Concat", "Split", "Softmax", "LogSoftmax", "Gather"})
ONE = Axis(1, 1, 0, 1)


def receptive_fields(graph: ir.Graph) -> dict[ir.Value, Field | None]:
    """The field of each live value; None where a unit sees the whole image, or where its place is not known."""
    alive, axes = live_values(graph), axes_of(graph)
    fields: dict[ir.Value, Field | None] = {graph.inputs[0]: (ONE, ONE)}
    for node in graph:
        live = [x for x in node.inputs if x is not None and x in alive]
        if live and node.outputs[0] in alive:
            letters = axes[node.outputs[0]]
            placed = all(axes[x].count(c) == letters.count(c) == 1 for x in live for c in "HW")
            below = _union([fields[x] for x in live]) if placed else None
            field = (
                None if below is None or _spreads(node, live, letters) else _above(node, below, axes[live[0]], letters)
            )
            if field and _is_fixed_to_places(node, alive, letters):
                field = _uncroppable(field, graph.inputs[0])
            fields.update(dict.fromkeys(node.outputs, field))
    return fields


def _spreads(node: ir.Node, live: list[ir.Value], letters: str) -> bool:
    """Whether one position of an input reaches all positions of the output: broadcasting, weights made of pixels."""
    if node.op_type not in (*POINTWISE, "Concat"):
        return live != [node.inputs[0]]
    shapes = [shape_of(x) or () for x in (*live, node.outputs[0])]
    return len({tuple(_extent(shape, letters, c) for c in "HW") for shape in shapes}) > 1


def _extent(shape: tuple[int | str | None, ...], letters: str, axis: str) -> int | str | None:
    """How far `shape`, aligned with `letters` at the end, reaches along an axis; 1 if it has no such axis."""
    at = letters.index(axis) - len(letters)
    return shape[at] if len(shape) >= -at else 1


def _is_fixed_to_places(node: ir.Node, alive: set[ir.Value], letters: str) -> bool:
    """Whether a constant of `node` is for one extent of the map: the mean image that the paper subtracts, a shape."""
    constants = [x for x in node.inputs if x is not None and x not in alive]
    if node.op_type in RESHAPING:
        return node.op_type == "Reshape" and not _copies_places(node, letters)
    if node.op_type == "Resize":
        return len(node.inputs) > 3 and node.inputs[3] in constants
    return node.op_type in ALIGNED and any(
        _extent(shape_of(x) or (), letters, axis) != 1 for x in constants for axis in "HW"
    )


def _copies_places(node: ir.Node, letters: str) -> bool:
    """Whether a Reshape takes the map's extents from its input, so that it would do for a crop."""
    target = constant_of(node.inputs[1])
    return target is not None and all(target[letters.index(c)] <= 0 for c in "HW")


def _uncroppable(field: Field, image: ir.Value) -> Field:
    """The same field on the raster of the whole image, on which it alone is aligned."""
    extents = list(image.shape)[2:]
    return tuple(replace(a, grid=math.lcm(a.grid, n)) for a, n in zip(field, extents, strict=True))  # type: ignore[return-value]


def _above(node: ir.Node, below: Field, axes: str, letters: str) -> Field | None:
    """The field of what `node` makes, with the axes `letters`, of values that have the field `below` and `axes`."""
    if node.op_type in POINTWISE or node.op_type == "Transpose" or _stays_in_place(node, axes):
        return below
    if node.op_type == "Pad":
        return _pad(node, below, letters)
    if letters != "NCHW" or axes != "NCHW":
        return None
    if node.op_type in WINDOWED:
        window = Window(node)
        steps = list(zip(below, window.reach, window.strides, window.begin, strict=True))
        return _deconvolve(steps) if node.op_type == "ConvTranspose" else _convolve(steps)
    return _resample(node, below) if node.op_type in RESAMPLING else None


def _stays_in_place(node: ir.Node, axes: str) -> bool:
    """Whether `node` mixes channels only, or moves them, each place by itself."""
    if node.op_type in RESHAPING:
        below, above = (shape_of(x) or () for x in (node.inputs[0], node.outputs[0]))
        return set("HW") <= set(regrouped(axes, below, above))
    return set(_mixed(node, axes)) == {"C"}


def _mixed(node: ir.Node, axes: str) -> str:
    """The letters of the axes that `node` mixes or moves, of `axes`; empty if that is not known."""
    if node.op_type in ("BatchNormalization", "LRN"):
        return axes[1]
    if node.op_type == "LayerNormalization":
        return axes[integer(node, "axis", -1) :]
    if node.op_type in ALONG_CHANNELS:
        return axes[integer(node, "axis", -1 if node.op_type.endswith("Softmax") else 0)]
    if node.op_type == "MatMul":
        return axes[-1] if len(shape_of(node.inputs[1]) or ()) == 2 else ""
    if node.op_type.startswith("Reduce"):
        return "".join(axes[i] for i in reduced_axes(node))
    cut = constant_of(node.inputs[3]) if node.op_type == "Slice" and len(node.inputs) > 3 else None
    return "" if cut is None else "".join(axes[i] for i in cut)


def _convolve(steps: list[Step]) -> Field:
    return tuple(  # type: ignore[return-value]
        Axis(
            a.size + (reach - 1) * a.jump,
            a.jump * s,
            a.start - pad * a.jump,
            math.lcm(a.grid, Fraction(a.jump * s).numerator),
        )
        for a, reach, s, pad in steps
    )


def _deconvolve(steps: list[Step]) -> Field:
    """Output o hears of the inputs from (o + pad - reach + 1) / s to (o + pad) / s: a hull, exact for s = 1."""
    return tuple(  # type: ignore[return-value]
        Axis(
            a.size + Fraction(reach - 1, s) * a.jump,
            _whole(Fraction(a.jump) / s),
            a.start + Fraction(pad - reach + 1, s) * a.jump,
            a.grid,
        )
        for a, reach, s, pad in steps
    )


def _resample(node: ir.Node, below: Field) -> Field | None:
    """Squares of s x s positions become channels of one, or one position a square of them."""
    if node.op_type == "Resize":
        factors = _whole_factors(node)
        return None if factors is None else _deconvolve([(a, s, s, 0) for a, s in zip(below, factors, strict=True)])
    side = integer(node, "blocksize")
    resampled = _convolve if node.op_type == "SpaceToDepth" else _deconvolve
    return resampled([(a, side, side, 0) for a in below])


def _whole_factors(node: ir.Node) -> tuple[int, ...] | None:
    """By how much a Resize repeats each row and column; None if it does anything else."""
    small, large = shape_of(node.inputs[0]) or (), shape_of(node.outputs[0]) or ()
    how = (word(node, "coordinate_transformation_mode", "half_pixel"), word(node, "nearest_mode", "round_prefer_floor"))
    repeats = how == ("asymmetric", "floor") or (how[0].endswith("half_pixel") and how[1].startswith("round_prefer"))
    said = constant_of(node.inputs[2]) if len(node.inputs) > 2 else None
    by_size = [Fraction(m, n) for n, m in zip(small[1:], large[1:], strict=True)]  # type: ignore[arg-type]
    factors = by_size if said is None or not said.size else [Fraction(float(f)) for f in said[-3:]]
    whole = repeats and factors == by_size and factors[0] == 1 and all(f.denominator == 1 for f in factors)
    return tuple(int(f) for f in factors[1:]) if whole and word(node, "mode", "nearest") == "nearest" else None


def _pad(node: ir.Node, below: Field, letters: str) -> Field | None:
    pads, axes = constant_of(node.inputs[1]), constant_of(node.inputs[3]) if len(node.inputs) > 3 else None
    if word(node, "mode", "constant") != "constant" or pads is None or axes is not None:
        return None
    begin = [int(np.asarray(pads).reshape(2, -1)[0, letters.index(c)]) for c in "HW"]
    return tuple(  # type: ignore[return-value]
        Axis(a.size, a.jump, a.start - b * a.jump, a.grid) for a, b in zip(below, begin, strict=True)
    )


def _union(fields: list[Field | None]) -> Field | None:
    """The hull of several fields; None if one is the whole image or their units do not lie on one raster."""
    known = [f for f in fields if f is not None]
    if len(known) < len(fields) or any(a.jump != b.jump for f in known for a, b in zip(f, known[0], strict=True)):
        return None
    return tuple(_hull(axis) for axis in zip(*known, strict=True))  # type: ignore[return-value]


def _hull(axes: tuple[Axis, ...]) -> Axis:
    start = min(a.start for a in axes)
    end = max(a.start + a.size for a in axes)
    return Axis(end - start, axes[0].jump, start, math.lcm(*(a.grid for a in axes)))


def _whole(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number
