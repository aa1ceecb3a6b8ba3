"""Geometry: through which values of a network a change at some places of its image stays at places."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import onnx_ir as ir

from inspectnet.graph.axes import axes_of
from inspectnet.graph.values import extent_of, extents_of, live_values
from inspectnet.incremental.frames import Extent, Frame, hull
from inspectnet.incremental.passages import Passage, passage_of
from inspectnet.incremental.reach import Reach

READABLE = ("NCHW", "NHWC")  # values of which windows can be read elsewhere than where they lie


class Geometry:
    """The values that change at places only, where changes of the image do, and how they are made of each other.

    Those that change alike, whatever the image's places, are of one class, so that their windows can be the same.
    """

    def __init__(self, model: ir.Model) -> None:
        self.model, self.graph, self.image = model, model.graph, model.graph.inputs[0]
        self.axes, self.alive = axes_of(model.graph), live_values(model.graph)
        self.passages: dict[ir.Value, Passage] = {}
        self.extents: dict[ir.Value, Extent] = {self.image: _pair(extents_of(self.image, 2))}
        for node in self.graph:
            live = self.live(node)
            for value in node.outputs if live and all(x in self.extents for x in live) else ():
                if value in self.alive and (passage := passage_of(node, value, live, self.axes)):
                    self.passages[value] = passage
                    at = map(self.axes[value].index, "HW")
                    self.extents[value] = _pair([extent_of(value, axis) for axis in at])
        self.classes = self._classify()
        self.blocks = self._blocks()

    def live(self, node: ir.Node) -> list[ir.Value]:
        """The inputs of `node` that depend on the image."""
        return [x for x in node.inputs if x is not None and x in self.alive]

    def readable(self, value: ir.Value) -> bool:
        """Whether windows of `value` can be read."""
        return self.axes[value] in READABLE

    def maps(self, value: ir.Value) -> int:
        """How many numbers `value` has at a place."""
        return math.prod(extents_of(value, 1)) // math.prod(self.extents[value])

    def frames(self, boxes: np.ndarray) -> list[Frame]:
        """The frame of each class for changes in boxes (P, 4) of the image: y0, x0, y1, x1, the last ones outside."""
        frames = self._spread(boxes)
        count = max(self.classes.values()) + 1
        members: list[list[Frame]] = [[] for _ in range(count)]
        for value, frame in frames.items():
            known = members[self.classes[value]]
            if all(frame is not other for other in known):
                known.append(frame)
        return [hull(frames) for frames in members]

    def _steps(self) -> Iterator[tuple[ir.Value, list[ir.Value], Passage]]:
        for node in self.graph:
            for value in node.outputs:
                if value in self.passages:
                    yield value, self.live(node), self.passages[value]

    def _spread(self, boxes: np.ndarray) -> dict[ir.Value, Frame]:
        """The frame of each value."""
        boxes = np.asarray(boxes, np.int64)
        frames = {self.image: Frame(self.extents[self.image], boxes[:, :2], boxes[:, 2:])}
        through: dict[tuple[int, tuple[Reach, Reach], Extent], Frame] = {}
        for value, live, passage in self._steps():
            distinct = list({id(frames[x]): frames[x] for x in live}.values())
            below = hull(distinct)
            if passage.in_place:
                frames[value] = below
                continue
            key = (id(below), passage.reach, self.extents[value])
            if len(distinct) > 1 or key not in through:
                through[key] = below.through(passage.reach, self.extents[value])
            frames[value] = through[key]
        return frames

    def _classify(self) -> dict[ir.Value, int]:
        """Values are of one class if every single row and every single column of the image changes them alike."""
        height, width = self.extents[self.image]
        at = np.arange(max(height, width))
        y, x = np.minimum(at, height - 1), np.minimum(at, width - 1)
        known: dict[tuple[Extent, bytes], int] = {}
        classes = {}
        for value, frame in self._spread(np.stack([y, x, y + 1, x + 1], axis=1)).items():
            key = (frame.extent, frame.low.tobytes() + frame.high.tobytes())
            classes[value] = known.setdefault(key, len(known))
        return classes

    def _blocks(self) -> list[Extent]:
        """By class, of how many rows and columns the blocks are that its windows are made of."""
        blocks = [(1, 1)] * (max(self.classes.values()) + 1)
        for value, passage in self.passages.items():
            own, all_ = tuple(along.blocks for along in passage.reach), blocks[self.classes[value]]
            blocks[self.classes[value]] = (int(np.lcm(own[0], all_[0])), int(np.lcm(own[1], all_[1])))
        return blocks


def _pair(extents: Sequence[int]) -> Extent:
    height, width = extents
    return height, width
