"""Op: writes nodes into a graph as if ONNX's operators were functions."""

import functools
from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

Operand: TypeAlias = ir.Value | npt.ArrayLike | None
Attribute: TypeAlias = ir.Attr | str | int | float | Sequence[int] | Sequence[float]


class Operator(Protocol):
    """What appends one operator to a graph, and gives its output."""

    def __call__(self, *inputs: Operand, **attributes: Attribute) -> ir.Value:
        """Append the operator with these inputs and attributes."""


def add_initializer(graph: ir.Graph, name: str, numbers: np.ndarray | ir.TensorProtocol) -> ir.Value:
    """The value of that name that holds `numbers`, as a new initializer of `graph`."""
    tensor = ir.tensor(numbers, name=name) if isinstance(numbers, np.ndarray) else numbers
    value = ir.Value(
        name=name, const_value=tensor, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype)
    )
    graph.register_initializer(value)
    return value


def put_in_place(graph: ir.Graph, node: ir.Node, new: ir.Value) -> None:
    """Let `new` be what `node` gave, with its name, shape and type, and remove `node`."""
    old, name = node.outputs[0], node.outputs[0].name
    new.shape, new.type = old.shape, old.type
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    new.name = name


class Op(ir.tape.Tape):
    """Appends nodes to a graph: `op.Relu(x)`, `op.several("Split", 2, x, [2, 2], axis=1)`.

    Numbers and arrays given as inputs become constants of the graph; int is int64, float is float32.
    """

    def __init__(self, graph: ir.Graph, prefix: str) -> None:
        super().__init__(graph)
        self._graph = graph
        taken = {v.name or "" for n in graph for v in n.outputs} | set(graph.initializers)
        while any(name.startswith(f"{prefix}/") for name in taken):  # the graph may be an inverse already
            prefix += "_"
        self._prefix = prefix
        self._count = 0
        self._constants: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}

    def __getattr__(self, op_type: str) -> Operator:
        if op_type.startswith("_"):
            raise AttributeError(op_type)
        return functools.partial(self.write, op_type)

    def write(self, op_type: str, *inputs: Operand, **attributes: Attribute) -> ir.Value:
        """Append the operator of that name; gives its output."""
        return self.several(op_type, 1, *inputs, **attributes)[0]

    def several(self, op_type: str, outputs: int, *inputs: Operand, **attributes: Attribute) -> list[ir.Value]:
        """Append the operator of that name; gives so many outputs."""
        values = [x if x is None or isinstance(x, ir.Value) else self.constant(x) for x in inputs]
        self._count += 1
        name = f"{self._prefix}/{op_type}_{self._count}"
        made = self.op_multi_out(op_type, values, attributes, num_outputs=outputs, name=name)
        for i, value in enumerate(made):
            value.name = name if i == 0 else f"{name}_{i}"
        return list(made)

    def constant(self, numbers: npt.ArrayLike) -> ir.Value:
        """The value that holds `numbers`, shared by all who ask for the same ones."""
        array = np.asarray(numbers)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"{self._prefix}/constant_{len(self._constants)}"
            self._constants[key] = self.initializer(ir.tensor(array, name=name), name)
        return self._constants[key]

    def shape_like(self, top: ir.Value, bottom: ir.Value) -> ir.Value:
        """The shape of `bottom` with the batch size of `top`: one image may serve many seeds."""
        return self.Concat(self.Shape(top, end=1), self.Shape(bottom, start=1), axis=0)
