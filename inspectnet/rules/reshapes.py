"""Reshapes: the signal takes the way of its tensor back."""

import numpy as np
import onnx_ir as ir

from inspectnet.graph.operators import INTEGER
from inspectnet.graph.taps import MIRRORS, cuts_of, widths_of
from inspectnet.graph.values import (
    constant_of,
    extent_of,
    input_of,
    inputs_of,
    integer,
    ints,
    known_shape,
    optional_input,
    rank_of,
    word,
)
from inspectnet.rules.broadcasting import END, down_axis, gather_up
from inspectnet.rules.registry import HELD, Backward, Bottoms, Held, refuse, rule


@rule("Identity", "Dropout")
def passes(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal as it is."""
    training = constant_of(optional_input(node, 2))
    if training is not None and training.any():
        raise refuse(node, "it is in training mode, where it drops at random")
    return [top, *([None] * (len(node.inputs) - 1))]


@rule("Cast")
def cast(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal as it is, in the type of the input; a condition that became a mask is held fixed."""
    below, above = input_of(node).dtype, node.outputs[0].dtype
    if below == ir.DataType.BOOL:
        return [HELD]
    if below is None or above is None or not (below.is_floating_point() and above.is_floating_point()):
        maker = input_of(node).producer()
        if maker is not None and maker.op_type in INTEGER:
            raise refuse(
                maker,
                "it adds up integers; the float model has an inverse, or that which quantize_static makes as QDQ",
            )
        raise refuse(node, f"it turns {below} into {above}")
    return [op.Cast(top, to=below.value)]


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal in the shape of the input; the first extent follows from the others."""
    shape = op.Concat([-1], op.Shape(input_of(node), start=1), axis=0)
    return [op.Reshape(top, shape), *([None] * (len(node.inputs) - 1))]


@rule("Transpose")
def transpose(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The axes back in their places."""
    perm = ints(node, "perm") or tuple(range(rank_of(input_of(node))))[::-1]
    return [op.Transpose(top, perm=np.argsort(perm).tolist())]


@rule("Slice")
def slice_(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal where it was cut out, nothing around it."""
    x, cuts = input_of(node), cuts_of(node)
    if cuts is None:
        raise refuse(node, "where it cuts depends on the image")
    for axis, cut in cuts.items():
        extent = known_shape(x)[axis]
        if not isinstance(extent, int):
            raise refuse(node, "how much there is to cut from depends on the image")
        top = _put_back(op, top, axis, range(extent)[cut], x)
    return [top, *([None] * (len(node.inputs) - 1))]


@rule("Pad")
def pad(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal without its padding; where the padding mirrors the map, back to what was mirrored."""
    x, pads, axes = input_of(node), input_of(node, 1), optional_input(node, 3)
    nowhere = [None] * (len(node.inputs) - 1)
    mode, rank = word(node, "mode", "constant"), rank_of(x)
    if mode == "constant":
        return [op.Pad(top, op.Neg(pads), 0.0, *([] if axes is None else [axes])), *nowhere]
    widths = [width for axis in range(rank) if (width := widths_of(node, axis)) is not None]
    if len(widths) < rank or min(map(min, widths)) < 0 or mode not in MIRRORS:
        raise refuse(node, f"it pads in the mode {mode} by what depends on the image, or cuts off")
    for axis, width in enumerate(widths):
        if any(width):
            extent = extent_of(x, axis)
            source = np.pad(np.arange(extent), width, mode=MIRRORS[mode])
            top = down_axis(op, node, top, axis, np.eye(extent)[source], beyond=width[1])
    return [top, *nowhere]


@rule("Gather")
def gather(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal where it was taken from, nothing elsewhere; what was taken twice adds up."""
    x, indices = inputs_of(node)
    if x not in op.alive:
        raise refuse(node, "its indices depend on the image")
    axis = integer(node, "axis", 0) % rank_of(x)
    before, behind = op.Shape(top, start=0, end=axis), op.Shape(top, start=axis + rank_of(indices))
    top = op.Reshape(top, op.Concat(before, [-1], behind, axis=0))  # one axis for all of the indices
    aligned = op.Reshape(indices, [-1 if a == axis else 1 for a in range(rank_of(x))])
    return [_scatter_back(op, top, op.Expand(aligned, op.Shape(top)), x, axis), _held_if_alive(op, indices)]


@rule("GatherND")
def gather_nd(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal where it was taken from, nothing elsewhere; what was taken twice adds up."""
    x, indices = inputs_of(node)
    if x not in op.alive or integer(node, "batch_dims", 0):
        raise refuse(node, "its indices depend on the image, or are each image's own")
    blank = op.Expand(0.0, op.Shape(x))
    return [op.ScatterND(blank, indices, top, reduction="add"), _held_if_alive(op, indices)]


@rule("ScatterND")
def scatter_nd(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """To what was put in the signal at its places; to what it was put into the signal elsewhere."""
    x, indices, put = inputs_of(node)
    if indices in op.alive or word(node, "reduction", "none") != "none":
        raise refuse(node, "its indices depend on the image, or it adds to what is there")
    blank = op.Expand(0.0, op.Shape(put))
    return [
        op.ScatterND(top, indices, blank) if x in op.alive else None,
        None,
        op.GatherND(top, indices) if put in op.alive else None,
    ]


@rule("GatherElements")
def gather_elements(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal where it was taken from, nothing elsewhere; what was taken twice adds up."""
    x, indices = inputs_of(node)
    axis = integer(node, "axis", 0) % rank_of(x)
    return [_scatter_back(op, top, indices, x, axis), _held_if_alive(op, indices)]


@rule("TopK")
def top_k(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal where it was taken from, nothing elsewhere; which were the largest is recorded."""
    x = input_of(node)
    return [_scatter_back(op, top, node.outputs[1], x, integer(node, "axis", -1) % rank_of(x)), None]


@rule("Expand")
def expand(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signals of all copies, added up."""
    return [gather_up(op, node, top, input_of(node)), None]


@rule("Tile")
def tile(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signals of all copies, added up."""
    repeats = constant_of(node.inputs[1])
    if repeats is None or repeats[0] != 1:
        raise refuse(node, "it repeats images, or how often depends on them")
    for axis, times in enumerate(repeats):
        if times > 1:
            top = op.Sum(*op.several("Split", int(times), top, axis=axis, num_outputs=int(times)))
    return [top, None]


@rule("SpaceToDepth")
def space_to_depth(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The channels back in their places."""
    return [op.DepthToSpace(top, blocksize=integer(node, "blocksize"), mode="DCR")]


@rule("DepthToSpace")
def depth_to_space(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value]:
    """The places back in their channels."""
    size = integer(node, "blocksize")
    spread = op.SpaceToDepth(top, blocksize=size)  # channels: places, then maps
    if word(node, "mode", "DCR") == "DCR":
        return [spread]
    apart = op.Reshape(spread, op.Concat([0, size * size, -1], op.Shape(spread, start=2), axis=0))
    return [op.Reshape(op.Transpose(apart, perm=[0, 2, 1, 3, 4]), op.Shape(spread))]


def _put_back(op: Backward, top: ir.Value, axis: int, places: range, bottom: ir.Value) -> ir.Value:
    """Along `axis`, row i of `top` at `places[i]`, zeros elsewhere; on a crop of `bottom` as well."""
    rank = rank_of(bottom)
    if places.step < 0:
        top, places = op.Slice(top, [-1], [-END], [axis], [-1]), places[::-1]
    if (step := places.step) > 1:
        apart = op.Pad(op.Unsqueeze(top, [axis + 1]), _around(op, axis + 1, rank + 1, 0, [step - 1]), 0.0)
        before = [op.Shape(top, end=axis)] if axis else []
        top = op.Reshape(apart, op.Concat(*before, [-1], op.Shape(top, start=axis + 1), axis=0))
    extent, had = (op.Shape(x, start=axis, end=axis + 1) for x in (bottom, top))
    behind = op.Sub(op.Sub(extent, had), [places.start])
    return op.Pad(top, _around(op, axis, rank, places.start, behind), 0.0)


def _around(op: Backward, axis: int, rank: int, before: int, behind: ir.Value | list[int]) -> ir.Value:
    """The pads of all axes, only `axis` with any: onnxruntime loses Pad's own axes where it moves a Transpose."""
    begin, rest = [*[0] * axis, before, *[0] * (rank - 1)], [0] * (rank - axis - 1)
    return op.Concat(begin, behind, *([rest] if rest else []), axis=0)


def _scatter_back(op: Backward, top: ir.Value, indices: ir.Value, bottom: ir.Value, axis: int) -> ir.Value:
    """A tensor of bottom's shape that holds `top` at `indices` along `axis`, added up."""
    others = op.Shape(top, end=axis) if axis else None, op.Shape(top, start=axis + 1)
    extents = [others[0], op.Shape(bottom, start=axis, end=axis + 1), others[1]]
    blank = op.Expand(0.0, op.Concat(*[x for x in extents if x is not None], axis=0))
    return op.ScatterElements(blank, indices, top, axis=axis, reduction="add")


def _held_if_alive(op: Backward, choice: ir.Value) -> Held | None:
    return HELD if choice in op.alive else None
