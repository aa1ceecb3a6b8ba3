"""Contrib operators (com.microsoft), which onnxruntime's optimiser and quantiser write, become standard ones.

What FusedConv, QuickGelu or QLinearConv do is known: a convolution with its activation, x sigmoid(1.702 x), a
convolution between two roundings. Each writer gives the standard's operators that do the same.
"""

from collections.abc import Callable

import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.builder import Op, put_in_place
from inspectnet.graph.values import describe, input_of, inputs_of, integer, number, optional_input, rank_of, word
from inspectnet.reading.checks import put_in_order
from inspectnet.reading.integers import INTEGERS

MICROSOFT = "com.microsoft"
BLOCKED = "com.microsoft.nchwc"  # maps in the blocks of one processor's registers, weights in an order of its own
Writer = Callable[[Op, ir.Node], ir.Value]
WRITERS: dict[str, Writer] = dict(INTEGERS)


def writes(*op_types: str) -> Callable[[Writer], Writer]:
    """Enter a function as the writer of `op_types`."""

    def enter(writer: Writer) -> Writer:
        WRITERS.update(dict.fromkeys(op_types, writer))
        return writer

    return enter


def write_out(model: ir.Model, where: str) -> None:
    """Replace, in place, each operator of onnxruntime's own that has a writer by what that writes.

    Raises ModelError for a file that was laid out for one kind of processor.
    """
    graph = model.graph
    blocked = next(filter(_is_laid_out, graph), None)
    if blocked is not None:
        name = f"{blocked.domain}.{blocked.op_type}"
        raise ModelError(
            f"{where} was saved by onnxruntime's optimiser for one kind of processor ({name})."
            " Give the original, or save it again with ORT_ENABLE_EXTENDED."
        )
    strange = [n for n in graph if n.op_type in WRITERS and (n.domain == MICROSOFT or n.op_type in STANDARDS_OWN)]
    for node in strange:
        op, before = Op(graph, f"{node.outputs[0].name}/parts"), set(graph)
        new = WRITERS[node.op_type](op, node)
        for made in graph:
            if made not in before:
                made.metadata_props.update(node.metadata_props)
        put_in_place(graph, node, new)
    if strange:
        put_in_order(model, where)


def _is_laid_out(node: ir.Node) -> bool:
    """Whether maps lie in blocks there, or integers with the channels last, as one kind of processor likes them."""
    return node.domain == BLOCKED or (
        node.domain == MICROSOFT and node.op_type == "QLinearConv" and bool(integer(node, "channels_last"))
    )


# What the optimiser fuses ----------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "Relu": (), "Tanh": (), "Sigmoid": (), "Softplus": (), "Softsign": (), "LeakyRelu": ("alpha",), "Elu": ("alpha",),
    "ThresholdedRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "HardSwish": (),
}  # fmt: skip


def _activated(op: Op, node: ir.Node, x: ir.Value, parameters: list[float]) -> ir.Value:
    """`x` behind the activation that the node names."""
    name = word(node, "activation")
    if not name:
        return x
    if name == "Clip":
        return op.Clip(x, *parameters)
    if name not in ACTIVATIONS:
        raise ModelError(f"{describe(node)} ends in {name}, which is not known there. Give the original model.")
    return op.write(name, x, **dict(zip(ACTIVATIONS[name], parameters, strict=False)))


def _attributes(node: ir.Node, *but: str) -> dict[str, ir.Attr]:
    """The node's attributes but those named, and those of its activation."""
    return {a.name: a for a in node.attributes.values() if a.name not in but and not a.name.startswith("activation")}


def _added(op: Op, *terms: ir.Value | None) -> ir.Value:
    first, *rest = [term for term in terms if term is not None]
    for term in rest:
        first = op.Add(first, term)
    return first


@writes("FusedConv")
def fused_conv(op: Op, node: ir.Node) -> ir.Value:
    """activation(Conv(x) + z)."""
    x = op.Conv(*node.inputs[:3], **_attributes(node))
    noted = node.attributes.get("activation_params")
    parameters = [] if noted is None else list(noted.as_floats())
    return _activated(op, node, _added(op, x, optional_input(node, 3)), parameters)


