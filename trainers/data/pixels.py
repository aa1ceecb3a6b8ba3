"""Pictures as bytes: from an array that holds them decoded (`cache`), or decoded while training.

Either way the loop asks for a list of numbers and gets pictures uint8 (N, S, S, 3) and labels (N,). Bad
pictures are counted, named, and never come out.
"""

import threading
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from trainers.data.sources import Source
from trainers.errors import DataError

Batch = tuple[Tensor, Tensor, list[str]]  # pictures, labels, and what could not be read on the way
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


MAX_PIXELS = 200 << 20  # of a picture, and of what it is resized to before its square is cut out
LARGE = 16 << 20  # pixels of a picture that is decoded alone, so that threads do not add up to gigabytes
ONE_LARGE = threading.Lock()


def upright(picture: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation asks. (ImageOps.exif_transpose also writes EXIF, which can fail.)"""
    picture.load()  # PNG may keep EXIF behind its pixels
    turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def rgb(picture: Image.Image) -> Image.Image:
    """8 bits of red, green and blue; 16-bit grey is scaled as inspectnet does it, where Pillow would clip at 255."""
    if picture.mode == "F":
        raise ValueError("its pixels are floats, whose range is not known")
    if picture.mode not in SIXTEEN_BITS:
        return picture.convert("RGB")
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels need more than 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")


def square(picture: Image.Image, side: int) -> np.ndarray:
    """RGB picture, turned upright, with its shortest side resized to `side`, centre square: (side, side, 3) uint8.

    Roundings are torchvision's, and so inspectnet's: the long side is cut off, the margin rounded half to even.
    """
    width, height = picture.size
    short = min(width, height)
    if max(width * height, side * side * max(width, height) // short) > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are too many, or too narrow to cut a square of {side} from")
    picture = rgb(upright(picture))
    width, height = picture.size
    if short != side:
        size = (int(side * width / short), int(side * height / short))
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    return np.asarray(picture.crop((left, top, left + side, top + side)))


def read_square(source: Source, i: int, side: int) -> tuple[np.ndarray, int] | str:
    """Pixels and label of picture i, or in one line why it cannot be read."""
    try:
        picture, label = source.read(i)
        with ONE_LARGE if picture.width * picture.height > LARGE else nullcontext():
            return square(picture, side), int(label)
    except UnidentifiedImageError:
        return f"{source.name(i)}: not a picture"
    except Exception as error:  # Pillow's readers raise whatever their parsing trips over
        return f"{source.name(i)}: {str(error) or type(error).__name__}"


class CachedPixels(Dataset[Batch]):
    """Readable pictures of a source, in one memory-mapped array: all of them, or those at `places`."""

    def __init__(
        self,
        pictures: np.ndarray,
        labels: np.ndarray,
        classes: Sequence[str],
        bad: list[str],
        places: np.ndarray | None = None,
    ) -> None:
        self.pictures, self.labels, self.classes, self.bad = pictures, labels, classes, bad
        self.places = np.arange(len(labels)) if places is None else places

    def __len__(self) -> int:
        return len(self.places)

    def __getitems__(self, numbers: list[int]) -> Batch:
        places = self.places[numbers]
        return torch.from_numpy(np.asarray(self.pictures[places])), torch.from_numpy(self.labels[places]), []

    def hold_out(self, count: int) -> "tuple[Pixels, Pixels]":
        """All but `count` pictures, and these: as many of every class, evenly spaced in it."""
        members = [np.flatnonzero(self.labels == label) for label in range(len(self.classes))]
        share, rest = divmod(count, len(members))
        least = min(len(of_class) for of_class in members)
        if rest or not 0 < share < least:
            raise DataError(
                f"cannot hold out {count} pictures evenly by class: give a multiple of {len(members)} classes "
                f"below {least * len(members)}, for the smallest class has {least}"
            )
        held = np.sort(np.concatenate([of_class[evenly_spaced(len(of_class), share)] for of_class in members]))
        kept = np.setdiff1d(np.arange(len(self.labels)), held)
        return self.only(kept), self.only(held)

    def only(self, places: np.ndarray) -> "CachedPixels":
        """The pictures at `places` of the array."""
        return CachedPixels(self.pictures, self.labels, self.classes, self.bad, places)


class LivePixels(Dataset[Batch]):
    """Pictures decoded when they are asked for, by the loader's workers."""

    def __init__(self, source: Source, side: int) -> None:
        self.source, self.side, self.classes = source, side, source.classes

    def __len__(self) -> int:
        return len(self.source)

    def __getitems__(self, numbers: list[int]) -> Batch:
        read = [read_square(self.source, i, self.side) for i in numbers]
        good = [r for r in read if not isinstance(r, str)]
        bad = [r for r in read if isinstance(r, str)]
        if not good:
            raise DataError(f"none of {len(read)} pictures can be read: {bad[-1]}")
        return torch.from_numpy(np.stack([r[0] for r in good])), torch.tensor([r[1] for r in good]), bad

    def hold_out(self, count: int) -> "tuple[Pixels, Pixels]":
        """Refuse: what can be read, and of which class it is, shows while training only."""
        raise DataError(f"cannot hold out {count} pictures of those that are decoded while training: raise cache_limit")


Pixels = CachedPixels | LivePixels


def colour_statistics(pixels: Pixels, sample: int = 2000) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour in [0, 1], over evenly spaced pictures."""
    numbers = evenly_spaced(len(pixels), sample)
    count, total, squares = 0, torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for start in range(0, len(numbers), 100):
        pictures, _, _ = pixels.__getitems__(numbers[start : start + 100])
        colours = pictures.reshape(-1, 3).double() / 255
        count, total, squares = count + len(colours), total + colours.sum(0), squares + colours.square().sum(0)
    mean = total / count
    std = (squares / count - mean.square()).sqrt()
    return [round(v, 6) for v in mean.tolist()], [round(v, 6) for v in std.tolist()]


def evenly_spaced(count: int, most: int) -> list[int]:
    """Numbers of at most `most` of `count` pictures, from the first to the last."""
    return [int(i) for i in np.linspace(0, count - 1, min(most, count))]
