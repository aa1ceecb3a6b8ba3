"""The page of occlusion: colours, where cells lie on the photo, and what is on the page."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from pixels import margins_are_white, pixels_of, texts_of

from inspectnet.figures.occlude import (
    OTHERS,
    MapRow,
    Measure,
    Places,
    Strip,
    colours_of,
    draw_occlusion,
    lay_over,
    mix,
)
from inspectnet.figures.style import COLOURS

GREY = np.full((12, 12, 3), 128, np.uint8)


def test_the_least_is_blue_and_the_most_is_red_and_what_is_even_has_the_middle_colour():
    low, high = colours_of(np.array([2.0, 4.0]), (2.0, 4.0))
    assert low.argmax() == 2 and high.argmax() == 0
    np.testing.assert_array_equal(colours_of(np.array([3.0]), (3.0, 3.0)), colours_of(np.array([0.5]), (0.0, 1.0)))


def test_each_cell_lies_around_the_middle_of_its_square():
    """Squares of 4 px every 2 px on 12: middles 2, 4 ... 10, so cells reach from 1 to 11; drawn twice as large."""
    places = Places(4, 2, np.arange(0, 9, 2), np.arange(0, 9, 2))
    cells = np.arange(25, dtype=np.uint8).reshape(5, 5, 1).repeat(3, axis=2)
    laid = lay_over(GREY, cells, places, (24, 24))
    np.testing.assert_array_equal(laid[2:22, 2:22], mix(cells.repeat(4, axis=0).repeat(4, axis=1)))
    edge = np.ones((24, 24), bool)
    edge[2:22, 2:22] = False
    assert (laid[edge] == 223).all()  # 255 - (255 - 128) / 4


def test_the_scale_reaches_to_the_whole_photos_value():
    assert Measure(np.array([[2.0, 3.0]]), 5.0).ends == (2, 5)
    assert Measure(np.array([[2.0, 3.0]]), 1.0).ends == (1, 3)


def strip(names, side=12, elsewhere=3, maps=1):
    rng = np.random.default_rng(0)
    places = Places(4, 2, np.arange(0, side - 3, 2), np.arange(0, side - 3, 2))
    n = len(places.tops)
    labels = np.arange(n * n).reshape(n, n) % len(names)
    photo = np.full((side, side, 3), 128, np.uint8)
    measure = Measure(rng.normal(size=(n, n)), 0.5, " %")
    tile = np.full((7, 7, 3), 99, np.uint8)
    rows = [MapRow(f"conv{i}:7", measure, photo, [(tile, tile)] * elsewhere) for i in range(maps)]
    return Strip("a photo", photo, places, (0, 2), rows, measure, labels, names)


def test_the_photo_shines_through_what_lies_over_it():
    """A dark half and a light one under cells of one colour."""
    photo = GREY.copy()
    photo[:6], photo[6:] = 0, 255
    cells = np.full((5, 5, 3), (200, 40, 0), np.uint8)
    laid = lay_over(photo, cells, Places(4, 2, np.arange(0, 9, 2), np.arange(0, 9, 2)), (12, 12)).astype(int)
    assert (laid[9, 5] - laid[2, 5] > 100).all()
    assert laid[9, 5].argmax() == laid[2, 5].argmax() == 0


def area(pixels, colour):
    """How many pixels of a page have that colour, as it is over mid-grey."""
    return int((pixels == mix(np.rint(255 * np.array(to_rgb(colour))))).all(axis=2).sum())


@pytest.mark.parametrize("count", [1, 7, 9])
def test_classes_have_their_own_colours_as_far_as_there_are_any(count):
    pixels = pixels_of(draw_occlusion([strip([f"class {i}" for i in range(count)])], title="t", footer="f"))
    # the seventh colour is black, as are frames; letters have greys too, but less
    own = [area(pixels, colour) > 150 for colour in (*COLOURS[:6], OTHERS)]
    assert own == [i < count for i in range(6)] + [count > 7]


@pytest.mark.parametrize("side", [12, 56, 227, 300])
@pytest.mark.parametrize("elsewhere", [0, 3])
def test_a_page_has_a_strip_for_each_photo_and_nothing_at_its_edges(side, elsewhere):
    pages = [draw_occlusion([strip(["x" * 90], side, elsewhere)] * n, title="t" * 400, footer="f") for n in (1, 2)]
    one, two = map(pixels_of, pages)
    assert one.shape[1] == two.shape[1] and one.shape[0] < two.shape[0]
    assert margins_are_white(one) and margins_are_white(two)


def test_further_maps_of_a_photo_get_rows_of_their_own_and_the_classes_stand_once():
    figure = draw_occlusion([strip(["x"], maps=2)], title="t", footer="f")
    texts = texts_of(figure)
    assert texts.count("a photo; map conv0:7") == 1 and texts.count("map conv1:7") == 1 and texts.count("x") == 1
    one, both = pixels_of(draw_occlusion([strip(["x"])], title="t", footer="f")), pixels_of(figure)
    np.testing.assert_array_equal(both[: len(one) - 60], one[:-60])  # but for the footer
    inked = (both[len(one) - 60 : -60] != 255).any(axis=(0, 2))
    assert not inked[: 20 + 240].any(), "the photo is not repeated"
    assert not inked[-20 - 210 - 2 * 240 :].any(), "nor are the classes and their legend"
    assert inked.sum() > 2 * 240 + 2 * 70


def test_the_square_is_outlined_where_the_class_loses_most():
    pixels = pixels_of(draw_occlusion([strip(["x"])], title="", footer=""))
    panel = pixels[:, 24 : 24 + 240]
    white = (panel == 255).all(axis=2)
    rows = np.flatnonzero((white.sum(axis=1) >= 76) & (white.sum(axis=1) <= 78))  # the line inside a square of 80 px
    assert len(rows) == 2 and rows[1] - rows[0] == 77 and white[rows[0], 42:117].all()
