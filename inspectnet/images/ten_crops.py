"""Ten crops of a photo: the corners and the middle of the frame that its one crop is cut from, and their mirror images.

Krizhevsky et al. 2012, sec. 4.1; Zeiler & Fergus 2014, sec. 3: "10 different sub-crops of size 224x224 (corners +
center with(out) horizontal flips)".
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.geometry import Box
from inspectnet.images.fit import Pixels, frame_size
from inspectnet.images.prepare import Preparation, Prepared


@dataclass(frozen=True)
class TenCrops:
    """Prepares whole frames, and cuts them up. Raises OptionError if the frame has no room for more than one crop."""

    preparation: Preparation
    """How the one crop is made; the middle one of the ten is the same, bit by bit."""

    def __post_init__(self) -> None:
        crop = self.preparation
        assert crop.layout == "nchw", "rows are cut along their last two axes"
        if crop.crop_mode == "border":
            raise OptionError(
                "ten crops are cut from photos that cover a frame, which crop_mode border does not do. Say --crops 1."
            )
        if self._frame.input_size == crop.input_size:
            how = f"crop_pct is {crop.crop_pct:g}, so the crop is all of the resized photo"
            raise OptionError(f"ten crops would be one and its mirror image: {how}. Say --crop-pct 0.875, or less.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H', W') of the frame."""
        return self._frame.shape

    def apply(self, pixels: Pixels, out: Prepared | None = None) -> Prepared:
        """The frame of RGB pixels [h, w, 3], prepared. Raises ImageError."""
        return self._frame.normalise(self._frame.fit(pixels, self.preparation.input_size[1:]), out)

    def cut(self, frames: Prepared) -> Prepared:
        """The crops (N * 10, C, H, W) of frames (N, C, H', W'); each photo's corners, middle, and both mirrored."""
        size = self.preparation.input_size[1:]
        down, right = (whole - side for whole, side in zip(frames.shape[2:], size, strict=True))
        corners = [(0, 0), (0, right), (down, 0), (down, right), (round(down / 2), round(right / 2))]
        five = [frames[..., *Box.at(top, left, size).slices] for top, left in corners]
        ten = np.stack([*five, *(crop[..., ::-1] for crop in five)], axis=1)
        return ten.reshape(-1, *self.preparation.input_size)

    @cached_property
    def _frame(self) -> Preparation:
        crop = self.preparation
        size = frame_size(crop.input_size[1:], crop.crop_pct)
        return replace(crop, input_size=(crop.input_size[0], *size), crop_pct=1.0)


@dataclass(frozen=True)
class Several:
    """Prepares a photo in several ways at once, which lie one behind the other in a flat row: it is read once."""

    parts: tuple[Preparation | TenCrops, ...]

    @property
    def shape(self) -> tuple[int]:
        """The length of a row."""
        return (int(self._ends[-1]),)

    def apply(self, pixels: Pixels, out: Prepared | None = None) -> Prepared:
        """RGB pixels [h, w, 3] prepared in each way. Raises ImageError."""
        out = np.empty(self.shape, np.float32) if out is None else out
        for part, row in zip(self.parts, np.split(out, self._ends[:-1]), strict=True):
            part.apply(pixels, row.reshape(part.shape))
        return out

    def split(self, rows: Prepared) -> list[Prepared]:
        """What each part prepared, (N, *part.shape), of rows (N, length)."""
        pieces = np.split(rows, self._ends[:-1], axis=1)
        return [piece.reshape(-1, *part.shape) for part, piece in zip(self.parts, pieces, strict=True)]

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([np.prod(part.shape) for part in self.parts])
