import io

import numpy as np
import pytest
from matplotlib import font_manager
from pixels import boxes_of, pixels_of

from inspectnet.figures import style
from inspectnet.figures.page import Page, resize, scaled
from inspectnet.figures.style import FACE, faces, line_height, one_line, shorten, text_width

RNG = np.random.default_rng(0)
TILE = RNG.integers(0, 255, (7, 5, 3), dtype=np.uint8)


def test_pictures_stand_on_the_page_pixel_by_pixel():
    page = Page(101, 67)  # 1.01 and 0.67 inches are no binary fractions
    page.show(TILE, (13, 29))
    expected = np.full((67, 101, 3), 255, np.uint8)
    expected[29:36, 13:18] = TILE
    assert np.array_equal(pixels_of(page.finish()), expected)


def test_enlarged_pictures_show_their_pixels_as_squares():
    assert np.array_equal(resize(TILE, (15, 21)), TILE.repeat(3, 0).repeat(3, 1))


def test_pixels_that_cannot_be_whole_squares_are_squares_with_mixed_edges():
    black_and_white = np.zeros((1, 2, 3), np.uint8)
    black_and_white[:, 1] = 255
    assert resize(black_and_white, (3, 3))[:, :, 0].tolist() == [[0, 128, 255]] * 3


def test_stripes_finer_than_a_pixel_become_grey_when_reduced():
    stripes = np.full((300, 300, 3), 255, np.uint8)
    stripes[:, ::2] = 0
    assert np.abs(resize(stripes, (120, 120))[:, 4:-4].astype(int) - 127).max() < 40


@pytest.mark.parametrize("size, side, expected", [((30, 30), 120, (120, 120)), ((7, 5), 120, (119, 85)),
                                                  ((51, 51), 120, (102, 102)), ((80, 40), 120, (120, 60)),
                                                  ((299, 100), 120, (120, 40)), ((1, 500), 100, (1, 100))])  # fmt: skip
def test_sizes_become_the_side_or_a_whole_factor_that_is_nearly_it(size, side, expected):
    assert scaled(size, side) == expected


def test_rectangles_are_filled_and_outlined_inside_their_edges():
    page = Page(100, 80)
    page.fill((10, 20, 30, 40), "#d55e00")
    page.outline((50, 20, 30, 40), "#0072b2", 2)
    pixels = pixels_of(page.finish())
    assert boxes_of(pixels, "#d55e00") == (10, 20, 40, 60)
    assert boxes_of(pixels, "#0072b2") == (50, 20, 80, 60)
    assert (pixels[23:57, 53:77] == 255).all()


def test_text_covers_as_many_pixels_as_measured_and_stands_below_its_place():
    for text in ("conv5:212  517", "Ägyptische Katze", "fi__jg"):
        page = Page(400, 60)
        page.write((20, 15), text, 18, "#000000")
        ink = np.nonzero(pixels_of(page.finish()).min(axis=2) < 128)
        assert ink[0].min() >= 15 and ink[0].max() < 15 + line_height(18) + 2
        assert abs(ink[1].max() - ink[1].min() - text_width(text, 18)) <= 5


def test_text_too_wide_loses_its_middle_and_keeps_its_end():
    short = shorten("features.12.block.expand3x3:208  517", 150, 14)
    assert "…" in short and short.endswith("517") and text_width(short, 14) <= 150
    assert shorten("conv1", 150, 14) == "conv1" and shorten("conv1", 3, 14) == ""


def test_letters_that_no_typeface_has_are_told_of_once(monkeypatch):
    notes = []
    monkeypatch.setattr(style, "note", notes.append)
    monkeypatch.setattr(style, "_face_of", lambda letter: style.FACE if letter.isascii() else None)
    style._drawable.cache_clear()
    style._tell_of_escapes.cache_clear()
    assert [one_line(name) for name in ("フクロウ", "猫", "owl")][2] == "owl"
    style._drawable.cache_clear()
    assert [text.split(",")[0] for text in notes] == ["no installed typeface has some letters of names"]


def test_dollars_newlines_and_letters_without_a_glyph_are_only_text():
    assert one_line("a\nb\x1b[31m") == "a b [31m" and one_line("猫 λ é") in ("猫 λ é", "\\u732b λ é")
    page = Page(300, 60)
    page.write((20, 15), r"$\frac{1} \N ^_ $", 14)
    page.write((20, 35), "猫\nλ", 14)
    assert (pixels_of(page.finish()) < 128).any()


def test_text_stays_text_in_svg_whatever_letters_it_has():
    import matplotlib

    page = Page(300, 60)
    page.write((20, 15), "Ägyptische <Katze> & $x$", 14)
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        page.finish().savefig(out := io.StringIO(), format="svg")
    assert "Ägyptische &lt;Katze&gt; &amp; $x$</text>" in out.getvalue()


def test_letters_that_the_typeface_lacks_are_drawn_by_another_that_has_them():
    stix = font_manager.get_font(font_manager.findfont("STIXGeneral"))  # which ships with matplotlib, too
    own = font_manager.get_font(font_manager.findfont(FACE))
    letter = next(chr(code) for code in stix.get_charmap() if code > 999 and not own.get_char_index(code)
                  and chr(code).isprintable() and one_line(chr(code)) == chr(code))  # fmt: skip
    face, other = faces(f"a{letter}")
    assert face == FACE and font_manager.get_font(font_manager.findfont(other)).get_char_index(ord(letter))
    page = Page(200, 40)
    page.write((5, 5), f"a{letter}.jpg", 20)
    assert (
        pixels_of(page.finish()) < 128
    ).any()  # matplotlib warns of a letter that it lacks, and tests make it an error
    assert text_width(f"a{letter}", 20) > text_width("a", 20) and faces("cat.jpg") == (FACE,)
