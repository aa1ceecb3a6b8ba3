"""Unlisted layers: those above an operator whose output has axes that cannot be identified."""

from collections.abc import Iterable

import onnx_ir as ir

from inspectnet.graph.axes import axes_of
from inspectnet.graph.layers import Layer
from inspectnet.graph.operators import WEIGHTED
from inspectnet.graph.values import describe, live_values, read_values, shape_of


def unlisted_above(graph: ir.Graph, layers: Iterable[Layer]) -> str | None:
    """The first operator above which layers are not listed, in words; None if all are.

    Of what it gives the extents cannot be told, or which of its axes are images, channels and places.
    """
    alive, listed = live_values(graph), {name for layer in layers for name in layer.values}
    makers = [node for node in graph if node.outputs[0] in alive]
    lost = next((node for node in makers if _has_weights(node, alive) and node.outputs[0].name not in listed), None)
    below = _below(lost) if lost is not None else set()
    axes = axes_of(graph)
    for node in makers:
        output = next(value for value in node.outputs if value.name)  # GRUs leave out all outputs but the last one
        unclear = "?" in axes[output] and not any("?" in axes[x] for x in read_values(node) if x in axes)
        if shape_of(output) is None or (node in below and unclear) or node is lost:
            return describe(node)
    return None


def tell_unlisted(operator: str | None) -> str:
    """What to say of the layers above `operator`, in a sentence; nothing if there is none."""
    why = "what the axes of its output are cannot be told"
    return f"layers above {operator} are not listed: {why}" if operator else ""


def _has_weights(node: ir.Node, alive: set[ir.Value]) -> bool:
    return node.op_type in WEIGHTED and not node.domain and sum(x in alive for x in node.inputs) == 1


def _below(node: ir.Node) -> set[ir.Node]:
    """All operators that `node` depends on."""
    asked, below = [node], set[ir.Node]()
    while asked:
        for value in read_values(asked.pop()):
            maker = value.producer()
            if maker is not None and maker not in below:
                below.add(maker)
                asked.append(maker)
    return below
