"""Subgraphs: parts of a network as models of their own, with its maps as outputs, or only the maxima of its maps."""

from collections.abc import Sequence

import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.graph.builder import Op
from inspectnet.graph.values import known_shape, name_of, shape_of


def cut_out(model: ir.Model, inputs: Sequence[ir.Value | str], outputs: Sequence[ir.Value | str]) -> ir.Model:
    """A copy of the part of `model` between some values, as a model of its own; weights are shared."""
    graph = ir.convenience.extract(model.graph, inputs, outputs)
    weights = {name: graph.initializers[name] for name in model.graph.initializers if name in graph.initializers}
    graph.initializers.clear()
    graph.initializers.update(weights)  # in the model's order: extract goes by addresses, which differ from run to run
    graph.opset_imports.update(model.graph.opset_imports)
    graph.name = graph.name or "network"
    return ir.Model(graph, ir_version=model.ir_version or 10, producer_name="inspectnet")


def cut(model: ir.Model, values: Sequence[str]) -> ir.Model:
    """The network up to `values`, which become its outputs: image (N, C, H, W) -> each value."""
    part = cut_out(model, list(model.graph.inputs), list(dict.fromkeys(values)))
    passes.RemoveUnusedNodesPass()(part)
    return part


def cut_at_maxima(model: ir.Model, values: Sequence[str]) -> tuple[ir.Model, dict[str, tuple[str, str | None]]]:
    """The network up to `values`, of which only each map's maximum and its place leave the graph.

    Gives, by value, the names of the outputs: maximum (N, C) float32 and place (N, C) int64, the index of the first
    maximum in the map's rows; None for a value without extent, whose units are their own maxima.
    """
    part = cut(model, values)
    op = Op(part.graph, "maxima")
    names: dict[str, tuple[str, str | None]] = {}
    outputs = []
    for value in list(part.graph.outputs):
        if len(shape_of(value) or ()) != 4:
            names[name_of(value)], made = (name_of(value), None), [value]
        else:
            rows = op.Reshape(value, [0, 0, -1])
            place = op.ArgMax(rows, axis=2, keepdims=1)  # one search, then a look-up: faster than searching twice
            made = [op.Squeeze(op.GatherElements(rows, place, axis=2), [2]), op.Squeeze(place, [2])]
            for x, dtype in zip(made, (ir.DataType.FLOAT, ir.DataType.INT64), strict=True):
                x.shape, x.type = ir.Shape(known_shape(value)[:2]), ir.TensorType(dtype)
            names[name_of(value)] = (name_of(made[0]), name_of(made[1]))
        outputs += made
    part.graph.outputs[:] = outputs
    return part, names
