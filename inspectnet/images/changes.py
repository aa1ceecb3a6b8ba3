"""Changes of a photo: shifted, enlarged or rotated before it is cropped, as Zeiler & Fergus 2014 do for their Fig. 5.

A change moves the photo under the network's window. So what comes in at a border is the rest of the photo, and only
beyond the photo is it filled; other borders are there to compare. Pixels in between are bilinear.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import OptionError, check_choice
from inspectnet.images.fit import Pixels
from inspectnet.images.prepare import Preparation, Prepared

BORDERS = ("photo", "mean", "edge", "mirror")
SMALLEST = 0.5  # a photo shrunk further would need a filter against aliasing, which would change it by itself

Change = NDArray[np.float64]
"""(2, 3): where a pixel comes from, as (y, x) from the window's middle, of (y, x, 1) where it goes to."""


def shift(down: float, right: float = 0.0) -> Change:
    """The change that moves a photo by pixels of the network's input."""
    return np.array([[1, 0, -down], [0, 1, -right]], np.float64)


def scale(factor: float) -> Change:
    """The change that makes a photo `factor` times larger around its middle. Raises OptionError below 0.5."""
    if not factor >= SMALLEST:
        raise OptionError(f"a photo cannot be scaled by {factor:g}. Choose {SMALLEST:g} or more.")
    return np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]])


def rotate(degrees: float) -> Change:
    """The change that turns a photo around its middle, counter-clockwise."""
    # rounded, so that right angles move pixels to pixels
    sine, cosine = (round(turn(math.radians(degrees)), 15) for turn in (math.sin, math.cos))
    return np.array([[cosine, sine, 0], [-sine, cosine, 0]])


@dataclass(frozen=True)
class Scene:
    """A photo at the size at which a network sees it, and the window through which it does."""

    pixels: Pixels
    """[h, w, C]: what there is around the window, too."""
    corner: tuple[int, int]
    """Where the window (y, x) begins."""
    preparation: Preparation
    photo: Pixels
    """[h, w, 3]: the photo itself."""
    border: str
    """What lies beyond the pixels: their edge, their mirror image, else the mean, which is 0 to the network."""

    def change(self, change: Change) -> Pixels:
        """[H, W, C]: the window after a change; without any it is exactly what `Preparation.fit` gives."""
        size = self.preparation.input_size[1:]
        from_middle = [np.arange(n) - (n - 1) / 2 for n in size]
        down, right = np.meshgrid(*from_middle, indexing="ij")
        source = np.einsum("ij,jhw->ihw", change, np.stack([down, right, np.ones(size)]))
        middle = [corner + (n - 1) / 2 for corner, n in zip(self.corner, size, strict=True)]
        y, x = (axis + m for axis, m in zip(source, middle, strict=True))
        # what is a pixel up to rounding is that pixel
        return self._sample(np.round(y, 9), np.round(x, 9))

    def zoom(self, factor: float) -> Pixels:
        """[H, W, C]: the window into the photo itself, resized to be `factor` times larger; 1 is `Preparation.fit`.

        The window must not reach beyond the photo: raises OptionError for a factor below `crop_pct`.
        """
        least = self.preparation.crop_pct
        if not factor >= least:
            raise OptionError(f"a photo cannot be zoomed by {factor:g}. Choose {least:g} (crop_pct) or more.")
        return replace(self.preparation, crop_pct=min(1.0, least / factor)).fit(self.photo)

    def prepare(self, change: Change) -> Prepared:
        """(C, H, W): the window after a change, as the network wants it."""
        return self.preparation.normalise(self.change(change))

    def _sample(self, y: np.ndarray, x: np.ndarray) -> Pixels:
        """The bilinear mean of the four pixels around each place (H, W)."""
        pixels = self.pixels
        if self.border not in ("edge", "mirror"):
            pixels = _framed(pixels, self._mean)
            y, x = y + 1, x + 1
        elif self.border == "mirror":
            y, x = (_mirrored(axis, n) for axis, n in zip((y, x), pixels.shape, strict=False))
        (top, y), (left, x) = (_cell(axis, n) for axis, n in zip((y, x), pixels.shape, strict=False))
        below, beside = (np.minimum(a + 1, n - 1) for a, n in zip((top, left), pixels.shape, strict=False))
        upper = pixels[top, left] * (1 - x) + pixels[top, beside] * x
        lower = pixels[below, left] * (1 - x) + pixels[below, beside] * x
        sampled: Pixels = np.rint(upper * (1 - y) + lower * y).astype(np.uint8)
        return sampled

    @property
    def _mean(self) -> Pixels:
        """[C]: the pixel that is 0 to the network."""
        nothing = np.zeros(self.preparation.shape, np.float32)
        return self.preparation.restore(nothing)[0, 0, : self.pixels.shape[2]]


def make_scene(photo: Pixels, preparation: Preparation, border: str = "photo") -> Scene:
    """The scene of an RGB photo [h, w, 3], uint8.

    border: what comes in from outside the window. photo: the rest of the photo, and beyond it the mean; mean: the
    mean at once; edge: the window's outermost pixels again; mirror: its mirror image. Raises OptionError, ImageError.
    """
    check_choice("border", border, BORDERS)
    if border == "photo":
        return Scene(*preparation.surround(photo), preparation, photo, border)
    return Scene(preparation.fit(photo), (0, 0), preparation, photo, border)


def _framed(pixels: Pixels, fill: Pixels) -> Pixels:
    """The pixels with one of `fill` all around them."""
    height, width, channels = pixels.shape
    framed = np.empty((height + 2, width + 2, channels), np.uint8)
    framed[...] = fill
    framed[1:-1, 1:-1] = pixels
    return framed


def _mirrored(places: np.ndarray, extent: int) -> np.ndarray:
    """Places along an axis, back inside; the outermost pixel stands once."""
    period = max(1, 2 * (extent - 1))
    folded = places % period
    return np.asarray(np.minimum(folded, period - folded))


def _cell(places: np.ndarray, extent: int) -> tuple[NDArray[np.int64], np.ndarray]:
    """The pixel before each place along an axis, and how far (..., 1) the place is on the way to the next one."""
    inside = np.clip(places, 0, extent - 1)
    before = np.floor(inside).astype(np.int64)
    return before, (inside - before)[..., None]
