"""Bytes as text of a page: 7 bits a character, an eighth shorter than base64."""

import numpy as np

BLOCK = 7 << 17  # bytes at a time: whole characters
AMISS = "\0\r<"  # which a page would not give back, or take for its own
ABOVE = 0xA0  # they stand this much higher


def to_text(data: bytes) -> str:
    """Text in which bytes lie in a page; sevens.ts gives them back."""
    return "".join(_text(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK))


def _text(data: bytes) -> str:
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    sevens = np.pad(bits, (0, -bits.size % 7)).reshape(-1, 7)
    text = (np.packbits(sevens, axis=1) >> 1).tobytes().decode("ascii")
    for each in AMISS:
        text = text.replace(each, chr(ord(each) + ABOVE))
    return text
