"""Scores: where a network says which class it sees, and whether it says so in probabilities."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.values import integer, live_values, shape_of

KEEPING = frozenset({"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze"})  # each score as it is


@dataclass(frozen=True)
class Scores:
    """The value of a graph that holds one number for each class."""

    value: str
    """Its name; its shape is (N, K) or (N, K, 1, 1)."""
    classes: int
    """K."""
    normalised: bool
    """Whether the numbers are probabilities: a softmax over the classes is the last that is done to them."""


def find_scores(graph: ir.Graph, name: str | None, where: str) -> Scores:
    """The scores in the value `name`, or in the only output that has the shape of scores. Raises ModelError."""
    outputs = [value for value in graph.outputs if value in live_values(graph)]
    given = [value for node in graph for value in node.outputs if value.name == name]
    found = [value for value in given or outputs if _classes(value)]
    if not found and (alone := [value for value in given or outputs if _extent_of_classes(value) == 1]):
        single = f"has a single score, '{alone[0].name}' {_extents(alone[0])}, and not one for each of several classes"
        raise ModelError(f"{where} {single}. See what its units answer to with inspectnet deconv.")
    if len(found) != 1:
        listed = ", ".join(f"'{value.name}' {_extents(value)}" for value in given or outputs)
        which = f"{'several' if found else 'none'} of shape (N, K) among its outputs ({listed})"
        what = f"'{name}' has the shape {_extents(given[0])}, not (N, K)" if given else f"there are {which}"
        raise ModelError(f"{where} has no clear class scores: {what}. Say the layer that holds them with --scores.")
    return Scores(found[0].name or "", _classes(found[0]), _is_softmax(found[0]))


def _classes(value: ir.Value) -> int:
    """How many classes a value tells apart; 0 if it has not the shape of scores."""
    count = _extent_of_classes(value)
    return count if count > 1 else 0


def _extent_of_classes(value: ir.Value) -> int:
    match shape_of(value):
        case (_, int(k)) | (_, int(k), 1, 1):
            return k
    return 0


def _is_softmax(value: ir.Value) -> bool:
    node = value.producer()
    while node is not None and node.op_type in KEEPING and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None or node.op_type != "Softmax":
        return False
    shape = shape_of(node.outputs[0])
    return shape is None or shape[integer(node, "axis", -1)] == _classes(value)


def _extents(value: ir.Value) -> str:
    shape = shape_of(value)
    return "unknown" if shape is None else f"({', '.join('?' if d is None else str(d) for d in shape)})"


def softmax(scores: np.ndarray, where: str) -> np.ndarray:
    """(N, K) float64: the probability of each class for scores (N, K). Raises ModelError if that is no number."""
    scores = scores.astype(np.float64)
    if not np.isfinite(scores).all():
        raise ModelError(f"{where} answers an image with NaN or infinity. Check the model's weights.")
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
