"""Model-local functions: refuse those whose inlined bodies are too large, or recursive.

Eighteen functions of two calls each are a few kilobytes, and 262,144 operators.
"""

from collections.abc import Iterable, Mapping

import onnx

from inspectnet.errors import ModelError

MOST = 100_000  # operators, more than the networks that are exported with functions have

Name = tuple[str, str, str]  # domain, name and overload


def refuse_growth(proto: onnx.ModelProto, where: str) -> None:
    """Raise ModelError if a model has too many operators once its functions are written out, or if they never end."""
    bodies = {_name(f.domain, f.name, f.overload): f.node for f in proto.functions}
    sizes: dict[Name, int] = {}
    size = _size(proto.graph.node, bodies, sizes, where)
    for name in bodies.keys() - sizes.keys():  # that nobody calls
        size += _size(bodies[name], bodies, sizes, where)
    if size > MOST:
        raise ModelError(f"{where} has {size:.3g} operators with its functions written out, more than {MOST}.")


def _size(
    nodes: Iterable[onnx.NodeProto], bodies: Mapping[Name, Iterable[onnx.NodeProto]], sizes: dict[Name, int], where: str
) -> int:
    """How many operators `nodes` become; adds to `sizes` those of the functions they call, 0 while one is open."""
    total = 0
    for node in nodes:
        name = _name(node.domain, node.op_type, node.overload)
        if name in bodies and name not in sizes:
            sizes[name] = 0
            sizes[name] = max(1, _size(bodies[name], bodies, sizes, where))
        elif name in bodies and not sizes[name]:
            raise ModelError(f"{where}: the function {name[1]} calls itself. Export the model again.")
        total += sizes.get(name, 1)
        total += sum(_size(graph.node, bodies, sizes, where) for a in node.attribute for graph in (a.g, *a.graphs))
    return total


def _name(domain: str, name: str, overload: str) -> Name:
    return "" if domain == "ai.onnx" else domain, name, overload
