"""The graph that computes windows: of every value what hiding a place changes, from the unchanged image's values.

A value of which windows are read elsewhere than where they lie stands in a table of rows, one for each place: a row of
zeros, a row of -inf, what is read of the unchanged map, then the windows of all hidden places. One Gather then reads a
window with its border, whatever of it is changed, unchanged, or padding. All extents are free, and where windows lie is
said by the indices, so that one session serves any places; for the unchanged image itself the windows are whole maps.
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
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # put maps, the axis 1, behind the places; and back


@dataclass
class Windows:
    """The graph, and what its inputs and outputs are called."""

    model: ir.Model
    images: dict[Read, str] = field(default_factory=dict)
    """Inputs (B, C, h, w): windows of the hidden images."""
    unchanged: dict[ir.Value, str] = field(default_factory=dict)
    """Inputs (1, H, W, C): values for the unchanged image; (0, H, W, C) where the windows are those of that image."""
    windows: dict[ir.Value, str] = field(default_factory=dict)
    """Outputs (B, h, w, C): the windows of the same values."""
    around: dict[int, str] = field(default_factory=dict)
    """Inputs (R,) int32: by class, which places of the unchanged map are read, and stand in the table."""
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
    """Writes the graph, node by node. A window has two forms, that of its value and with its maps last."""

    def __init__(self, cut: Cut) -> None:
        self.cut, self.axes = cut, cut.geometry.axes
        opsets = dict(cut.geometry.graph.opset_imports)
        self.graph = ir.Graph([], [], nodes=[], opset_imports=opsets, name="windows")
        self.prefix = _free_prefix(cut.geometry.graph)
        self.op = Op(self.graph, self.prefix)
        self.made = Windows(ir.Model(self.graph, ir_version=10, producer_name="inspectnet"))
        self.windows: dict[ir.Value, ir.Value] = {}
        self.last: dict[ir.Value, ir.Value] = {}
        self.tables: dict[ir.Value, ir.Value] = {}
        self.gathered: dict[tuple[ir.Value, Read], ir.Value] = {}
        self.inputs: dict[Read, ir.Value] = {}
        self.images: dict[Read, ir.Value] = {}
        self.around: dict[int, ir.Value] = {}
        self.weights: dict[str, ir.Value] = {}

    def write(self) -> Windows:
        for node in self.cut.windowed:
            values = [x for x in node.outputs if x in self.cut.local]
            if not self.cut.geometry.passages[values[0]].in_place:
                for value in values:
                    self.windows[value] = self._moved(node, value)
            elif node.op_type == "Concat" and self._joins_read(node, values[0]):
                self.last[values[0]] = self._joined(node, values[0])
            else:
                self._copy(node, values)
        for value in self.cut.crossing:
            self.made.whole[value] = self._output(self._gather(value, self.cut.whole(value)))
        for i, value in enumerate(self.cut.watched):
            maps = self._input(f"maps/{i}", ["k"], ir.DataType.INT64)
            self.made.maps[value] = name_of(maps)
            table = self.op.Gather(self._table(value), maps, axis=1)
            rows = self.op.Gather(table, self._indices(self.cut.whole(value)), axis=0)
            self.made.watched[value] = self._output(self.op.Transpose(rows, perm=FIRST))
        return self.made

    # Windows of values ------------------------------------------------------------------------------------

    def _copy(self, node: ir.Node, values: list[ir.Value]) -> None:
        """The operator as it is, on windows."""
        inputs = [None if x is None else self._read(values[0], x) for x in node.inputs]
        if node.op_type in REGROUPING:
            inputs[1] = self._extents(node, values[0], self._read(values[0], input_of(node)))
        outputs = self.op.several(node.op_type, len(node.outputs), *inputs, **node.attributes)
        self.windows.update(zip(node.outputs, outputs, strict=True))

    def _joins_read(self, node: ir.Node, value: ir.Value) -> bool:
        """Whether one of the maps that are joined is read from a table, which gives it with its maps last."""
        live = self.cut.geometry.live(node)
        return (
            len(live) == len(node.inputs) and self.axes[value] == "NCHW" and any(self.cut.read(value, x) for x in live)
        )

    def _joined(self, node: ir.Node, value: ir.Value) -> ir.Value:
        parts = []
        for x in self.cut.geometry.live(node):
            read = self.cut.read(value, x)
            parts.append(self._maps_last(x) if read is None else self._rows(x, read))
        return self.op.Concat(*parts, axis=3)

    def _moved(self, node: ir.Node, value: ir.Value) -> ir.Value:
        """A window of an operator that moves or mixes places, whose input was read with all that it reaches."""
        x = self._read(value, input_of(node))
        if node.op_type not in WRITERS:
            return x  # reading was all
        return WRITERS[node.op_type](self, node, x)

    def _window(self, node: ir.Node, x: ir.Value) -> ir.Value:
        """Without padding, which was read."""
        how = {k: a for k, a in node.attributes.items() if k not in ("pads", "ceil_mode", "storage_order")}
        weights = (None if w is None else self._read(node.outputs[0], w) for w in node.inputs[1:])
        y = self.op.write(node.op_type, x, *weights, **how)
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
        return self._own(x) if read is None else self._gather(x, read)

    def _weight(self, x: ir.Value) -> ir.Value:
        name = name_of(x)
        if name not in self.weights:
            tensor = ir.convenience.get_const_tensor(x)
            assert tensor is not None
            self.weights[name] = add_initializer(self.graph, name, tensor)
        return self.weights[name]

    def _own(self, value: ir.Value) -> ir.Value:
        """The window of a value, in the order of its axes."""
        if value is self.cut.geometry.image:
            return self._image(self.cut.own(value))
        if value not in self.windows:
            self.windows[value] = self._ordered(value, self.last[value])
        return self.windows[value]

    def _maps_last(self, value: ir.Value) -> ir.Value:
        """The same with its maps last."""
        if value not in self.last:
            own = self._own(value)
            self.last[value] = own if self.axes[value] == "NHWC" else self.op.Transpose(own, perm=LAST)
        return self.last[value]

    def _ordered(self, value: ir.Value, maps_last: ir.Value) -> ir.Value:
        return maps_last if self.axes[value] == "NHWC" else self.op.Transpose(maps_last, perm=FIRST)

    def _gather(self, value: ir.Value, read: Read) -> ir.Value:
        """What is read of a value, in the order of its axes; of the image it is given as an input."""
        if value is self.cut.geometry.image:
            return self._image(read)
        if (value, read) not in self.gathered:
            self.gathered[value, read] = self._ordered(value, self._rows(value, read))
        return self.gathered[value, read]

    def _rows(self, value: ir.Value, read: Read) -> ir.Value:
        """What is read of a value, with its maps last."""
        if value is self.cut.geometry.image:
            return self.op.Transpose(self._image(read), perm=LAST)
        return self.op.Gather(self._table(value), self._indices(read), axis=0)

    def _table(self, value: ir.Value) -> ir.Value:
        if value not in self.tables:
            channels, extent = self.cut.geometry.maps(value), self.cut.geometry.extents[value]
            constants = np.array([[0.0], [-math.inf]], np.float32).repeat(channels, axis=1)
            unchanged = self._input(f"unchanged/{len(self.tables)}", ["images", *extent, channels])
            self.made.unchanged[value] = name_of(unchanged)
            self.made.windows[value] = self._output(self._maps_last(value))
            rows = [self.op.Reshape(x, [-1, channels]) for x in (unchanged, self._maps_last(value))]
            around = self.op.Gather(rows[0], self._around(value), axis=0)
            self.tables[value] = self.op.Concat(constants, around, rows[1], axis=0)
        return self.tables[value]

    def _around(self, value: ir.Value) -> ir.Value:
        number = self.cut.geometry.classes[value]
        if number not in self.around:
            self.around[number] = self._input(f"around/{number}", ["rows"], ir.DataType.INT32)
            self.made.around[number] = name_of(self.around[number])
        return self.around[number]

    def _indices(self, read: Read) -> ir.Value:
        if read not in self.inputs:
            self.inputs[read] = self._input(f"indices/{len(self.inputs)}", ["B", "h", "w"], ir.DataType.INT32)
            self.made.indices[read] = name_of(self.inputs[read])
        return self.inputs[read]

    def _image(self, read: Read) -> ir.Value:
        if read not in self.images:
            maps = self.cut.geometry.maps(self.cut.geometry.image)
            self.images[read] = self._input(f"image/{len(self.images)}", ["B", maps, "h", "w"])
            self.made.images[read] = name_of(self.images[read])
        return self.images[read]

    def _input(self, name: str, shape: list[int | str], kind: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
        extents = ir.Shape([f"{name}/{extent}" if isinstance(extent, str) else extent for extent in shape])
        value = ir.Value(name=f"{self.prefix}/{name}", shape=extents, type=ir.TensorType(kind))
        self.graph.inputs.append(value)
        return value

    def _output(self, value: ir.Value) -> str:
        if value in self.graph.inputs:
            value = self.op.Identity(value)
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
