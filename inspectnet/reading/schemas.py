"""Schemas: check the number of inputs and the types of attributes of every operator against the standard.

onnx's own tools end the whole process on an attribute of a wrong type, and the readers of attributes here rely on them.
"""

import onnx.defs
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.values import describe

SINGLE = onnx.defs.OpSchema.FormalParameterOption.Single
FROM_1 = frozenset({"strides", "dilations", "kernel_shape", "group", "num_groups", "blocksize", "num_heads"})
"""Attributes that nothing can be divided by, or moved along, if they are below 1."""


def refuse_misfits(graph: ir.Graph, version: int, where: str) -> None:
    """Raise ModelError for an operator of the standard whose form is not that of the opset `version`."""
    for node in graph.all_nodes():
        schema = schema_of(node, version)
        if schema is not None and (fault := _misfit(node, schema)):
            raise ModelError(f"{where}: {describe(node)} {fault}. Export the model again.")


def schema_of(node: ir.Node, version: int) -> onnx.defs.OpSchema | None:
    """What the standard says of an operator in the opset `version`; None if it does not know it."""
    if node.domain:
        return None
    try:
        return onnx.defs.get_schema(node.op_type, version, "")
    except onnx.defs.SchemaError:
        return None


def _misfit(node: ir.Node, schema: onnx.defs.OpSchema) -> str:
    """What is wrong with the form of an operator, as the end of a sentence; empty if nothing is."""
    for kind, values, least, most in (
        ("inputs", node.inputs, schema.min_input, schema.max_input),
        ("outputs", node.outputs, schema.min_output, schema.max_output),
    ):
        if not least <= len(values) <= most:
            return f"has {len(values)} {kind}, not {least}{f' to {most}' if most > least else ''}"
    for formal, value in zip(schema.inputs, node.inputs, strict=False):
        if formal.option == SINGLE and value is None:
            return f"lacks its input {formal.name}"
    for name, attribute in node.attributes.items():
        if attribute.is_ref():
            return f"takes its {name} from an attribute '{attribute.ref_attr_name}' that is not given"
        wanted = schema.attributes.get(name)
        if wanted is not None and (kind := str(wanted.type).rpartition(".")[2]) != attribute.type.name:
            return f"has a {name} of type {attribute.type.name}, not {kind}"
        if name in FROM_1 and attribute.type in (ir.AttributeType.INT, ir.AttributeType.INTS):
            numbers = [attribute.as_int()] if attribute.type == ir.AttributeType.INT else attribute.as_ints()
            if any(number < 1 for number in numbers):
                return f"has a {name} of {min(numbers)}, which is below 1"
    absent = (name for name, wanted in schema.attributes.items() if wanted.required and name not in node.attributes)
    return next((f"lacks its attribute {name}" for name in absent), "")
