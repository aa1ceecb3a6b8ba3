"""The oracle's way back: what arrives at a layer is carried down to the image, one rule per operator.

The rules are written from the definitions (Zeiler & Fergus 2014, §2.1; Springenberg et al. 2015; calculus);
switches, masks and statistics are read from the recorded values. Biases have no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from oracle import (
    FORWARD,
    Array,
    Node,
    Run,
    Window,
    clip_bounds,
    lrn_scale,
    margins,
    mix,
    neighbours,
    per_channel,
    pool_window,
    population,
    record,
    reduced_axes,
    slide,
    softmax_axes,
    spread,
)
from oracle import highest as find_highest

METHODS = ("deconvnet", "guided_backprop", "gradient")
UNPOOLINGS = ("sum", "overwrite", "centre")
GATES = ("Sigmoid", "Softmax", "Tanh")  # saturating: what they make, when multiplied with, is a gate


@dataclass(frozen=True, eq=False)
class Walk(Run):
    """A recorded forward pass and the choices made for the way back."""

    method: str
    unpool: str
    lrn: str

    @property
    def lrn_is_identity(self) -> bool:
        return self.method != "gradient" and self.lrn == "identity"

    def maker(self, name: str) -> Node | None:
        return next((node for node in self.tape if name in node.outputs), None)

    def living(self, node: Node) -> list[bool]:
        return [name in self.alive for name in node.inputs]


def project(
    model: onnx.ModelProto,
    x: Array,
    output: str,
    seed: Array,
    method: str,
    unpool: str = "sum",
    lrn: str = "identity",
) -> Array:
    """The signal `seed` at the value `output`, carried back to the image batch x; float64, of x's shape.

    A value made by a rectifier is rectified first: the walk starts with the node that makes `output`.
    `lrn` is "identity" or "gradient"; the method "gradient" takes the true derivative of everything, LRN too.
    """
    assert method in METHODS and unpool in UNPOOLINGS and lrn in ("identity", "gradient")
    run = record(model, x)
    walk = Walk(run.values, run.tape, run.alive, run.image, method, unpool, lrn)
    arriving = {output: np.array(seed, dtype=np.float64)}
    assert arriving[output].shape == run.values[output].shape
    for node in reversed(walk.tape):
        if not any(name in arriving for name in node.outputs):
            continue
        if node.op not in BACK:
            raise NotImplementedError(f"the oracle has no way back through {node.op} ({node.outputs[0]!r})")
        signals = [arriving.get(name, 0.0 * run.values[name]) for name in node.outputs if name in run.values]
        for name, signal in zip(node.inputs, BACK[node.op](walk, node, *signals), strict=False):
            if name in walk.alive and signal is not None:
                arriving[name] = arriving.get(name, 0.0) + signal
    return arriving.get(walk.image, np.zeros(walk.values[walk.image].shape))


# Filters ----------------------------------------------------------------------------------------------------


def back_conv(walk: Walk, node: Node, signal: Array) -> list[Array]:
    x, filters = walk.arrays(node)[:2]
    return [spread(signal, filters, Window.of(node, x.shape[2:], filters.shape[2:]), node.get("group", 1))]


def back_conv_transpose(walk: Walk, node: Node, signal: Array) -> list[Array]:
    x, filters = walk.arrays(node)[:2]
    window = Window.transposed(node, x.shape[2:], filters.shape[2:])
    return [slide(signal, filters, window, node.get("group", 1))]


def back_gemm(walk: Walk, node: Node, signal: Array) -> list[Array | None]:
    assert node.inputs[1] not in walk.alive, "the oracle's Gemm has constant weights"
    b = walk.arrays(node)[1]
    bottom = node.get("alpha", 1.0) * signal @ (b if node.get("transB", 0) else b.T)
    c = None if len(node.inputs) < 3 else shrunk(node.get("beta", 1.0) * signal, walk.values[node.inputs[2]].shape)
    return [bottom.T if node.get("transA", 0) else bottom, None, c]


def back_matmul(walk: Walk, node: Node, signal: Array) -> list[Array]:
    a, b = walk.arrays(node)
    if all(walk.living(node)) and walk.method != "gradient":
        raise NotImplementedError(f"which factor of MatMul {node.outputs[0]!r} is the attention?")
    return [
        shrunk(signal @ np.swapaxes(b, -1, -2), a.shape),
        shrunk(np.swapaxes(a, -1, -2) @ signal, b.shape),
    ]


# Rectifiers and saturating functions ------------------------------------------------------------------------


def rectifier(slope: Callable[..., Array]) -> Callable[..., list[Array]]:
    """The rule of a rectifier with this derivative; it is open where the derivative is 1."""

    def back(walk: Walk, node: Node, signal: Array) -> list[Array]:
        slopes = slope(node, *walk.arrays(node))
        if walk.method == "gradient":
            return [signal * slopes]
        positive = np.maximum(signal, 0)
        return [positive if walk.method == "deconvnet" else positive * (slopes == 1)]

    return back


def clip_slope(node: Node, x: Array, *bounds: Array | None) -> Array:
    low, high = clip_bounds(node, *bounds)
    return ((low < x) & (x < high)).astype(float)


def back_sigmoid(walk: Walk, node: Node, signal: Array) -> list[Array]:
    y = walk.values[node.outputs[0]]
    return [signal * y * (1 - y)]


def back_tanh(walk: Walk, node: Node, signal: Array) -> list[Array]:
    return [signal * (1 - walk.values[node.outputs[0]] ** 2)]


def back_softmax(walk: Walk, node: Node, signal: Array) -> list[Array]:
    y = walk.values[node.outputs[0]]
    return [y * (signal - (signal * y).sum(axis=softmax_axes(node, y), keepdims=True))]


# Pools ------------------------------------------------------------------------------------------------------


def back_max_pool(walk: Walk, node: Node, signal: Array, *_: Array) -> list[Array]:
    """Window by window, in rows, each number goes to the place of its maximum, or to the window's centre."""
    x = walk.arrays(node)[0]
    window = pool_window(node, x)
    _, places = find_highest(x, window)
    if walk.unpool == "centre":
        places = np.broadcast_to(window.centres(), places.shape)
    bottom = np.zeros((*x.shape[:2], math.prod(x.shape[2:])))
    images, maps = np.ogrid[: x.shape[0], : x.shape[1]]
    for position in np.ndindex(*window.count):
        here, number = places[(..., *position)], signal[(..., *position)]
        before = 0 if walk.unpool == "overwrite" else bottom[images, maps, here]
        bottom[images, maps, here] = before + number
    return [bottom.reshape(x.shape)]


