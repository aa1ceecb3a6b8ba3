import numpy as np
import pytest
from PIL import Image, ImageDraw

from inspectnet.pictures.lettering import line_height, one_line, shorten, text_width, write

TEXTS = ["conv5:212  33.41", "jWAVE fjord Wf_", "layer4.2.conv3:2047@6,6  1.25e+04", "x", "[a] |b| (Qgy)"]


@pytest.mark.parametrize("size", [12, 13, 22, 44])
@pytest.mark.parametrize("text", TEXTS)
def test_the_ink_of_a_text_stays_inside_its_measured_box(text, size):
    left, top, width, height = 30, 20, text_width(text, size), line_height(size)
    page = Image.new("RGB", (width + 60, height + 40), "white")
    write(ImageDraw.Draw(page), (left, top), text, size, 0)
    ink = np.argwhere(np.asarray(page)[..., 0] < 255)
    (first_row, first_column), (last_row, last_column) = ink.min(0), ink.max(0)
    assert left <= first_column and last_column < left + width
    assert top <= first_row and last_row < top + height
    assert last_column >= left + width - size / 4 - 1, "the measure is tight, but for the air behind a letter"


@pytest.mark.parametrize("width", range(0, 260, 13))
@pytest.mark.parametrize("text", TEXTS)
def test_a_shortened_text_fits(text, width):
    short = shorten(text, width, 13)
    assert text_width(short, 13) <= width if short else width < text_width("…", 13)
    assert short == text if text_width(text, 13) <= width else ("…" in short or not short)


def test_a_shortened_caption_keeps_its_end_because_the_value_stands_there():
    short = shorten("features.denseblock4.denselayer16.conv2:212  3.41", 160, 13)
    assert short.startswith("feat") and short.endswith(":212  3.41")


def test_a_shortened_text_is_as_long_as_the_room_allows():
    text = "features.denseblock4.denselayer16.conv2:212  3.41"
    for width in range(60, 300, 20):
        assert text_width(shorten(text, width, 13) + "mm", 13) > width


@pytest.mark.parametrize(
    "text, drawn",
    [
        ("two\nlines\tand  tab ", "two lines and  tab"),
        ("caf\u00e9 cafe\u0301", "cafe cafe"),
        ("3\N{MULTIPLICATION SIGN}3 \N{EN DASH} 5", "3x3 - 5"),
        ("\u4e2d\u03bb\udc80\x00\u200b", "?????"),
        ("", ""),
    ],
    ids=["lines", "accents", "lookalikes", "no glyph", "empty"],
)
def test_what_the_typeface_lacks_is_replaced_by_what_it_has(text, drawn):
    assert one_line(text) == drawn and one_line(drawn) == drawn
