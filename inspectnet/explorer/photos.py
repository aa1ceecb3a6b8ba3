"""The photos of a report: those that walk through the layers first, then all others that are among the strongest."""

import base64
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inspectnet.explorer import contract
from inspectnet.explorer.kept_reader import KeptReader
from inspectnet.explorer.sprites import encode_webp
from inspectnet.images import Keys
from inspectnet.images.fit import Pixels
from inspectnet.images.seen import row_ids

SIDES = ((300, 384), (600, 320), (2000, 256), (10**9, 160))  # up to so many photos, pixels of a photo's longer side
QUALITY = 65  # of WebP

Key = tuple[int, int, int]


class Photos:
    """Rows of a scan, numbered; of photos cut into tiles each row is a tile."""

    def __init__(self, reader: KeptReader, walked: Keys, strongest: Sequence[Keys], labels: Mapping[str, int]) -> None:
        """strongest: keys (..., 3) of examples, -1 where there is none. labels: by image's id, its class."""
        others = np.unique(np.concatenate([np.empty((0, 3), np.int64), *(k.reshape(-1, 3) for k in strongest)]), axis=0)
        keys = dict.fromkeys([*map(tuple, walked.tolist()), *map(tuple, others[others[:, 0] >= 0].tolist())])
        self.keys: list[Key] = list(keys)
        self._numbers = {key: number for number, key in enumerate(self.keys)}
        self._reader, self._labels = reader, labels
        self._side = next(side for most, side in SIDES if len(self.keys) <= most)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.keys)

    def number(self, key: Sequence[int]) -> int:
        """The number of a row, -1 for none."""
        entry, y, x = key
        return self._numbers.get((int(entry), int(y), int(x)), -1)

    def numbers(self, keys: NDArray[np.int64]) -> list[int]:
        """The numbers of rows (n, 3)."""
        return [self.number(key) for key in keys.tolist()]

    def name(self, number: int) -> str:
        """What a photo is called."""
        return row_ids(self._reader.collection, np.array([self.keys[number]]), self._reader.tile)[0]

    def label(self, entry: int) -> int | None:
        """The class of an entry of the collection, if it is known."""
        return self._labels.get(self._reader.collection.entries[entry].id)

    def about(self, number: int) -> contract.Photo:
        """A photo without its pixels. Raises ImageError."""
        picture, crop = self._picture(number)
        height, width = picture.shape[:2]
        return contract.Photo(self.name(number), width, height, self.label(self.keys[number][0]), crop)

    def data_url(self, number: int) -> str:
        """The pixels of a photo: an image file would taint the canvas of a page from file://. Raises ImageError."""
        return data_url(encode_webp(self._picture(number)[0], QUALITY), "image/webp")

    def _picture(self, number: int) -> tuple[Pixels, contract.Corners]:
        """A photo [h, w, 3], and where in it the network's input lies."""
        entry, *origin = self.keys[number]
        preparation = self._reader.tiler
        height, width = preparation.input_size[1:]
        if self._reader.tile:
            pixels = self._reader.seen(entry, (origin[0], origin[1]))
            return pixels, (0.0, 0.0, float(width), float(height))
        whole = self._reader.decode(entry)
        resized, (top, left) = preparation.surround(whole)
        pixels = _shrunk(whole, self._side)
        down, across = (a / b for a, b in zip(pixels.shape, resized.shape[:2], strict=False))
        corners = (left * across, top * down, (left + width) * across, (top + height) * down)
        return pixels, tuple(round(corner, 2) for corner in corners)


def data_url(data: bytes, kind: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _shrunk(pixels: Pixels, side: int) -> Pixels:
    from PIL import Image

    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2))
