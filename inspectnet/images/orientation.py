"""Whether a JPEG lies as it should be seen, told from its header alone."""

import re
from collections.abc import Iterator

APP1, START_OF_SCAN, END_OF_IMAGE = 0xE1, 0xDA, 0xD9
ORIENTATION, SHORT = 0x0112, 3  # a tag of TIFF, and the type it has


def is_upright(jpeg: bytes) -> bool:
    """True unless EXIF or XMP may ask for a rotation or a reflection: then Pillow has to see to it.

    EXIF that is damaged asks for nothing, as in Pillow, which would also print a warning for each such photo.
    """
    if b"Exif" not in jpeg and b"Orientation" not in jpeg:
        return True
    for marker, payload in _segments(jpeg):
        if marker != APP1:
            continue
        if payload.startswith(b"Exif\0\0") and any(value != 1 for value in _orientations(payload[6:])):
            return False
        xmp = re.search(rb'tiff:Orientation(?:="|>)([0-9])', payload)
        if xmp and xmp[1] != b"1":
            return False
    return True


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """The (marker, payload) of each segment before the pixels."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield marker, jpeg[at + 4 : at + 2 + size]
        at += 2 + size


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