def back_average_pool(walk: Walk, node: Node, signal: Array) -> list[Array]:
    window = pool_window(node, walk.arrays(node)[0])
    share = signal / population(node, window)
    big = window.pad(np.zeros((*signal.shape[:2], *window.size)))
    for _, seen in window.cells():
        big[seen] += share
    return [big[window.inside()]]


def back_mean(walk: Walk, node: Node, signal: Array) -> list[Array]:
    x, *inputs = walk.arrays(node)
    axes = tuple(axis % x.ndim for axis in reduced_axes(node, x, *inputs))
    kept = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
    return [np.broadcast_to(signal.reshape(kept), x.shape) / math.prod(x.shape[axis] for axis in axes)]


# Normalisation ----------------------------------------------------------------------------------------------


def back_lrn(walk: Walk, node: Node, signal: Array) -> list[Array]:
    """dy_c/dx_b = [c = b] S_c^-beta - 2 alpha beta / size * x_c x_b S_c^-(beta + 1), b a neighbour of c."""
    if walk.lrn_is_identity:
        return [signal]
    x, beta = walk.arrays(node)[0], node.get("beta", 0.75)
    scale, factor = lrn_scale(node, x), 2 * node.get("alpha", 1e-4) * beta / node.get("size")
    others = mix(neighbours(node, x.shape[1]).T, signal * x * scale ** (-beta - 1))
    return [signal * scale**-beta - factor * x * others]


def back_batch_norm(walk: Walk, node: Node, signal: Array, *_: Array) -> list[Array]:
    _, gamma, _, _, variance = walk.arrays(node)
    return [signal * per_channel(gamma / np.sqrt(variance + node.get("epsilon", 1e-5)), signal)]


# Arithmetic -------------------------------------------------------------------------------------------------


def shrunk(signal: Array, shape: tuple[int, ...]) -> Array:
    """The signal summed over the axes along which an operand of this shape was repeated."""
    signal = signal.sum(axis=tuple(range(signal.ndim - len(shape))))
    repeated = tuple(axis for axis, n in enumerate(shape) if n == 1)
    return signal.sum(axis=repeated, keepdims=True)


def back_sum(walk: Walk, node: Node, signal: Array) -> list[Array]:
    return [shrunk(signal, term.shape) for term in walk.arrays(node)]


def back_sub(walk: Walk, node: Node, signal: Array) -> list[Array]:
    a, b = walk.arrays(node)
    return [shrunk(signal, a.shape), shrunk(-signal, b.shape)]


