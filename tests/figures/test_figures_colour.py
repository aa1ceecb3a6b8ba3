import numpy as np
import pytest

from inspectnet.errors import ModelError
from inspectnet.figures.colour import GREY, grey_centred


@pytest.fixture
def signal(rng: np.random.Generator) -> np.ndarray:
    scales = np.array([1, 1e-30, 1e30, 5]).reshape(4, 1, 1, 1)
    return (rng.standard_normal((4, 3, 7, 5)) * scales).astype(np.float32)


def test_zero_is_mid_grey_in_every_tile_whatever_its_scale(signal):
    signal[:, :, 2, 3] = 0
    pixels = grey_centred(signal)
    assert GREY == 128 and (pixels[:, 2, 3] == GREY).all()


def test_the_strongest_value_of_each_tile_reaches_an_end_of_the_range(signal):
    pixels = grey_centred(signal).astype(int)
    for tile, picture in zip(signal, pixels, strict=True):
        assert np.abs(picture - GREY).max() == 127
        channel, row, column = np.unravel_index(np.abs(tile).argmax(), tile.shape)
        assert picture[row, column, channel] == (255 if tile[channel, row, column] > 0 else 1)


def test_a_signal_and_its_negative_mirror_each_other_about_grey(signal):
    up, down = (grey_centred(s).astype(int) for s in (signal, -signal))
    assert np.array_equal(up - GREY, GREY - down)


def test_each_pixel_is_the_formula_of_the_display_rule():
    signal = np.array([[[-2, -1, -0.5, 0, 0.5, 1, 2]]], np.float32)
    assert grey_centred(signal)[0, :, 0].tolist() == [1, 64, 96, 128, 160, 192, 255]
    exact = 1 + 254 * (0.5 + signal[0, 0] / (2 * 2))  # 0.5 + x / (2 max|x|) of the levels 1..255
    assert np.abs(grey_centred(signal)[0, :, 0] - exact).max() <= 0.5


def test_a_signal_of_zeros_is_uniform_mid_grey_beside_tiles_that_are_not():
    signal = np.zeros((2, 3, 4, 4), np.float32)
    signal[1, 0, 0, 0] = -3
    pixels = grey_centred(signal)
    assert (pixels[0] == GREY).all() and pixels[1, 0, 0].tolist() == [1, GREY, GREY]
    assert (grey_centred(np.zeros((1, 2, 2), np.float32), scale=0.0) == GREY).all()


def test_one_channel_gives_grey_and_three_keep_their_order():
    grey = grey_centred(np.array([[[1, -1]]], np.float32))
    assert grey.tolist() == [[[255] * 3, [1] * 3]]
    colours = np.zeros((3, 1, 3), np.float32)
    colours[[0, 1, 2], 0, [0, 1, 2]] = 1
    assert np.array_equal(grey_centred(colours)[0] == 255, np.eye(3, dtype=bool))


def test_a_shared_scale_keeps_tiles_comparable_and_cuts_off_what_exceeds_it():
    signal = np.array([1, 2, 8], np.float32).reshape(3, 1, 1, 1)
    assert grey_centred(signal, scale=4.0)[:, 0, 0, 0].tolist() == [160, 192, 255]
    assert grey_centred(signal)[:, 0, 0, 0].tolist() == [255, 255, 255]


def test_the_faintest_float32_signal_has_full_contrast():
    faintest = np.array([[[np.float32(1e-45), 0]]], np.float32)
    assert grey_centred(faintest)[0, :, 0].tolist() == [255, 128]


def test_shapes_follow_the_signal():
    for shape in ((1, 2, 5), (3, 2, 5)):
        assert grey_centred(np.ones(shape, np.float32)).shape == (2, 5, 3)
        batch = grey_centred(np.ones((4, *shape), np.float32))
        assert batch.shape == (4, 2, 5, 3) and batch.dtype == np.uint8 and batch.flags.c_contiguous


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(bad):
    with pytest.raises(ModelError, match="NaN or infinity"):
        grey_centred(np.array([[[0, bad]]], np.float32))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_a_scale_that_measures_nothing_is_refused(scale):
    with pytest.raises(AssertionError, match="no scale"):
        grey_centred(np.ones((1, 1, 1), np.float32), scale=scale)


@pytest.mark.parametrize("shape", [(2, 4, 4), (4, 4), (1, 2, 4, 4), (4, 4, 3)])
def test_what_is_no_signal_of_one_or_three_channels_is_refused(shape):
    with pytest.raises(AssertionError, match="C,H,W"):
        grey_centred(np.ones(shape, np.float32))
