"""Local response normalisation, which torch's exporters take apart, becomes one LRN node again.

x / (k + alpha * mean over `size` neighbouring channels of x^2) ^ beta; both exporters write the mean as an average
pool over a reshaped, padded copy of x * x, dynamo with 9 nodes, TorchScript with about 60.
"""

import math

import onnx_ir as ir

from inspectnet.graph.values import constant_of, integer, ints, live_values, shape_of

CARRIERS = frozenset({"Reshape", "Unsqueeze", "Squeeze", "Pad", "Transpose", "Identity", "Cast"})


def fuse_lrn(graph: ir.Graph) -> int:
    """Replace, in place, each decomposed LRN by an LRN node of the same output; gives how many there were."""
    alive = live_values(graph)
    found = [(node, parts) for node in graph if node.op_type == "Div" and (parts := _match(node, alive))]
    for node, (x, attributes) in found:
        old = node.outputs[0]
        lrn = ir.node("LRN", [x], attributes, name=node.name or f"{old.name}/LRN")
        lrn.metadata_props.update(node.metadata_props)
        graph.insert_before(node, lrn)
        name, new = old.name, lrn.outputs[0]
        new.shape, new.type = old.shape, old.type
        ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        new.name = name
    return len(found)


def _match(div: ir.Node, alive: set[ir.Value]) -> tuple[ir.Value, dict[str, float | int]] | None:
    """The input and attributes of the LRN that ends in `div`; None if it is another division."""
    x, power = div.inputs[0], _maker(div.inputs[1], "Pow")
    base, beta = _live_and_number(power, alive)
    inner, bias = _live_and_number(_maker(base, "Add"), alive)
    mean, alpha = _live_and_number(_maker(inner, "Mul"), alive)
    pool = _first_other(mean)
    if None in (beta, bias, alpha) or pool is None or pool.op_type != "AveragePool":
        return None
    square, size = _first_other(pool.inputs[0]), ints(pool, "kernel_shape")[0]
    # an even window reaches one channel further down in torch than in ONNX's LRN: not the same function
    if square is None or size % 2 == 0 or not _is_square_of(square, x) or not _slides_over_channels(pool, x):
        return None
    return x, {"alpha": float(alpha), "beta": float(beta), "bias": float(bias), "size": size}  # type: ignore[arg-type]


def _slides_over_channels(pool: ir.Node, x: ir.Value) -> bool:
    """Whether the pool has the channels of `x` as its first axis of space, and its window is centred on each."""
    kernel, pads, made = ints(pool, "kernel_shape"), ints(pool, "pads"), shape_of(pool.outputs[0])
    padding = constant_of(pad.inputs[1]) if (pad := _maker(pool.inputs[0], "Pad")) else None
    if made is None or (any(pads) and not integer(pool, "count_include_pad")):
        return False
    below = (pads[0] if pads else 0) + (int(padding[2]) if padding is not None else 0)
    rest = {*kernel[1:], made[1]}
    return rest == {1} and made[2] == x.shape[1] and below == kernel[0] // 2


def _maker(value: ir.Value | None, op_type: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == op_type else None


def _live_and_number(node: ir.Node | None, alive: set[ir.Value]) -> tuple[ir.Value | None, float | None]:
    """The live input of a binary node and the number that is its other input."""
    if node is None or len(node.inputs) != 2:
        return None, None
    live = [x for x in node.inputs if x in alive]
    numbers = [c for x in node.inputs if x not in alive and (c := constant_of(x)) is not None and c.size == 1]
    return (live[0], float(numbers[0].item())) if len(live) == len(numbers) == 1 else (None, None)


def _first_other(value: ir.Value | None) -> ir.Node | None:
    """The maker of `value` behind nodes that only carry it along."""
    node = None if value is None else value.producer()
    while node is not None and node.op_type in CARRIERS:
        node = node.inputs[0].producer()
    return node


def _is_square_of(node: ir.Node, x: ir.Value) -> bool:
    if node.op_type == "Mul":
        return node.inputs[0] is x and node.inputs[1] is x
    exponent = constant_of(node.inputs[1]) if node.op_type == "Pow" else None
    return exponent is not None and node.inputs[0] is x and math.isclose(float(exponent.item()), 2.0)
