"""Receptive fields: the pixels that a unit depends on, for every value of a graph without loops.

Per axis a field is three numbers: unit i sees the pixels [start + i * jump, start + i * jump + size).
The start is negative where padding is seen. Where paths join, the field is the hull of theirs. How operators move and
mix places along an axis is said in `taps`, what follows from it in `axis_field`; here is which of them do so at all.
(Zeiler & Fergus 2014, sec. 4.1, cut their image patches this way without giving a formula.)
"""

from collections.abc import Mapping

import onnx_ir as ir

from inspectnet.graph import operators as ops
from inspectnet.graph.axes import axes_of, reduced_axes, regrouped
from inspectnet.graph.axis_field import AxisField, join, pixels
from inspectnet.graph.taps import Taps, cuts_of, taps_of
from inspectnet.graph.values import constant_of, extents_of, input_of, integer, live_values, shape_of

ALIGNED = ops.POINTWISE | {"Concat"}  # their inputs meet place by place
IN_PLACE = ops.POINTWISE | ops.ROUNDINGS | {"Transpose"}
OVER_HW = ops.WINDOWS | ops.BLOCKS  # over axes 2 and 3, whatever these are
Moves = tuple[Taps, Taps] | tuple[()]  # along height and width; none where each place stays
Field = tuple[AxisField, AxisField]  # height, width; None in its place means the whole image


def receptive_fields(graph: ir.Graph) -> dict[ir.Value, Field | None]:
    """The field of each live value; None where a unit sees the whole image, or where its place is not known."""
    alive, axes, image = live_values(graph), axes_of(graph), graph.inputs[0]
    height, width = map(pixels, extents_of(image, 2))
    fields: dict[ir.Value, Field | None] = {image: (height, width)}
    for node in graph:
        live = [x for x in node.inputs if x is not None and x in alive]
        for value in node.outputs if live and node.outputs[0] in alive else ():
            moves = moves_of(node, value, live, axes)
            below = None if moves is None else _joined([fields[x] for x in live])
            field = below and _above(below, moves or ())
            if field and is_fixed_to_places(node, alive, axes[value]):
                field = field[0].uncroppable(), field[1].uncroppable()
            fields[value] = field
    return {x: None if field is None or all(axis.is_lost for axis in field) else field for x, field in fields.items()}


def moves_of(node: ir.Node, value: ir.Value, live: list[ir.Value], axes: Mapping[ir.Value, str]) -> Moves | None:
    """How `node` moves or mixes the places of its `live` inputs along height and width on the way to its `value`.

    Taps for both axes, or nothing where each place stays as it is; None where places are lost, or not known.
    """
    letters = axes[value]
    if not all(axes[x].count(c) == letters.count(c) == 1 for x in live for c in "HW") or _reaches_all(
        node, live, letters
    ):
        return None
    below = axes[live[0]]
    if node.op_type in IN_PLACE or _stays_in_place(node, below):
        return ()
    if below != letters or (node.op_type in OVER_HW and below != "NCHW") or _reaches_beyond_places(node, below):
        return None
    height, width = (taps_of(node, value, letters.index(c)) for c in "HW")
    return None if height is None or width is None else (height, width)


def _joined(fields: list[Field | None]) -> Field | None:
    """The hull of several fields; None if one is the whole image."""
    known = [field for field in fields if field is not None]
    return None if len(known) < len(fields) else (join([f[0] for f in known]), join([f[1] for f in known]))


def _reaches_all(node: ir.Node, live: list[ir.Value], letters: str) -> bool:
    """Whether one position of an input reaches all positions of the output: broadcasting, weights made of pixels."""
    if node.op_type not in ALIGNED:
        return live != [node.inputs[0]]
    shapes = [shape_of(x) or () for x in (*live, node.outputs[0])]
    return len({tuple(_extent(shape, letters, c) for c in "HW") for shape in shapes}) > 1


def _extent(shape: tuple[int | str | None, ...], letters: str, axis: str) -> int | str | None:
    """How far `shape`, aligned with `letters` at the end, reaches along an axis; 1 if it has no such axis."""
    at = letters.index(axis) - len(letters)
    return shape[at] if len(shape) >= -at else 1


def is_fixed_to_places(node: ir.Node, alive: set[ir.Value], letters: str) -> bool:
    """Whether a constant of `node` is for one extent of the map: the mean image that the paper subtracts, a shape."""
    constants = [x for x in node.inputs if x is not None and x not in alive]
    if node.op_type in ops.REGROUPING:
        return node.op_type == "Reshape" and not _copies_places(node, letters)
    return node.op_type in ALIGNED and any(
        _extent(shape_of(x) or (), letters, axis) != 1 for x in constants for axis in "HW"
    )


def _copies_places(node: ir.Node, letters: str) -> bool:
    """Whether a Reshape takes the map's extents from its input, so that it would do for a crop."""
    target = constant_of(node.inputs[1])
    return target is not None and all(target[letters.index(c)] <= 0 for c in "HW")


def _above(below: Field, moves: Moves) -> Field:
    """The field of what reads values with the field `below` by those moves."""
    return (below[0].through(moves[0]), below[1].through(moves[1])) if moves else below


def _reaches_beyond_places(node: ir.Node, axes: str) -> bool:
    """Whether an operator that takes places one by one from its map does something to images or channels, too."""
    below, above = (shape_of(x) or () for x in (input_of(node), node.outputs[0]))
    if node.op_type == "Resize":
        changed = {c for n, m, c in zip(below, above, axes, strict=True) if isinstance(m, int) and n != m}
        return not changed <= {"H", "W"}
    cuts = (cuts_of(node) or {}) if node.op_type == "Slice" else {}
    if node.op_type in ("Split", "Gather"):
        cuts = {integer(node, "axis") % len(axes): slice(None)}
    return any(axes[axis] not in "CHW" for axis in cuts)


def _stays_in_place(node: ir.Node, axes: str) -> bool:
    """Whether `node` mixes channels only, or moves them, each place by itself."""
    if node.op_type in ops.REGROUPING:
        below, above = (shape_of(x) or () for x in (input_of(node), node.outputs[0]))
        return set("HW") <= set(regrouped(axes, below, above))
    return set(_mixed(node, axes)) == {"C"}


def _mixed(node: ir.Node, axes: str) -> str:
    """The letters of the axes that `node` mixes or moves, of `axes`; empty if that is not known."""
    if node.op_type in ops.CHANNELWISE:
        return axes[1]
    if node.op_type == "LayerNormalization":
        return axes[integer(node, "axis", -1) :]
    if node.op_type in ops.ALONG | {"Gather"}:
        return axes[integer(node, "axis", 0 if node.op_type in ops.MOVES else -1)]
    if node.op_type == "MatMul":
        return axes[-1] if len(shape_of(input_of(node, 1)) or ()) == 2 else ""
    if node.op_type in ops.REDUCTIONS:
        return "".join(axes[i] for i in reduced_axes(node))
    return ""
