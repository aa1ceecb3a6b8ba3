"""Patterns: decomposed activations and normalisations as formulas (nested tuples), and the operators they are.

("Mul", "x", ("Sigmoid", "x")) is x * sigmoid(x): a word stands for a value, the same one wherever it occurs, "#word"
for a number that is noted, a number for itself or an array of nothing else, a dict for attributes. The
terms of sums and products stand in any order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from inspectnet.graph.operators import COMMUTING
from inspectnet.graph.values import constant_of, input_of, inputs_of, integer, ints, number, producer_of, shape_of

Pattern = Any  # a tuple of an operator's name and its inputs' patterns, a word, "#word" or a number
CLOSE = 1e-3  # of a formula's numbers, which a file in half precision rounds
TORCH_THRESHOLD = 20.0  # where torch's softplus becomes x, which to a float it is long before


@dataclass(frozen=True)
class Whole:
    """The operator that a group of nodes is."""

    op_type: str
    inputs: Sequence[ir.Value]
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: Sequence[ir.TensorProtocol] = ()
    """Further inputs, which the group has no values for."""


ERF = [("Erf", ("Div", "x", math.sqrt(2))), ("Erf", ("Mul", "x", math.sqrt(0.5)))]
CUBES: list[Pattern] = [("Mul", cube, 0.044715) for cube in (("Pow", "x", 3.0), ("Mul", ("Mul", "x", "x"), "x"))]
CUBES += [("Mul", ("Mul", ("Mul", "x", 0.044715), "x"), "x")]
ROOT = math.sqrt(2 / math.pi)
TANH: list[Pattern] = [("Tanh", ("Mul", ("Add", "x", cube), ROOT)) for cube in CUBES]
TANH += [("Tanh", ("Mul", ("Mul", "x", ROOT), ("Add", ("Mul", ("Mul", "x", 0.044715), "x"), 1.0)))]


def _half_of(share: Pattern) -> list[Pattern]:
    """x (1 + share) / 2, however it is bracketed."""
    one_more = ("Add", share, 1.0)
    return [
        ("Mul", ("Mul", "x", one_more), 0.5),
        ("Mul", ("Mul", "x", 0.5), one_more),
        ("Mul", "x", ("Mul", one_more, 0.5)),
        ("Mul", "x", ("Add", ("Mul", share, 0.5), 0.5)),
    ]


EXP_SUM = ("Add", ("Exp", ("Neg", "x")), 1.0)  # its reciprocal is the sigmoid
SIXTH = {"alpha": 1 / 6, "beta": 0.5}
SIX = ("Clip", ("Add", "x", 3.0), 0.0, 6.0)
BELOW: list[Pattern] = [("Less", "x", 0.0), ("LessOrEqual", "x", 0.0)]
ABOVE: list[Pattern] = [("Greater", "x", 0.0), ("GreaterOrEqual", "x", 0.0)]
BELOW += [("Cast", below) for below in BELOW]  # TorchScript casts conditions
ABOVE += [("Cast", above) for above in ABOVE]
ACTIVATIONS: list[tuple[str, dict[str, Any], Pattern]] = [
    ("Relu", {}, ("Max", "x", 0.0)),
    ("Relu", {}, ("Mul", "x", ("Cast", ("Greater", "x", 0.0)))),
    *[("Relu", {}, ("Mul", ("Add", "x", ("Abs", "x")), 0.5)), ("Relu", {}, ("Div", ("Add", "x", ("Abs", "x")), 2.0))],
    *[("Relu", {}, ("Where", below, 0.0, "x")) for below in BELOW],
    *[("Relu", {}, ("Where", above, "x", 0.0)) for above in ABOVE],
    ("LeakyRelu", {"alpha": "#share"}, ("Max", "x", ("Mul", "x", "#share"))),
    *[("LeakyRelu", {"alpha": "#share"}, ("Where", below, ("Mul", "x", "#share"), "x")) for below in BELOW],
    *[("LeakyRelu", {"alpha": "#share"}, ("Where", above, "x", ("Mul", "x", "#share"))) for above in ABOVE],
    *[("Elu", {"alpha": 1.0}, ("Where", above, "x", ("Sub", ("Exp", "x"), 1.0))) for above in ABOVE],
    ("ThresholdedRelu", {"alpha": "#least"}, ("Where", ("LessOrEqual", "x", "#least"), 0.0, "x")),
    ("ThresholdedRelu", {"alpha": "#least"}, ("Where", ("Greater", "x", "#least"), "x", 0.0)),
    ("Softplus", {}, ("Where", ("Greater", "x", TORCH_THRESHOLD), "x", ("Softplus", "x"))),
    ("Softplus", {}, ("Log", ("Add", ("Exp", "x"), 1.0))),
    ("Softsign", {}, ("Div", "x", ("Add", ("Abs", "x"), 1.0))),
    ("HardSwish", {}, ("Div", ("Mul", "x", SIX), 6.0)),
    ("HardSwish", {}, ("Mul", ("Mul", "x", SIX), 1 / 6)),
    ("HardSwish", {}, ("Mul", "x", ("HardSigmoid", SIXTH, "x"))),
    ("HardSigmoid", SIXTH, ("Div", SIX, 6.0)),
    ("HardSigmoid", SIXTH, ("Mul", SIX, 1 / 6)),
    ("HardSigmoid", SIXTH, ("Clip", ("Add", ("Div", "x", 6.0), 0.5), 0.0, 1.0)),
    ("HardSigmoid", SIXTH, ("Clip", ("Add", ("Mul", "x", 1 / 6), 0.5), 0.0, 1.0)),
    ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}, ("Clip", ("Add", ("Mul", "x", 0.2), 0.5), 0.0, 1.0)),
    *[("Sigmoid", {}, sigmoid) for sigmoid in (("Div", 1.0, EXP_SUM), ("Reciprocal", EXP_SUM))],
    ("Swish", {"alpha": 1.0}, ("Mul", "x", ("Sigmoid", "x"))),
    ("Swish", {"alpha": "#alpha"}, ("Mul", "x", ("Sigmoid", ("Mul", "x", "#alpha")))),
    ("Swish", {"alpha": 1.0}, ("Div", "x", EXP_SUM)),
    ("Swish", {"alpha": 1.0}, ("Mul", "x", ("Reciprocal", EXP_SUM))),
    ("Mish", {}, ("Mul", "x", ("Tanh", ("Softplus", "x")))),
    *[("Gelu", {"approximate": "none"}, pattern) for erf in ERF for pattern in _half_of(erf)],
    *[("Gelu", {"approximate": "tanh"}, pattern) for tanh in TANH for pattern in _half_of(tanh)],
]
LAST = frozenset(pattern[0] for _, _, pattern in ACTIVATIONS)
SOFTPLUS_OF_BETA = ("Div", ("Softplus", ("Mul", "x", "#beta")), "#beta")
SCALED_SOFTPLUS = ("Where", ("Greater", ("Mul", "x", "#beta"), TORCH_THRESHOLD), "x", SOFTPLUS_OF_BETA)
CENTRED = ("Sub", "x", ("ReduceMean", "x"))
SQUARES = [("Pow", CENTRED, 2.0), ("Mul", CENTRED, CENTRED)]
LAYER_NORMS = [("Div", CENTRED, ("Sqrt", ("Add", ("ReduceMean", square), "#epsilon"))) for square in SQUARES]
RECIPROCALS = [("Mul", "x", ("Reciprocal", "root")), ("Mul", "x", ("Div", 1.0, "root"))]

SOFTMAX = ("Div", ("Exp", "x"), ("ReduceSum", ("Exp", "x")))
LESS_THE_LARGEST = ("Sub", "x", ("ReduceMax", "x"))


def match(pattern: Pattern, value: ir.Value | None) -> dict[str, Any] | None:
    """What the words of `pattern` stand for where `value` is made as it says; None where it is not."""
    meanings: dict[str, Any] = {}
    return meanings if _matches(pattern, value, meanings) else None


def find_activation(node: ir.Node) -> Whole | None:
    """The activation that ends in `node`, taken apart; None if there is none."""
    for op_type, attributes, pattern in ACTIVATIONS if node.op_type in LAST else []:
        words = match(pattern, node.outputs[0])
        if words is None or constant_of(words["x"]) is not None or not _same_shape(words["x"], node.outputs[0]):
            continue
        noted = {name: words.get(number, number) for name, number in attributes.items()}
        numbers = {word: words[word] for word in words if word.startswith("#")}
        if all(given > 0 for given in numbers.values()) and numbers.get("#share", 0) < 1:  # else it is no rectifier
            return Whole(op_type, [words["x"]], noted)
    return None


def find_quotient(mul: ir.Node) -> Whole | None:
    """The division by a root of what depends on the image that `mul` does by the root's reciprocal."""
    for pattern in RECIPROCALS:
        words = match(pattern, mul.outputs[0])
        root = words["root"].producer() if words else None
        if words and root is not None and root.op_type == "Sqrt" and _same_shape(words["x"], mul.outputs[0]):
            return Whole("Div", [words["x"], words["root"]])
    return None


