"""Axes: which are images (N), channels (C), height (H) and width (W), for every value of a graph, one letter for each.

T is an axis of tokens, all places in a row; `?` means none of these, or several mixed. Networks that put the channels
last for a while (ConvNeXt's NHWC) and transformers (NTC) are followed through their Transposes and Reshapes.
"""

import math
from collections.abc import Sequence
from typing import Self

import onnx_ir as ir

from inspectnet.graph.builder import Op
from inspectnet.graph.extents import BATCH, Extent
from inspectnet.graph.operators import RECURRENT, REDUCTIONS, REGROUPING
from inspectnet.graph.parts import BATCH_EXTENT, Axis, Part, letter_of, make_wholes, number, regroup, size, solved
from inspectnet.graph.values import (
    constant_of,
    input_of,
    integer,
    ints,
    live_values,
    name_of,
    optional_input,
    producer_of,
    rank_of,
    read_values,
    shape_of,
)

USUAL = {2: "NC", 4: "NCHW"}  # by rank
FEATURES: Axis = (Part("C", 0),)
MAPS = ("NC", "NCT", "NCH", "NCW", "NCHW")
VIEW = "inspectnet.view"  # marks nodes as such

Extents = tuple[Extent, ...]


class Axes(str):
    """One letter for each axis of a value, `NHWC`, and the parts that each is made of."""

    parts: tuple[Axis, ...]

    @classmethod
    def of(cls, parts: Sequence[Axis]) -> Self:
        """The axes that are made of these parts."""
        axes = cls("".join(letter_of(axis, [*parts[:i], *parts[i + 1 :]]) for i, axis in enumerate(parts)))
        axes.parts = tuple(parts)
        return axes

    @classmethod
    def named(cls, letters: str, shape: Extents) -> Self:
        """The axes of these letters and extents, each of one part."""
        return cls.of([(Part(letter, number(n)),) for letter, n in zip(letters, shape, strict=True)])

    @property
    def apart(self) -> list[Part]:
        """The parts of all axes, one after the other."""
        return [part for axis in self.parts for part in axis]

    @property
    def rows_are_images(self) -> bool:
        """Whether the first axis, and no other, is that of the images."""
        return self.startswith("N") and [part.letter for part in self.apart].count("N") == 1


def axes_of(graph: ir.Graph) -> dict[ir.Value, Axes]:
    """One letter for each axis of each live value: NCHW, NHWC, NTC; empty where its rank is not known."""
    alive, image = live_values(graph), graph.inputs[0]
    known: dict[ir.Value, Axes] = {image: Axes.named(USUAL[4], shape_of(image) or ())}
    usual = {(shape_of(image) or ())[1:]}  # the extents, without the batch, of what has its axes in the usual order
    for node in graph:
        live = [x for x in read_values(node) if x in alive]
        for value in node.outputs if node.outputs[0] in alive else ():
            shape = shape_of(value) or ()
            axes = _fitted(_axes(node, live, known, value), shape)
            letters = _completed(axes, shape, usual)
            known[value] = axes = axes if letters == axes else Axes.named(letters, shape)
            if axes == USUAL.get(len(axes)):
                usual.add(shape[1:])
    return known


def holds_maps(axes: Axes) -> bool:
    """Whether axes are those of a layer's output, in any order: maps, rows, tokens, or units without extent.

    Also where all images and places are the rows of a matrix, or images and groups of maps are one axis.
    """
    if "N" in axes:
        return sorted(axes) in [sorted(order) for order in MAPS]
    letters = [part.letter for part in axes.apart]
    known = set(letters) in [set(order) for order in MAPS] and letters.count("N") == 1
    return len(axes) in (2, 4) and known and make_wholes(axes.apart)


def map_shape(value: ir.Value, axes: Axes) -> Extents:
    """The shape of `value` as maps: (N, C, H, W), or (N, C) without extent; tokens are a map of width 1."""
    if "N" in axes:
        extent = dict(zip(axes, shape_of(value) or (), strict=True))
    else:
        extent = {c: math.prod(p.extent for p in axes.apart if p.letter == c) for c in {p.letter for p in axes.apart}}
        extent["N"] = BATCH if extent["N"] == BATCH_EXTENT else extent["N"]
    if len(extent) == 2:
        return extent["N"], extent["C"]
    return extent["N"], extent["C"], extent.get("H", extent.get("T", 1)), extent.get("W", 1)


def as_maps(op: Op, value: ir.Value, axes: Axes) -> ir.Value:
    """`value` in the order (N, C, H, W): itself, or a view of it that `op` appends."""
    if axes in USUAL.values():
        return value
    shape, rows = map_shape(value, axes), "N" in axes
    parts = [Part(letter, 0) for letter in axes] if rows else axes.apart
    apart = shape_of(value) or () if rows else [shape[0] if p.letter == "N" else p.extent for p in parts]
    order = sorted(range(len(parts)), key=lambda i: ("NCTHW".index(parts[i].letter), -parts[i].stride))
    view, turned = value, [apart[i] for i in order]
    if not rows:
        view = _seen_as(op.Reshape(view, [-1 if p.letter == "N" else p.extent for p in parts]), value, apart)
    view = _seen_as(op.Transpose(view, perm=order), value, turned)
    if not rows:
        view = _seen_as(op.Reshape(view, [0, *map(number, shape[1:])]), value, shape)
    elif len(axes) == 3:
        view = _seen_as(op.Unsqueeze(view, [2 if "W" in axes else 3]), value, shape)
    view.name = view_name(value)
    return view


