"""Extents: those that a graph computes for itself, told for any number of images.

onnx follows Shape, Gather, Cast, Mul, Concat and their like to a Reshape only where they are numbers. So the graph is
looked at with two numbers of images: an extent that is the same both times has nothing to do with the batch, one that
grows as the batch does is a multiple of it.
"""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from inspectnet.graph.builder import add_initializer
from inspectnet.graph.folding import fold_shapes, replace_by_constants
from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import constant_of, extents_of, input_of, integer, known_shape, live_values, shape_of

BATCH = "N"
SAMPLES = (60, 77)  # images: apart from each other in all factors, and no extent that a network is likely to have
Extent = int | str | None
Infer = Callable[[ir.Model], None]


def images_in(extent: Extent) -> int | None:
    """How many times the number of images an extent is: 1 for `N`, 64 for `64*N`, 0 for a number; None if unknown."""
    if isinstance(extent, int):
        return 0
    times, _, batch = (extent or "").rpartition("*")
    return int(times or 1) if batch == BATCH and (not times or times.isdecimal()) else None


def fixed_batch(graph: ir.Graph) -> int | None:
    """The batch size that the graph insists on; None if any will do."""
    extent = known_shape(graph.inputs[0])[0]
    return extent if isinstance(extent, int) else None


def image_shape(graph: ir.Graph) -> tuple[int, int, int]:
    """(C, H, W) of the graph's image."""
    c, h, w = extents_of(graph.inputs[0], 1)
    return c, h, w


def is_told(value: ir.Value) -> bool:
    """Whether all extents of `value` are known, as numbers or multiples of the batch."""
    shape = shape_of(value)
    return shape is not None and all(images_in(extent) is not None for extent in shape)


def tell_extents(model: ir.Model, infer: Infer) -> None:
    """Write the extents that are the same, or the same multiple, for any number of images into `model`, in place.

    Where extents are computed that do not depend on the batch, constants take their place; a Reshape that needs the
    batch copies it from its input if it can. infer: what infers the shapes of a model, in place.
    """
    if known_shape(model.graph.inputs[0])[0] != BATCH or all(map(is_told, live_values(model.graph))):
        return
    first, second = (_values(_seen_with(model, images, infer)) for images in SAMPLES)
    for value in [value for node in model.graph for value in node.outputs]:
        a, b = first.get(str(value.name)), second.get(str(value.name))
        if a is not None and b is not None and (shape := _common(shape_of(a), shape_of(b))) is not None:
            value.shape = ir.Shape(shape)
    for node in list(model.graph):
        _simplify(model.graph, node, first, second)


def _seen_with(model: ir.Model, images: int, infer: Infer) -> ir.Graph:
    """A copy of the graph for that number of images, what follows from it worked out."""
    copy = cut_out(model, list(model.graph.inputs), list(model.graph.outputs))
    copy.graph.inputs[0].shape = ir.Shape([images, *known_shape(copy.graph.inputs[0])[1:]])
    infer(copy)
    while fold_shapes(copy.graph):
        infer(copy)
    return copy.graph


def _values(graph: ir.Graph) -> dict[str, ir.Value]:
    return {str(value.name): value for value in (*graph.initializers.values(), *(v for n in graph for v in n.outputs))}


def _common(a: tuple[Extent, ...] | None, b: tuple[Extent, ...] | None) -> list[Extent] | None:
    """The extents of a value for any number of images, from those for two; None if not even the rank is known."""
    if a is None or b is None or len(a) != len(b):
        return None
    return [_common_extent(m, n) for m, n in zip(a, b, strict=True)]


def _common_extent(m: Extent, n: Extent) -> Extent:
    if not isinstance(m, int) or not isinstance(n, int):
        return None
    times, rest = divmod(m, SAMPLES[0])
    if m == n:
        return m
    if rest or n != times * SAMPLES[1]:
        return None
    return BATCH if times == 1 else f"{times}*{BATCH}"


def _simplify(graph: ir.Graph, node: ir.Node, first: dict[str, ir.Value], second: dict[str, ir.Value]) -> None:
    """Put constants in the place of what `node` computes of extents, or of the extents that it is told."""
    pairs = [_constants(value, first, second) for value in node.outputs]
    same = [a for a, b in filter(None, pairs) if np.array_equal(a, b)]
    if len(same) == len(pairs):
        replace_by_constants(graph, node, same)
    elif node.op_type == "Reshape" and not node.domain and not integer(node, "allowzero"):
        wanted = _constants(node.inputs[1], first, second)
        target = _target(shape_of(input_of(node)), *wanted) if wanted else None
        if target is not None and constant_of(node.inputs[1]) is None:
            name = f"{node.outputs[0].name}/extents"
            node.replace_input_with(1, add_initializer(graph, name, np.array(target, np.int64)))


def _constants(
    value: ir.Value | None, first: dict[str, ir.Value], second: dict[str, ir.Value]
) -> tuple[np.ndarray, np.ndarray] | None:
    """What `value` holds for the two numbers of images, if that is constant."""
    name = "" if value is None else str(value.name)
    a, b = constant_of(first.get(name)), constant_of(second.get(name))
    return None if a is None or b is None else (a, b)


def _target(below: tuple[Extent, ...] | None, a: np.ndarray, b: np.ndarray) -> list[int] | None:
    """What a Reshape of extents `below` may be told for any number of images; None if that cannot be said."""
    target = []
    for i, (m, n) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        copied = below is not None and i < len(below) and below[i] == _common_extent(m, n) != m
        target.append(m if m == n else 0 if copied else -1)
    return target if target.count(-1) <= 1 else None
