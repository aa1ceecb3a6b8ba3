"""The page of a comparison: every picture in its place, no text cut off."""

import numpy as np
import pytest
from pixels import boxes_of, margins_are_white, pixels_of

from inspectnet.figures.comparison import GAP, Row, draw_comparison
from inspectnet.figures.style import HEADING, MARGIN, TITLE, text_width
from inspectnet.geometry import Box

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200), (200, 0, 200)]


def page(rows=2, columns=3, shape=(40, 60), **texts):
    tiles = [np.broadcast_to(np.uint8(colour), (*shape, 3)) for colour in COLOURS]
    caption = texts.get("caption", "a photo")
    made = [Row(caption, tiles[r * columns : (r + 1) * columns]) for r in range(rows)]
    headings = [f"method {c}" for c in range(columns)]
    title, heat = texts.get("title", "title"), texts.get("heat", "")
    return pixels_of(draw_comparison(made, headings, title=title, footer="footer", heat=heat))


@pytest.mark.parametrize(
    ("shape", "drawn"), [((40, 60), (240, 160)), ((480, 240), (120, 240)), ((227, 227), (227, 227))]
)
def test_pictures_stand_in_rows_and_columns_enlarged_by_whole_factors(shape, drawn):
    boxes = [boxes_of(page(shape=shape), colour) for colour in COLOURS]
    assert [(right - left, bottom - top) for left, top, right, bottom in boxes] == [drawn] * 6
    lefts, tops = sorted({box[0] for box in boxes}), sorted({box[1] for box in boxes})
    assert (len(lefts), len(tops)) == (3, 2)
    assert set(np.diff(lefts)) == {drawn[0] + GAP}
    assert tops[1] - tops[0] > drawn[1]


def test_the_part_that_is_shown_is_framed_in_the_whole_photo_beside_it():
    photo, part = (
        np.broadcast_to(np.uint8(colour), (*shape, 3))
        for colour, shape in zip(COLOURS, [(60, 80), (40, 40)], strict=False)
    )
    row = Row("a photo", [photo, part], window=Box(20, 10, 60, 50))
    pixels = pixels_of(draw_comparison([row], ["photo", "part"], title="", footer=""))
    left, top, right, bottom = boxes_of(pixels, COLOURS[0])
    assert (right - left, bottom - top) == (240, 180)
    a, b, c, d = boxes_of(pixels, COLOURS[1])
    assert (c - a, d - b) == (240, 240) and b == top
    black = np.argwhere((pixels[top:bottom, left:right] == 0).all(axis=2))
    assert black.min(axis=0).tolist() == [30, 60] and (black.max(axis=0) + 1).tolist() == [150, 180]


def test_narrow_pictures_leave_their_headings_room():
    pixels = page(rows=1, shape=(400, 16))
    lefts = [boxes_of(pixels, colour)[0] for colour in COLOURS[:3]]
    assert set(np.diff(lefts)) == {max(text_width(f"method {c}", HEADING) for c in range(3)) + GAP}


def test_the_margins_stay_white():
    assert margins_are_white(page(heat="what the colours mean"))


@pytest.mark.parametrize(("text", "letters"), [("title", TITLE), ("caption", HEADING)])
def test_a_page_gets_wider_for_its_texts(text, letters):
    long = "a rather long text about one narrow column, of which not a letter may be lost"
    assert page(1, 1, **{text: long}).shape[1] >= text_width(long, letters) + 2 * MARGIN


def test_the_scale_of_colours_stands_below_only_where_it_is_asked_for():
    without, with_scale = page(), page(heat="what the colours mean")
    assert with_scale.shape[0] > without.shape[0]
    saturation = np.ptp(with_scale[without.shape[0] - MARGIN :].astype(int), axis=2)
    assert saturation.max() > 80
