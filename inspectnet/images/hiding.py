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


def hide(
    x: Prepared,
    cover: Prepared,
    places: Places,
    numbers: NDArray[np.int64],
    starts: NDArray[np.int64],
    size: tuple[int, int],
) -> Prepared:
    """(n, C, h, w): windows of the image x (C, H, W), each with `cover` (C, H, W) in one of the places `numbers` (n,).

    starts (n, 2): where the windows begin; each lies in the image and holds its place.
    """
    out = np.empty((len(numbers), len(x), *size), x.dtype)
    for window, number, (top, left) in zip(out, numbers.tolist(), starts.tolist(), strict=True):
        window[:] = x[:, top : top + size[0], left : left + size[1]]
        y0, x0, y1, x1 = places.boxes[number].tolist()
        hidden = window[:, y0 - top : y1 - top, x0 - left : x1 - left]
        np.copyto(hidden, cover[:, y0:y1, x0:x1], where=places.mask(number))
    return out
