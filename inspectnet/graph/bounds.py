"""Bounds: the size of what an operator computes of constants, estimated before it is folded.

A Tile, or a loop, of a few bytes can give gigabytes. What is not bounded here is left to the run time.
"""

import math
from collections.abc import Mapping, Sequence

import onnx
import onnx.defs
import onnx.shape_inference
import onnx_ir as ir

from inspectnet.graph.operators import LIGHT, LOOPS, POINTWISE, RANDOM, SELECTIONS
from inspectnet.graph.values import inner_nodes

LARGEST = 1 << 16  # elements; larger constants (weights made by ConstantOfShape) are left to the run time
TURNS = 1 << 10  # of a loop

Constants = Mapping[str, ir.TensorProtocol]
Shape = tuple[int, ...]


def is_small(node: ir.Node, constants: Constants, opsets: Mapping[str, int]) -> bool:
    """Whether what `node` makes of constants, by their names, has no more than LARGEST elements, nor its work more."""
    if any(tensor.size > LARGEST for tensor in constants.values()):
        return False
    shapes: list[Shape] = [tuple(tensor.shape.numpy()) for tensor in constants.values()]
    if node.op_type in LOOPS:
        return _is_short(node, shapes, constants)
    if node.op_type in POINTWISE - RANDOM:
        return _broadcast_size(shapes) <= LARGEST
    if node.op_type in SELECTIONS:
        return sum(math.prod(shape) * max(1, len(shape)) for shape in shapes) <= LARGEST
    return node.op_type in LIGHT and _inferred_size(node, constants, opsets) <= LARGEST


def _broadcast_size(shapes: Sequence[Shape]) -> int:
    """Elements of what has, along each axis, the largest extent of all, axes counted from the last."""
    rank = max(map(len, shapes), default=0)
    return math.prod(max(shape[-i] for shape in shapes if len(shape) >= i) for i in range(1, rank + 1))


def _is_short(loop: ir.Node, shapes: Sequence[Shape], constants: Constants) -> bool:
    """Whether a loop ends soon and its tensors cannot grow, as its body calculates element by element."""
    body = inner_nodes(loop)
    if not all(node.op_type in POINTWISE - RANDOM and not node.domain for node in body):
        return False
    inside = [x.const_value for node in body for x in node.inputs if x is not None and x.is_initializer()]
    held = [tuple(tensor.shape.numpy()) for tensor in inside if tensor is not None]
    if loop.op_type == "Loop":  # without a number of turns it may go on for ever
        first = loop.inputs[0]
        turns = TURNS + 1 if first is None else int(constants[str(first.name)].numpy().max(initial=0))
    else:
        turns = max((extent for shape in shapes for extent in shape), default=1)
    return turns <= TURNS and bool(_broadcast_size([*shapes, *held]) * max(1, turns) <= LARGEST)


def _inferred_size(node: ir.Node, constants: Constants, opsets: Mapping[str, int]) -> float:
    """Elements of all outputs together, as onnx infers them; infinity if it cannot."""
    schema = onnx.defs.get_schema(node.op_type, opsets.get("", 0), "")
    data = {name: ir.to_proto(tensor) for name, tensor in constants.items()}
    types = {name: onnx.TypeProto() for name in data}
    for name, tensor in data.items():
        types[name].tensor_type.elem_type = tensor.data_type
        types[name].tensor_type.shape.SetInParent()
        for extent in tensor.dims:
            types[name].tensor_type.shape.dim.add(dim_value=extent)
    imports = [onnx.OperatorSetIdProto(domain=domain, version=version) for domain, version in opsets.items()]
    try:
        inferred = onnx.shape_inference.infer_node_outputs(
            schema, ir.to_proto(node), types, data, opset_imports=imports
        )
    except (onnx.shape_inference.InferenceError, onnx.defs.SchemaError, RuntimeError, ValueError):
        return math.inf  # the run time will say what is wrong
    dims = [told.tensor_type.shape.dim for told in inferred.values() if told.tensor_type.HasField("shape")]
    if len(dims) < sum(bool(value.name) for value in node.outputs):
        return math.inf
    if any(not dim.HasField("dim_value") or dim.dim_value < 0 for shape in dims for dim in shape):
        return math.inf
    sizes: list[int] = [math.prod(dim.dim_value for dim in shape) for shape in dims]
    return sum(sizes)
