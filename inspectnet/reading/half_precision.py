"""Half precision: a graph in float16 or bfloat16 is read as the same graph in float32.

A signal that comes down adds up over many units, and halves would lose its small parts. The weights keep the numbers
that the file gives them; what is computed from them is rounded less.
"""

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.graph.values import input_of

HALVES = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


def widen_halves(model: ir.Model) -> None:
    """Make every weight, constant, value and cast of half precision one of float32, in place."""
    values = _values(model)
    attributes = [(node, a) for node in model.graph.all_nodes() for a in node.attributes.values()]
    halves = [a for a in attributes if _holds_half(a[1]) or _names_half(*a)]
    if not halves and not any(value.dtype in HALVES for value in values):
        return
    for value in values:
        if value.const_value is not None and value.const_value.dtype in HALVES:
            value.const_value = _widened(value.const_value)
        if value.dtype in HALVES:
            value.dtype = ir.DataType.FLOAT
    for node, a in halves:
        wide = ir.AttrTensor(a.name, _widened(a.as_tensor())) if _holds_half(a) else ir.AttrInt64(a.name, 1)
        node.attributes.add(wide)
    passes.ShapeInferencePass(strict_mode=False)(model)  # for the types that the file does not tell
    _drop_idle_casts(model.graph)


def _values(model: ir.Model) -> list[ir.Value]:
    """All values, those of subgraphs too."""
    outside = [v for graph in model.graphs() for v in (*graph.inputs, *graph.initializers.values())]
    return outside + [v for node in model.graph.all_nodes() for v in node.outputs]


def _holds_half(attribute: ir.Attr) -> bool:
    return attribute.type == ir.AttributeType.TENSOR and attribute.as_tensor().dtype in HALVES


def _names_half(node: ir.Node, attribute: ir.Attr) -> bool:
    """Whether a Cast or its like makes halves: Cast says `to`, EyeLike and RandomNormal say `dtype`."""
    return not node.domain and attribute.name in ("to", "dtype") and attribute.as_int() in HALVES


def _widened(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    return ir.tensor(tensor.numpy().astype(np.float32), name=tensor.name)


def _drop_idle_casts(graph: ir.Graph) -> None:
    """Remove casts from float32 to float32: they would stand between a convolution and its activation."""
    for node in list(graph):
        idle = node.op_type == "Cast" and input_of(node).dtype == ir.DataType.FLOAT == node.attributes["to"].as_int()
        if idle and not node.outputs[0].is_graph_output():
            ir.convenience.replace_all_uses_with(node.outputs[0], input_of(node))
            graph.remove(node, safe=True)
