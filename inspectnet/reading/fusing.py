"""Fusing: groups of nodes that an exporter decomposed become one operator again, so that layers and rules know it."""

import onnx_ir as ir

from inspectnet.graph.builder import add_initializer, put_in_place
from inspectnet.reading.lrn import find_lrn
from inspectnet.reading.patterns import (
    Whole,
    find_activation,
    find_layer_norm,
    find_quotient,
    find_softmax,
    find_softplus,
)
from inspectnet.reading.strides import find_view

FINDERS = [
    ("Div", find_lrn),
    ("Div", find_layer_norm),
    ("Div", find_softmax),
    ("Exp", find_softmax),
    ("Gather", find_view),
    ("Where", find_softplus),
    ("Mul", find_quotient),
    ("", find_activation),
]
SINCE = {"Swish": 24}  # the opset that first had it, where that is newer than ours


def fuse(graph: ir.Graph) -> int:
    """Replace, in place, each group of nodes that is one operator by it, with the same output; gives how many.

    Activations (Swish, HardSwish, Gelu ...), layer and local response normalisation, softmax, changes of strides.
    """
    count = 0
    for node in list(graph):
        while (whole := _find(node)) is not None:
            node = _replace(graph, node, whole)  # which may be the end of a larger group
            count += 1
    return count


def _find(node: ir.Node) -> Whole | None:
    for last, find in FINDERS:
        if last in ("", node.op_type) and (whole := find(node)) is not None:
            return whole
    return None


def _replace(graph: ir.Graph, node: ir.Node, whole: Whole) -> ir.Node:
    """The operator, which stands in the place of its last node."""
    old = node.outputs[0]
    constants = [add_initializer(graph, f"{old.name}/{whole.op_type}_{i}", t) for i, t in enumerate(whole.constants)]
    made = ir.node(
        whole.op_type, [*whole.inputs, *constants], whole.attributes, name=node.name or f"{old.name}/{whole.op_type}"
    )
    made.metadata_props.update(node.metadata_props)
    graph.insert_before(node, made)
    put_in_place(graph, node, made.outputs[0])
    graph.opset_imports[""] = max(graph.opset_imports[""], SINCE.get(whole.op_type, 0))
    return made
