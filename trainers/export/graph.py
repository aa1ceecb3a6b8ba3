"""The ONNX graph of a network, built node by node from its rows and weights.

Written by hand and not by torch's exporter, because every name and one LRN node per norm are then exact: node
conv1 gives value conv1 from initializers conv1.weight and conv1.bias. Dropout leaves no node behind.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from trainers.architectures.architecture import Architecture, Conv

OPSET, IR_VERSION = 21, 10

Attribute = int | float | str | Sequence[int]


class GraphBuilder:
    """Appends nodes; each is named after its only output."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, np.ndarray]) -> None:
        side = architecture.side
        self.weights = weights
        self.image = ir.val("image", ir.DataType.FLOAT, ["batch", 3, side, side])
        self.nodes: list[ir.Node] = []
        self.initializers: list[ir.Value] = []

    def parameter(self, name: str) -> ir.Value:
        """A weight or bias as an initializer."""
        tensor = ir.tensor(np.ascontiguousarray(self.weights[name], dtype=np.float32), name=name)
        value = ir.Value(
            name=name, shape=ir.Shape(tensor.shape.numpy()), type=ir.TensorType(tensor.dtype), const_value=tensor
        )
        self.initializers.append(value)
        return value

    def add(
        self, op: str, name: str, x: ir.Value, parameters: tuple[str, ...] = (), **attributes: Attribute
    ) -> ir.Value:
        """One node below `x`, with initializers `name.weight` and so on."""
        inputs = [x, *(self.parameter(f"{name}.{p}") for p in parameters)]
        out = ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT))
        self.nodes.append(ir.node(op, inputs, attributes, outputs=[out], name=name))
        return out


def build_graph(architecture: Architecture, weights: Mapping[str, np.ndarray]) -> ir.Model:
    """Image (batch, 3, S, S) prepared -> fc8 (batch, classes) logits."""
    graph = GraphBuilder(architecture, weights)
    x: ir.Value = graph.image
    for conv in architecture.convs:
        x = add_conv_stage(graph, architecture, conv, x)

    x = graph.add("Flatten", "flatten", x, axis=1)
    for n, _ in architecture.hidden:
        x = graph.add("Gemm", f"fc{n}", x, ("weight", "bias"), transB=1)
        x = graph.add("Relu", f"relu{n}", x)
    x = graph.add("Gemm", "fc8", x, ("weight", "bias"), transB=1)

    x.shape = ir.Shape(["batch", architecture.classes])
    made = ir.Graph(
        [graph.image],
        [x],
        nodes=graph.nodes,
        initializers=graph.initializers,
        opset_imports={"": OPSET},
        name=architecture.name,
    )
    return ir.Model(made, ir_version=IR_VERSION, producer_name="inspectnet trainers")


def add_conv_stage(graph: GraphBuilder, architecture: Architecture, conv: Conv, x: ir.Value) -> ir.Value:
    """Conv, Relu, and MaxPool and LRN in the architecture's order."""
    n, norm = conv.number, architecture.norm
    kernel, strides = [conv.kernel] * 2, [conv.stride] * 2
    x = graph.add(
        "Conv",
        f"conv{n}",
        x,
        ("weight", "bias"),
        kernel_shape=kernel,
        strides=strides,
        pads=list(conv.pads),
        group=conv.groups,
    )
    x = graph.add("Relu", f"relu{n}", x)

    def normalise(x: ir.Value) -> ir.Value:
        return graph.add("LRN", f"norm{n}", x, size=norm.size, alpha=norm.alpha, beta=norm.beta, bias=norm.bias)

    if conv.norm and architecture.norm_first:
        x = normalise(x)
    if (pool := conv.pool) is not None:
        x = graph.add(
            "MaxPool",
            f"pool{n}",
            x,
            kernel_shape=[pool.kernel] * 2,
            strides=[pool.stride] * 2,
            pads=[pool.pad] * 4,
            ceil_mode=int(pool.ceil),
        )
    return normalise(x) if conv.norm and not architecture.norm_first else x
