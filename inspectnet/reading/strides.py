"""as_strided as dynamo exports it, a gather from a flattened tensor in the same order, becomes a Reshape."""

import numpy as np
import onnx.reference
import onnx_ir as ir

from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import constant_of, graph_of, input_of, inputs_of, integer, known_shape, shape_of
from inspectnet.reading.patterns import Whole

IMAGES = 2  # of the trial: one would hide the stride from image to image


def find_view(gather: ir.Node) -> Whole | None:
    """The Reshape that a gather from a flat tensor is, if it takes every element once and in order."""
    graph, (flat, indices) = graph_of(gather), inputs_of(gather)
    flattened, shape = flat.producer(), shape_of(flat)
    if integer(gather, "axis", 0) or shape is None or len(shape) != 1 or flattened is None:
        return None
    if flattened.op_type != "Reshape" or len(shape_of(indices) or ()) < 2:
        return None
    constant, images = constant_of(indices), known_shape(graph.inputs[0])[0]
    order = _computed(graph, indices) if constant is None else constant
    if (
        order is None
        or len(order) != (images if isinstance(images, int) else IMAGES)
        or not np.array_equal(order.ravel(), np.arange(order.size))
    ):
        return None
    return Whole("Reshape", [input_of(flattened)], {}, [ir.tensor(np.array([0, *order.shape[1:]], np.int64))])


def _computed(graph: ir.Graph, value: ir.Value) -> np.ndarray | None:
    """What `value` is for a few images, if it depends on shapes alone; None if it does not."""
    sizes: dict[ir.Value, np.ndarray] = {}
    above = [value]
    while above:
        x = above.pop()
        node = x.producer()
        if node is not None and node.op_type == "Shape":
            extents = _few(shape_of(input_of(node)))
            if extents is None:
                return None
            sizes[x] = extents[integer(node, "start") : integer(node, "end", len(extents))]
        elif node is not None:
            above += [y for y in node.inputs if y is not None and y not in sizes]
        elif x in graph.inputs:
            return None
    part = cut_out(ir.Model(graph, ir_version=10), list(sizes), [value])
    feeds = {str(x.name): array for x, array in sizes.items()}
    (computed,) = onnx.reference.ReferenceEvaluator(ir.to_proto(part)).run(None, feeds)
    return np.asarray(computed)


def _few(shape: tuple[int | str | None, ...] | None) -> np.ndarray | None:
    """A shape with a few images in its first place; None where another extent is open."""
    if not shape or not all(isinstance(n, int) for n in shape[1:]):
        return None
    return np.array([IMAGES, *shape[1:]], np.int64)
