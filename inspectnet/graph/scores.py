"""Scores: where a network says which class it sees, and whether it says so in probabilities."""

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from inspectnet.errors import ModelError
from inspectnet.graph.operators import ORDERED, POOLS, REDUCTIONS
from inspectnet.graph.values import input_of, integer, live_values, shape_of


@dataclass(frozen=True)
class ClassScores:
    """Where a graph holds one number for each class.

    Or one number alone, a sigmoid: the probability of the second of two classes, that it is; the first is that it is
    not.
    """

    value: str
    """The ONNX name of the value; its shape is (N, K) or (N, K, 1, 1), for one sigmoid also (N,)."""
    classes: int
    """K."""
    normalised: bool
    """Whether the numbers are probabilities: a softmax over the classes, or a sigmoid, is the last thing done to them.
    """
    logits: str
    """The ONNX name of the scores before that softmax or sigmoid; the same as `value` where there is none."""
    shape: tuple[int, ...]
    """Of the logits of one image."""

    @property
    def alone(self) -> bool:
        """Whether one number speaks for the second of two classes, and so against the first."""
        return math.prod(self.shape) == 1

    def of_each_class(self, numbers: np.ndarray) -> np.ndarray:
        """(N, K) float64: the score of each class for N times what the value holds."""
        return of_each_class(numbers, normalised=self.normalised)

    def seed(self, classes: np.ndarray) -> np.ndarray:
        """(N, *shape) float32: 1 on the logit of each image's class; -1 on the one that speaks for the other class."""
        seed = np.zeros((len(classes), math.prod(self.shape)), np.float32)
        if self.alone:
            seed[:, 0] = np.where(classes == 1, 1, -1)
        else:
            seed[np.arange(len(classes)), classes] = 1
        return seed.reshape(len(classes), *self.shape)


def find_scores(graph: ir.Graph, name: str | None, where: str) -> ClassScores:
    """The scores in the value `name`, or in the only output that has the shape of scores. Raises ModelError."""
    outputs = [value for value in graph.outputs if value in live_values(graph)]
    given = [value for node in graph for value in node.outputs if value.name == name]
    candidates = [value for value in given or outputs if _classes(value) > 1]
    candidates = candidates or [
        value for value in given or outputs if _classes(value) == 1 and (given or _is_sigmoid(value))
    ]
    if not candidates and (alone := [value for value in outputs if _classes(value) == 1]):
        single = (
            f"has a single score, '{alone[0].name}' {_extents(alone[0])}, which is no sigmoid: of a class or a number"
        )
        raise ModelError(f"{where} {single}, it does not tell. If it is of a class, say --scores {alone[0].name}.")
    if len(candidates) != 1:
        listed = ", ".join(f"'{value.name}' {_extents(value)}" for value in given or outputs)
        which = f"{'several' if candidates else 'none'} of shape (N, K) among its outputs ({listed})"
        what = f"'{name}' has the shape {_extents(given[0])}, not (N, K)" if given else f"there are {which}"
        raise ModelError(f"{where} has no clear class scores: {what}. Say the layer that holds them with --scores.")
    value, classes = candidates[0], _classes(candidates[0])
    normalised = _is_softmax(value) if classes > 1 else _is_sigmoid(value)
    last, squashes = _last(value), ("Softmax", "LogSoftmax") if classes > 1 else ("Sigmoid",)
    logits = input_of(last) if last is not None and last.op_type in squashes else value
    shape = tuple(int(n or 0) for n in (shape_of(logits) or ())[1:])
    return ClassScores(str(value.name), max(classes, 2), normalised, str(logits.name), shape)


@dataclass(frozen=True)
class ScorePool:
    """The pool by which each map that scores, or units, are made of becomes one number."""

    pooled: str
    """The ONNX name of the maps below it."""
    last: bool
    """Whether its numbers are the scores themselves, so that there is a map for each class."""


def find_pool(graph: ir.Graph, logits: str) -> ScorePool | None:
    """The pool over all places that the value `logits` is made of; None where it is made of places."""
    values = {value.name: value for node in graph for value in node.outputs}
    node, last = values[logits].producer(), True
    while node is not None and node.inputs and node.inputs[0] is not None:
        below = node.inputs[0]
        if _has_places(below):
            pools = node.op_type in POOLS | REDUCTIONS and not _has_places(node.outputs[0])
            return ScorePool(str(below.name), last) if pools else None
        last &= node.op_type in ORDERED
        node = below.producer()
    return None


def _has_places(value: ir.Value) -> bool:
    """Whether more than one axis of what a value holds for one image is longer than 1."""
    shape = shape_of(value) or ()
    return sum(extent != 1 for extent in shape[1:]) > 1


def of_each_class(numbers: np.ndarray, *, normalised: bool = False) -> np.ndarray:
    """(N, K) float64: the scores of each class, of one number for each, or of one that speaks for the second of two.

    normalised: that one is a probability.
    """
    scores = numbers.reshape(len(numbers), -1).astype(np.float64)
    return np.hstack([1 - scores if normalised else 0 * scores, scores]) if scores.shape[1] == 1 else scores


def _classes(value: ir.Value) -> int:
    """How many numbers a value holds for each image; 0 if it has not the shape of scores."""
    match shape_of(value):
        case (_, int(k)) | (_, int(k), 1, 1):
            return k
        case (_,):
            return 1
    return 0


def _last(value: ir.Value) -> ir.Node | None:
    """The last operator that changes the numbers of `value`."""
    node = value.producer()
    while node is not None and node.op_type in ORDERED and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return node


def _is_sigmoid(value: ir.Value) -> bool:
    node = _last(value)
    return node is not None and node.op_type == "Sigmoid"


def _is_softmax(value: ir.Value) -> bool:
    node = _last(value)
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