def find_softplus(where: ir.Node) -> Whole | None:
    """The softplus(beta x) / beta that `where` gives: that it gives x for a large x changes nothing."""
    words = match(SCALED_SOFTPLUS, where.outputs[0])
    return Whole("Identity", [input_of(where, 2)]) if words and _same_shape(words["x"], where.outputs[0]) else None


def find_layer_norm(div: ir.Node) -> Whole | None:
    """The layer normalisation over the last axes that ends in `div`, without its scale and shift."""
    words = next((f for p in LAYER_NORMS if (f := match(p, div.outputs[0])) is not None), None)
    shape = shape_of(words["x"]) if words else None
    if words is None or shape is None:
        return None
    centred, root = (producer_of(x) for x in inputs_of(div))
    terms = inputs_of(producer_of(input_of(root)))
    means = [producer_of(input_of(centred, 1)), next(maker for x in terms if (maker := x.producer()) is not None)]
    axes = {_last_axes(mean, len(shape)) for mean in means}
    first = axes.pop()
    normalised = shape[first:] if first else ()
    if (
        axes
        or not normalised
        or not _same_shape(words["x"], div.outputs[0])
        or not all(isinstance(n, int) for n in normalised)
    ):
        return None
    scale = ir.tensor(np.ones([int(n) for n in normalised if n], np.float32))
    return Whole("LayerNormalization", [words["x"]], {"axis": first, "epsilon": words["#epsilon"]}, [scale])


