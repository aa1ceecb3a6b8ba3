"""The page of a comparison: every picture in its place, no text cut off."""

import numpy as np
import pytest

from inspectnet.pictures.comparison import CAPTION, GAP, TITLE, Row, draw_comparison
from inspectnet.pictures.layout import MARGIN
from inspectnet.pictures.lettering import text_width

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200), (200, 0, 200)]


def plain(colour, shape=(40, 60)):
    return np.broadcast_to(np.uint8(colour), (*shape, 3))


def page(rows=2, columns=3, shape=(40, 60), **texts):
    made = [
        Row(texts.get("caption", f"row {r}"), [plain(COLOURS[r * columns + c], shape) for c in range(columns)])
        for r in range(rows)
    ]
    headings = [f"method {c}" for c in range(columns)]
    image = draw_comparison(
        made, headings, title=texts.get("title", "title"), footer="footer", heat=texts.get("heat", "")
    )
    return np.asarray(image)


def boxes(pixels):
    """The rectangle that each colour fills: left, top, width, height."""
    found = []
    for colour in COLOURS:
        y, x = np.nonzero((pixels == colour).all(axis=2))
        if len(y):
            assert len(y) == (np.ptp(y) + 1) * (np.ptp(x) + 1)
            found.append((x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1))
    return found


@pytest.mark.parametrize(
    ("shape", "drawn"), [((40, 60), (240, 160)), ((480, 240), (120, 240)), ((227, 227), (227, 227))]
)
def test_pictures_stand_in_rows_and_columns_enlarged_by_whole_factors(shape, drawn):
    found = boxes(page(shape=shape))
    assert [box[2:] for box in found] == [drawn] * 6
    lefts, tops = sorted({box[0] for box in found}), sorted({box[1] for box in found})
    assert (len(lefts), len(tops)) == (3, 2)
    assert set(np.diff(lefts)) == {drawn[0] + GAP}
    assert tops[1] - tops[0] > drawn[1]


def test_narrow_pictures_leave_their_headings_room():
    lefts = sorted({box[0] for box in boxes(page(rows=1, shape=(400, 16)))})
    assert set(np.diff(lefts)) == {text_width("method 0", CAPTION) + GAP}


def test_the_margins_stay_white():
    pixels = page(heat="what the colours mean")
    for edge in (pixels[: MARGIN - 2], pixels[2 - MARGIN :], pixels[:, : MARGIN - 2], pixels[:, 2 - MARGIN :]):
        assert (edge == 255).all()


@pytest.mark.parametrize(("text", "letters"), [("title", TITLE), ("caption", CAPTION)])
def test_a_page_gets_wider_for_its_texts(text, letters):
    long = "a rather long text about one narrow column, of which not a letter may be lost"
    assert page(1, 1, **{text: long}).shape[1] >= text_width(long, letters) + 2 * MARGIN


def test_the_scale_of_colours_stands_below_only_where_it_is_asked_for():
    without, with_scale = page(), page(heat="what the colours mean")
    assert with_scale.shape[0] > without.shape[0]
    saturation = np.ptp(with_scale[without.shape[0] - MARGIN :].astype(int), axis=2)
    assert saturation.max() > 80
