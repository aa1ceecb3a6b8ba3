"""Superpixels: a photo in patches of like colour, which are hidden in place of squares."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import OptionError
from inspectnet.images.fit import Pixels

COMPACTNESS = 10  # of slic: how much nearness counts beside colour


@dataclass(frozen=True, eq=False)
class Superpixels:
    """The places of a photo: P patches that cover it. What is told of a place is told of each of its pixels."""

    labels: NDArray[np.int64]
    """(H, W): the number of the patch that a pixel lies in, from 0 on."""

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """(P, 4): what holds each of them; y0, x0, y1, x1, the last ones outside."""
        count = int(self.labels.max()) + 1
        ends = []
        for at in np.indices(self.labels.shape):
            first, last = np.full(count, at.max()), np.zeros(count, np.int64)
            np.minimum.at(first, self.labels, at)
            np.maximum.at(last, self.labels, at + 1)
            ends.append((first, last))
        (top, bottom), (left, right) = ends
        return np.stack([top, left, bottom, right], axis=1)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(h, w): what of its box a patch covers."""
        y0, x0, y1, x1 = self.boxes[number].tolist()
        return np.asarray(self.labels[y0:y1, x0:x1] == number)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(..., H, W): to each pixel what belongs to its patch, of values (..., P)."""
        return np.asarray(values[..., self.labels])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(H, W) float64: for each pixel what `values` (H, W) add up to in its patch."""
        return self.spread(np.bincount(self.labels.ravel(), weights=values.ravel()))

    def count(self, numbers: np.ndarray) -> int:
        """How many pixels some patches cover."""
        return int(np.isin(self.labels, numbers).sum())


def check_installed() -> None:
    """Raise OptionError where scikit-image is missing."""
    try:
        import skimage.segmentation  # noqa: F401
    except ImportError as error:
        raise OptionError("superpixels are found by scikit-image. pip install 'inspectnet[superpixels]'.") from error


def superpixels(photo: Pixels, side: int) -> Superpixels:
    """The patches of a photo (H, W, 3), each about as large as a square of that side (Achanta et al. 2012).

    Raises OptionError where scikit-image is missing, or for a side that does not fit.
    """
    check_installed()
    from skimage.segmentation import slic

    height, width = photo.shape[:2]
    if not 1 <= side <= min(height, width):
        raise OptionError(f"superpixels of {side} px do not fit into the image of {height} x {width}. Choose less.")
    count = max(1, round(height * width / side**2))
    labels = slic(photo, n_segments=count, compactness=COMPACTNESS, start_label=0, channel_axis=-1)
    return Superpixels(np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64))
