"""Values: shapes, constants, attributes and producers of the values of a graph; which depend on the image."""

import math

import numpy as np
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.operators import CARRIERS, EXTENTS

Extent = int | str | None  # a name where it is free, as N of the images; None where nothing is known
Extents = tuple[Extent, ...]


def live_values(graph: ir.Graph) -> set[ir.Value]:
    """The values that depend on the pixels of the image: the only ones through which a signal can come down."""
    alive = set(graph.inputs)
    for node in graph:
        if node.op_type not in EXTENTS and any(x in alive for x in read_values(node)):
            alive.update(node.outputs)
    return alive


def values_above(graph: ir.Graph, goal: ir.Value) -> set[ir.Value]:
    """`goal` and the values that depend on it in any way, be it on its extent only."""
    above = {goal}
    for node in graph:
        if not above.isdisjoint(read_values(node)):
            above.update(node.outputs)
    return above


def read_values(node: ir.Node) -> list[ir.Value]:
    """All values that `node` reads: its inputs, and what its subgraphs (of If, Loop) take from outside."""
    captured = [x for inner in inner_nodes(node) for x in inner.inputs if x is not None]
    outputs = [x for a in node.attributes.values() for part in _subgraphs(a) for x in part.outputs]
    return [x for x in node.inputs if x is not None] + captured + outputs


def inner_nodes(node: ir.Node) -> list[ir.Node]:
    """The nodes inside the subgraphs of `node`, which may read values from outside."""
    return [inner for a in node.attributes.values() for part in _subgraphs(a) for inner in part.all_nodes()]


def _subgraphs(attribute: ir.Attr) -> list[ir.Graph]:
    if attribute.type == ir.AttributeType.GRAPH:
        return [attribute.as_graph()]
    return list(attribute.as_graphs()) if attribute.type == ir.AttributeType.GRAPHS else []


def behind(value: ir.Value | None) -> ir.Node | None:
    """The maker of `value` behind nodes that only carry it along; None if that is the graph's input or a constant."""
    node = None if value is None else value.producer()
    while node is not None and node.op_type in CARRIERS:
        node = input_of(node).producer()
    return node


def input_of(node: ir.Node, index: int = 0) -> ir.Value:
    """An input that `node` must have. Raises ModelError where the file leaves it out."""
    value = optional_input(node, index)
    if value is None:
        raise ModelError(f"{describe(node)} has no input {index + 1}. Export the model again.")
    return value


def inputs_of(node: ir.Node) -> list[ir.Value]:
    """All inputs of `node`. Raises ModelError where the file leaves one out."""
    return [input_of(node, index) for index in range(len(node.inputs))]


def optional_input(node: ir.Node, index: int) -> ir.Value | None:
    """An input of `node`; None where the file leaves it out."""
    return node.inputs[index] if index < len(node.inputs) else None


def producer_of(value: ir.Value) -> ir.Node:
    """The node that gives `value`, which is neither an input of the graph nor a constant."""
    node = value.producer()
    assert node is not None, f"no node gives '{value.name}'"
    return node


def graph_of(node: ir.Node) -> ir.Graph:
    """The graph that `node` is a part of."""
    assert node.graph is not None, f"{describe(node)} is in no graph"
    return node.graph


def name_of(value: ir.Value) -> str:
    """The name of `value`; empty if it has none."""
    return value.name or ""


def shape_of(value: ir.Value) -> Extents | None:
    """The extents of `value`; None if not even the rank is known."""
    if value.shape is None:
        return None
    return tuple(d if isinstance(d, int) else d.value for d in value.shape)


def known_shape(value: ir.Value) -> Extents:
    """The extents of `value`. Raises ModelError if not even the rank is known."""
    shape = shape_of(value)
    if shape is None:
        raise ModelError(f"the shape of '{value.name}' is not known. Export the model again, with its shapes.")
    return shape


def numbers_in(value: ir.Value) -> int:
    """How many numbers `value` holds for one image, as far as its extents are known."""
    return math.prod(n for n in shape_of(value) or () if isinstance(n, int))


def rank_of(value: ir.Value) -> int:
    """How many axes `value` has. Raises ModelError if that is not known."""
    return len(known_shape(value))


def extents_of(value: ir.Value, start: int = 0) -> tuple[int, ...]:
    """The extents of `value` as numbers, from axis `start` on. Raises ModelError if one is not known."""
    shape = known_shape(value)[start:]
    numbers = tuple(extent for extent in shape if isinstance(extent, int))
    if len(numbers) < len(shape):
        raise ModelError(f"an extent of '{value.name}' is not known. Export the model again, with fixed extents.")
    return numbers


def extent_of(value: ir.Value, axis: int) -> int:
    """One extent of `value` as a number. Raises ModelError if it is not known."""
    extent = known_shape(value)[axis]
    if not isinstance(extent, int):
        raise ModelError(f"an extent of '{value.name}' is not known. Export the model again, with fixed extents.")
    return extent


def constant_of(value: ir.Value | None) -> np.ndarray | None:
    """The numbers of a constant value; None for a value that is missing or computed."""
    tensor = None if value is None else ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def integer(node: ir.Node, name: str, default: int = 0) -> int:
    """The attribute `name` of `node` as an integer."""
    attribute = node.attributes.get(name)
    return default if attribute is None else int(attribute.as_int())


def number(node: ir.Node, name: str, default: float) -> float:
    """The attribute `name` of `node` as a float."""
    attribute = node.attributes.get(name)
    return default if attribute is None else float(attribute.as_float())


def word(node: ir.Node, name: str, default: str = "") -> str:
    """The attribute `name` of `node` as a text."""
    attribute = node.attributes.get(name)
    return default if attribute is None else str(attribute.as_string())


def ints(node: ir.Node, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """The attribute `name` of `node` as a tuple of integers."""
    attribute = node.attributes.get(name)
    return default if attribute is None else tuple(int(i) for i in attribute.as_ints())


def describe(node: ir.Node) -> str:
    """How a message names a node: old files leave nodes nameless, but every output that is used has a name."""
    name = next((value.name for value in node.outputs if value.name), "")
    return f"{node.op_type} (output '{name}')"
