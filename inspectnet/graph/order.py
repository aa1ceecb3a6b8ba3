"""Order: the operators of a graph from the image up, as everything here walks through them."""

import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.values import describe, read_values


def put_in_order(graph: ir.Graph, where: str) -> None:
    """Let each operator stand behind those that it reads, in place. Raises ModelError where operators form a circle."""
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
