"""Any photo becomes one of the network's size: resized and cropped, to the pixel as timm and torchvision do."""

import math

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.geometry import Box

Pixels = NDArray[np.uint8]

ELONGATED = 1 << 23  # pixels that an image may have on the way, beyond those of a few crops
BAND = 1 << 22  # pixels that are converted at a time

INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos", "box", "hamming")
CROP_MODES = ("center", "squash", "border")


def luma(pixels: Pixels) -> Pixels:
    """The brightness of RGB pixels [H, W, 3] as Pillow's "L" weighs it, [H, W, 1]."""
    from PIL import Image

    height, width = pixels.shape[:2]
    grey, rows = np.empty((height, width, 1), np.uint8), max(1, BAND // width)
    for top in range(0, height, rows):  # in bands, for Pillow copies what it gets
        grey[top : top + rows, :, 0] = np.asarray(Image.fromarray(pixels[top : top + rows]).convert("L"))
    return grey


def fit(
    pixels: Pixels,
    size: tuple[int, int],
    interpolation: str,
    crop_pct: float,
    crop_mode: str,
    fill: Pixels,
    middle: tuple[int, int] | None = None,
) -> Pixels:
    """`pixels` [h, w, C] brought to `size` (H, W); it may share memory with them.

    center: the image covers a frame of size / crop_pct, of which the middle is taken.
    squash: it is pulled into that frame, whatever its proportions; again the middle is taken.
    border: all of it lies in that frame, of which the middle is taken, with `fill` [C] where the image does not reach.
    middle: (h, w) of a smaller crop that has to lie in the middle of `size` exactly as it would if cut by itself.
    Raises ImageError for proportions that would need many pixels on the way.
    """
    whole = _resized(pixels.shape[:2], frame_size(size, crop_pct), crop_mode)
    if crop_mode != "border":
        return resize(pixels, whole, interpolation, size, middle)
    inside = resize(pixels, whole, interpolation, (min(size[0], whole[0]), min(size[1], whole[1])))
    canvas = np.empty((*size, pixels.shape[2]), np.uint8)
    canvas[...] = fill
    top, left = ((side - part) // 2 for side, part in zip(size, inside.shape[:2], strict=True))
    canvas[Box.at(top, left, inside.shape[:2]).slices] = inside
    return canvas


def surround(
    pixels: Pixels, size: tuple[int, int], interpolation: str, crop_pct: float, crop_mode: str
) -> tuple[Pixels, tuple[int, int]]:
    """All of `pixels` [h, w, C] as `fit` resizes them, and where in them (y, x) the crop of `size` begins.

    It begins before them, at numbers below 0, where `fit` puts a border around them.
    """
    whole = _resized(pixels.shape[:2], frame_size(size, crop_pct), crop_mode)
    top, left = (
        -((side - part) // 2) if part < side else _start(part, side, side)
        for part, side in zip(whole, size, strict=True)
    )
    return resize(pixels, whole, interpolation), (top, left)


def most_pixels(height: int, width: int) -> int:
    """How many pixels an image may have on the way to a crop of height x width."""
    return ELONGATED + 8 * height * width


def frame_size(size: tuple[int, int], crop_pct: float) -> tuple[int, int]:
    """(H, W) of what a crop of `size` is the part `crop_pct` of."""
    return _frame(size[0], crop_pct), _frame(size[1], crop_pct)


def _frame(side: int, crop_pct: float) -> int:
    """timm's rule, which rounds down; a crop_pct written with a few digits less must not lose a pixel by that."""
    return math.floor(side / crop_pct + 1e-3)


def resize(
    pixels: Pixels,
    size: tuple[int, int],
    interpolation: str,
    crop: tuple[int, int] | None = None,
    middle: tuple[int, int] | None = None,
) -> Pixels:
    """The middle `crop` of `pixels` [h, w, C] resampled by Pillow to `size`, if that is not their size.

    middle: as for `fit`; roundings would otherwise leave it a pixel off.

    Cropping inside of Pillow's resize (its `box`) would save a third of the time, but Pillow keeps the box as
    float32, which shifts the sampling grid: up to a quarter of the pixels then differ by one grey level.
    """
    height, width = crop or size
    top, left = map(_start, size, (height, width), middle or (height, width))
    box = Box.at(top, left, (height, width))
    if size == pixels.shape[:2]:
        return pixels[box.slices]
    if size[0] * size[1] > most_pixels(height, width):
        h, w = pixels.shape[:2]
        resized = f"resized it would have {size[1]} x {size[0]}"
        raise ImageError(f"an image of {w} x {h} pixels is too elongated: {resized}. Crop it.")
    from PIL import Image

    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    image = image.resize((size[1], size[0]), Image.Resampling[interpolation.upper()])
    if crop is not None:
        image = image.crop(box)
    return np.asarray(image).reshape(height, width, pixels.shape[2])


def _start(whole: int, part: int, middle: int) -> int:
    """Where a crop begins, so that the one of `middle` is where torchvision's CenterCrop has it.

    That rounds, half to even.
    """
    return round((whole - middle) / 2) - round((part - middle) / 2)


def _resized(shape: tuple[int, ...], frame: tuple[int, int], crop_mode: str) -> tuple[int, int]:
    """The size (H, W) to which an image of `shape` is resized, so that it covers the frame, fills it or lies in it."""
    if crop_mode == "squash":
        return frame
    height, width = shape[:2]
    if crop_mode == "center" and frame[0] == frame[1]:  # torchvision's own, which truncates the long side
        long = int(frame[0] * max(height, width) / min(height, width))
        return (frame[0], long) if height <= width else (long, frame[1])
    ratios = height / frame[0], width / frame[1]
    ratio = max(ratios) if crop_mode == "border" else min(ratios)
    return max(1, round(height / ratio)), max(1, round(width / ratio))
