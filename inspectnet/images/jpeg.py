"""What the markers of a JPEG say before its pixels, and how much memory and time these take."""

from collections.abc import Iterator

PASSES = 1 << 33  # pixels, times the passes over them: a small file may ask for a thousand passes over a large image
START_OF_SCAN, END_OF_IMAGE, FILL = 0xDA, 0xD9, 0xFF
FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
IN_ONE_PASS = (0xC0, 0xC1)  # baseline and extended; the others of FRAMES are progressive, or nobody reads them


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """The (marker, payload) of each segment before the pixels, the head of the first scan among them."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == FILL:
            at += 1
            continue
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == END_OF_IMAGE:
            return
        yield marker, jpeg[at + 4 : at + 2 + size]
        if marker == START_OF_SCAN:
            return
        at += 2 + size


def coefficients(jpeg: bytes) -> float:
    """The bytes for each pixel in which libjpeg holds coefficients until the last pass; 0 if there is only one pass."""
    single, components, bytes_a_pixel = True, 0, 0.0
    for marker, payload in segments(jpeg):
        if marker in FRAMES and len(payload) >= 6:
            single, components = marker in IN_ONE_PASS, payload[5]
            factors = [(byte >> 4, byte & 15) for byte in payload[7 : 6 + 3 * components : 3]]
            across, down = (max((pair[axis] for pair in factors), default=1) or 1 for axis in (0, 1))
            bytes_a_pixel = 2 * sum(h * v for h, v in factors) / (across * down)
        if marker == START_OF_SCAN and payload[:1] and payload[0] < components:
            single = False
    return 0.0 if single else bytes_a_pixel


def passes(jpeg: bytes) -> int:
    """How many scans there are, at the most."""
    return jpeg.count(b"\xff\xda")  # which pixels cannot hold, but thumbnails can
