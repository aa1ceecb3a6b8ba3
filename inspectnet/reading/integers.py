"""QOperator models: integer operators (QLinearConv ...) become float operators between Dequantize and Quantize.

Each is the operator on real numbers behind DequantizeLinears and before a QuantizeLinear, the QDQ form, which names and
rules know.
"""

from collections.abc import Callable, Sequence

import onnx_ir as ir

from inspectnet.graph.builder import Op
from inspectnet.graph.values import integer

Given = Sequence[ir.Value | None]


def _real(op: Op, given: Given, axis: int = 1) -> ir.Value:
    """The real numbers that (integers, scale, zero point) stand for."""
    x, *rounding = (value for value in given if value is not None)
    return op.DequantizeLinear(x, *rounding, axis=axis)


def _rounded(op: Op, x: ir.Value, given: Given) -> ir.Value:
    """`x` on the grid of (scale, zero point)."""
    return op.QuantizeLinear(x, *(value for value in given if value is not None))


def _kept(node: ir.Node, *but: str) -> dict[str, ir.Attr]:
    return {name: a for name, a in node.attributes.items() if name not in but}


def conv(op: Op, node: ir.Node) -> ir.Value:
    """Conv(x, w, b); the bias is in steps of both scales."""
    x_scale, w_scale = node.inputs[1], node.inputs[4]
    terms = [_real(op, node.inputs[:3]), _real(op, node.inputs[3:6], axis=0)]
    if len(node.inputs) > 8 and node.inputs[8] is not None:
        terms.append(op.Mul(op.Cast(node.inputs[8], to=1), op.Mul(x_scale, w_scale)))
    return _rounded(op, op.Conv(*terms, **_kept(node)), node.inputs[6:8])


def matmul(op: Op, node: ir.Node) -> ir.Value:
    """a b."""
    product = op.MatMul(_real(op, node.inputs[:3]), _real(op, node.inputs[3:6], axis=-1))
    return _rounded(op, product, node.inputs[6:8])


def gemm(op: Op, node: ir.Node) -> ir.Value:
    """alpha a' b' + c; c is in steps of both scales, and without a scale the sum stays a real number."""
    transposed = integer(node, "transB")
    terms = [_real(op, node.inputs[:3]), _real(op, node.inputs[3:6], axis=1 - transposed)]
    if len(node.inputs) > 6 and node.inputs[6] is not None:
        terms.append(op.Mul(op.Cast(node.inputs[6], to=1), op.Mul(node.inputs[1], node.inputs[4])))
    sum_ = op.Gemm(*terms, **_kept(node))
    rounding = node.inputs[7:9]
    return _rounded(op, sum_, rounding) if rounding and rounding[0] is not None else sum_


def two(op_type: str) -> Callable[[Op, ir.Node], ir.Value]:
    """An operator of two terms: (a, scale, zero point, b, scale, zero point, scale, zero point)."""

    def write(op: Op, node: ir.Node) -> ir.Value:
        terms = [_real(op, node.inputs[i : i + 3]) for i in (0, 3)]
        return _rounded(op, op.write(op_type, *terms), node.inputs[6:8])

    return write


def one(op_type: str, *but: str) -> Callable[[Op, ir.Node], ir.Value]:
    """An operator of one term: (x, scale, zero point, scale, zero point). but: attributes that are onnxruntime's."""

    def write(op: Op, node: ir.Node) -> ir.Value:
        x, last = _real(op, node.inputs[:3]), bool(integer(node, "channels_last"))
        x = op.Transpose(x, perm=[0, 3, 1, 2]) if last else x
        y = op.write(op_type, x, **_kept(node, "channels_last", *but))
        return _rounded(op, op.Transpose(y, perm=[0, 2, 3, 1]) if last else y, node.inputs[3:5])

    return write


def concat(op: Op, node: ir.Node) -> ir.Value:
    """The parts, each of its own grid, side by side on one: (scale, zero point, x, scale, zero point, ...)."""
    parts = [_real(op, node.inputs[i : i + 3]) for i in range(2, len(node.inputs), 3)]
    return _rounded(op, op.Concat(*parts, **_kept(node)), node.inputs[:2])


def mean(op: Op, node: ir.Node) -> ir.Value:
    """The mean along axes, which the standard has as an input."""
    axes = node.attributes.get("axes")
    given = [list(axes.as_ints())] if axes is not None else []
    y = op.ReduceMean(_real(op, node.inputs[:3]), *given, keepdims=integer(node, "keepdims", 1))
    return _rounded(op, y, node.inputs[3:5])


INTEGERS = {
    "QLinearConv": conv,
    "QLinearMatMul": matmul,
    "QGemm": gemm,
    "QLinearAdd": two("Add"),
    "QLinearMul": two("Mul"),
    "QLinearConcat": concat,
    "QLinearReduceMean": mean,
    "QLinearSoftmax": one("Softmax", "opset"),
    **{f"QLinear{name}": one(name) for name in ("AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid")},
}
