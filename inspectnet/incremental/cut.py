"""The cut: which values of a network are computed in windows, and which whole, for each hidden place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import onnx_ir as ir

from inspectnet.graph.values import read_values
from inspectnet.incremental.frames import Extent
from inspectnet.incremental.geometry import Geometry
from inspectnet.incremental.reach import Reach

PLACE = (Reach(), Reach())
WHOLE = -1  # in the place of a class: the whole map


@dataclass(frozen=True)
class Read:
    """What a window is read of: places of a value as it is for the hidden image, from its window or the unchanged."""

    source: int
    """The class of the value."""
    target: int
    """The class of the window that is made of it, or WHOLE."""
    reach: tuple[Reach, Reach] = PLACE
    empty: float = 0.0
    """What is read beyond the map: 0 or -inf."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A network in two parts. Values that are `local` are computed in windows; those above them whole."""

    geometry: Geometry
    outputs: tuple[ir.Value, ...]
    """What is asked for."""
    local: frozenset[ir.Value]

    @cached_property
    def needed(self) -> list[ir.Node]:
        """The nodes that the outputs are made of, in order."""
        return needed_nodes(self.geometry.graph, self.outputs)

    @cached_property
    def windowed(self) -> list[ir.Node]:
        """Those computed in windows."""
        return [node for node in self.needed if any(x in self.local for x in node.outputs)]

    @cached_property
    def crossing(self) -> list[ir.Value]:
        """The local values that the rest of the network reads whole."""
        above = [node for node in self.needed if node not in set(self.windowed)]
        return list(dict.fromkeys(x for node in above for x in read_values(node) if x in self.local))

    @cached_property
    def watched(self) -> list[ir.Value]:
        """The outputs that are local."""
        return [value for value in self.outputs if value in self.local]

    @cached_property
    def above(self) -> list[ir.Value]:
        """The outputs that are not."""
        return [value for value in self.outputs if value not in self.local]

    @property
    def whole_from(self) -> ir.Node | None:
        """The first node that is computed whole; None if none is."""
        return next((n for n in self.needed if n not in set(self.windowed) and self.geometry.live(n)), None)

    @cached_property
    def _extents(self) -> dict[int, Extent]:
        return {self.geometry.classes[value]: extent for value, extent in self.geometry.extents.items()}

    def extent_of(self, number: int) -> Extent:
        """(H, W) of the maps of a class."""
        return self._extents[number]

    def read(self, value: ir.Value, below: ir.Value) -> Read | None:
        """What the maker of the local `value` reads of its input `below`; None if it takes its window as it is."""
        passage, classes = self.geometry.passages[value], self.geometry.classes
        if passage.in_place and classes[below] == classes[value]:
            return None
        return Read(classes[below], classes[value], passage.reach, passage.empty)

    def own(self, value: ir.Value) -> Read:
        """What reads the window of a local value as it is."""
        return Read(self.geometry.classes[value], self.geometry.classes[value])

    def whole(self, value: ir.Value) -> Read:
        """What reads all of a local value."""
        return Read(self.geometry.classes[value], WHOLE)

    @cached_property
    def all_reads(self) -> list[tuple[ir.Value, Read]]:
        """All that is read of tables, value by value."""
        found = [
            (below, read)
            for node in self.windowed
            for below in self.geometry.live(node)
            for value in node.outputs
            if value in self.local and (read := self.read(value, below))
        ]
        found += [(value, self.whole(value)) for value in (*self.crossing, *self.watched)]
        return list(dict.fromkeys(found))

    @cached_property
    def tables(self) -> list[ir.Value]:
        """The values of which windows are read; those of the image are made of its pixels."""
        return list(dict.fromkeys(value for value, _ in self.all_reads if value is not self.geometry.image))


def make_cut(geometry: Geometry, outputs: Sequence[ir.Value], keep: Callable[[int], bool]) -> Cut:
    """The cut below which are the values whose class is to be kept, and that can be computed in windows.

    A value of which windows would be read, and cannot, is computed whole.
    """
    refused = set[ir.Value]()
    while True:
        cut = Cut(geometry, tuple(outputs), _local(geometry, outputs, keep, refused))
        unreadable = {value for value in cut.tables if not geometry.readable(value)}
        if not unreadable:
            return cut
        refused |= unreadable


def _local(
    geometry: Geometry, outputs: Sequence[ir.Value], keep: Callable[[int], bool], refused: set[ir.Value]
) -> frozenset[ir.Value]:
    local = {geometry.image}
    for node in needed_nodes(geometry.graph, outputs):
        used = [x for x in node.outputs if x in geometry.alive and (x.uses() or x in outputs)]
        fits = all(x in geometry.passages and x not in refused and keep(geometry.classes[x]) for x in used)
        if used and fits and all(x in local for x in geometry.live(node)):
            local.update(used)
    return frozenset(local)


def needed_nodes(graph: ir.Graph, outputs: Sequence[ir.Value]) -> list[ir.Node]:
    """The nodes that some values are made of, in order."""
    wanted, nodes = set(outputs), list[ir.Node]()
    for node in reversed(list(graph)):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(read_values(node))
            nodes.append(node)
    return nodes[::-1]
