"""Photos to decode, made up: their size in pixels and in bytes, and their spectrum, are those of ImageNet's."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (375, 500)  # H, W, px: the mean of ImageNet


def write_photos(folder: Path, count: int, size: tuple[int, int] = SIZE) -> Path:
    """`count` JPEG files in `folder`, about 100 kB each at the full size; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(photo(draw, size)).save(folder / f"{i:05}.jpg", quality=90)
    return folder


def photo(draw: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Noise of all octaves, the coarse ones stronger, as in nature: (H, W, 3) uint8."""
    total = np.zeros((*size, 3), np.float32)
    for octave in range(1, 10):
        small = draw.uniform(-1, 1, (2**octave, 2**octave, 3)).astype(np.float32)
        channels = [Image.fromarray(c).resize(size[::-1], Image.Resampling.BICUBIC) for c in small.transpose(2, 0, 1)]
        total += np.stack([np.asarray(c) for c in channels], axis=2) * 0.95**octave
    return (128 + 45 * total).clip(0, 255).astype(np.uint8)