def find_softmax(last: ir.Node) -> Whole | None:
    """The softmax that ends in `last`: exp(x) over its sum along an axis, or the exponential of a LogSoftmax."""
    if words := match(("Exp", ("LogSoftmax", "x")), last.outputs[0]):
        return Whole("Softmax", [words["x"]], {"axis": integer(producer_of(input_of(last)), "axis", -1)})
    words = match(SOFTMAX, last.outputs[0])
    shape = shape_of(words["x"]) if words else None
    if words is None or shape is None:
        return None
    axes = _reduced(producer_of(input_of(last, 1)), len(shape))
    less = match(LESS_THE_LARGEST, words["x"])
    if less and _reduced(words["x"].producer().inputs[1].producer(), len(shape)) == axes:
        words = less  # what is taken from all along the axis changes nothing
    return Whole("Softmax", [words["x"]], {"axis": axes[0]}) if len(axes) == 1 else None


def _same_shape(x: ir.Value, y: ir.Value) -> bool:
    """Whether no constant on the way from `x` to `y` is larger, so that `x` was copied."""
    return shape_of(x) == shape_of(y)


def _reduced(node: ir.Node, rank: int) -> list[int]:
    """The axes that a Reduce operator takes together, if they stay with extent 1; else none."""
    given = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    axes = sorted(int(a) % rank for a in (given if given is not None else ints(node, "axes", tuple(range(rank)))))
    return axes if integer(node, "keepdims", 1) else []


def _last_axes(mean: ir.Node, rank: int) -> int:
    """The first of the axes that `mean` reduces, if they are the last ones and stay; else 0."""
    axes = _reduced(mean, rank)
    return axes[0] if axes and axes == list(range(rank - len(axes), rank)) else 0


def _matches(pattern: Pattern, value: ir.Value | None, meanings: dict[str, Any]) -> bool:
    """Whether `value` is what `pattern` says, given and adding to what its words stand for."""
    if isinstance(pattern, tuple):
        return _made_by(pattern, value, meanings)
    constant = constant_of(value)
    if isinstance(pattern, float):
        numbers = constant if constant is not None else _copied(value)
        return numbers is not None and _holds_only(numbers, pattern)
    if pattern.startswith("#"):
        given = float(constant.item()) if constant is not None and constant.size == 1 else None
        return given is not None and meanings.setdefault(pattern, given) == given
    return value is not None and meanings.setdefault(pattern, value) is value


def _copied(value: ir.Value | None) -> np.ndarray | None:
    """The constant that `value` holds over and over, as many times as the batch needs; None if it is something else."""
    node = value.producer() if value is not None else None
    if node is None or node.op_type not in ("Expand", "ConstantOfShape"):
        return None
    fill = node.attributes.get("value")
    zeros = np.zeros(1, np.float32) if fill is None else fill.as_tensor().numpy()
    return constant_of(node.inputs[0]) if node.op_type == "Expand" else zeros


def _holds_only(numbers: np.ndarray, wanted: float) -> bool:
    return bool(numbers.size) and math.isclose(numbers.flat[0], wanted, rel_tol=CLOSE) and len(np.unique(numbers)) == 1


def _made_by(pattern: tuple[Any, ...], value: ir.Value | None, meanings: dict[str, Any]) -> bool:
    """Whether an operator makes `value` of inputs as `pattern` says; inputs it does not name are its constants."""
    op_type, *parts = pattern
    attributes = parts.pop(0) if isinstance(parts[0], dict) else {}
    node = value.producer() if value is not None else None
    if node is None or node.op_type != op_type or node.domain not in ("", "ai.onnx") or len(node.inputs) < len(parts):
        return False
    if any(not math.isclose(number(node, name, math.nan), wanted, rel_tol=1e-5) for name, wanted in attributes.items()):
        return False
    orders = [parts, parts[::-1]] if op_type in COMMUTING and len(parts) == len(node.inputs) == 2 else [parts]
    for order in orders:
        tried = dict(meanings)
        if all(_matches(part, x, tried) for part, x in zip(order, node.inputs, strict=False)):
            meanings.update(tried)
            return True
    return False