def _seen_as(view: ir.Value, value: ir.Value, shape: Sequence[Extent]) -> ir.Value:
    """`view`, of that shape, marked as a view of `value`."""
    view.type, view.shape = value.type, ir.Shape(shape)
    producer_of(view).metadata_props[VIEW] = name_of(value)
    return view


def view_name(value: ir.Value) -> str:
    """What a view of `value` as maps is called."""
    return f"{value.name}/maps"


def is_view(node: ir.Node) -> bool:
    """Whether `node` is there for a view only."""
    return VIEW in node.metadata_props


def view_of(value: ir.Value) -> tuple[str, list[ir.Node]]:
    """The name of what `value` is a view of, itself if it is none, and the nodes that make it of that."""
    nodes: list[ir.Node] = []
    while (maker := value.producer()) is not None and is_view(maker):
        nodes.insert(0, maker)
        value = input_of(maker)
    return str(value.name), nodes


def viewed(op: Op, value: ir.Value, nodes: Sequence[ir.Node]) -> ir.Value:
    """`value` through the same operators as `nodes`, which make a view."""
    for node in nodes:
        value = op.write(node.op_type, value, *map(constant_of, node.inputs[1:]), **node.attributes)
    return value


def regrouped(letters: str, below: Extents, above: Extents) -> str:
    """The letters after a Reshape: runs of axes of the same size below and above belong together."""
    return Axes.of(_reshaped(Axes.named(letters, below), above))


def _reshaped(axes: Axes, above: Extents) -> list[Axis]:
    numbers = solved(above, math.prod(map(size, axes.parts)))
    return [(Part("?", number(n)),) for n in above] if numbers is None else regroup(axes.parts, numbers)


def reduced_axes(node: ir.Node) -> list[int]:
    """The axes that a reduction runs over; empty if that is not said."""
    return [axis % rank_of(input_of(node)) for axis in _axes_said(node)]


def _axes_said(node: ir.Node) -> list[int]:
    axes = constant_of(optional_input(node, 1))
    return [] if axes is None else [int(axis) for axis in axes.ravel()]


def _axes(node: ir.Node, live: list[ir.Value], known: dict[ir.Value, Axes], output: ir.Value) -> list[Axis]:
    """The axes of an output of `node`, from those of its live inputs; few or none if not known."""
    above = shape_of(output)
    if not live or above is None or shape_of(live[0]) is None:
        return []
    below, rank = list(known[live[0]].parts), len(above)
    if node.op_type == "Transpose":
        return [below[axis] for axis in ints(node, "perm", tuple(range(rank))[::-1])]
    if node.op_type in REGROUPING or (node.op_type == "Squeeze" and not _axes_said(node)):
        return _reshaped(known[live[0]], above)
    if node.op_type == "Unsqueeze":
        added, kept = [axis % rank for axis in _axes_said(node)], iter(below)
        return [() if i in added else next(kept, ()) for i in range(rank)]
    if node.op_type in RECURRENT:
        return _of_recurrent(below, rank)
    if node.op_type == "MatMul" and len(live) == 2:
        return [*[()] * (rank - len(below)), *below[:-1], *known[live[1]].parts[-1:]]
    if node.op_type in REDUCTIONS or node.op_type in ("Squeeze", "Gather"):
        gone = reduced_axes(node) if node.op_type != "Gather" else [integer(node, "axis") % len(below)]
        return below if len(below) == rank else [axis for i, axis in enumerate(below) if i not in gone]
    alike = [known[y] for y in live if len(known[y]) == rank]
    return list(min(alike, key=lambda axes: axes.count("?")).parts) if alike else []


def _of_recurrent(below: Sequence[Axis], rank: int) -> list[Axis]:
    """Of (T, N, C): all outputs (T, directions, N, C), or the last ones (directions, N, C)."""
    if len(below) != 3:
        return []
    time, images, _ = below
    return [time, FEATURES, images, FEATURES] if rank == 4 else [FEATURES, images, FEATURES]


def _fitted(parts: Sequence[Axis], shape: Extents) -> Axes:
    """The axes of a value of that shape: made of `parts` where these have its extents, else of one part each.

    Images that were joined with others, or of which some are left, are not those of the batch, row by row.
    """
    if len(parts) != len(shape):
        return Axes.named("?" * len(shape), shape)
    letters = Axes.of(parts).replace("N", "?")
    fits = [size(axis) == number(n) for axis, n in zip(parts, shape, strict=True)]
    whole = zip(letters, shape, strict=True)
    return Axes.of([p if f else (Part(c, number(n)),) for p, f, (c, n) in zip(parts, fits, whole, strict=True)])


def _completed(letters: str, shape: Extents, known: set[Extents]) -> str:
    """What is left open after the images is as usual, if the rest is.

    Where nothing else is known, `known` maps must have these extents: a group norm, taken apart, loses all axes and
    comes back to them. All of what was pooled is as usual too: dynamo writes AdaptiveAvgPool2d(1) on channels that were
    last as a look-up. Detectors take their one image out of the batch, and put it back.
    """
    usual = USUAL.get(len(letters), "")
    if letters == "?CHW" and shape[0] == 1:
        return usual
    pooled = shape[2:] == (1, 1) and set(letters) == {"?"}
    fits = letters.startswith("N") and all(c in ("?", u) for c, u in zip(letters, usual, strict=False))
    comes_back = letters != "N???" or shape[1:] in known
    return usual if usual and ((fits and comes_back) or pooled) else letters
