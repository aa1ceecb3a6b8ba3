"""The graph that computes windows: of every value what hiding a place changes, from the unchanged image's values.

A value of which windows are read elsewhere than where they lie stands in a table of rows, one for each place: a row of
zeros, a row of -inf, the unchanged map, then the windows of all hidden places. One Gather then reads a window
with its border, whatever of it is changed, unchanged, or padding. All extents are free, and where windows lie is said
by the indices, so that one session serves any places; for the unchanged image itself the windows are the whole maps.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from inspectnet.graph.builder import Op, Operand, add_initializer
from inspectnet.graph.operators import REGROUPING
from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import constant_of, extents_of, input_of, integer, name_of
from inspectnet.graph.window import Window
from inspectnet.incremental.cut import Cut, Read
from inspectnet.incremental.passages import counts

CONSTANT_ROWS = 2
PREFIX = "occluded"
LOOKS = {"NCHW": (0, 2, 3, 1), "NHWC": None}  # how a value's axes become those of its rows, by its letters
BACK = {"NCHW": (0, 3, 1, 2), "NHWC": None}


@dataclass
class Windows:
    """The graph, and what its inputs and outputs are called."""

    model: ir.Model
    image: str
    """Input (B, C, h, w): the windows of the hidden images."""
    unchanged: dict[ir.Value, str] = field(default_factory=dict)
    """Inputs (H * W, C): the rows of values for the unchanged image."""
    rows: dict[ir.Value, str] = field(default_factory=dict)
    """Outputs (B * h * w, C): the rows of the windows of the same values."""
    indices: dict[Read, str] = field(default_factory=dict)
    """Inputs (B, h, w) int32: which rows of a table make a window."""
    counts: dict[ir.Node, tuple[str, str]] = field(default_factory=dict)
    """Inputs (B, 1, h, 1) and (B, 1, 1, w): by what the means at the border grow."""
    maps: dict[ir.Value, str] = field(default_factory=dict)
    """Inputs (k,) int64: which maps of the watched values are asked for."""
    whole: dict[ir.Value, str] = field(default_factory=dict)
    """Outputs (B, C, H, W): the values that the rest of the network reads."""
    watched: dict[ir.Value, str] = field(default_factory=dict)
    """Outputs (B, k, H, W): the maps that are asked for."""


def window_graph(cut: Cut) -> Windows:
    """The part of the network that is computed in windows: windows (B, C, h, w) of the image -> whole maps."""
    return _Writer(cut).write()


def rest_of(cut: Cut) -> ir.Model:
    """The part that is computed whole: what crosses -> the outputs above."""
    return cut_out(cut.geometry.model, cut.crossing, cut.above)


class _Writer:
    def __init__(self, cut: Cut) -> None:
        image = cut.geometry.image
        shape = ir.Shape(["B", extents_of(image, 1)[0], "h", "w"])
        self.prefix = _free_prefix(cut.geometry.graph)
        start = ir.Value(name=f"{self.prefix}/windows", shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
        self.cut, self.axes = cut, cut.geometry.axes
        opsets = dict(cut.geometry.graph.opset_imports)
        self.graph = ir.Graph([start], [], nodes=[], opset_imports=opsets, name="windows")
        self.op = Op(self.graph, self.prefix)
        self.made = Windows(ir.Model(self.graph, ir_version=10, producer_name="inspectnet"), name_of(start))
        self.windows = {image: start}
        self.tables: dict[ir.Value, ir.Value] = {}
        self.gathered: dict[tuple[ir.Value, Read], ir.Value] = {}
        self.indices: dict[Read, ir.Value] = {}
        self.weights: dict[str, ir.Value] = {}

    def write(self) -> Windows:
        for node in self.cut.windowed:
            values = [x for x in node.outputs if x in self.cut.local]
            if self.cut.geometry.passages[values[0]].in_place:
                self._copy(node, values)
            else:
                for value in values:
                    self.windows[value] = self._moved(node, value)
        for value in self.cut.crossing:
            self.made.whole[value] = self._output(self._gather(value, self.cut.whole(value)))
        for i, value in enumerate(self.cut.watched):
            maps = self._input(f"maps/{i}", ["k"], ir.DataType.INT64)
            self.made.maps[value] = name_of(maps)
            table = self.op.Gather(self._table(value), maps, axis=1)
            picked = self._turned(self.op.Gather(table, self._indices(self.cut.whole(value)), axis=0), BACK["NCHW"])
            self.made.watched[value] = self._output(picked)
        return self.made

    # Windows of values ------------------------------------------------------------------------------------

    def _copy(self, node: ir.Node, values: list[ir.Value]) -> None:
        """The operator as it is, on windows."""
        inputs = [None if x is None else self._read(values[0], x) for x in node.inputs]
        if node.op_type in REGROUPING:
            inputs[1] = self._extents(node, values[0], self._read(values[0], input_of(node)))
        outputs = self.op.several(node.op_type, len(node.outputs), *inputs, **node.attributes)
        self.windows.update(zip(node.outputs, outputs, strict=True))

    def _moved(self, node: ir.Node, value: ir.Value) -> ir.Value:
        """A window of an operator that moves or mixes places, whose input was read with all that it reaches."""
        x = self._read(value, input_of(node))
        if node.op_type not in WRITERS:
            return x  # reading was all
        return WRITERS[node.op_type](self, node, x)

    def _window(self, node: ir.Node, x: ir.Value) -> ir.Value:
        """Without padding, which was read."""
        how = {k: a for k, a in node.attributes.items() if k not in ("pads", "ceil_mode", "storage_order")}
        y = self.op.write(
            node.op_type, x, *(None if w is None else self._read(node.outputs[0], w) for w in node.inputs[1:]), **how
        )
        if node.op_type == "AveragePool" and counts(node, self.cut.geometry.extents[input_of(node)]):
            number = len(self.made.counts)
            shapes: dict[str, list[int | str]] = {"h": ["B", 1, "h", 1], "w": ["B", 1, 1, "w"]}
            factors = [self._input(f"counts/{number}/{axis}", shape) for axis, shape in shapes.items()]
            self.made.counts[node] = name_of(factors[0]), name_of(factors[1])
            y = self.op.Mul(self.op.Mul(y, factors[0]), factors[1])
        return y

    def _transposed(self, node: ir.Node, x: ir.Value) -> ir.Value:
        """As a convolution over the map with holes, which were read."""
        filters, groups = constant_of(input_of(node, 1)), integer(node, "group", 1)
        assert filters is not None
        parts = [np.flip(part.swapaxes(0, 1), (2, 3)) for part in np.split(filters, groups)]
        bias = [None if b is None else self._read(node.outputs[0], b) for b in node.inputs[2:]]
        flipped = np.ascontiguousarray(np.concatenate(parts))
        return self.op.Conv(x, flipped, *bias, group=groups, dilations=Window(node).dilations)

    def _blocks(self, node: ir.Node, x: ir.Value) -> ir.Value:
        return self.op.write(node.op_type, x, **node.attributes)

    def _extents(self, node: ir.Node, value: ir.Value, x: ir.Value) -> ir.Value:
        """What a Reshape that keeps places is told, for windows of any extent."""
        below, above = self.axes[input_of(node)], self.axes[value]
        told: list[Operand] = [np.array([n], np.int64) for n in (0, *extents_of(value, 1))]
        for letter in "HW":
            at = below.index(letter)
            told[above.index(letter)] = self.op.Shape(x, start=at, end=at + 1)
        return self.op.Concat(*told, axis=0)

    # Reading ----------------------------------------------------------------------------------------------

    def _read(self, value: ir.Value, x: ir.Value) -> ir.Value:
        """What the maker of `value` reads of its input: a window, or a constant."""
        if x not in self.cut.local:
            return self._weight(x)
        read = self.cut.read(value, x)
        return self.windows[x] if read is None else self._gather(x, read)

    def _weight(self, x: ir.Value) -> ir.Value:
        name = name_of(x)
        if name not in self.weights:
            tensor = ir.convenience.get_const_tensor(x)
            assert tensor is not None
            self.weights[name] = add_initializer(self.graph, name, tensor)
        return self.weights[name]

    def _gather(self, value: ir.Value, read: Read) -> ir.Value:
        if (value, read) not in self.gathered:
            picked = self.op.Gather(self._table(value), self._indices(read), axis=0)
            self.gathered[value, read] = self._turned(picked, BACK[self.axes[value]])
        return self.gathered[value, read]

    def _table(self, value: ir.Value) -> ir.Value:
        if value not in self.tables:
            channels = self.cut.geometry.maps(value)
            rows = self.op.Reshape(self._turned(self.windows[value], LOOKS[self.axes[value]]), [-1, channels])
            constants = np.array([[0.0], [-math.inf]], np.float32).repeat(channels, axis=1)
            unchanged = self._input(f"unchanged/{len(self.tables)}", ["places", channels])
            self.made.unchanged[value] = name_of(unchanged)
            self.made.rows[value] = self._output(rows)
            self.tables[value] = self.op.Concat(constants, unchanged, rows, axis=0)
        return self.tables[value]

    def _indices(self, read: Read) -> ir.Value:
        if read not in self.indices:
            self.indices[read] = self._input(f"indices/{len(self.indices)}", ["B", "h", "w"], ir.DataType.INT32)
            self.made.indices[read] = name_of(self.indices[read])
        return self.indices[read]

    def _turned(self, x: ir.Value, order: tuple[int, ...] | None) -> ir.Value:
        return x if order is None else self.op.Transpose(x, perm=order)

    def _input(self, name: str, shape: list[int | str], kind: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
        extents = ir.Shape([f"{name}/{extent}" if isinstance(extent, str) else extent for extent in shape])
        value = ir.Value(name=f"{self.prefix}/{name}", shape=extents, type=ir.TensorType(kind))
        self.graph.inputs.append(value)
        return value

    def _output(self, value: ir.Value) -> str:
        value.type = ir.TensorType(ir.DataType.FLOAT)
        if value not in self.graph.outputs:
            self.graph.outputs.append(value)
        return name_of(value)


def _free_prefix(graph: ir.Graph) -> str:
    """What no value of the network's name begins with."""
    prefix = PREFIX
    while any(
        name_of(x).startswith(prefix) for x in [*graph.initializers.values(), *(x for n in graph for x in n.outputs)]
    ):
        prefix += "_"
    return prefix


WRITERS = {
    "Conv": _Writer._window, "MaxPool": _Writer._window, "AveragePool": _Writer._window,
    "ConvTranspose": _Writer._transposed, "SpaceToDepth": _Writer._blocks, "DepthToSpace": _Writer._blocks,
}  # fmt: skip
