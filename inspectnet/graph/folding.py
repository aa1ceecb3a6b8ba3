"""Constant folding: what does not depend on the image is computed once, while reading."""

import math
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir

from inspectnet.graph.bounds import LARGEST, is_small
from inspectnet.graph.builder import add_initializer
from inspectnet.graph.values import (
    constant_of,
    graph_of,
    inner_nodes,
    input_of,
    integer,
    name_of,
    read_values,
    shape_of,
)

UNKNOWN = -1
MOST = 1 << 24  # elements of all that is computed at once: what it is made of can be dropped before the next time


def fold_shapes(graph: ir.Graph) -> bool:
    """Replace, in place, extents that were inferred by constants, and what follows from them; whether there were any.

    An `If` whose condition turns out constant gives way to its branch.
    """
    before = list(graph)
    extents: dict[ir.Value, np.ndarray] = {}  # of vectors that hold extents; UNKNOWN where one is not fixed
    for node in list(graph):
        known = _extents(node, extents)
        if known is None:
            continue
        extents[node.outputs[0]] = known
        if (known != UNKNOWN).all():
            replace_by_constants(graph, node, [known])
    fold_constants(graph)
    for node in list(graph):
        if node.op_type == "If" and constant_of(node.inputs[0]) is not None:
            _inline_branch(graph, node)
    return list(graph) != before


def _extents(node: ir.Node, known: dict[ir.Value, np.ndarray]) -> np.ndarray | None:
    """The extents that `node` gives, as far as they are fixed; None if it gives something else."""
    if node.op_type == "Shape" and shape_of(input_of(node)) is not None:
        shape = shape_of(input_of(node)) or ()
        part = shape[integer(node, "start") : integer(node, "end", len(shape))]
        return np.array([d if isinstance(d, int) else UNKNOWN for d in part], np.int64)
    if node.op_type == "Size" and (told := shape_of(input_of(node))) is not None:
        fixed = [d for d in told if isinstance(d, int)]
        return np.array(math.prod(fixed) if len(fixed) == len(told) else UNKNOWN, np.int64)
    vector = known.get(input_of(node)) if node.op_type in ("Gather", "Slice") else None
    if vector is None:
        return None
    rest = [c for x in node.inputs[1:] if (c := constant_of(x)) is not None]
    if len(rest) < len(node.inputs) - 1:
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
    results, prefix = list(branch.outputs), node.outputs[0].name
    branch.outputs.clear()
    for value in [*branch.initializers.values(), *(v for inner in branch for v in inner.outputs)]:
        value.name = f"{prefix}/{value.name}"  # another branch may have used the same name
    for value in list(branch.initializers.values()):
        branch.initializers.pop(name_of(value))
        graph.register_initializer(value)
    for inner in list(branch):
        branch.remove(inner)
        graph.insert_before(node, inner)
    for old, new in zip(node.outputs, results, strict=True):
        name = old.name
        ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
        old.name, new.name = None, name
    for dropped in inner_nodes(node):  # else the branch not taken would go on reading
        for i in range(len(dropped.inputs)):
            dropped.replace_input_with(i, None)
    graph.remove(node, safe=True)


def fold_constants(graph: ir.Graph) -> None:
    """Replace, in place, every node whose inputs are all constant and whose outputs are small by initializers.

    A Loop, Scan or If counts among its inputs what its body takes from outside.
    """
    made = 0
    for node in list(graph):
        if node.domain:
            continue
        inside = {v for inner in inner_nodes(node) for v in (*inner.outputs, *graph_of(inner).inputs)}
        given = [x for x in read_values(node) if x not in inside]
        tensors = {str(x.name): ir.convenience.get_const_tensor(x) for x in given}
        constants = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        if not tensors or len(constants) < len(tensors) or not is_small(node, constants, graph.opset_imports):
            continue
        results = _evaluate(node, {name: tensor.numpy() for name, tensor in constants.items()}, graph.opset_imports)
        if results and all(isinstance(r, np.ndarray) and r.size <= LARGEST for r in results):
            replace_by_constants(graph, node, results)
            made += sum(result.size for result in results)
        if made > MOST:
            break


def _evaluate(node: ir.Node, feeds: dict[str, np.ndarray], opsets: dict[str, int]) -> list[Any]:
    """What `node` gives for constant inputs, by onnx's own reference; nothing if that does not know the operator."""
    proto = onnx.NodeProto()
    proto.CopyFrom(ir.to_proto(node))
    try:
        outputs = onnx.reference.ReferenceEvaluator(proto, opsets=dict(opsets)).run(None, feeds)
    except Exception:  # it raises whatever it likes; the run time may know more, or say what is wrong
        return []
    return [np.asarray(x) if isinstance(x, np.generic) else x for x in outputs]


def replace_by_constants(graph: ir.Graph, node: ir.Node, results: list[np.ndarray]) -> None:
    """Put initializers of the same names in the place of the node's outputs; not where these leave the graph."""
    outputs = list(node.outputs)
    if any(v.is_graph_output() for v in outputs):
        return
    for value, array in zip(outputs, results, strict=True):
        new = add_initializer(graph, name_of(value), np.array(array, order="C"))
        ir.convenience.replace_all_uses_with(value, new)
    graph.remove(node, safe=True)
