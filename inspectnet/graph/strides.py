"""as_strided, by which dynamo changes a memory layout: a flat copy of a tensor, gathered in the same order."""

import numpy as np
import onnx.reference
import onnx_ir as ir

from inspectnet.graph.patterns import Whole
from inspectnet.graph.probes import cut_out
from inspectnet.graph.values import integer, shape_of

IMAGES = 2  # of the trial: one would hide the stride from image to image


def find_view(gather: ir.Node) -> Whole | None:
    """The Reshape that a gather from a flat tensor is, if it takes every element once and in order."""
    flat, indices = gather.inputs
    flattened, shape = flat.producer(), shape_of(flat)
    if integer(gather, "axis", 0) or shape is None or len(shape) != 1 or flattened is None:
        return None
    if flattened.op_type != "Reshape" or len(indices.shape or ()) < 2 or indices.producer() is None:
        return None
    order = _computed(gather.graph, indices)
    if order is None or len(order) != IMAGES or not np.array_equal(order.ravel(), np.arange(order.size)):
        return None
    return Whole("Reshape", [flattened.inputs[0]], {}, [ir.tensor(np.array([0, *order.shape[1:]], np.int64))])


def _computed(graph: ir.Graph, value: ir.Value) -> np.ndarray | None:
    """What `value` is for a few images, if it depends on their number and size alone."""
    image = graph.inputs[0]
    part = cut_out(ir.Model(graph, ir_version=10), [image], [value])
    readers = {node.op_type for node in part.graph if part.graph.inputs and part.graph.inputs[0] in node.inputs}
    extents = [IMAGES, *(n if isinstance(n, int) else 0 for n in list(image.shape or ())[1:])]
    if readers - {"Shape"} or 0 in extents:
        return None
    run = onnx.reference.ReferenceEvaluator(ir.to_proto(part)).run(None, {str(image.name): np.zeros(extents)})
    return np.asarray(run[0])
