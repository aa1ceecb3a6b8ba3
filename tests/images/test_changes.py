"""Shifted, scaled, rotated photos: against slices, numpy's turns, and torch's sampling in float64."""

import numpy as np
import pytest
import torch

from inspectnet.errors import OptionError
from inspectnet.images import Preparation
from inspectnet.images.changes import BORDERS, make_scene, rotate, scale, shift

SIZE = (10, 13)
MEAN = (0.2, 0.4, 0.6)
GREY = np.array([51, 102, 153])


def preparation(size=SIZE, **options):
    return Preparation((3, *size), MEAN, (0.3,) * 3, **options)


def noise(height, width):
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (10, 13), (9, 30)], ids=str)
def test_a_photo_that_is_not_changed_is_exactly_what_the_network_sees(border, crop_mode, shape):
    how, photo = preparation(crop_mode=crop_mode, crop_pct=0.8), noise(*shape)
    for change in (shift(0), scale(1), rotate(0), rotate(360)):
        np.testing.assert_array_equal(make_scene(photo, how, border).change(change), how.fit(photo))
    np.testing.assert_array_equal(make_scene(photo, how, border).prepare(shift(0)), how.apply(photo))


def test_a_shift_shows_what_lies_beside_the_window_and_beyond_the_photo_the_mean():
    """A photo of the very size of the frame, so that nothing is resized: 16 x 16 around a window of 10 x 10."""
    photo, how = noise(16, 16), preparation((10, 10), crop_pct=0.625)
    scene = make_scene(photo, how)
    for down, right in ((3, 0), (-3, 2), (0, -1)):
        window = photo[3 - down : 13 - down, 3 - right : 13 - right]
        np.testing.assert_array_equal(scene.change(shift(down, right)), window)
    found = scene.change(shift(5))
    np.testing.assert_array_equal(found[2:], photo[:8, 3:13])
    assert (found[:2] == GREY).all()
    np.testing.assert_allclose(scene.prepare(shift(5))[:, :2], 0, atol=1e-6)


@pytest.mark.parametrize(("border", "mode"), [("edge", "edge"), ("mirror", "reflect")])
def test_the_other_borders_know_nothing_but_the_window(border, mode):
    photo, how = noise(20, 31), preparation(crop_pct=0.7)
    padded = np.pad(how.fit(photo), ((4, 4), (4, 4), (0, 0)), mode)
    found = make_scene(photo, how, border).change(shift(-4, 3))
    np.testing.assert_array_equal(found, padded[8:18, 1:14])
    assert (make_scene(photo, how, "mean").change(shift(-4))[-4:] == GREY).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_right_angles_turn_pixels_to_pixels_counter_clockwise(turns):
    photo, how = noise(12, 12), preparation((12, 12), crop_pct=1.0)
    np.testing.assert_array_equal(make_scene(photo, how).change(rotate(90 * turns)), np.rot90(photo, turns))


@pytest.mark.parametrize(("border", "padding"), [("edge", "border"), ("mirror", "reflection"), ("mean", "zeros")])
@pytest.mark.parametrize("change", [shift(1.25, -0.5), scale(1.7), scale(0.6), rotate(33), rotate(250)], ids=str)
def test_pixels_in_between_are_those_of_torch(border, padding, change):
    photo, how = noise(30, 26), preparation(crop_pct=0.9)
    window = how.fit(photo).astype(np.float64) - GREY  # so that torch's zeros are the mean
    half = np.array([(n - 1) / 2 for n in SIZE])
    places = np.stack(np.meshgrid(*(np.arange(n) - h for n, h in zip(SIZE, half, strict=True)), indexing="ij"), -1)
    source = places @ change[:, :2].T + change[:, 2]
    grid = torch.from_numpy((source / half)[None, :, :, ::-1].copy())
    pixels = torch.from_numpy(window.transpose(2, 0, 1)[None].copy())
    wanted = torch.nn.functional.grid_sample(pixels, grid, padding_mode=padding, align_corners=True)
    found = make_scene(photo, how, border).change(change)
    np.testing.assert_allclose(found, wanted[0].numpy().transpose(1, 2, 0) + GREY, atol=0.5 + 1e-6)


def test_grey_networks_and_bgr_ones_get_their_channels():
    photo = noise(30, 26)
    grey = Preparation((1, *SIZE), (0.4,), (0.3,))
    np.testing.assert_array_equal(make_scene(photo, grey).prepare(shift(0)), grey.apply(photo))
    assert (make_scene(photo, grey).change(shift(99)) == 102).all()
    bgr = preparation(channel_order="bgr")
    np.testing.assert_allclose(make_scene(photo, bgr).prepare(shift(99)), 0, atol=1e-6)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(OptionError, match=r"no border 'mirrored'. Did you mean mirror\?"):
        make_scene(noise(9, 9), preparation(), "mirrored")
    with pytest.raises(OptionError, match=r"cannot be scaled by 0.4. Choose 0.5 or more"):
        scale(0.4)
