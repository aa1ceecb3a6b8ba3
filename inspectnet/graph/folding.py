"""Constant folding: what does not depend on the image is computed once, while reading."""

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir

from inspectnet.graph.values import constant_of

LARGEST = 1 << 16  # elements; larger constants (weights made by ConstantOfShape) are left to the run time


def fold_constants(graph: ir.Graph) -> None:
    """Replace, in place, every node whose inputs are all constant and whose outputs are small by initializers."""
    for node in list(graph):
        if node.domain or (node.op_type == "ConstantOfShape" and _too_large(node)) or _has_subgraphs(node):
            continue
        given = [x for x in node.inputs if x is not None]
        inputs = {x.name: c for x in given if (c := constant_of(x)) is not None and c.size <= LARGEST}
        if not given or any(x.name not in inputs for x in given):
            continue
        results = _evaluate(node, inputs, graph.opset_imports)
        if all(isinstance(r, np.ndarray) and r.size <= LARGEST for r in results):
            _replace(graph, node, results)


def _has_subgraphs(node: ir.Node) -> bool:
    return any(a.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for a in node.attributes.values())


def _too_large(node: ir.Node) -> bool:
    shape = constant_of(node.inputs[0])
    return shape is None or int(np.prod(shape)) > LARGEST


def _evaluate(node: ir.Node, feeds: dict[str, np.ndarray], opsets: dict[str, int]) -> list[np.ndarray]:
    """What `node` gives for constant inputs, by onnx's own reference."""
    proto = onnx.NodeProto()
    proto.CopyFrom(ir.to_proto(node))
    outputs: list[np.ndarray] = onnx.reference.ReferenceEvaluator(proto, opsets=dict(opsets)).run(None, feeds)
    return [np.asarray(x) for x in outputs]


def _replace(graph: ir.Graph, node: ir.Node, results: list[np.ndarray]) -> None:
    """Put initializers of the same names in the place of the node's outputs."""
    outputs = list(node.outputs)
    if any(v.is_graph_output() for v in outputs):
        return
    names = [v.name for v in outputs]
    fresh = []
    for value, array, name in zip(outputs, results, names, strict=True):
        tensor = ir.tensor(np.ascontiguousarray(array), name=name)
        new = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        ir.convenience.replace_all_uses_with(value, new)
        fresh.append(new)
    graph.remove(node, safe=True)
    for new in fresh:
        graph.register_initializer(new)
