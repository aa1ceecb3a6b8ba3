"""Opset conversion: any opset from 7 up becomes one; large weights are left out while onnx's converter runs."""

from collections.abc import Callable

import onnx
import onnx.defs
import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.errors import ModelError
from inspectnet.graph.operators import DEFINED
from inspectnet.graph.values import name_of
from inspectnet.reading.converter import convert, write_out
from inspectnet.reading.old_forms import mark_old_forms
from inspectnet.reading.schemas import refuse_misfits, schema_of

OPSET = 21  # the newest that every rule is written for; later files keep theirs, as these ops have not changed since
OLDEST = 7  # onnxruntime runs nothing older
STRANGE = "inspectnet.strange"  # the domain of operators that the standard does not know, while others are converted
HEAVY = 1024  # elements: larger weights take no part in the conversion


def upgrade(model: ir.Model, where: str) -> None:
    """Bring `model` to opset 21 or later, what the standard defines by other operators written out as these; in place.

    Raises ModelError where the file's opset cannot be brought there.
    """
    version = model.opset_imports.setdefault("", model.opset_imports.pop("ai.onnx", 0))  # two names of one domain
    if version < OLDEST:
        raise ModelError(f"{where} is in opset {version}, older than {OLDEST}. Export it again with a newer opset.")
    if version > onnx.defs.onnx_opset_version():
        known = onnx.defs.onnx_opset_version()
        raise ModelError(f"{where} is in opset {version}, newer than {known}. Upgrade the package onnx.")
    refuse_misfits(model.graph, version, where)
    if version < OPSET:
        strange = _set_apart(model, version)
        _without_weights(model, lambda proto: convert(proto, OPSET))
        if model.opset_imports.get("") != OPSET:
            raise ModelError(f"the opset of {where} cannot be brought to {OPSET}. Export it again with a newer opset.")
        _take_back(model, strange)
    if any(not node.domain and node.op_type in DEFINED for node in model.graph.all_nodes()):
        passes.AddDefaultAttributesPass()(model)  # the tool does not know what is not said
        _without_weights(model, lambda proto: write_out(proto, sorted(DEFINED)))
    mark_old_forms(model.graph, version)
    model.ir_version = max(model.ir_version or 0, 10)


def has_schema(node: ir.Node) -> bool:
    """Whether onnx knows the operator, so that it can convert it and tell the shape of what it gives."""
    return not node.domain and onnx.defs.has(node.op_type)


def _set_apart(model: ir.Model, version: int) -> dict[str, ir.Shape | None]:
    """Put operators that the standard does not know into a domain of their own, in place: the converter stops at them.

    Gives the shapes that the file tells of what unknown operators of any domain give, which the converter forgets.
    """
    strange = [node for node in model.graph.all_nodes() if schema_of(node, version) is None]
    for node in strange:
        node.domain = node.domain or STRANGE
    model.opset_imports.update({STRANGE: 1} if any(node.domain == STRANGE for node in strange) else {})
    return {str(value.name): value.shape for node in strange for value in node.outputs if value.name}


def _take_back(model: ir.Model, shapes: dict[str, ir.Shape | None]) -> None:
    """Undo what `_set_apart` did, which gave `shapes`."""
    for node in model.graph.all_nodes():
        node.domain = "" if node.domain == STRANGE else node.domain
        for value in node.outputs:
            value.shape = shapes.get(str(value.name)) or value.shape
    model.opset_imports.pop(STRANGE, None)


def _without_weights(model: ir.Model, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> None:
    """Let one of onnx's own tools change the graph, in place, the heavy weights standing in as inputs meanwhile."""
    graph = model.graph
    weights = {
        name: v.const_value
        for name, v in graph.initializers.items()
        if v.const_value is not None and v.const_value.size > HEAVY
    }
    for name in weights:
        graph.inputs.append(graph.initializers.pop(name))
    notes = {node.outputs[0].name: node.metadata_props for node in graph if node.outputs}
    model.ir_version = max(model.ir_version or 0, 10)  # else the converter asks for initializers among the inputs
    converted = ir.from_proto(change(ir.to_proto(model)))
    for node in converted.graph:  # the tools forget what exporters noted: the names of modules
        node.metadata_props.update(notes.get(node.outputs[0].name, {}) if node.outputs else {})
    for value in [v for v in converted.graph.inputs if v.name in weights]:
        converted.graph.inputs.remove(value)
        value.const_value = weights[name_of(value)]
        converted.graph.initializers[name_of(value)] = value
    model.graph = converted.graph
