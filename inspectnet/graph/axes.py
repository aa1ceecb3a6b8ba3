"""Axes: which are images (N), channels (C), height (H) and width (W), for every value of a graph, one letter for each.

T is an axis of tokens, all places in a row; `?` means none of these, or several mixed. Networks that put the channels
last for a while (ConvNeXt's NHWC) and transformers (NTC) are followed through their Transposes and Reshapes.
"""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from inspectnet.graph.builder import Op
from inspectnet.graph.values import constant_of, integer, ints, live_values, read_values, shape_of

RESHAPING = frozenset({"Reshape", "Flatten"})
USUAL = {2: "NC", 4: "NCHW"}  # by rank
MAPS = ("NC", "NCT", "NCHW")
VIEW = "inspectnet.view"  # marks nodes as such
BATCH_EXTENT = 999_999_937  # stands for an extent that is not fixed: a prime, so that it is met in whole

Extents = tuple[int | str | None, ...]


def axes_of(graph: ir.Graph) -> dict[ir.Value, str]:
    """One letter for each axis of each live value: NCHW, NHWC, NTC; empty where its rank is not known."""
    alive, image = live_values(graph), graph.inputs[0]
    known: dict[ir.Value, str] = {image: USUAL[4]}
    usual = {(shape_of(image) or ())[1:]}  # the extents, without the batch, of what has its axes in the usual order
    for node in graph:
        live = [x for x in read_values(node) if x in alive]
        for value in node.outputs if node.outputs[0] in alive else ():
            shape = shape_of(value) or ()
            letters = _letters(node, live, known, len(shape)) if live else "?" * len(shape)
            known[value] = letters = _completed(letters, shape, usual)
            if letters == USUAL.get(len(letters)):
                usual.add(shape[1:])
    return known


def holds_maps(letters: str) -> bool:
    """Whether axes are those of a layer's output, in any order: maps, tokens, or units without extent."""
    return sorted(letters) in [sorted(order) for order in MAPS]


def map_shape(value: ir.Value, letters: str) -> Extents:
    """The shape of `value` as maps: (N, C, H, W), or (N, C) without extent; tokens are a map of width 1."""
    extent = dict(zip(letters, shape_of(value) or (), strict=True))
    return (extent["N"], extent["C"], extent["T"], 1) if "T" in extent else tuple(extent[c] for c in USUAL[len(extent)])


def as_maps(op: Op, value: ir.Value, letters: str) -> ir.Value:
    """`value` in the order (N, C, H, W): itself, or a view of it that `op` appends."""
    if letters in USUAL.values():
        return value
    shape = map_shape(value, letters)
    order = next(order for order in MAPS if sorted(order) == sorted(letters))
    view = op.Transpose(value, perm=[letters.index(c) for c in order])
    view.type, view.shape = value.type, ir.Shape(shape[: len(order)])
    view.producer().metadata_props[VIEW] = value.name or ""
    if order == "NCT":
        view = op.Unsqueeze(view, [3])
        view.type, view.shape = value.type, ir.Shape(shape)
    view.name = view_name(value)
    return view


def view_name(value: ir.Value) -> str:
    """What a view of `value` as maps is called."""
    return f"{value.name}/maps"


def is_view(node: ir.Node) -> bool:
    """Whether `node` is there for a view only."""
    return VIEW in node.metadata_props


def view_of(value: ir.Value) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """The name of what `value` is a view of, itself if it is none, and what brings an array of that into its order."""
    maker = value.producer()
    tokens = maker is not None and maker.op_type == "Unsqueeze"
    turned = maker.inputs[0].producer() if maker is not None and tokens else maker
    if turned is None or not is_view(turned):
        return str(value.name), lambda array: array
    order, added = ints(turned, "perm"), (..., *[None] * tokens)
    return str(turned.inputs[0].name), lambda array: np.asarray(array.transpose(order)[added])


def regrouped(letters: str, below: Extents, above: Extents) -> str:
    """The letters after a Reshape: runs of axes of the same size below and above belong together."""
    b = [n if isinstance(n, int) else BATCH_EXTENT for n in below]
    rest = math.prod(n for n in above if isinstance(n, int))
    a = [n if isinstance(n, int) else Fraction(math.prod(b), rest) for n in above]
    out, i, j = "", 0, 0
    while i < len(b) and j < len(a):
        if a[j] == 1 != b[i]:  # a new axis
            out, j = out + "?", j + 1
            continue
        if b[i] == 1 != a[j]:  # one that is left out
            i += 1
            continue
        end, stop = i + 1, j + 1
        while (left := math.prod(b[i:end])) != (right := math.prod(a[j:stop])):
            end, stop = (end + 1, stop) if left < right else (end, stop + 1)
            if end > len(b) or stop > len(a):
                return out + "?" * (len(a) - j)
        out += _merged(letters[i:end], stop - j)
        i, j = end, stop
    return out + "?" * (len(a) - j)  # axes of extent 1 at the end


def reduced_axes(node: ir.Node) -> list[int]:
    """The axes that a reduction runs over; empty if that is not said."""
    return [axis % len(node.inputs[0].shape) for axis in _axes_said(node)]


def _axes_said(node: ir.Node) -> list[int]:
    axes = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    return [] if axes is None else [int(axis) for axis in axes.ravel()]


def _letters(node: ir.Node, live: list[ir.Value], known: dict[ir.Value, str], rank: int) -> str:
    """The letters of the outputs of `node`, of that rank, from those of its live inputs."""
    x, above = live[0], shape_of(node.outputs[0])
    below, extents = known[x], shape_of(x)
    if above is None or extents is None:
        return "?" * rank
    if node.op_type == "Transpose":
        return "".join(below[axis] for axis in ints(node, "perm", tuple(range(rank))[::-1]))
    if node.op_type in RESHAPING or (node.op_type == "Squeeze" and not _axes_said(node)):
        return regrouped(below, extents, above)
    if node.op_type == "Unsqueeze":
        added, kept = [axis % rank for axis in _axes_said(node)], iter(below)
        return "".join("?" if i in added else next(kept, "?") for i in range(rank))
    if node.op_type == "MatMul" and len(live) == 2:
        return (below[:-1] + known[live[1]][-1:]).rjust(rank, "?")
    if node.op_type.startswith("Reduce") or node.op_type in ("Squeeze", "Gather"):
        axes = reduced_axes(node) if node.op_type != "Gather" else [integer(node, "axis") % len(below)]
        left = below if len(below) == rank else "".join(c for i, c in enumerate(below) if i not in axes)
        return left if len(left) == rank else "?" * rank
    alike = [known[y] for y in live if len(known[y]) == rank]
    return min(alike, key=lambda letters: letters.count("?"), default="?" * rank)


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


def _merged(run: str, count: int) -> str:
    """The letters of `count` axes that hold the same numbers as the axes `run`."""
    if count == 1:
        whole = "T" if run == "HW" else run if len(run) == 1 else "?"
        return "C" if "C" in run and not set(run) & set("N?") else whole
    if len(set(run)) == 1 and run[0] in "CHW":
        return run[0] * count
    return "HW" if run == "T" and count == 2 else "?" * count
