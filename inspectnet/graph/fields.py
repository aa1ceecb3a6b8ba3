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

POINTWISE = frozenset(
    "Relu LeakyRelu Clip Elu Selu Celu PRelu ThresholdedRelu Softplus Softsign Gelu HardSwish HardSigmoid Mish Swish"
    " Sigmoid Tanh Exp Log Sqrt Abs Neg Pow Erf Reciprocal Add Sub Sum Mul Div Max Min Dropout Identity Cast"
    " BatchNormalization LRN".split()
)
WINDOWED = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool"})
BROADCASTING = frozenset({"Add", "Sub", "Sum", "Mul", "Div", "Max", "Min", "Pow", "PRelu"})
ALONG_CHANNELS = frozenset({"Concat", "Split", "Softmax"})


def receptive_fields(graph: ir.Graph) -> dict[ir.Value, Field | None]:
    """The field of each live value; None where a unit sees the whole image, or where its place is not known."""
    one = Axis(1, 1, 0, 1)
    alive = live_values(graph)
    fields: dict[ir.Value, Field | None] = {graph.inputs[0]: (one, one)}
    for node in graph:
        live = [x for x in node.inputs if x is not None and x in alive]
        if live and node.outputs[0] in alive:
            below = _union([fields[x] for x in live])
            field = None if below is None or _spreads(node, live) else _above(node, below)
            if field and _is_fixed_to_places(node, alive):
                field = _uncroppable(field, graph.inputs[0])
            fields.update(dict.fromkeys(node.outputs, field))
    return fields


def _spreads(node: ir.Node, live: list[ir.Value]) -> bool:
    """Whether one position of an input reaches all positions of the output: broadcasting, weights made of pixels."""
    if node.op_type not in POINTWISE:
        return node.op_type in WINDOWED and len(live) > 1
    shapes = [shape_of(x) for x in (*live, node.outputs[0])]
    return len({shape[-2:] for shape in shapes if shape}) > 1


def _is_fixed_to_places(node: ir.Node, alive: set[ir.Value]) -> bool:
    """Whether a constant of `node` has one number for each place, such as the mean image that the paper subtracts."""
    constants = [shape_of(x) or () for x in node.inputs if x is not None and x not in alive]
    return node.op_type in BROADCASTING and any(extent != 1 for shape in constants for extent in shape[-2:])


def _uncroppable(field: Field, image: ir.Value) -> Field:
    """The same field on the raster of the whole image, on which it alone is aligned."""
    extents = list(image.shape)[2:]
    return tuple(replace(a, grid=math.lcm(a.grid, n)) for a, n in zip(field, extents, strict=True))  # type: ignore[return-value]


def _above(node: ir.Node, below: Field) -> Field | None:
    """The field of what `node` makes of values that have the field `below`."""
    shapes = [shape_of(node.inputs[0]), shape_of(node.outputs[0])]
    if any(shape is None or len(shape) != 4 for shape in shapes):
        return None
    if node.op_type in POINTWISE or (node.op_type in ALONG_CHANNELS and integer(node, "axis", 0) in (1, -3)):
        return below
    if node.op_type in WINDOWED:
        return (_deconvolve if node.op_type == "ConvTranspose" else _convolve)(Window(node), below)
    if node.op_type == "Pad":
        return _pad(node, below)
    if node.op_type == "Slice":
        return below if _cuts_channels_only(node) else None
    return None


def _convolve(window: Window, below: Field) -> Field:
    axes = zip(below, window.reach, window.strides, window.begin, strict=True)
    return tuple(  # type: ignore[return-value]
        Axis(
            a.size + (reach - 1) * a.jump,
            a.jump * s,
            a.start - pad * a.jump,
            math.lcm(a.grid, Fraction(a.jump * s).numerator),
        )
        for a, reach, s, pad in axes
    )


def _deconvolve(window: Window, below: Field) -> Field:
    """Output o hears of the inputs from (o + pad - reach + 1) / s to (o + pad) / s: a hull, exact for s = 1."""
    axes = zip(below, window.reach, window.strides, window.begin, strict=True)
    return tuple(  # type: ignore[return-value]
        Axis(
            a.size + Fraction(reach - 1, s) * a.jump,
            _whole(Fraction(a.jump) / s),
            a.start + Fraction(pad - reach + 1, s) * a.jump,
            a.grid,
        )
        for a, reach, s, pad in axes
    )


def _pad(node: ir.Node, below: Field) -> Field | None:
    pads, axes = constant_of(node.inputs[1]), constant_of(node.inputs[3]) if len(node.inputs) > 3 else None
    if word(node, "mode", "constant") != "constant" or pads is None or axes is not None:
        return None
    begin = np.asarray(pads).reshape(2, -1)[0, -2:]
    return tuple(  # type: ignore[return-value]
        Axis(a.size, a.jump, a.start - int(b) * a.jump, a.grid) for a, b in zip(below, begin, strict=True)
    )


def _cuts_channels_only(node: ir.Node) -> bool:
    axes = constant_of(node.inputs[3]) if len(node.inputs) > 3 else None
    return axes is not None and axes.tolist() in ([1], [-3])


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
