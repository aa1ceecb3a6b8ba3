import numpy as np
import pytest

from inspectnet.errors import ModelError, OptionError
from inspectnet.figures.colour import GREY
from inspectnet.figures.display import BEYOND, Display, mark_beyond
from inspectnet.geometry import Box


def spot(y: int, x: int, side: int = 40, size: int = 7) -> np.ndarray:
    """A signal (3, side, side) that is strong around (y, x), and all but nothing elsewhere."""
    signal = np.full((3, side, side), 1e-4, np.float32)
    signal[:, y - size // 2 : y + size // 2 + 1, x - size // 2 : x + size // 2 + 1] = 1
    return signal


def test_windows_of_one_size_lie_around_the_signal_and_inside_of_the_tile():
    signals = np.stack([spot(20, 12), spot(5, 36), -spot(30, 20)])
    windows = Display().windows(signals)
    assert {window.size for window in windows} == {(7, 7)}
    assert [(window.y0 + 3, window.x0 + 3) for window in windows] == [(20, 12), (5, 36), (30, 20)]
    edge = Display().windows(np.stack([spot(20, 20, size=21), spot(3, 3)]))
    assert all(window.lies_in((40, 40)) for window in edge) and edge[0].size == edge[1].size


def test_of_spots_too_far_apart_for_a_window_the_strongest_is_shown():
    far = 2 * spot(3, 36) + spot(36, 4)
    window, *_ = Display().windows(np.stack([far, *[spot(20, 12)] * 4]))
    assert window.size == (7, 7) and (window.y0, window.x0) == (0, 33)


def test_all_of_a_tile_is_shown_without_zoom_and_where_the_signal_fills_it():
    whole = [Box(0, 0, 40, 40)]
    assert Display(zoom=False).windows(spot(20, 12)[None]) == whole
    assert Display().windows(np.ones((1, 3, 40, 40), np.float32)) == whole
    assert Display().windows(np.zeros((1, 3, 40, 40), np.float32)) == whole


def test_a_tile_of_zeros_has_a_window_as_large_as_those_of_the_others():
    windows = Display().windows(np.stack([np.zeros((3, 40, 40), np.float32), spot(20, 12)]))
    assert windows[0].size == windows[1].size == (7, 7)


def test_one_outlier_takes_no_contrast_from_the_rest():
    signal = np.linspace(-1, 1, 1000, dtype=np.float32).reshape(1, 1, 20, 50)
    signal[0, 0, 10, 25] = 1000
    (clipped,), (exact,) = Display().draw([signal]), Display(clip=100).draw([signal])
    assert np.ptp(clipped[0, 0].astype(int)) > 5 and (exact[0, 0] == GREY).all()
    assert clipped[0, 10, 25].tolist() == exact[0, 10, 25].tolist() == [255] * 3


def test_zeros_beside_a_small_signal_do_not_bring_its_scale_to_zero():
    signal = np.zeros((1, 1, 100, 100), np.float32)
    signal[0, 0, 50, 50:52] = 1, 0.5
    (pixels,) = Display().draw([signal])
    assert pixels[0, 50, 50, 0] == 255 and 190 < pixels[0, 50, 51, 0] < 194


@pytest.mark.parametrize(
    "scale, levels", [("tile", [255, 255, 255]), ("map", [192, 255, 255]), ("page", [144, 160, 255])]
)
def test_tiles_share_the_scale_that_is_asked_for(scale, levels):
    strong = [np.full((1, 1, 2, 2), value, np.float32) for value in (1, 2, 8)]
    groups = [np.concatenate(strong[:2]), strong[2]]
    drawn = np.concatenate(Display(clip=100, scale=scale).draw(groups))
    assert drawn[:, 0, 0, 0].tolist() == levels


def test_beyond_the_image_is_paler_than_zero():
    marked = mark_beyond(np.full((6, 4, 3), GREY, np.uint8), Box(-1, 2, 3, 8), (5, 20))
    assert (marked[:3, 1:] == GREY).all() and (marked[3:] == BEYOND).all() and (marked[:, 0] == BEYOND).all()


@pytest.mark.parametrize("choice", [{"clip": 0.0}, {"clip": 100.1}, {"clip": float("nan")}, {"scale": "row"}])
def test_what_is_no_choice_is_refused(choice):
    with pytest.raises(OptionError):
        Display(**choice)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_signal_that_overflowed_is_refused_before_it_is_cut(bad):
    signal = spot(20, 12)[None]
    signal[0, 0, 0, 0] = bad
    with pytest.raises(ModelError):
        Display().windows(signal)
