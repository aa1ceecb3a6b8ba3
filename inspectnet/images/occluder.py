"""The occluder: a square that slides over a prepared image and hides what is under it."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import OptionError, check_choice
from inspectnet.geometry import Box
from inspectnet.images.boxes import fill_box
from inspectnet.images.fit import Pixels
from inspectnet.images.prepare import Preparation, Prepared
from inspectnet.results import Axes

SIDE, PATCH, STRIDE = 224, 50, 8  # px: an image of the paper's, and what slides over it; others in proportion
GREY = 128  # of 0..255
BLUR = 4  # a square is so many times as wide as the deviation of the blur that fills it

FILLS = ("grey", "mean", "blur", "noise")


@dataclass(frozen=True)
class Grid:
    """The places of a square on an image: all of it inside, and the grid of places in the middle."""

    patch: int
    """Side of the square, px."""
    stride: Annotated[int, Axes("stride+")]
    """From one place to the next, px."""
    tops: Annotated[NDArray[np.int64], Axes("rows+", "int64")]
    """(h,) the first row of the square at each place."""
    lefts: Annotated[NDArray[np.int64], Axes("columns+", "int64")]
    """(w,) its first column."""

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) places."""
        return len(self.tops), len(self.lefts)

    @property
    def corners(self) -> NDArray[np.int64]:
        """(h * w, 2) top left corner (y, x) of the square at each place, row by row."""
        return np.stack(np.meshgrid(self.tops, self.lefts, indexing="ij"), axis=-1).reshape(-1, 2)

    @property
    def boxes(self) -> NDArray[np.int64]:
        """(h * w, 4): the square at each place; y0, x0, y1, x1, the last ones outside."""
        return np.concatenate([self.corners, self.corners + self.patch], axis=1)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(patch, patch): what the square hides at a place: all of it."""
        return np.ones((self.patch, self.patch), bool)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(..., h, w): what belongs to each place, of values (..., h * w)."""
        return values.reshape(*values.shape[:-1], *self.shape)

    def count(self, numbers: np.ndarray) -> int:
        """How many of the grid's places some of them are: all."""
        return len(numbers)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(h, w) float64: what `values` (H, W) add up to under the square at each place."""
        table = np.pad(values.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        y, x = np.ix_(self.tops, self.lefts)
        end_y, end_x = y + self.patch, x + self.patch
        return np.asarray(table[end_y, end_x] - table[y, end_x] - table[end_y, x] + table[y, x])

    def middles(self, values: np.ndarray) -> np.ndarray:
        """(h, w): what `values` (H, W) are under the middle of the square at each place."""
        return np.asarray(values[np.ix_(self.tops + self.patch // 2, self.lefts + self.patch // 2)])


def slide(size: tuple[int, int], patch: int | None = None, stride: int | None = None) -> Grid:
    """The places of a square on an image of `size` (H, W); by default 50 px every 8 where the shorter side is 224.

    There are floor((H - patch) / stride) + 1 rows of places. Raises OptionError for a square that does not fit.
    """
    shorter = min(size)
    patch = max(1, round(PATCH * shorter / SIDE)) if patch is None else patch
    stride = max(1, round(STRIDE * shorter / SIDE)) if stride is None else stride
    for name, value in (("patch", patch), ("stride", stride)):
        if value < 1:
            raise OptionError(f"the {name} cannot be {value} px. Choose 1 or more.")
    if patch > shorter:
        raise OptionError(f"a patch of {patch} px does not fit into the image of {size[0]} x {size[1]}. Choose less.")
    return Grid(patch, stride, *(np.arange((n - patch) % stride // 2, n - patch + 1, stride) for n in size))


def every_pixel(size: tuple[int, int]) -> Grid:
    """The grid of all pixels of an image of `size` (H, W)."""
    return Grid(1, 1, *map(np.arange, size))


def cover_of(fill: str, x: Prepared, preparation: Preparation, patch: int, seed: int = 0) -> Prepared:
    """(C, H, W): what stands in the square, wherever on the prepared image x (C, H, W) it is; one of FILLS.

    grey: the RGB value 128. mean: 0 in prepared units, the mean that the network's preparation subtracts. blur: the
    photo, blurred with a deviation of a quarter of the square. noise: the photo's own pixels, shuffled by the seed.
    Raises OptionError.
    """
    check_choice("fill", fill, FILLS)
    if fill == "mean":
        return np.zeros_like(x)
    if fill == "noise":
        pixels = x.reshape(len(x), -1)
        return pixels[:, np.random.default_rng(seed).permutation(pixels.shape[1])].reshape(x.shape)
    photo = preparation.restore(x)
    return preparation.normalise(_blurred(photo, patch / BLUR) if fill == "blur" else np.full_like(photo, GREY))


def box_mask(box: Box, size: tuple[int, int], preparation: Preparation) -> NDArray[np.bool_]:
    """(H, W): what of the prepared image shows a box of a photo of `size` (h, w) px.

    The box goes through the same resizing and cropping as the photo. Raises ImageError, OptionError for a box that
    does not lie in the photo.
    """
    photo = np.repeat(fill_box(box, size)[..., None], 3, axis=2).astype(np.uint8) * 255
    inside, outside = (preparation.fit(pixels)[..., 0] for pixels in (photo, 255 - photo))
    return np.asarray(inside > outside)  # not beyond the photo, where a border fills both alike


def _blurred(photo: Pixels, deviation: float) -> Pixels:
    """Margins are filled with the photo's own edge before, so that none darken."""
    from PIL import Image, ImageFilter

    room = math.ceil(3 * deviation)
    wide = Image.fromarray(np.pad(photo, ((room, room), (room, room), (0, 0)), mode="edge"))
    blurred = np.asarray(wide.filter(ImageFilter.GaussianBlur(deviation)))
    return np.ascontiguousarray(blurred[room:-room, room:-room])
