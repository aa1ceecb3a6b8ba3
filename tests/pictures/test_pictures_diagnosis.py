"""The pictures of a diagnosis: sheets, spectra, columns; and dots with their deviations."""

import numpy as np
import pytest

from inspectnet.pictures.chart import COLOURS
from inspectnet.pictures.columns import Column, Picture, draw_columns
from inspectnet.pictures.dots import Group, Line, draw_dots
from inspectnet.pictures.layout import MARGIN
from inspectnet.pictures.sheet import FRAME, draw_sheet
from inspectnet.pictures.spectrum import LIMIT, draw_spectrum


def pixels_of(picture, colour):
    """Where (y, x) a picture has exactly that colour."""
    return np.argwhere((np.asarray(picture) == colour).all(axis=-1))


# Sheets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 5, 16, 64, 96])
def test_every_tile_of_a_sheet_is_drawn_in_whole_pixels_and_in_order(count):
    tiles = [np.full((7, 7, 3), 10 + number, np.uint8) for number in range(count)]
    sheet = draw_sheet(tiles, 460)
    assert sheet.shape[1] == 460
    places = [pixels_of(sheet, 10 + number) for number in range(count)]
    sides = {tuple(np.ptp(at, axis=0) + 1) for at in places}
    assert len(sides) == 1
    ((height, width),) = sides
    assert height == width and height % 7 == 0 and all(len(at) == height * width for at in places)
    corners = [tuple(at[0]) for at in places]
    assert corners == sorted(corners)


def test_large_tiles_are_reduced_to_the_width():
    sheet = draw_sheet([np.zeros((300, 400, 3), np.uint8)] * 4, 460)
    assert sheet.shape[1] == 460 and (sheet == 0).all(axis=-1).any(axis=0).sum() > 400


def test_marked_tiles_and_no_others_have_a_frame():
    tiles = [np.full((8, 8, 3), 100, np.uint8) for _ in range(9)]
    assert len(pixels_of(draw_sheet(tiles, 300), FRAME)) == 0
    framed = pixels_of(draw_sheet(tiles, 300, {4}), FRAME)
    inside = pixels_of(draw_sheet(tiles, 300), 100)
    middle = (inside.min(axis=0) + inside.max(axis=0)) / 2
    np.testing.assert_allclose(framed.mean(axis=0), middle, atol=1)


# Spectra ---------------------------------------------------------------------------------------------------


def test_the_lightest_place_of_a_spectrum_is_the_frequency_of_its_energy():
    """A pattern of 1/4 cycle per pixel downwards and 1/8 to the right, and its mirror image."""
    energy = np.zeros((64, 64))
    energy[16, 8] = energy[-16, -8] = 1
    picture = draw_spectrum(energy, (), (1, 1), 460).astype(int).sum(axis=2)
    plot = np.where(picture > 760, 0, picture)  # paper is whiter than the ramp
    left = np.flatnonzero((picture < 60).any(axis=0))[0]
    side = np.flatnonzero((picture < 60).any(axis=0))[-1] - left
    at = np.argwhere(plot[: side - 4, left + 4 :] > 0.9 * plot[: side - 4, left + 4 :].max())
    found = (at[:, 0] / side - 0.5, (at[:, 1] + 4) / side - 0.5)
    np.testing.assert_allclose(np.unique(np.round(np.abs(found[0]) * 16) / 16), [0.25])
    np.testing.assert_allclose(np.unique(np.round(np.abs(found[1]) * 16) / 16), [0.125])


def test_the_limit_of_a_stride_is_drawn_where_it_lies():
    wide, narrow = (pixels_of(draw_spectrum(np.ones((8, 8)), (), (n, n), 460), LIMIT) for n in (0.25, 0.125))
    assert len(wide) and len(narrow)
    ratio = np.ptp(wide, axis=0) / np.ptp(narrow, axis=0)
    np.testing.assert_allclose(ratio, 2, atol=0.05)
    np.testing.assert_allclose(wide.mean(axis=0), narrow.mean(axis=0), atol=1)


# Columns ---------------------------------------------------------------------------------------------------


def test_pictures_of_one_row_stand_at_one_height_and_texts_stay_on_the_page():
    red, blue = np.full((50, 80, 3), (255, 0, 0), np.uint8), np.full((90, 120, 3), (0, 0, 255), np.uint8)
    columns = [
        Column("one " * 100, [Picture(["a"], red), Picture(["b"], blue)]),
        Column("two", [Picture(["a"], blue), Picture(["b", "c" * 400], red)]),
    ]
    page = np.asarray(draw_columns(columns, title="t" * 900, footer=["f" * 900, "g"]))
    assert page.shape[1] < 1200
    reds, blues = pixels_of(page, (255, 0, 0)), pixels_of(page, (0, 0, 255))
    assert len(reds) == 2 * red[..., 0].size and len(blues) == 2 * blue[..., 0].size
    assert reds[:, 0].min() == blues[:, 0].min()
    edge = np.asarray(page[:, : MARGIN - 2], int)
    assert (edge == 255).all()


# Dots ------------------------------------------------------------------------------------------------------


def dots_of(values):
    """The middle (x) of the first series' dots, line by line; the legend is left out."""
    lines = [Line(f"line {i}", [[(mean, sd), (0.1, 0.0)]], ["p 0.5"]) for i, (mean, sd) in enumerate(values)]
    page = draw_dots([Group("conv1", lines)], ["distance"], ["part", "random"], title="title", footer="footer")
    at = pixels_of(page, COLOURS[0])
    return [part[:, 1] for part in np.split(at, np.flatnonzero(np.diff(at[:, 0]) > 8) + 1)][1:]


def test_dots_stand_at_their_mean_and_bars_reach_as_far_as_the_deviation():
    none, half, full = dots_of([(0.0, 0.0), (0.5, 0.0), (1.0, 0.0)])
    middles = [each.mean() for each in (none, half, full)]
    assert middles[1] - middles[0] == pytest.approx(middles[2] - middles[1], abs=3)
    wide, narrow = dots_of([(0.5, 0.4), (0.5, 0.2)])
    assert np.ptp(wide) == pytest.approx(2 * np.ptp(narrow), abs=4)


@pytest.mark.parametrize("mean", [0.0, 1e-7, 0.037, 12345.0])
def test_any_scale_is_drawn(mean):
    (found,) = dots_of([(mean, 0.0)])
    assert len(found)
