"""Hiding: places of an image, of any shape, that are hidden one after the other."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inspectnet.images.prepare import Prepared


class Places(Protocol):
    """P places of an image."""

    @property
    def boxes(self) -> NDArray[np.int64]:
        """(P, 4): what holds each of them; y0, x0, y1, x1, the last ones outside."""

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(h, w): what of its box a place hides."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Places said pixel by pixel; each has one at least."""

    masks: NDArray[np.bool_]
    """(P, H, W)."""

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """(P, 4): what holds each of them."""
        first, last = [], []
        for along in (np.any(self.masks, axis=2), np.any(self.masks, axis=1)):
            first.append(along.argmax(axis=1))
            last.append(along.shape[1] - along[:, ::-1].argmax(axis=1))
        return np.stack([*first, *last], axis=1)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(h, w): what of its box a place hides."""
        y0, x0, y1, x1 = self.boxes[number].tolist()
        mask: NDArray[np.bool_] = self.masks[number, y0:y1, x0:x1]
        return mask


def at_places(x: Prepared, rows: NDArray[np.int64], columns: NDArray[np.int64], empty: float = 0.0) -> Prepared:
    """(n, C, h, w): what stands at `rows` (n, h) and `columns` (n, w) of the image x (C, H, W); `empty` beyond it."""
    beyond = np.pad(x, ((0, 0), (0, 1), (0, 1)), constant_values=empty)
    y, x_ = (
        np.where((at >= 0) & (at < extent), at, extent) for at, extent in zip((rows, columns), x.shape[1:], strict=True)
    )
    return np.ascontiguousarray(np.moveaxis(beyond[:, y[:, :, None], x_[:, None]], 0, 1))


def hide(
    x: Prepared,
    cover: Prepared,
    places: Places,
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    empty: float = 0.0,
) -> Prepared:
    """(n, C, h, w): as `at_places`, of the image x (C, H, W) with `cover` (C, H, W) in the places `numbers` (n,)."""
    out = at_places(x, rows, columns, empty)
    for window, number, y, x_ in zip(out, numbers.tolist(), rows, columns, strict=True):
        y0, x0, y1, x1 = places.boxes[number].tolist()
        at_y, at_x = np.flatnonzero((y >= y0) & (y < y1)), np.flatnonzero((x_ >= x0) & (x_ < x1))
        inside = np.ix_(y[at_y] - y0, x_[at_x] - x0)
        hidden = np.ix_(np.arange(len(x)), at_y, at_x)
        covered = cover[:, y[at_y][:, None], x_[at_x]]
        window[hidden] = np.where(places.mask(number)[inside], covered, window[hidden])
    return out


def hidden_images(x: Prepared, cover: Prepared, places: Places, numbers: NDArray[np.int64]) -> Prepared:
    """(n, C, H, W): the whole images."""
    rows, columns = (np.broadcast_to(np.arange(extent), (len(numbers), extent)) for extent in x.shape[1:])
    return hide(x, cover, places, numbers, rows, columns)