@writes("FusedGemm")
def fused_gemm(op: Op, node: ir.Node) -> ir.Value:
    """activation(Gemm(a, b, c))."""
    names = ("activation_alpha", "activation_beta", "activation_gamma")
    parameters = [number(node, name, 0.0) for name in names if name in node.attributes]
    return _activated(op, node, op.Gemm(*node.inputs, **_attributes(node)), parameters)


@writes("FusedMatMul", "TransposeMatMul")
def fused_matmul(op: Op, node: ir.Node) -> ir.Value:
    """alpha a' b', either of them transposed."""
    sides = inputs_of(node)
    for i, side in enumerate("AB"):
        if integer(node, f"transBatch{side}") or (integer(node, f"trans{side}") and sides[i].shape is None):
            raise ModelError(f"{describe(node)} moves axes that are not known. Give the original model.")
        if integer(node, f"trans{side}"):
            rank = rank_of(sides[i])
            sides[i] = op.Transpose(sides[i], perm=[*range(rank - 2), rank - 1, rank - 2])
    product, alpha = op.MatMul(*sides), number(node, "alpha", 1.0)
    return product if alpha == 1.0 else op.Mul(product, alpha)


@writes("Gelu", "BiasGelu")
def gelu(op: Op, node: ir.Node) -> ir.Value:
    """Gelu(x + bias)."""
    return op.Gelu(_added(op, *node.inputs))


@writes("FastGelu")
def fast_gelu(op: Op, node: ir.Node) -> ir.Value:
    """Gelu(x + bias) by tanh."""
    return op.Gelu(_added(op, *node.inputs), approximate="tanh")


@writes("QuickGelu")
def quick_gelu(op: Op, node: ir.Node) -> ir.Value:
    """x sigmoid(alpha x)."""
    x = node.inputs[0]
    return op.Mul(x, op.Sigmoid(op.Mul(x, number(node, "alpha", 1.702))))


@writes("BiasAdd")
def bias_add(op: Op, node: ir.Node) -> ir.Value:
    """x + bias + skip."""
    return _added(op, *node.inputs)


def _over_rms(op: Op, node: ir.Node, x: ir.Value, gamma: ir.Value, axis: int, epsilon: float) -> ir.Value:
    """gamma x over its root mean square along the axes from `axis` on, by operators whose shapes are known."""
    if axis >= 0 and x.shape is None:
        raise ModelError(f"{describe(node)} counts axes of a value whose rank is not known. Give the original model.")
    axes = list(range(axis if axis < 0 else axis - rank_of(x), 0))
    mean = op.ReduceMean(op.Mul(x, x), axes, keepdims=1)
    return op.Mul(op.Div(x, op.Sqrt(op.Add(mean, epsilon))), gamma)


@writes("RMSNormalization", "SimplifiedLayerNormalization")
def rms_norm(op: Op, node: ir.Node) -> ir.Value:
    """gamma x / sqrt(mean(x^2) + epsilon); the standard's own definition computes the axes, which hides the shape."""
    x, gamma = input_of(node), input_of(node, 1)
    return _over_rms(op, node, x, gamma, integer(node, "axis", -1), number(node, "epsilon", 1e-5))


@writes("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def skip_norm(op: Op, node: ir.Node) -> ir.Value:
    """The norm of x + skip + bias, which is its fourth output."""
    simplified = node.op_type == "SkipSimplifiedLayerNormalization"
    x, skip, gamma = (input_of(node, i) for i in range(3))
    total = _added(op, x, skip, optional_input(node, 3 if simplified else 4))
    if len(node.outputs) > 3:
        ir.convenience.replace_all_uses_with(node.outputs[3], total, replace_graph_outputs=True)
    if simplified:
        return _over_rms(op, node, total, gamma, -1, number(node, "epsilon", 1e-5))
    return op.LayerNormalization(total, gamma, *node.inputs[3:4], epsilon=number(node, "epsilon", 1e-12))


@writes("NhwcMaxPool")
def channels_last_pool(op: Op, node: ir.Node) -> ir.Value:
    """MaxPool with the channels last."""
    pooled = op.MaxPool(op.Transpose(node.inputs[0], perm=[0, 3, 1, 2]), **_attributes(node))
    return op.Transpose(pooled, perm=[0, 2, 3, 1])


STANDARDS_OWN = frozenset(
    {"SimplifiedLayerNormalization", "RMSNormalization", "QLinearConv", "QLinearMatMul"}
)  # in the standard's domain
