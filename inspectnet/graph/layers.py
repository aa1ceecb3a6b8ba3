"""Layers: the stages of a network, as one speaks of them.

A stage is an operator with weights, a pool, a normalisation or a join, together with the normalisation and the
activation that follow it. Its output is the rectified map; `conv5:pre` is the raw sum before the activation.
"""

import math
from dataclasses import dataclass, replace

import onnx_ir as ir

from inspectnet.graph.fields import Field, receptive_fields
from inspectnet.graph.names import module_path
from inspectnet.graph.values import live_values, shape_of

KINDS = {
    "Conv": "conv", "ConvTranspose": "convt", "Gemm": "fc", "MatMul": "fc",
    "MaxPool": "pool", "AveragePool": "pool", "GlobalAveragePool": "pool", "GlobalMaxPool": "pool",
    "ReduceMean": "pool", "LRN": "norm", "BatchNormalization": "bn", "Concat": "concat", "Add": "add", "Sum": "add",
    "Softmax": "softmax",
}  # fmt: skip
ACTIVATIONS = frozenset(
    "Relu LeakyRelu Clip Sigmoid Tanh Elu Selu Celu PRelu ThresholdedRelu Softplus Softsign Gelu HardSwish HardSigmoid"
    " Mish Swish".split()
)
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
JOINS = frozenset({"Add", "Sum", "Concat"})


@dataclass(frozen=True)
class Layer:
    """One stage of a network."""

    name: str
    """What the tool calls it: `conv5`, `pool2`, `fc7`."""
    path: str
    """The module it was exported from, `features.10`; empty where the file does not tell."""
    ordinals: tuple[str, ...]
    """Further numbers it answers to: fc1 for fc6."""
    ops: tuple[str, ...]
    """Its operators, from the bottom up."""
    output: str
    """The value that holds its rectified map."""
    pre: str
    """The value that holds its raw sum, before the activation; the same as `output` where it has none."""
    values: tuple[str, ...]
    """All values of the stage and the names of its nodes."""
    shape: tuple[int | str | None, ...]
    """(N, C, H, W) of the output, or (N, C)."""
    field: Field | None
    """Its units' receptive field per axis, None where a unit sees the whole image."""
    parameters: int

    @property
    def aliases(self) -> tuple[str, ...]:
        """All it answers to besides its name and the names in the file."""
        return (self.path, *self.ordinals) if self.path else self.ordinals

    @property
    def maps(self) -> int:
        """How many feature maps (or units, for a fully connected layer) it has."""
        return int(self.shape[1])  # type: ignore[arg-type]

    @property
    def spatial(self) -> bool:
        """Whether its units have a place in the image."""
        return len(self.shape) == 4


def find_layers(graph: ir.Graph) -> list[Layer]:
    """The layers of `graph` from the bottom up, named by their ordinals: conv1, conv2, pool1, fc1 ..."""
    alive, fields, counts = live_values(graph), receptive_fields(graph), dict[str, int]()
    taken: set[ir.Node] = set()
    layers = []
    for node in graph:
        kind = _kind(node, alive)
        if kind is None or node in taken:
            continue
        stage = _stage(node, alive)
        taken.update(stage)
        counts[kind] = counts.get(kind, 0) + 1
        layers.append(_layer(f"{kind}{counts[kind]}", stage, alive, fields))
    return _number_on(layers, graph, alive) if counts.get("fc") else layers


def _kind(node: ir.Node, alive: set[ir.Value]) -> str | None:
    """The word for a node at which a stage begins; None where none does."""
    live = [x for x in node.inputs if x in alive]
    shape = shape_of(node.outputs[0])
    if node.op_type not in KINDS or node.outputs[0] not in alive or shape is None or len(shape) not in (2, 4):
        return None
    if (node.op_type in JOINS and len(live) < 2) or (node.op_type in WEIGHTED and len(live) != 1):
        return None
    return KINDS[node.op_type] if isinstance(shape[1], int) else None


def _stage(first: ir.Node, alive: set[ir.Value]) -> list[ir.Node]:
    """The nodes of the stage that begins at `first`, as long as each is all that reads the one before."""
    stage = [first]
    while stage[-1].op_type not in ACTIVATIONS and len(stage[-1].outputs[0].uses()) == 1:
        after = stage[-1].outputs[0].consumers()[0]
        scales = after.op_type in ("BatchNormalization", "Mul", "Add") and first.op_type in (
            *WEIGHTED,
            "BatchNormalization",
        )
        if not (after.op_type in ACTIVATIONS or (scales and sum(x in alive for x in after.inputs) == 1)):
            break
        if stage[-1].outputs[0].is_graph_output() or first.op_type in ("MaxPool", "AveragePool", "Softmax"):
            break
        stage.append(after)
    return stage


def _layer(name: str, stage: list[ir.Node], alive: set[ir.Value], fields: dict[ir.Value, Field | None]) -> Layer:
    output = stage[-1].outputs[0]
    has_activation = len(stage) > 1 and stage[-1].op_type in ACTIVATIONS
    weights = {
        x for node in stage for x in node.inputs if x is not None and x not in alive and x.dtype == ir.DataType.FLOAT
    }
    return Layer(
        name=name,
        path=module_path(stage[0], stage[0].op_type in JOINS),
        ordinals=(),
        ops=tuple(node.op_type for node in stage),
        output=output.name or "",
        pre=(stage[-2] if has_activation else stage[-1]).outputs[0].name or "",
        values=tuple(n for node in stage for n in (node.name, node.outputs[0].name) if n),
        shape=shape_of(output) or (),
        field=fields.get(output),
        parameters=sum(math.prod(d for d in shape_of(w) or () if isinstance(d, int)) for w in weights),
    )


def _number_on(layers: list[Layer], graph: ir.Graph, alive: set[ir.Value]) -> list[Layer]:
    """In a plain chain the numbers of the fully connected layers go on after the convolutions: conv5, fc6."""
    forks = any(len({c for c in v.consumers() if c.outputs[0] in alive}) > 1 for v in alive)
    convs = sum(layer.name.startswith("conv") for layer in layers)
    if forks or not convs:
        return layers
    return [
        replace(layer, name=f"fc{convs + int(layer.name[2:])}", ordinals=(layer.name,))
        if layer.name.startswith("fc")
        else layer
        for layer in layers
    ]
