"""Frames: for each of many places in an image that are changed, where a value of the network changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.incremental.reach import Reach

Extent = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Frame:
    """The boxes [low, high) outside of which a value is that of the unchanged image; (extent, 0) where it all is."""

    extent: Extent
    """(H, W)."""
    low: np.ndarray
    """(P, 2) int64: first row and column, by place."""
    high: np.ndarray
    """(P, 2) int64: those behind the last."""

    def through(self, reach: tuple[Reach, Reach], extent: Extent) -> "Frame":
        """The frame of a value of that extent, whose places read this one's."""
        axes = [
            along.touched(self.low[:, i], self.high[:, i], self.extent[i], extent[i]) for i, along in enumerate(reach)
        ]
        low, high = (np.stack(ends, axis=1) for ends in zip(*axes, strict=True))
        return Frame(extent, low, high)

    def sizes(self, blocks: Extent = (1, 1)) -> np.ndarray:
        """(P, 2): how large the boxes are, in whole blocks; at least one."""
        return np.asarray(np.maximum(-(-self.high // blocks) - self.low // blocks, 1) * blocks)

    @property
    def share(self) -> float:
        """The mean part of the map that changes."""
        return float(self.sizes().prod(axis=1).mean() / (self.extent[0] * self.extent[1]))


def hull(frames: Sequence[Frame]) -> Frame:
    """What holds several frames of the same extent."""
    if len(frames) == 1:
        return frames[0]
    low, high = (
        f([getattr(x, end) for x in frames]) for f, end in ((np.minimum.reduce, "low"), (np.maximum.reduce, "high"))
    )
    return Frame(frames[0].extent, low, high)
