"""QDQ models: re-insert the ReLUs that quantisers dropped because the integer type saturates.

Quantisers drop a Relu before a QuantizeLinear whose zero point is the least value of its type: what is negative
becomes that value in any case. The signal passes straight through the rounding, so here the Relu has to stand.
"""

import numpy as np
import onnx_ir as ir

from inspectnet.graph import operators as ops
from inspectnet.graph.builder import Op, add_initializer, put_in_place
from inspectnet.graph.values import constant_of, input_of, integer, name_of, producer_of

ALONG = (ops.CARRIERS | ops.MOVES | ops.POOLS | ops.REDUCTIONS | ops.ROUNDINGS) - ops.POSITIVE
"""May be negative only if their first input is."""
MICROSOFT = "com.microsoft"  # where onnxruntime had 16 and 4 bits before ONNX had them


def write_rectifiers(graph: ir.Graph) -> None:
    """Put, in place, a Relu before each QuantizeLinear that cuts off the negative part of what can be negative.

    The function stays the same to the last bit. The image, and what only moves its pixels, is taken to be positive.
    """
    signed: set[ir.Value] = set()
    for node in list(graph):
        if node.domain == MICROSOFT and node.op_type in ops.ROUNDINGS:
            node.domain = ""
        if node.op_type == "QuantizeLinear" and _saturates_at_0(node):
            if node.inputs[0] in signed:
                node.replace_input_with(0, _rectified(graph, node.inputs[0]))
        elif _can_be_negative(node, signed):
            signed.update(node.outputs)


def pool_real_numbers(graph: ir.Graph) -> None:
    """Put, in place, each MaxPool of integers between a DequantizeLinear and a QuantizeLinear of the same grid.

    The largest integer stands for the largest number; a layer whose maps are integers has no unit to ask for.
    """
    for pool in [node for node in graph if node.op_type == "MaxPool"]:
        quantize = input_of(pool).producer()
        if quantize is None or quantize.op_type != "QuantizeLinear":
            continue
        grid = [x for x in quantize.inputs[1:] if x is not None]
        op = Op(graph, f"{pool.outputs[0].name}/real")
        kept = {a.name: a for a in pool.attributes.values()}
        real = op.MaxPool(op.DequantizeLinear(quantize.outputs[0], *grid), **kept)
        producer_of(real).metadata_props.update(pool.metadata_props)
        put_in_place(graph, pool, op.QuantizeLinear(real, *grid))
    graph.sort()


def write_unsigned(graph: ir.Graph) -> None:
    """Let, in place, pairs of a QuantizeLinear to int8 and its DequantizeLinears go through uint8: zero point + 128.

    The numbers that come out stay the same to the last bit. From opset 21 on onnxruntime refuses graphs that end behind
    a pair of int8, a pool between: it gives the pair that it adds itself a zero point of uint8.
    """
    for node in list(graph):
        readers = [use.node for use in node.outputs[0].uses()]
        if node.op_type == "QuantizeLinear" and readers and not node.outputs[0].is_graph_output():
            zeros = [_int8_zero(n) for n in (node, *readers)]
            if zeros[0] is not None and all(z is not None and np.array_equal(z, zeros[0]) for z in zeros):
                zero = np.asarray(zeros[0].astype(np.int16) + 128, np.uint8)
                shifted = add_initializer(graph, f"{node.outputs[0].name}/zero_point", zero)
                for n in (node, *readers):
                    n.replace_input_with(2, shifted)
                node.attributes.pop("output_dtype", None)
                node.outputs[0].type = ir.TensorType(ir.DataType.UINT8)


def _int8_zero(node: ir.Node) -> np.ndarray | None:
    """The constant zero point of a rounding to int8; None for anything else."""
    given = node.inputs[2] if node.op_type in ops.ROUNDINGS and len(node.inputs) > 2 else None
    zero = constant_of(given)
    return zero if zero is not None and zero.dtype == np.int8 else None


def _saturates_at_0(quantize: ir.Node) -> bool:
    """Whether the zero point is the least value of its type, which is uint8 and 0 where the file says nothing."""
    given = quantize.inputs[2] if len(quantize.inputs) > 2 else None
    if given is None:
        return integer(quantize, "output_dtype") in (ir.DataType.UNDEFINED, ir.DataType.UINT8)
    zero = ir.convenience.get_const_tensor(given)
    return zero is not None and zero.dtype.is_integer() and bool((zero.numpy() == zero.dtype.min).all())


def _can_be_negative(node: ir.Node, signed: set[ir.Value]) -> bool:
    if node.op_type in ops.SIGNED:
        return True
    terms = node.inputs if node.op_type in ops.JOINS else node.inputs[:1] if node.op_type in ALONG else ()
    return any(x in signed or _holds_negative(x) for x in terms)


def _holds_negative(value: ir.Value | None) -> bool:
    numbers = constant_of(value)
    return numbers is not None and bool((numbers < 0).any())


def _rectified(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """What the Relu of `value` gives, one for all who ask.

    The quantiser let `value` go by the output's name of the activation that it dropped: TorchScript's `/relu/Relu`.
    """
    name = f"{value.name}/rectified"
    made = next((use.node for use in value.uses() if use.node.outputs[0].name == name), None)
    if made is None:
        maker, dropped = producer_of(value), name_of(value).removesuffix("_output_0")
        known = dropped not in (value.name, maker.name)
        made = ir.node("Relu", [value], name=dropped if known else name)
        made.outputs[0].name, made.outputs[0].type, made.outputs[0].shape = name, value.type, value.shape
        made.metadata_props.update(maker.metadata_props)
        graph.insert_after(maker, made)
    return made.outputs[0]
