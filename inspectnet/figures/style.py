"""The look that all figures share: ink, colours, letters, and text that is measured before it is drawn."""

import bisect
import contextlib
import functools
import logging
import math
import re
import unicodedata

# Both speak on standard error: of a cache that is built at the first run, of letters that no typeface has.
for name in ("matplotlib", "matplotlib.font_manager", "fontTools"):
    logging.getLogger(name).setLevel(logging.ERROR)

from matplotlib import font_manager, ft2font  # noqa: E402
from matplotlib.backends.backend_agg import RendererAgg  # noqa: E402

from inspectnet.progress import note  # noqa: E402

PAPER = (255, 255, 255)
TITLE_INK, CAPTION_INK, FOOTER_INK = "#101010", "#303030", "#707070"
GRID, ZERO = "#e1e1e1", "#969696"
# Okabe & Ito 2008: told apart by the colour-blind too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKED = COLOURS[1]  # what stands out: told apart from all greys

DPI = 100  # pixels per inch: figures are laid out in pixels
FACE = "DejaVu Sans"  # ships with matplotlib: the same letters on every machine
TITLE, HEADING, CAPTION, SMALL = 18, 14, 12, 11  # letters, px
MARGIN = 24  # around a page, px
TEXT_ROOM = 1000  # a narrow page gets wider for its title and footer, up to here; px
ELLIPSIS = "…"
NO_LETTERS = r"Last ?Resort|STIXNonUnicode|STIXSize|cm(b|ex|mi|r|ss|sy|tt)\d+|\."  # typefaces of symbols and boxes


def points(pixels: float) -> float:
    """A size in points, as matplotlib wants it."""
    return pixels * 72 / DPI


def line_height(size: float) -> int:
    """Pixels from one line of text to the next."""
    return math.ceil(1.25 * size)


@functools.lru_cache(maxsize=8192)
def text_width(text: str, size: float) -> int:
    """Pixels that a line of text covers, as the renderer that draws it says."""
    text = one_line(text)
    width, _, _ = _renderer().get_text_width_height_descent(text, _letters(size, faces(text)), False)
    return math.ceil(float(width))


def shorten(text: str, width: float, size: float) -> str:
    """The text if it fits into `width` pixels, else with an ellipsis in its middle; empty if that is too wide.

    The middle goes because a caption says at its end what matters: the map's number and its value.
    """
    text = one_line(text)
    if text_width(text, size) <= width:
        return text
    # The last length that was tried and does fit stands just before the place that bisect returns.
    fitting = bisect.bisect(range(len(text)), width, key=lambda kept: text_width(_elide(text, kept), size))
    return _elide(text, fitting - 1) if fitting else ""


def one_line(text: str) -> str:
    """The text without line breaks and control characters; a letter that no typeface has is drawn as its escape."""
    return "".join(map(_drawable, unicodedata.normalize("NFC", text))).strip()


def faces(text: str) -> tuple[str, ...]:
    """The typefaces that draw a line of text: FACE, then any installed ones for the letters it lacks."""
    needed = {face: None for letter in set(text) if (face := _face_of(letter))}
    return FACE, *sorted(needed.keys() - {FACE})


def _elide(text: str, kept: int) -> str:
    tail = (kept + 1) // 2
    return text[: kept - tail].rstrip() + ELLIPSIS + text[len(text) - tail :].lstrip()


@functools.lru_cache(maxsize=4096)
def _drawable(letter: str) -> str:
    if not letter.isprintable():
        return " "
    if _face_of(letter):
        return letter
    _tell_of_escapes()
    return letter.encode("ascii", "backslashreplace").decode()


@functools.cache
def _tell_of_escapes() -> None:
    """Say once why pictures show codes where names have letters."""
    note("no installed typeface has some letters of names, which pictures show as codes. Install one, as Noto Sans.")


@functools.lru_cache(maxsize=4096)
def _face_of(letter: str) -> str | None:
    """The first typeface that has a letter; None if none has."""
    return next((name for name, font in _installed().items() if font.get_char_index(ord(letter))), None)


@functools.cache
def _installed() -> dict[str, ft2font.FT2Font]:
    """The typefaces there are by name, FACE first, without those whose letters are none or boxes."""
    fonts = {FACE: font_manager.get_font(font_manager.findfont(FACE))}
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda entry: (entry.name, entry.fname)):
        plain = entry.style == "normal" and entry.weight in (400, "normal", "regular")
        if plain and entry.name not in fonts and not re.match(NO_LETTERS, entry.name):
            with contextlib.suppress(RuntimeError, OSError):  # a file that went away, or holds bitmaps only
                fonts[entry.name] = font_manager.get_font(entry.fname)
    return fonts


@functools.cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, DPI)


@functools.cache
def _letters(size: float, families: tuple[str, ...]) -> font_manager.FontProperties:
    return font_manager.FontProperties(family=families, size=points(size))
