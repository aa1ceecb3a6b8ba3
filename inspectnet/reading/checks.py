"""Checks: every input has a producer; nodes are in topological order."""

from collections.abc import Iterable

import onnx
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.values import describe, read_values


def refuse_loose_ends(proto: onnx.ModelProto, where: str) -> None:
    """Raise ModelError if an operator reads what nothing gives."""
    _check_graph(proto.graph, set(), where)
    for function in proto.functions:
        _check_nodes(function.node, set(function.input), where)


def _check_graph(graph: onnx.GraphProto, outside: set[str], where: str) -> None:
    given = {value.name for value in (*graph.input, *graph.initializer)}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    _check_nodes(graph.node, outside | given, where)


def _check_nodes(nodes: Iterable[onnx.NodeProto], given: set[str], where: str) -> None:
    known = given | {name for node in nodes for name in node.output}
    for node in nodes:
        missing = next((name for name in node.input if name and name not in known), None)
        if missing is not None:
            what = f"{node.op_type} (output '{node.output[0] if node.output else ''}')"
            raise ModelError(f"{where}: {what} reads '{missing}', which nothing gives. Export the model again.")
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                _check_graph(graph, known, where)


def put_in_order(model: ir.Model, where: str) -> None:
    """Let each operator stand behind those that it reads, in place. Raises ModelError where operators form a circle."""
    graph = model.graph
    if _in_order(graph):
        return
    try:
        graph.sort()
    except ValueError:
        circle = " reads ".join(describe(node) for node in _circle(graph))
        raise ModelError(f"{where} holds a circle: {circle}. Export it again.") from None


def _in_order(graph: ir.Graph) -> bool:
    done: set[ir.Node] = set()
    for node in graph:
        if any(below not in done for below in _below(graph, node)):
            return False
        done.add(node)
    return True


def _below(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """The nodes of `graph` that `node`, or a graph inside it, reads."""
    makers = (value.producer() for value in read_values(node))
    return [maker for maker in makers if maker is not None and maker.graph is graph]


def _circle(graph: ir.Graph) -> list[ir.Node]:
    """Nodes of which each reads the next, and the last is the first."""
    left = dict.fromkeys(graph)
    while free := [node for node in left if not any(below in left for below in _below(graph, node))]:
        for node in free:
            del left[node]
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(next(below for below in _below(graph, path[-1]) if below in left))
    return path[path.index(path[-1]) :]
