"""Local response normalisation, which torch's exporters decompose: recognised by its last node, a Div.

x / (k + alpha * mean over `size` neighbouring channels of x^2) ^ beta; both exporters write the mean as an average
pool over a reshaped, padded copy of x * x, dynamo with 9 nodes, TorchScript with about 60.
"""

import onnx_ir as ir

from inspectnet.graph.values import behind, constant_of, input_of, integer, ints, known_shape, shape_of
from inspectnet.reading.patterns import Whole, match

LRN = ("Div", "x", ("Pow", ("Add", ("Mul", "mean", "#alpha"), "#bias"), "#beta"))


def find_lrn(div: ir.Node) -> Whole | None:
    """The LRN that ends in `div`; None if it is another division."""
    words = match(LRN, div.outputs[0])
    pool = behind(words["mean"]) if words else None
    if words is None or pool is None or pool.op_type != "AveragePool":
        return None
    x, size = words["x"], ints(pool, "kernel_shape")[0]
    square = behind(pool.inputs[0])
    # an even window reaches one channel further down in torch than in ONNX's LRN: not the same function
    if square is None or size % 2 == 0 or not _is_square_of(square, x) or not _slides_over_channels(pool, x):
        return None
    return Whole("LRN", [x], {name: words["#" + name] for name in ("alpha", "beta", "bias")} | {"size": size})


def _slides_over_channels(pool: ir.Node, x: ir.Value) -> bool:
    """Whether the pool has the channels of `x` as its first axis of space, and its window is centred on each."""
    kernel, pads, made = ints(pool, "kernel_shape"), ints(pool, "pads"), shape_of(pool.outputs[0])
    pad = input_of(pool).producer()
    padding = constant_of(pad.inputs[1]) if pad is not None and pad.op_type == "Pad" else None
    if made is None or (any(pads) and not integer(pool, "count_include_pad")):
        return False
    below = (pads[0] if pads else 0) + (int(padding[2]) if padding is not None else 0)
    rest = {*kernel[1:], made[1]}
    return rest == {1} and made[2] == known_shape(x)[1] and below == kernel[0] // 2


def _is_square_of(node: ir.Node, x: ir.Value) -> bool:
    square = match(("Mul", "x", "x"), node.outputs[0]) or match(("Pow", "x", 2.0), node.outputs[0])
    return square is not None and square["x"] is x
