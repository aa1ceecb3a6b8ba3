"""Resampling: what part each position below has in each position above, along one axis of a Resize."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

import numpy as np
import onnx_ir as ir

from inspectnet.graph.values import constant_of, input_of, integer, ints, known_shape, number, rank_of, shape_of, word

TIE = 1e-6  # onnxruntime takes what is so near a half for one
ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x.astype(np.float64) - 0.5 - TIE),
    "round_prefer_ceil": lambda x: np.floor(x.astype(np.float64) + 0.5 + TIE),
    "floor": np.floor,
    "ceil": np.ceil,
}


@dataclass(frozen=True)
class Resampling:
    """A fixed number of neighbours below, and their shares, for each position above."""

    first: np.ndarray
    """(above,): the first neighbour, which may lie beyond the border; what does counts as the border."""
    shares: np.ndarray
    """(above, neighbours)."""
    read: np.ndarray
    """(above, neighbours): whether the law gives one a share, even if it is shared out because it lies outside."""
    aligns_corners: bool
    period: int | None
    """Moved by multiples of this, the map below gives the map above moved in whole; None if it never does."""
    least: int
    """The fewest positions below with which the law is the same."""

    def matrix(self, below: int) -> np.ndarray:
        """(above, below): the share of each position below in each above."""
        shares = np.zeros((len(self.first), below))
        rows = np.arange(len(self.first))
        for i, tap in enumerate(self.shares.T):
            np.add.at(shares, (rows, (self.first + i).clip(0, below - 1)), tap)
        return shares

    def beyond(self, below: int) -> int:
        """How many positions above there are from the first one on that has neighbours beyond the far border."""
        outside = (self.read & (self.first[:, None] + np.arange(self.read.shape[1]) >= below)).any(axis=1)
        return len(self.first) - int(outside.argmax()) if outside.any() else 0


def resampling(node: ir.Node, axis: int) -> Resampling | str:
    """How a Resize makes an axis of known extents; or in words why that is not told."""
    below, above = (known_shape(x)[axis] for x in (input_of(node), node.outputs[0]))
    if not isinstance(below, int) or not isinstance(above, int):
        return "its extents are not known"
    if integer(node, "antialias") or word(node, "coordinate_transformation_mode") == "tf_crop_and_resize":
        return "it crops, or filters against aliasing"
    if word(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        return "it keeps the aspect ratio"
    first, shares = _neighbours(node, _coordinates(node, axis, below, above))
    if shares is None:
        return f"its mode is {word(node, 'mode', 'nearest')}"
    first, read = first.astype(np.int64), shares != 0
    if integer(node, "exclude_outside"):
        places = first[:, None] + np.arange(shares.shape[1])
        shares = np.where((places >= 0) & (places < below), shares, 0)
    shares = shares / shares.sum(axis=1, keepdims=True)
    mode, common = word(node, "coordinate_transformation_mode", "half_pixel"), gcd(below, above)
    least = below // common * (2 if mode == "pytorch_half_pixel" and above == common else 1)  # one alone is another law
    period = below // common if _repeats(node, axis, first, shares, below, above) else None
    return Resampling(first, shares, read, mode == "align_corners", period, min(below, least))


def _neighbours(node: ir.Node, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The first neighbour of each coordinate, and the shares of all (positions, neighbours)."""
    mode = word(node, "mode", "nearest")
    if mode == "nearest":
        return ROUNDINGS[word(node, "nearest_mode", "round_prefer_floor")](x), np.ones((len(x), 1))
    first = np.floor(x)
    if mode == "linear":
        return first, np.stack([1 - (x - first), x - first], axis=1)
    return first - 1, _cubic(x - first, number(node, "cubic_coeff_a", -0.75)) if mode == "cubic" else None


def _coordinates(node: ir.Node, axis: int, below: int, above: int) -> np.ndarray:
    """Where each position above lies among those below."""
    mode = word(node, "coordinate_transformation_mode", "half_pixel")
    scale, o = scale_of(node, axis, below, above), np.arange(above, dtype=np.float32)  # as runtimes round
    if shape_of(input_of(node)) == shape_of(node.outputs[0]):
        return o  # copied, whatever the mode and scale say
    if mode == "align_corners":
        return o * np.float32(below - 1) / np.float32(above - 1) if above > 1 else o * 0
    if mode == "asymmetric":
        return o / scale
    if mode == "pytorch_half_pixel" and above == 1:
        return o * 0
    if mode == "tf_half_pixel_for_nn":
        return (o + np.float32(0.5)) / scale
    if mode == "half_pixel_symmetric":
        offset = np.float32(below) / 2 * (1 - np.float32(above) / (scale * np.float32(below)))
        return (offset + (o + 0.5).astype(np.float64) / scale - 0.5).astype(np.float32)
    return (o + np.float32(0.5)) / scale - np.float32(0.5)


def scale_of(node: ir.Node, axis: int, below: int, above: int) -> np.float32:
    """The scale that the node names for an axis, which rounding may have made another than the extents' ratio."""
    given = constant_of(node.inputs[-1]) if len(node.inputs) in (2, 3) else None
    rank = rank_of(input_of(node))
    axes = [a % rank for a in ints(node, "axes")] or list(range(rank))
    return np.float32(given[axes.index(axis)] if given is not None and given.size else above / below)


def _repeats(node: ir.Node, axis: int, first: np.ndarray, shares: np.ndarray, below: int, above: int) -> bool:
    """Whether a map moved below is a map moved above, in smaller images too."""
    scale, common = scale_of(node, axis, below, above), gcd(below, above)
    if word(node, "coordinate_transformation_mode") == "align_corners" or scale != np.float32(above / below):
        return False
    down, up = below // common, above // common
    smaller = np.arange(1, common + 1)
    fits = (np.floor((smaller * down).astype(np.float32) * scale) == smaller * up).all()
    inner = (first >= 0) & (first + shares.shape[1] <= below)  # beyond, shares may be shared out otherwise
    both = inner[up:] & inner[:-up]
    moves = np.array_equal(first[up:], first[:-up] + down) and np.allclose(shares[up:][both], shares[:-up][both])
    return bool(fits and moves)


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Shares (positions, 4) of the positions around one that lies `t` behind the second (Keys 1981)."""
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (t, 1 - t)]
    far = [((a * d - 5 * a) * d + 8 * a) * d - 4 * a for d in (1 + t, 2 - t)]
    return np.stack([far[0], *near, far[1]], axis=1)
