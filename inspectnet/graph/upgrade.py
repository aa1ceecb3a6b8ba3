"""Any opset from 7 up becomes one opset; the weights stay at home while onnx's converter works."""

import onnx
import onnx.defs
import onnx.version_converter
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.old_forms import mark_old_forms

OPSET = 21  # the newest that every rule is written for; later files keep theirs, as these ops have not changed since
OLDEST = 7  # onnxruntime runs nothing older
HEAVY = 1024  # elements: larger weights take no part in the conversion


def upgrade(model: ir.Model) -> ir.Model:
    """The same network in opset 21 or later. Raises ModelError where the file's opset cannot be brought there."""
    version = model.opset_imports.setdefault("", model.opset_imports.pop("ai.onnx", 0))  # two names of one domain
    if version < OLDEST:
        raise ModelError(f"the model is in opset {version}, older than {OLDEST}. Export it again with a newer opset.")
    if version > onnx.defs.onnx_opset_version():
        known = onnx.defs.onnx_opset_version()
        raise ModelError(f"the model is in opset {version}, newer than {known}. Upgrade the package onnx.")
    if version < OPSET:
        model = _convert(model)
    mark_old_forms(model.graph, version)
    model.ir_version = max(model.ir_version or 0, 10)
    return model


def _convert(model: ir.Model) -> ir.Model:
    """Run onnx's C++ converter on the graph, the heavy weights standing in as inputs meanwhile."""
    graph = model.graph
    weights = {
        v.name: v.const_value
        for v in graph.initializers.values()
        if v.const_value is not None and v.const_value.size > HEAVY
    }
    for name in weights:
        graph.inputs.append(graph.initializers.pop(name))
    notes = {node.outputs[0].name: node.metadata_props for node in graph if node.outputs}
    model.ir_version = max(model.ir_version or 0, 10)  # else the converter asks for initializers among the inputs
    converted = ir.from_proto(onnx.version_converter.convert_version(ir.to_proto(model), OPSET))
    for node in converted.graph:  # the converter forgets what exporters noted: the names of modules
        node.metadata_props.update(notes.get(node.outputs[0].name, {}) if node.outputs else {})
    for value in [v for v in converted.graph.inputs if v.name in weights]:
        converted.graph.inputs.remove(value)
        value.const_value = weights[value.name]
        converted.graph.initializers[value.name] = value
    if converted.opset_imports.get("") != OPSET:
        raise ModelError(f"the model's opset could not be brought to {OPSET}. Export it again with a newer opset.")
    return converted
