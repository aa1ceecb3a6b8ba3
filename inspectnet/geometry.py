"""Geometry: rectangles of pixels, and single units of a layer in single images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle of pixels; x1 and y1 are the first column and row outside, as COCO's tools and Pillow count them."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def at(cls, top: int, left: int, size: Sequence[int]) -> "Box":
        """The box of `size` (h, w) whose first row and column are `top` and `left`."""
        return cls(left, top, left + size[1], top + size[0])

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, as an index of an array whose last axes are (H, W)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def lies_in(self, size: Sequence[int]) -> bool:
        """Whether it holds pixels, all of them of an image of `size` (H, W)."""
        return 0 <= self.x0 < self.x1 <= size[1] and 0 <= self.y0 < self.y1 <= size[0]

    def moved(self, down: int, right: int) -> "Box":
        """The box so many rows further down and columns further right."""
        return Box(self.x0 + right, self.y0 + down, self.x1 + right, self.y1 + down)

    def clipped(self, size: Sequence[int]) -> "Box":
        """What of it lies in an image of `size` (H, W); a box without pixels if nothing does."""
        xs, ys = (min(max(x, 0), size[1]) for x in self[::2]), (min(max(y, 0), size[0]) for y in self[1::2])
        return Box(*(number for corner in zip(xs, ys, strict=True) for number in corner))

    def cut(self, image: np.ndarray, fill: float = 0) -> np.ndarray:
        """The part of an image (..., H, W) that lies in it: (..., h, w), with `fill` beyond the image."""
        inside = self.clipped(image.shape[-2:])
        part = np.full((*image.shape[:-2], *self.size), fill, image.dtype)
        part[..., *inside.moved(-self.y0, -self.x0).slices] = image[..., *inside.slices]
        return part


@dataclass(frozen=True)
class Unit:
    """One unit of a layer in one image of a batch, and its activation or the signal that it starts with."""

    image: int
    """Row of the batch."""
    map: int
    y: int = 0
    x: int = 0
    value: float = 1.0


@dataclass(frozen=True)
class Maxima:
    """The strongest unit of each map in each image."""

    values: np.ndarray
    """(N, K) float32: the activation."""
    places: np.ndarray
    """(N, K, 2) int64: its y and x in the map, the first one of equals; 0 for a layer without extent."""

    def unit(self, image: int, map: int) -> Unit:
        """The strongest unit of a map in an image, with its activation."""
        y, x = self.places[image, map].tolist()
        return Unit(image, map, y, x, float(self.values[image, map]))
