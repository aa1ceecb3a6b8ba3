"""Resampling: along each axis what goes up is a fixed matrix; the signal goes down through the transposed one."""

from collections.abc import Callable
from itertools import product

import numpy as np
import onnx_ir as ir

from inspectnet.graph.values import constant_of, integer, ints, number, shape_of, word
from inspectnet.rules.axes import down_axis
from inspectnet.rules.registry import Way, refuse, rule

ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@rule("Resize", "Upsample")
def resize(op: Way, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to the positions that made it, with their shares."""
    small, large = shape_of(node.inputs[0]) or (), shape_of(node.outputs[0]) or ()
    for axis, (below, above) in list(enumerate(zip(small, large, strict=True)))[1:]:
        if below != above:
            if not (isinstance(below, int) and isinstance(above, int)):
                raise refuse(node, "its extents are not known")
            top = down_axis(op, top, len(small), axis, _shares(node, axis, below, above))
    return [top, *([None] * (len(node.inputs) - 1))]


def _shares(node: ir.Node, axis: int, below: int, above: int) -> np.ndarray:
    """What part each position below has in each position above, along one axis: (above, below)."""
    mode, outside = word(node, "mode", "nearest"), integer(node, "exclude_outside")
    x = _coordinates(node, axis, below, above)
    if mode == "nearest":
        first, taps = ROUNDINGS[word(node, "nearest_mode", "round_prefer_floor")](x), np.ones((1, above))
    elif mode == "linear":
        first = np.floor(x)
        taps = np.stack([1 - (x - first), x - first])
    elif mode == "cubic":
        first = np.floor(x) - 1
        taps = _cubic(x - first - 1, number(node, "cubic_coeff_a", -0.75))
    else:
        raise refuse(node, f"its mode is {mode}")
    shares = np.zeros((above, below))
    for (i, tap), to in product(enumerate(taps), range(above)):
        position = int(first[to]) + i
        if 0 <= position < below or not outside:
            shares[to, min(max(position, 0), below - 1)] += tap[to]
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _coordinates(node: ir.Node, axis: int, below: int, above: int) -> np.ndarray:
    """Where each position above lies among those below."""
    mode = word(node, "coordinate_transformation_mode", "half_pixel")
    if integer(node, "antialias") or mode == "tf_crop_and_resize":
        raise refuse(node, "it crops, or filters against aliasing")
    scale, o = _scale(node, axis, above / below), np.arange(above, dtype=np.float32)  # as runtimes round
    if mode == "align_corners":
        return o * ((below - 1) / (above - 1)) if above > 1 else o * 0.0
    if mode == "asymmetric":
        return o / scale
    if mode == "pytorch_half_pixel" and above == 1:
        return o * 0.0
    shift = below / 2 * (1 - above / (scale * below)) if mode == "half_pixel_symmetric" else 0.0
    return shift + (o + 0.5) / scale - 0.5


def _scale(node: ir.Node, axis: int, default: float) -> np.float32:
    """The scale that the node names for an axis, which rounding may have made another than the extents' ratio."""
    given = constant_of(node.inputs[-1]) if len(node.inputs) in (2, 3) else None
    rank = len(node.inputs[0].shape)
    axes = [a % rank for a in ints(node, "axes")] or list(range(rank))
    return np.float32(given[axes.index(axis)] if given is not None and given.size else default)


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Shares of the four positions around one that lies `t` behind the second (Keys 1981)."""
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (t, 1 - t)]
    far = [((a * d - 5 * a) * d + 8 * a) * d - 4 * a for d in (1 + t, 2 - t)]
    return np.stack([far[0], *near, far[1]])
