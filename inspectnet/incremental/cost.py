"""Cost: what computing a network whole, or in windows, takes, in multiply-adds of a convolution.

The rates are CPU times on two cores with onnxruntime 1.31, of the networks of `benchmarks.occlusion`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from inspectnet.graph.values import input_of, shape_of
from inspectnet.incremental.cut import WHOLE, Cut
from inspectnet.incremental.frames import Frame

THIN = 4  # filters over fewer maps are computed outside of the matrix kernels
RATES = {"thin": 6.0, "LRN": 400.0, "MaxPool": 30.0, "AveragePool": 30.0, "Relu": 3.0, "Clip": 3.0, "other": 15.0}
"""Multiply-adds of a convolution that take as long as one of thin filters, or one number of another operator."""
WINDOW = 1.15  # how much longer a convolution takes on windows
GATHERED, TABLED = 25.0, 20.0  # the same of a number that is read from a table, and one that is put there
NODE = 2.5e6  # of starting an operator


def multiply_adds(node: ir.Node) -> float:
    """Those of a layer with weights, for one image; 0 of other operators."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0.0
    below, weights, above = map(_extents, (input_of(node), input_of(node, 1), node.outputs[0]))
    if node.op_type == "Conv":
        return float(math.prod(weights[1:]) * math.prod(above[1:]))
    if node.op_type == "ConvTranspose":
        return float(math.prod(weights[1:]) * math.prod(below[1:]))
    return float(below[-1] * math.prod(above[1:]))


def cost_of(node: ir.Node) -> float:
    """Of a node, for one image."""
    if work := multiply_adds(node):
        return work * (RATES["thin"] if _extents(input_of(node, 1))[1:2] < (THIN,) and "Conv" in node.op_type else 1)
    return math.prod(_extents(node.outputs[0])[1:]) * RATES.get(node.op_type, RATES["other"])


def whole_cost(cut: Cut) -> float:
    """Of one hidden place, by the whole network."""
    return sum(cost_of(node) for node in cut.needed if cut.geometry.live(node))


@dataclass(frozen=True)
class Cost:
    """What a network in two parts costs."""

    place: np.ndarray
    """(classes,): by class, one place of its windows."""
    image: float
    """One hidden place of the image, whatever its windows."""
    batch: float
    """A batch, whatever is in it."""

    def of(self, frames: Sequence[Frame], batch: float) -> float:
        """The mean of a hidden place, in batches of that size."""
        windows = sum(cost * frame.sizes().prod(axis=1).mean() for cost, frame in zip(self.place, frames, strict=True))
        return float(windows) + self.image + self.batch / batch


def cost_in_parts(cut: Cut) -> Cost:
    """What a cut costs."""
    geometry = cut.geometry
    place = np.zeros(max(geometry.classes.values()) + 1)
    batch = NODE * (len(cut.windowed) + 3 * len(cut.tables))
    rest = set(cut.needed) - set(cut.windowed)
    image = sum(cost_of(node) for node in rest if geometry.live(node))
    for node in cut.windowed:
        value = next(x for x in node.outputs if x in cut.local)
        longer = WINDOW if multiply_adds(node) else 1
        place[geometry.classes[value]] += longer * cost_of(node) / math.prod(geometry.extents[value])
    for value, read in cut.all_reads:
        if value is geometry.image:
            continue
        maps = geometry.maps(value)
        if read.target == WHOLE:
            image += GATHERED * maps * math.prod(geometry.extents[value])
        else:
            place[read.target] += GATHERED * maps * math.prod(along.stride for along in read.reach)
    for value in cut.tables:
        place[geometry.classes[value]] += TABLED * geometry.maps(value)
    return Cost(place, image, batch)


def exact_multiply_adds(cut: Cut, frames: Sequence[Frame]) -> tuple[float, float]:
    """The multiply-adds of the whole network for one hidden place, and of what changes there, in the mean."""
    whole = changed = 0.0
    for node in cut.needed:
        work = multiply_adds(node)
        share = frames[cut.geometry.classes[node.outputs[0]]].share if node.outputs[0] in cut.geometry.classes else 1.0
        whole, changed = whole + work, changed + work * share
    return whole, changed


def _extents(value: ir.Value) -> tuple[int, ...]:
    """The extents of a value, 1 where they are not known."""
    return tuple(extent if isinstance(extent, int) else 1 for extent in shape_of(value) or (1,))
