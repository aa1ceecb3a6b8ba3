"""How an image has to be turned to be seen upright; whether a JPEG has to, its header tells."""

import re
from collections.abc import Iterator

import numpy as np

from inspectnet.images.jpeg import segments

APP1 = 0xE1
ORIENTATION, SHORT = 0x0112, 3  # a tag of TIFF, and the type it has


def is_upright(jpeg: bytes) -> bool:
    """True unless EXIF or XMP may ask for a rotation or a reflection: then Pillow has to see to it.

    EXIF that is damaged asks for nothing, as in Pillow, which would also print a warning for each such photo.
    """
    if b"Exif" not in jpeg and b"Orientation" not in jpeg:
        return True
    for marker, payload in segments(jpeg):
        if marker != APP1:
            continue
        if payload.startswith(b"Exif\0\0") and any(value != 1 for value in _orientations(payload[6:])):
            return False
        xmp = re.search(rb'tiff:Orientation(?:="|>)([0-9])', payload)
        if xmp and xmp[1] != b"1":
            return False
    return True


def _orientations(tiff: bytes) -> Iterator[int]:
    """The values of the orientation tags in the first directory; 0, which means nothing, if not a number."""
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if tiff[:2] == b"II" else "big")

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if entry + 12 > len(tiff):
            return
        if number(entry, 2) == ORIENTATION:
            strange = number(entry + 2, 2) != SHORT or number(entry + 4, 4) != 1
            yield 0 if strange else number(entry + 8, 2)


def upright(shape: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(H, W) that an image of `shape`, as it is stored, has once it is turned as its orientation asks."""
    return shape[::-1] if orientation in (5, 6, 7, 8) else shape


def stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """A view of upright pixels [H, W, C] as they are stored where EXIF gives this orientation."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 6, 7) else 1
    right = -1 if orientation in (2, 3, 7, 8) else 1
    return pixels[::down, ::right]
