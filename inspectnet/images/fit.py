"""Any photo becomes one of the network's size: resized and cropped, to the pixel as torchvision does."""

import math

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import ImageError
from inspectnet.images.decode import MAX_PIXELS

Pixels = NDArray[np.uint8]

INTERPOLATIONS = ("bilinear", "bicubic", "nearest", "lanczos", "box")
CROP_MODES = ("center", "squash", "border")


def luma(pixels: Pixels) -> Pixels:
    """The brightness of RGB pixels [H, W, 3] as Pillow's "L" weighs it, [H, W, 1]."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


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
    border: all of it is in `size`, with `fill` [C] around it; crop_pct plays no part.
    middle: (h, w) of a smaller crop that has to lie in the middle of `size` exactly as it would if cut by itself.
    Raises ImageError for proportions that would need more than MAX_PIXELS on the way.
    """
    if crop_mode == "border":
        inside = resize(pixels, _inside(pixels.shape[:2], size), interpolation)
        canvas = np.empty((*size, pixels.shape[2]), np.uint8)
        canvas[...] = fill
        top, left = ((whole - part) // 2 for whole, part in zip(size, inside.shape[:2], strict=True))
        canvas[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        return canvas
    frame = frame_size(size, crop_pct)
    whole = frame if crop_mode == "squash" else _cover(pixels.shape[:2], frame)
    return resize(pixels, whole, interpolation, size, middle)


def surround(
    pixels: Pixels, size: tuple[int, int], interpolation: str, crop_pct: float, crop_mode: str
) -> tuple[Pixels, tuple[int, int]]:
    """All of `pixels` [h, w, C] as `fit` resizes them, and where in them (y, x) the crop of `size` begins.

    It begins before them, at numbers below 0, where `fit` puts a border around them.
    """
    if crop_mode == "border":
        inside = resize(pixels, _inside(pixels.shape[:2], size), interpolation)
        return inside, (-((size[0] - inside.shape[0]) // 2), -((size[1] - inside.shape[1]) // 2))
    frame = frame_size(size, crop_pct)
    whole = frame if crop_mode == "squash" else _cover(pixels.shape[:2], frame)
    return resize(pixels, whole, interpolation), (
        _start(whole[0], size[0], size[0]),
        _start(whole[1], size[1], size[1]),
    )


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
    if size == pixels.shape[:2]:
        return pixels[top : top + height, left : left + width]
    if size[0] * size[1] > MAX_PIXELS:
        h, w = pixels.shape[:2]
        resized = f"resized it would have {size[1]} x {size[0]}"
        raise ImageError(f"an image of {w} x {h} pixels is too elongated: {resized}. Crop it.")
    from PIL import Image

    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    image = image.resize((size[1], size[0]), Image.Resampling[interpolation.upper()])
    if crop is not None:
        image = image.crop((left, top, left + width, top + height))
    return np.asarray(image).reshape(height, width, pixels.shape[2])


def _start(whole: int, part: int, middle: int) -> int:
    """Where a crop begins, so that the one of `middle` is where torchvision's CenterCrop has it.

    That rounds, half to even.
    """
    return round((whole - middle) / 2) - round((part - middle) / 2)


def _cover(shape: tuple[int, ...], frame: tuple[int, int]) -> tuple[int, int]:
    """The size at which an image just covers the frame; the long side is truncated, as by torchvision."""
    height, width = shape
    if frame[0] * width >= frame[1] * height:
        return frame[0], int(frame[0] * width / height)
    return int(frame[1] * height / width), frame[1]


def _inside(shape: tuple[int, ...], frame: tuple[int, int]) -> tuple[int, int]:
    """The size at which an image just fits inside the frame."""
    height, width = shape
    if frame[0] * width <= frame[1] * height:
        return frame[0], max(1, round(frame[0] * width / height))
    return max(1, round(frame[1] * height / width)), frame[1]
