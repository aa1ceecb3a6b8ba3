"""Double precision: a small graph computed in float64 by onnx's own reference, a witness that is not the run time.

Differences of float32 numbers say nothing of a Sigmoid that is all but 1, nor which side of a kink they lie on;
those of float64 numbers do.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx.inliner
import onnx.reference
import onnx_ir as ir
from onnx.reference.op_run import OpRun

from inspectnet.graph.operators import SLOW
from inspectnet.graph.values import integer

DEFINED = ("Gelu", "GroupNormalization", "MeanVarianceNormalization")  # in float32, whatever comes


class Doubles:
    """A model that runs in float64: arrays by name in, arrays by name out, as a Session does it in float32.

    model: in float32. Raises ValueError if it holds what takes too long: see `can_run`.
    """

    def __init__(self, model: ir.Model) -> None:
        if not can_run(model):
            raise ValueError("the graph holds operators that take too long in float64")
        operators = [("", op_type) for op_type in DEFINED]
        proto = onnx.inliner.inline_selected_functions(
            ir.to_proto(model), operators, exclude=False, inline_schema_functions=True
        )
        model = ir.from_proto(proto)
        _widen(model.graph)
        self.outputs = [str(x.name) for x in model.graph.outputs]
        self._evaluator = onnx.reference.ReferenceEvaluator(ir.to_proto(model), new_ops=[Erf, LpNormalization])

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The outputs (all, or those named) as arrays."""
        names = list(outputs or self.outputs)
        wide = {name: x.astype(np.float64) if x.dtype == np.float32 else x for name, x in feeds.items()}
        with np.errstate(all="ignore"):  # what is no number is told apart by whoever looks
            return dict(zip(names, map(np.asarray, self._evaluator.run(names, wide)), strict=True))


def can_run(model: ir.Model) -> bool:
    """Whether the reference knows every operator of `model`, and computes it in reasonable time."""
    return all(not node.domain and node.op_type not in SLOW for node in model.graph.all_nodes())


class Erf(OpRun):
    """The error function; the reference's own gives float32."""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


class LpNormalization(OpRun):
    """Division by a norm; the reference's own adds numbers up with their signs for p = 1."""

    def _run(self, x: np.ndarray, axis: int = -1, p: int = 2) -> tuple[np.ndarray]:
        norm = np.linalg.norm(x, ord=p, axis=axis, keepdims=True)
        return (np.divide(x, norm, out=np.zeros_like(x), where=norm != 0),)


def _widen(graph: ir.Graph) -> None:
    """Make every float32 of the graph, weights and casts too, a float64, in place."""
    for value in [*graph.inputs, *graph.initializers.values(), *(v for node in graph for v in node.outputs)]:
        if value.const_value is not None and value.const_value.dtype == ir.DataType.FLOAT:
            value.const_value = ir.tensor(value.const_value.numpy().astype(np.float64), name=value.name)
        if value.dtype == ir.DataType.FLOAT:
            value.type = ir.TensorType(ir.DataType.DOUBLE)  # not `dtype`: types are shared with the network
    for node in graph:
        if node.op_type == "ConstantOfShape" and "value" not in node.attributes:
            node.attributes.add(ir.AttrTensor("value", ir.tensor(np.zeros(1, np.float32))))
        for name in ("to", "dtype"):
            if integer(node, name) == ir.DataType.FLOAT:
                node.attributes.add(ir.AttrInt64(name, int(ir.DataType.DOUBLE)))
        for name in ("value", "value_float"):
            if (fill := node.attributes.get(name)) is not None:
                numbers = np.asarray(fill.value if name == "value_float" else fill.as_tensor().numpy())
                wide = numbers.astype(np.float64) if name == "value_float" or numbers.dtype == np.float32 else numbers
                node.attributes.pop(name)
                node.attributes.add(ir.AttrTensor("value", ir.tensor(wide)))