def back_mul(walk: Walk, node: Node, signal: Array) -> list[Array | None]:
    """The product rule; but a gate, of two image-dependent values, is held fixed by the other methods."""
    a, b = walk.arrays(node)
    both = [shrunk(signal * b, a.shape), shrunk(signal * a, b.shape)]
    if walk.method == "gradient" or not all(walk.living(node)) or node.inputs[0] == node.inputs[1]:
        return both
    makers = [walk.maker(name) for name in node.inputs]
    gates = [maker is not None and maker.op in GATES for maker in makers]
    if sum(gates) != 1:
        raise NotImplementedError(f"which factor of Mul {node.outputs[0]!r} is the gate?")
    gate = gates.index(True)
    if makers[gate].inputs[0] == node.inputs[1 - gate]:  # x * sigmoid(x), a smooth rectifier
        open_ = 1 if walk.method == "deconvnet" else walk.arrays(node)[1 - gate] > 0
        both[1 - gate] = np.maximum(signal, 0) * open_
    both[gate] = None
    return both


def back_div(walk: Walk, node: Node, signal: Array) -> list[Array | None]:
    """The quotient rule; but a divisor that depends on the image is a statistic, held fixed by other methods.

    x / (...)^beta is how PyTorch's exporters write LRN: it is the identity where LRN is.
    """
    a, b = walk.arrays(node)
    if all(walk.living(node)):
        maker = walk.maker(node.inputs[1])
        like_lrn = maker is not None and maker.op == "Pow"
        if like_lrn and walk.lrn_is_identity:
            return [signal, None]
        if walk.method != "gradient" and not like_lrn:
            return [shrunk(signal / b, a.shape), None]
    return [shrunk(signal / b, a.shape), shrunk(-signal * a / b**2, b.shape)]


def back_pow(walk: Walk, node: Node, signal: Array) -> list[Array]:
    x, power = walk.arrays(node)
    return [shrunk(signal * power * x ** (power - 1), x.shape)]


# Moving numbers about ---------------------------------------------------------------------------------------


def back_same(walk: Walk, node: Node, signal: Array, *_: Array) -> list[Array]:
    return [signal]


def back_concat(walk: Walk, node: Node, signal: Array) -> list[Array]:
    axis = node.get("axis")
    return np.split(signal, np.cumsum([part.shape[axis] for part in walk.arrays(node)])[:-1], axis=axis)


def back_moved(walk: Walk, node: Node, *signals: Array) -> list[Array]:
    """Operators that only move numbers: they move the numbers' places too, and so tell where signals go."""
    x, *inputs = walk.arrays(node)
    went = FORWARD[node.op](node, np.arange(x.size).reshape(x.shape), *inputs)
    bottom = np.zeros(x.size)
    for places, signal in zip(went if isinstance(went, list) else [went], signals, strict=True):
        np.add.at(bottom, places, signal)
    return [bottom.reshape(x.shape)]


def back_pad(walk: Walk, node: Node, signal: Array) -> list[Array]:
    if node.get("mode", "constant") != "constant":
        return back_moved(walk, node, signal)
    x, *inputs = walk.arrays(node)
    around = margins(node, x, *(inputs[:1] + inputs[2:]))
    return [signal[tuple(slice(before, before + n) for (before, _), n in zip(around, x.shape, strict=True))]]


MOVERS = ("Expand", "Flatten", "Gather", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze")

BACK: dict[str, Callable[..., list[Array | None]]] = {
    **dict.fromkeys(MOVERS, back_moved),
    **dict.fromkeys(("Cast", "Dropout", "Identity"), back_same),
    **dict.fromkeys(("Add", "Sum"), back_sum),
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean"), back_mean),
    **dict.fromkeys(("GlobalMaxPool", "MaxPool"), back_max_pool),
    "AveragePool": back_average_pool,
    "BatchNormalization": back_batch_norm,
    "Clip": rectifier(clip_slope),
    "Concat": back_concat,
    "Conv": back_conv,
    "ConvTranspose": back_conv_transpose,
    "Div": back_div,
    "Gemm": back_gemm,
    "LRN": back_lrn,
    "LeakyRelu": rectifier(lambda node, x: np.where(x > 0, 1.0, node.get("alpha", 0.01))),
    "MatMul": back_matmul,
    "Mul": back_mul,
    "Pad": back_pad,
    "Pow": back_pow,
    "Relu": rectifier(lambda node, x: (x > 0).astype(float)),
    "Sigmoid": back_sigmoid,
    "Softmax": back_softmax,
    "Sub": back_sub,
    "Tanh": back_tanh,
}
