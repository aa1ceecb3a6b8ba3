"""The picture of a confusion matrix: its squares are in their places, as dark as their share."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from pixels import margins_are_white, pixels_of

from inspectnet.figures.confusion import FRAME, MOST_NAMES, PHOTO, SIDE, Pair, draw_confusion, draw_pairs
from inspectnet.figures.style import MARGIN


def squares(pixels, count):
    """The grey levels (K, K) in the middle of each square; left and top edge of the matrix, and the squares' side."""
    grey = (pixels == np.rint(255 * np.array(to_rgb(FRAME)))).all(axis=2)
    lines = [grey.sum(axis) for axis in (0, 1)]  # the frame's are the longest of that grey
    (left, right), (top, bottom) = (np.flatnonzero(line == line.max())[[0, -1]] for line in lines)
    cell = int(right - left - 1) // count
    assert bottom - top == right - left == cell * count + 1
    at = np.arange(count) * cell + cell // 2 + 1
    return pixels[top + at][:, left + at][..., 0], (int(left) + 1, int(top) + 1, cell)


def draw(counts, names, title="title"):
    return pixels_of(draw_confusion(np.asarray(counts), names, title=title, footer="footer"))


def test_rows_are_shares_of_their_class():
    levels, _ = squares(draw([[3, 1, 0], [0, 0, 0], [0, 2, 0]], ["a", "b", "c"]), 3)
    assert levels.tolist() == [[64, 191, 255], [255, 255, 255], [255, 0, 255]]


@pytest.mark.parametrize("count", [2, MOST_NAMES, MOST_NAMES + 1, 1000])
def test_any_number_of_classes_is_drawn_and_few_are_named(count):
    _, (left, _, cell) = squares(draw(np.eye(count, dtype=int), [f"class {i}" for i in range(count)]), count)
    assert cell * count <= max(SIDE, count)
    assert (left > MARGIN + 1) == (count <= MOST_NAMES)


def test_names_stand_beside_their_row_and_above_their_column():
    """With one name only, there is ink on its line and in its column alone."""
    pixels = draw(np.zeros((5, 5), int), ["", "", "", "Grosser Hai", ""])
    _, (left, top, cell) = squares(pixels, 5)
    ink = pixels[..., 0] < 150
    beside = np.flatnonzero(ink[top : top + 5 * cell, MARGIN : left - 4].any(1))
    above = np.flatnonzero(ink[top - (left - MARGIN) : top - 4, left : left + 5 * cell].any(0))
    assert len(beside) and set(beside // cell) == {3}
    assert len(above) and set(above // cell) == {3}


def test_long_names_and_titles_stay_on_the_page():
    pixels = draw(np.eye(3, dtype=int), ["x" * 500] * 3, title="y" * 2000)
    assert max(pixels.shape) < 1200 and margins_are_white(pixels)


@pytest.mark.parametrize("photos", [1, 3, 5])
def test_pairs_of_classes_stand_on_a_page_that_is_no_column(photos):
    red = np.full((56, 56, 3), (200, 0, 0), np.uint8)
    pixels = pixels_of(draw_pairs([Pair(f"class {i}", [red] * photos) for i in range(8)], title="t", footer="f"))
    assert 0.6 < pixels.shape[1] / pixels.shape[0] < 2.4 and margins_are_white(pixels)
    shown = (pixels == (200, 0, 0)).all(axis=2).sum()
    assert 0.8**2 * 8 * photos * PHOTO**2 <= shown <= 8 * photos * PHOTO**2
