"""Text on a page, measured before it is drawn, so that nothing is cut off and nothing overlaps."""

import bisect
import math
import unicodedata
from functools import lru_cache

from PIL import ImageDraw, ImageFont

ELLIPSIS = "…"
LOOKALIKES = {"\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{MULTIPLICATION SIGN}": "x"}


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's built-in typeface at `size` pixels: the same letters on every machine."""
    face = ImageFont.load_default(size)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return face


def line_height(size: int) -> int:
    """Pixels from the top of the tallest letter to the bottom of the lowest."""
    return sum(font(size).getmetrics())


def text_width(text: str, size: int) -> int:
    """Pixels that a line of text covers, ink that leans out at either end included."""
    left, _, right, _ = font(size).getbbox(one_line(text), anchor="ls")
    return math.ceil(right) - min(0, math.floor(left))


def shorten(text: str, width: int, size: int) -> str:
    """The text if it fits into `width` pixels, else with an ellipsis in its middle; empty if that is too wide.

    The middle goes because a caption says at its end what matters: the map's number and its value.
    """
    text = one_line(text)
    if text_width(text, size) <= width:
        return text
    # The last length that was tried and found to fit stands just before the place that bisect returns.
    fitting = bisect.bisect(range(len(text)), width, key=lambda kept: text_width(_elide(text, kept), size))
    return _elide(text, fitting - 1) if fitting else ""


def write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int, ink: int) -> None:
    """Write one line whose box has its top left corner at (x, y), in grey level `ink`."""
    x, y = corner
    text = one_line(text)
    lean = math.floor(font(size).getbbox(text, anchor="ls")[0])
    ascent, _ = font(size).getmetrics()
    draw.text((x - min(0, lean), y + ascent), text, fill=(ink, ink, ink), font=font(size), anchor="ls")


def one_line(text: str) -> str:
    """The text without line breaks, and without letters that the typeface lacks: é is drawn as e, λ as ?."""
    return "".join(map(_drawable, unicodedata.normalize("NFC", text))).strip()


def _elide(text: str, kept: int) -> str:
    tail = (kept + 1) // 2
    return text[: kept - tail].rstrip() + ELLIPSIS + text[len(text) - tail :].lstrip()


@lru_cache(maxsize=4096)
def _drawable(letter: str) -> str:
    if letter.isspace():
        return " "
    bare = unicodedata.normalize("NFKD", letter)[0]
    return next((known for known in (letter, LOOKALIKES.get(letter, bare)) if _has_glyph(known)), "?")


def _has_glyph(letter: str) -> bool:
    face = font(16)  # any size will do: a letter that is missing is drawn as the box for missing letters
    return letter.isprintable() and bytes(face.getmask(letter)) != bytes(face.getmask("\uffff"))
