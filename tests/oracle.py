"""The oracle: an ONNX interpreter in plain NumPy, slow, in float64, that shares no line with inspectnet.

`forward` gives every value of a graph; the way back to the image is in `oracle_back`. A window is a loop over
the cells of its kernel: no transposed convolution, no scatter, no second graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node with its attributes as Python values."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    opset: int

    @classmethod
    def read(cls, proto: onnx.NodeProto, opset: int) -> Node:
        attributes = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
        attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        return cls(proto.op_type, list(proto.input), list(proto.output), attributes, opset)

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)


@dataclass(frozen=True, eq=False)
class Run:
    """A forward pass: values by name, the nodes in the order they ran, the names that depend on the image."""

    values: dict[str, Array]
    tape: list[Node]
    alive: set[str]
    image: str

    def arrays(self, node: Node) -> list[Array | None]:
        return [self.values[name] if name else None for name in node.inputs]


def forward(model: onnx.ModelProto, x: Array) -> dict[str, Array]:
    """Every value of the graph by its name, for the image batch x; floats are float64."""
    return record(model, x).values


def record(model: onnx.ModelProto, x: Array) -> Run:
    """The forward pass with all that the way back needs."""
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    values = {t.name: doubled(numpy_helper.to_array(t)) for t in model.graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    image = next(i.name for i in model.graph.input if i.name not in values and i.name in used)
    values[image] = doubled(np.asarray(x))
    run = Run(values, [], {image}, image)
    for proto in model.graph.node:
        execute(run, Node.read(proto, opset))
    return run


def execute(run: Run, node: Node) -> None:
    """Run one node and put it on the tape; of an If, the branch taken is run in its place."""
    if node.op == "If":
        branch = node.get("then_branch" if run.values[node.inputs[0]].item() else "else_branch")
        for proto in branch.node:
            execute(run, Node.read(proto, node.opset))
        for inner, outer in zip(branch.output, node.outputs, strict=True):
            execute(run, Node("Identity", [inner.name], [outer], {}, node.opset))
        return
    if node.op not in FORWARD:
        raise NotImplementedError(f"the oracle does not know {node.op} (output {node.outputs[0]!r})")
    made = FORWARD[node.op](node, *run.arrays(node))
    run.values.update(zip(node.outputs, made if isinstance(made, list) else [made], strict=False))
    run.tape.append(node)
    if node.op not in ("Shape", "Size") and run.alive.intersection(node.inputs):
        run.alive.update(node.outputs)


def doubled(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


# Windows ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """A sliding window over maps of `size`; every field has one number per spatial axis."""

    size: Sequence[int]
    kernel: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    begin: Sequence[int]
    end: Sequence[int]
    count: Sequence[int]

    @classmethod
    def of(cls, node: Node, size: Sequence[int], kernel: Sequence[int]) -> Window:
        """The window of a Conv or of a pool."""
        rank = len(size)
        strides, dilations = node.get("strides", [1] * rank), node.get("dilations", [1] * rank)
        pads = node.get("pads", [0] * 2 * rank)
        begin, end, count = list(pads[:rank]), list(pads[rank:]), []
        for axis, (n, k, s, d) in enumerate(zip(size, kernel, strides, dilations, strict=True)):
            reach = (k - 1) * d + 1
            if node.get("auto_pad", "NOTSET").startswith("SAME"):
                total = max((math.ceil(n / s) - 1) * s + reach - n, 0)
                small, big = total // 2, total - total // 2
                begin[axis], end[axis] = (small, big) if node.get("auto_pad") == "SAME_UPPER" else (big, small)
            room = n + begin[axis] + end[axis] - reach
            steps = math.ceil(room / s) if node.get("ceil_mode", 0) else room // s
            # A window rounded up into being that starts behind the map and its first padding is not counted.
            count.append(steps if node.get("ceil_mode", 0) and steps * s >= n + begin[axis] else steps + 1)
        return cls(size, kernel, strides, dilations, begin, end, count)

    @classmethod
    def transposed(cls, node: Node, count: Sequence[int], kernel: Sequence[int]) -> Window:
        """The window of the convolution, from large maps to small, whose transpose a ConvTranspose is."""
        rank = len(count)
        strides, dilations = node.get("strides", [1] * rank), node.get("dilations", [1] * rank)
        extra, pads = node.get("output_padding", [0] * rank), node.get("pads", [0] * 2 * rank)
        begin, end, size = list(pads[:rank]), list(pads[rank:]), []
        same = node.get("auto_pad", "NOTSET").startswith("SAME")
        wanted = node.get("output_shape", [n * s for n, s in zip(count, strides, strict=True)] if same else None)
        for axis, (n, k, s, d) in enumerate(zip(count, kernel, strides, dilations, strict=True)):
            full = (n - 1) * s + (k - 1) * d + 1 + extra[axis]
            if wanted is not None:
                total = max(full - wanted[-rank:][axis], 0)
                small, big = total // 2, total - total // 2
                begin[axis], end[axis] = (small, big) if node.get("auto_pad") == "SAME_UPPER" else (big, small)
            size.append(full - begin[axis] - end[axis])
        return cls(size, kernel, strides, dilations, begin, end, count)

    def pad(self, maps: Array, value: float = 0.0) -> Array:
        """Maps (..., *size) with the padding around them, as far as the last window reaches."""
        reach = [
            max(n + b + e, (c - 1) * s + (k - 1) * d + 1)
            for n, b, e, c, s, k, d in zip(
                self.size,
                self.begin,
                self.end,
                self.count,
                self.strides,
                self.kernel,
                self.dilations,
                strict=True,
            )
        ]
        big = np.full((*maps.shape[: -len(reach)], *reach), value, dtype=maps.dtype)
        big[self.inside()] = maps
        return big

    def inside(self) -> tuple[Any, ...]:
        """Where the maps are in their padded version."""
        return (..., *(slice(b, b + n) for b, n in zip(self.begin, self.size, strict=True)))

    def cells(self) -> Iterator[tuple[tuple[int, ...], tuple[Any, ...]]]:
        """Each cell of the kernel, row by row, with the part of the padded maps it sees on its way."""
        for cell in np.ndindex(*self.kernel):
            steps = zip(cell, self.strides, self.dilations, self.count, strict=True)
            yield cell, (..., *(slice(c * d, c * d + (n - 1) * s + 1, s) for c, s, d, n in steps))

    def centres(self) -> Array:
        """The flat place of each window's middle cell; in place of padding, the nearest place of the map."""
        axes = zip(self.size, self.kernel, self.strides, self.dilations, self.begin, self.count, strict=True)
        lines = [np.clip(np.arange(c) * s - b + k // 2 * d, 0, n - 1) for n, k, s, d, b, c in axes]
        return np.ravel_multi_index(np.meshgrid(*lines, indexing="ij"), tuple(self.size))


def slide(x: Array, filters: Array, window: Window, group: int) -> Array:
    """Convolution: maps (N, C, *size) under filters (K, C / group, *kernel) give maps (N, K, *count)."""
    big, y = window.pad(x), np.zeros((len(x), len(filters), *window.count))
    for below, above in groups(x.shape[1], len(filters), group):
        part = big[:, below]
        for cell, seen in window.cells():
            y[:, above] += mix(filters[(above, slice(None), *cell)], part[seen])
    return y


def spread(y: Array, filters: Array, window: Window, group: int) -> Array:
    """The transpose of `slide`: each number of (N, K, *count) lays its filter, weighted, on its window."""
    channels = filters.shape[1] * group
    big = window.pad(np.zeros((len(y), channels, *window.size)))
    for below, above in groups(channels, len(filters), group):
        part = big[:, below]
        for cell, seen in window.cells():
            part[seen] += mix(filters[(above, slice(None), *cell)].T, y[:, above])
    return big[window.inside()]


def groups(below: int, above: int, group: int) -> Iterator[tuple[slice, slice]]:
    for g in range(group):
        yield (
            slice(g * below // group, (g + 1) * below // group),
            slice(g * above // group, (g + 1) * above // group),
        )


def mix(matrix: Array, maps: Array) -> Array:
    """The matrix (K, C) applied to the channels of maps (N, C, ...)."""
    return np.swapaxes(np.tensordot(matrix, maps, axes=(1, 1)), 0, 1)


def highest(x: Array, window: Window) -> tuple[Array, Array]:
    """The largest number of each window and its flat place in its map; the first wins, padding never does."""
    big = window.pad(x, -np.inf)
    places = window.pad(np.arange(math.prod(window.size)).reshape(window.size), -1)
    best = np.full((*x.shape[:2], *window.count), -np.inf)
    switches = np.full(best.shape, -1)
    for _, seen in window.cells():
        better = big[seen] > best
        best, switches = np.where(better, big[seen], best), np.where(better, places[seen], switches)
    return best, switches


def pool_window(node: Node, x: Array) -> Window:
    """The window of a pool; a global one covers the whole map."""
    return Window.of(node, x.shape[2:], node.get("kernel_shape", x.shape[2:]))


def population(node: Node, window: Window) -> Array:
    """How many cells each window of an AveragePool divides by; what ceil_mode adds never counts."""
    counted = window.pad(np.ones(window.size))
    if node.get("count_include_pad", 0):
        edges = zip(window.size, window.begin, window.end, strict=True)
        counted[tuple(slice(0, n + b + e) for n, b, e in edges)] = 1
    return sum(counted[seen] for _, seen in window.cells())


# The operators: node and arrays in, one array or a list of arrays out ---------------------------------------


def conv(node: Node, x: Array, filters: Array, bias: Array | None = None) -> Array:
    y = slide(x, filters, Window.of(node, x.shape[2:], filters.shape[2:]), node.get("group", 1))
    return y if bias is None else y + per_channel(bias, y)


def conv_transpose(node: Node, x: Array, filters: Array, bias: Array | None = None) -> Array:
    y = spread(x, filters, Window.transposed(node, x.shape[2:], filters.shape[2:]), node.get("group", 1))
    return y if bias is None else y + per_channel(bias, y)


def per_channel(numbers: Array, maps: Array) -> Array:
    return numbers.reshape(-1, *[1] * (maps.ndim - 2))


def max_pool(node: Node, x: Array) -> list[Array]:
    best, switches = highest(x, pool_window(node, x))
    maps = np.arange(math.prod(x.shape[:2])).reshape(*x.shape[:2], *[1] * (x.ndim - 2))
    return [best, switches + maps * math.prod(x.shape[2:])]


def average_pool(node: Node, x: Array) -> Array:
    window = pool_window(node, x)
    big = window.pad(x)
    return sum(big[seen] for _, seen in window.cells()) / population(node, window)


def reduced_axes(node: Node, x: Array, axes: Array | None = None) -> tuple[int, ...]:
    """The axes a mean goes over; a global pool goes over the space."""
    if node.op == "GlobalAveragePool":
        return tuple(range(2, x.ndim))
    axes = node.get("axes") if axes is None else axes
    if axes is None or len(axes) == 0:
        return () if node.get("noop_with_empty_axes", 0) else tuple(range(x.ndim))
    return tuple(int(axis) for axis in axes)


def mean(node: Node, x: Array, axes: Array | None = None) -> Array:
    return x.mean(axis=reduced_axes(node, x, axes), keepdims=bool(node.get("keepdims", 1)))


def neighbours(node: Node, channels: int) -> Array:
    """1 where LRN's channel (row) has another one (column) in its neighbourhood."""
    size = node.get("size")
    row, column = np.ogrid[:channels, :channels]
    return ((column >= row - (size - 1) // 2) & (column <= row + size // 2)).astype(float)


def lrn_scale(node: Node, x: Array) -> Array:
    """What LRN divides by, before its power beta: bias + alpha / size * the squares of the neighbours."""
    share = node.get("alpha", 1e-4) / node.get("size")
    return node.get("bias", 1.0) + share * mix(neighbours(node, x.shape[1]), x**2)


def lrn(node: Node, x: Array) -> Array:
    return x / lrn_scale(node, x) ** node.get("beta", 0.75)


def batch_norm(node: Node, x: Array, gamma: Array, beta: Array, average: Array, variance: Array) -> Array:
    flat = (x - per_channel(average, x)) / np.sqrt(per_channel(variance, x) + node.get("epsilon", 1e-5))
    return flat * per_channel(gamma, x) + per_channel(beta, x)


def gemm(node: Node, a: Array, b: Array, c: Array | None = None) -> Array:
    a, b = (a.T if node.get("transA", 0) else a), (b.T if node.get("transB", 0) else b)
    return node.get("alpha", 1.0) * (a @ b) + (0 if c is None else node.get("beta", 1.0) * c)


def softmax_axes(node: Node, x: Array) -> tuple[int, ...]:
    """Before opset 13 the axis is where the matrix of rows is cut, afterwards it is the axis itself."""
    if node.opset >= 13:
        return (node.get("axis", -1),)
    return tuple(range(node.get("axis", 1) % x.ndim, x.ndim))


def softmax(node: Node, x: Array) -> Array:
    axes = softmax_axes(node, x)
    powers = np.exp(x - x.max(axis=axes, keepdims=True))
    return powers / powers.sum(axis=axes, keepdims=True)


def clip_bounds(node: Node, low: Array | None = None, high: Array | None = None) -> tuple[float, float]:
    low = node.get("min", -np.inf) if low is None else low
    high = node.get("max", np.inf) if high is None else high
    return float(low), float(high)


def split(node: Node, x: Array, sizes: Array | None = None) -> list[Array]:
    axis = node.get("axis", 0)
    sizes = node.get("split") if sizes is None else sizes
    if sizes is None:  # equal parts, of which the last may be smaller
        sizes = [math.ceil(x.shape[axis] / len(node.outputs))] * len(node.outputs)
    return np.split(x, np.cumsum(sizes)[:-1], axis=axis)


def flatten(node: Node, x: Array) -> Array:
    axis = node.get("axis", 1)
    return x.reshape(math.prod(x.shape[: axis if axis >= 0 else axis + x.ndim]), -1)


def reshape(node: Node, x: Array, shape: Array) -> Array:
    keep = not node.get("allowzero", 0)
    return x.reshape([x.shape[i] if n == 0 and keep else int(n) for i, n in enumerate(shape)])


def squeeze(node: Node, x: Array, axes: Array | None = None) -> Array:
    axes = node.get("axes") if axes is None else axes
    return np.squeeze(x, axis=None if axes is None else tuple(int(a) for a in axes))


def unsqueeze(node: Node, x: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(x, tuple(int(a) for a in (node.get("axes") if axes is None else axes)))


def slice_(node: Node, x: Array, *inputs: Array | None) -> Array:
    if node.opset < 10:
        inputs = tuple(node.get(name) for name in ("starts", "ends", "axes"))
    starts, ends, axes, steps = (*inputs, *[None] * (4 - len(inputs)))
    cut = [slice(None)] * x.ndim
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = (i if axes is None else int(axes[i])), (1 if steps is None else int(steps[i]))
        # Going backwards, an end before the first element means "to the first", which Python calls None.
        over = step < 0 and end < -x.shape[axis]
        cut[axis] = slice(int(start), None if over else int(end), step)
    return x[tuple(cut)]


def margins(node: Node, x: Array, pads: Array | None = None, axes: Array | None = None) -> list[tuple[int, int]]:
    """(before, after) for each axis of a Pad."""
    pads = [int(p) for p in (node.get("pads") if pads is None else pads)]
    around = [(0, 0)] * x.ndim
    axes = range(x.ndim) if axes is None else axes
    for axis, edges in zip(axes, zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True), strict=True):
        around[int(axis)] = edges
    return around


def pad(
    node: Node, x: Array, pads: Array | None = None, value: Array | None = None, axes: Array | None = None
) -> Array:
    around, mode = margins(node, x, pads, axes), node.get("mode", "constant")
    if mode != "constant":
        return np.pad(x, around, mode=mode)
    return np.pad(x, around, constant_values=node.get("value", 0.0) if value is None else value.item())


def constant(node: Node) -> Array:
    ((name, value),) = node.attributes.items()
    return doubled(numpy_helper.to_array(value) if name == "value" else np.asarray(value))


def constant_of_shape(node: Node, shape: Array) -> Array:
    value = node.get("value")
    fill = np.zeros(1) if value is None else doubled(numpy_helper.to_array(value))
    return np.full([int(n) for n in shape], fill.item(), dtype=fill.dtype)


def cast(node: Node, x: Array) -> Array:
    kind = np.dtype(helper.tensor_dtype_to_np_dtype(node.get("to")))
    return x.astype(np.float64 if kind.kind == "f" else kind)


def shape_of(node: Node, x: Array) -> Array:
    return np.array(x.shape[slice(node.get("start", 0), node.get("end"))], dtype=np.int64)


def divide(node: Node, a: Array, b: Array) -> Array:
    return a // b if a.dtype.kind in "iu" else a / b


FORWARD: dict[str, Callable[..., Array | list[Array]]] = {
    "Add": lambda node, a, b: a + b,
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Clip": lambda node, x, *bounds: np.clip(x, *clip_bounds(node, *bounds)),
    "Concat": lambda node, *parts: np.concatenate(parts, axis=node.get("axis")),
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": divide,
    "Dropout": lambda node, x, *_: x,
    "Equal": lambda node, a, b: a == b,
    "Expand": lambda node, x, shape: x * np.ones([int(n) for n in shape], dtype=x.dtype),
    "Flatten": flatten,
    "Gather": lambda node, x, places: np.take(x, places, axis=node.get("axis", 0)),
    "Gemm": gemm,
    "GlobalAveragePool": mean,
    "GlobalMaxPool": lambda node, x: highest(x, pool_window(node, x))[0],
    "Identity": lambda node, x: x,
    "LRN": lrn,
    "LeakyRelu": lambda node, x: np.where(x > 0, x, node.get("alpha", 0.01) * x),
    "MatMul": lambda node, a, b: a @ b,
    "MaxPool": max_pool,
    "Mul": lambda node, a, b: a * b,
    "Pad": pad,
    "Pow": lambda node, x, power: x**power,
    "ReduceMean": mean,
    "Relu": lambda node, x: np.maximum(x, 0),
    "Reshape": reshape,
    "Shape": shape_of,
    "Sigmoid": lambda node, x: (1 + np.tanh(x / 2)) / 2,
    "Size": lambda node, x: np.array(x.size),
    "Slice": slice_,
    "Softmax": softmax,
    "Split": split,
    "Squeeze": squeeze,
    "Sub": lambda node, a, b: a - b,
    "Sum": lambda node, *terms: sum(terms),
    "Tanh": lambda node, x: np.tanh(x),
    "Transpose": lambda node, x: np.transpose(x, node.get("perm")),
    "Unsqueeze": unsqueeze,
}
