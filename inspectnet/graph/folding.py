"""Constant folding: what does not depend on the image is computed once, while reading."""

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir

from inspectnet.graph.values import constant_of, has_subgraphs, inner_nodes, integer, shape_of

UNKNOWN = -1
LARGEST = 1 << 16  # elements; larger constants (weights made by ConstantOfShape) are left to the run time


def fold_shapes(graph: ir.Graph) -> bool:
    """Replace, in place, extents that were inferred by constants, and what follows from them; whether there were any.

    An `If` whose condition turns out constant gives way to its branch.
    """
    before = len(graph)
    extents: dict[ir.Value, np.ndarray] = {}  # of vectors that hold extents; UNKNOWN where one is not fixed
    for node in list(graph):
        found = _extents(node, extents)
        if found is None:
            continue
        extents[node.outputs[0]] = found
        if (found != UNKNOWN).all():
            _replace(graph, node, [found])
    fold_constants(graph)
    for node in list(graph):
        if node.op_type == "If" and constant_of(node.inputs[0]) is not None:
            _inline_branch(graph, node)
    return len(graph) != before


def _extents(node: ir.Node, known: dict[ir.Value, np.ndarray]) -> np.ndarray | None:
    """The extents that `node` gives, as far as they are fixed; None if it gives something else."""
    if node.op_type == "Shape" and shape_of(node.inputs[0]) is not None:
        shape = shape_of(node.inputs[0]) or ()
        part = shape[integer(node, "start") : integer(node, "end", len(shape))]
        return np.array([d if isinstance(d, int) else UNKNOWN for d in part], np.int64)
    vector = known.get(node.inputs[0]) if node.inputs else None
    rest = [c for x in node.inputs[1:] if (c := constant_of(x)) is not None]
    if vector is None or len(rest) < len(node.inputs) - 1:
        return None
    if node.op_type == "Gather":
        return np.asarray(vector[rest[0]])
    if node.op_type == "Slice":
        first, last, step = int(rest[0][0]), int(rest[1][0]), int(rest[3][0]) if len(rest) > 3 else 1
        return vector[first:last:step] if step > 0 else None
    return None


def _inline_branch(graph: ir.Graph, node: ir.Node) -> None:
    """Put the nodes of the branch that an `If` always takes in its place."""
    taken = "then_branch" if bool(constant_of(node.inputs[0])) else "else_branch"
    branch = node.attributes[taken].as_graph()
    for value in list(branch.initializers.values()):
        branch.initializers.pop(value.name)
        graph.register_initializer(value)
    for inner in list(branch):
        branch.remove(inner)
        graph.insert_before(node, inner)
    for old, new in zip(node.outputs, branch.outputs, strict=True):
        ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    for dropped in inner_nodes(node):  # else the branch not taken would go on reading
        for i in range(len(dropped.inputs)):
            dropped.replace_input_with(i, None)
    graph.remove(node, safe=True)


def fold_constants(graph: ir.Graph) -> None:
    """Replace, in place, every node whose inputs are all constant and whose outputs are small by initializers."""
    for node in list(graph):
        if node.domain or (node.op_type == "ConstantOfShape" and _too_large(node)) or has_subgraphs(node):
            continue
        given = [x for x in node.inputs if x is not None]
        inputs = {x.name: c for x in given if (c := constant_of(x)) is not None and c.size <= LARGEST}
        if not given or any(x.name not in inputs for x in given):
            continue
        results = _evaluate(node, inputs, graph.opset_imports)
        if all(isinstance(r, np.ndarray) and r.size <= LARGEST for r in results):
            _replace(graph, node, results)


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
        tensor = ir.tensor(np.array(array, order="C"), name=name)
        new = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
        ir.convenience.replace_all_uses_with(value, new)
        fresh.append(new)
    graph.remove(node, safe=True)
    for new in fresh:
        graph.register_initializer(new)
