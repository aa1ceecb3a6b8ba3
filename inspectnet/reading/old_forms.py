"""Old forms: operators whose meaning changed between opsets in a way that onnx's version converter ignores.

They are marked while reading and settled when the shapes are known, on which their new form depends.
"""

import numpy as np
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.builder import add_initializer
from inspectnet.graph.operators import SOFTMAXES
from inspectnet.graph.values import constant_of, describe, input_of, integer, shape_of, word

OLD = "inspectnet.old_form"  # marks nodes as such


def mark_old_forms(graph: ir.Graph, version: int) -> None:
    """Mark the operators that meant something else in the opset `version` of the file, in place."""
    for node in graph.all_nodes():
        if node.domain:
            continue
        if node.op_type == "Resize" and version < 11:  # it took its pixels where Upsample took them
            node.attributes.add(ir.AttrString("coordinate_transformation_mode", "asymmetric"))
            node.attributes.add(ir.AttrString("nearest_mode", "floor"))
        resize = node.op_type == "Resize" and version == 10 and word(node, "mode", "nearest") == "nearest"
        softmax = node.op_type in SOFTMAXES and version < 13
        if resize or softmax or (node.op_type == "GroupNormalization" and version < 21):
            node.metadata_props[OLD] = str(version)


def settle_old_forms(model: ir.Model, where: str) -> bool:
    """Write marked operators whose extents or scales are known in their new form, in place; whether there were any.

    Raises ModelError for one that has no new form.
    """
    graph, known = model.graph, 0
    for node in [node for node in graph if OLD in node.metadata_props]:
        if node.op_type == "Resize" and (scales := constant_of(node.inputs[2])) is not None:
            _round(graph, node, scales)
        elif node.op_type == "GroupNormalization" and shape_of(input_of(node)) is not None:
            _repeat(graph, node, where)
        elif node.op_type in SOFTMAXES:
            _in_place(graph, node)
        else:
            continue
        node.metadata_props.pop(OLD)
        known += 1
    return bool(known)


def _round(graph: ir.Graph, node: ir.Node, scales: np.ndarray) -> None:
    """Let a Resize of opset 10 take the next pixel where it makes an axis smaller, the last one where larger.

    The standard did not say which; this is what onnxruntime does. One node rounds all axes alike, so two are needed
    where one axis becomes smaller and another one larger.
    """
    smaller, name = scales < 1, node.outputs[0].name
    if not smaller.any():
        return
    if not (scales > 1).any():
        node.attributes.add(ir.AttrString("nearest_mode", "ceil"))
        return
    parts = [np.where(axes, scales, 1).astype(np.float32) for axes in (smaller, ~smaller)]
    down, up = (add_initializer(graph, f"{name}/scales_{i}", part) for i, part in enumerate(parts))
    first = ir.node("Resize", [*node.inputs[:2], down], node.attributes.copy(), name=f"{name}/smaller")
    first.attributes.add(ir.AttrString("nearest_mode", "ceil"))
    first.outputs[0].name, first.outputs[0].type = first.name, node.outputs[0].type
    graph.insert_before(node, first)
    node.replace_input_with(0, first.outputs[0])
    node.replace_input_with(2, up)


def _in_place(graph: ir.Graph, node: ir.Node) -> None:
    """Let a Softmax of opset 12 and below, which the converter made of rows, work along the last axis of its tensor.

    It was one of rows, all axes behind its own in one; where there is one alone, no row is needed.
    """
    flat, readers = input_of(node).producer(), node.outputs[0].consumers()
    if flat is None or flat.op_type != "Flatten" or [reader.op_type for reader in readers] != ["Reshape"]:
        return
    if readers[0].outputs[0].is_graph_output():
        return
    x, back = input_of(flat), readers[0]
    rank = len(shape_of(x) or ())
    if rank and integer(flat, "axis", 1) % rank == rank - 1 and shape_of(back.outputs[0]) == shape_of(x):
        node.replace_input_with(0, x)
        ir.convenience.replace_nodes_and_values(graph, back, [back], [], back.outputs, [node.outputs[0]])


def _repeat(graph: ir.Graph, node: ir.Node, where: str) -> None:
    """Give each channel of a GroupNormalization the scale and bias that its group had before opset 21."""
    groups, channels = integer(node, "num_groups"), (shape_of(input_of(node)) or (None, None))[1]
    if not isinstance(channels, int) or channels % groups:
        raise ModelError(
            f"{where}: {describe(node)} makes {groups} groups of {channels} channels. Export the model again."
        )
    if groups == channels:
        return
    owner = add_initializer(graph, f"{node.outputs[0].name}/groups", np.arange(groups).repeat(channels // groups))
    for i in (1, 2):
        gathered = ir.node("Gather", [node.inputs[i], owner], name=f"{node.outputs[0].name}/each_{i}")
        gathered.outputs[0].name, gathered.outputs[0].type = gathered.name, input_of(node, i).type
        graph.insert_before(node, gathered)
        node.replace_input_with(i, gathered.outputs[0])
