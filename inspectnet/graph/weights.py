"""Weights: the constants that operators compute with, and a copy of a model that computes with others."""

from collections.abc import Collection, Mapping

import numpy as np
import onnx_ir as ir

from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import constant_of


def weights_of(model: ir.Model, values: Collection[str]) -> dict[str, np.ndarray]:
    """The float32 weights that the operators behind those values read, by their names: filters, biases, statistics.

    Those that the graph itself computes, as ConstantOfShape does, are none, nor by how much a Resize enlarges.
    """
    nodes = [node for node in model.graph if node.outputs[0].name in values and node.op_type != "Resize"]
    inputs = {str(x.name): x for node in nodes for x in node.inputs if x is not None and x.is_initializer()}
    constants = {name: constant_of(x) for name, x in inputs.items()}
    return {name: array for name, array in constants.items() if array is not None and array.dtype == np.float32}


def replace_weights(model: ir.Model, weights: Mapping[str, np.ndarray]) -> ir.Model:
    """A copy of `model` in which the weights of these names hold other numbers; all others are shared."""
    outputs = list(model.graph.outputs)
    views = [x for node in model.graph for x in node.outputs if x.name and not x.uses() and x not in outputs]
    copy = cut_out(model, list(model.graph.inputs), [*outputs, *views])
    del copy.graph.outputs[len(outputs) :]
    for name, numbers in weights.items():
        value = copy.graph.initializers[name]
        assert value.shape == numbers.shape, f"{name} has the shape {value.shape}, not {numbers.shape}"
        value.const_value = ir.tensor(np.ascontiguousarray(numbers, np.float32), name=name)
    return copy
