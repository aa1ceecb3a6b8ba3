"""Ten crops, cut out with Pillow and torchvision; and photos prepared in several ways at once."""

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError, OptionError
from inspectnet.images import Preparation, Several, TenCrops

SHAPES = [(64, 64), (61, 83), (83, 61), (31, 300), (200, 33), (40, 57), (57, 40), (40, 59), (300, 303)]
SIZES = [(32, 0.875), (31, 0.875), (33, 0.9), (31, 0.8), (16, 0.5), (227, 227 / 256)]


def noise(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def preparation(size, crop_pct=0.875, channels=3, **options):
    return Preparation((channels, size, size), (0.4,) * channels, (0.3,) * channels, crop_pct=crop_pct, **options)


def by_pillow(pixels, size, crop_pct):
    """The ten crops by their definition: the frame lies around the one crop of torchvision's CenterCrop."""
    frame = int(size / crop_pct + 1e-3)
    image = Image.fromarray(pixels)
    short = min(image.size)
    image = image.resize([int(frame * side / short) for side in image.size], Image.Resampling.BILINEAR)
    inside = round((frame - size) / 2)
    x, y = (round((side - size) / 2) - inside for side in image.size)
    corners = [(0, 0), (frame - size, 0), (0, frame - size), (frame - size, frame - size), (inside, inside)]
    five = [image.crop((x + dx, y + dy, x + dx + size, y + dy + size)) for dx, dy in corners]
    return [np.asarray(crop) for crop in (*five, *(crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for crop in five))]


def normalised(pixels):
    return ((pixels / 255.0 - 0.4) / 0.3).transpose(2, 0, 1)


@pytest.mark.parametrize("size, crop_pct", SIZES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ten_crops_are_the_corners_and_the_middle_and_their_mirror_images(shape, size, crop_pct):
    pixels, one = noise(*shape), preparation(size, crop_pct)
    ten = TenCrops(one)
    frames = np.stack([ten.apply(pixels)])
    assert frames.shape[1:] == ten.shape
    crops = ten.cut(frames)
    assert crops.shape == (10, 3, size, size)
    for crop, wanted in zip(crops, by_pillow(pixels, size, crop_pct), strict=True):
        np.testing.assert_allclose(crop, normalised(wanted), atol=1e-6)
    np.testing.assert_array_equal(crops[4], one.apply(pixels))
    np.testing.assert_array_equal(crops[9], one.apply(pixels)[:, :, ::-1])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_they_are_torchvisions_ten_crop_of_the_middle_square(shape):
    """For a margin that is even on each side: there no rounding depends on the number of steps.

    torchvision mirrors before it cuts, so the mirrored corners come in another order.
    """
    transforms = pytest.importorskip("torchvision.transforms")
    pixels = noise(*shape)
    square = transforms.CenterCrop(40)(transforms.Resize(40)(Image.fromarray(pixels)))
    wanted = [normalised(np.asarray(crop)) for crop in transforms.TenCrop(32)(square)]
    wanted = [wanted[i] for i in (0, 1, 2, 3, 4, 6, 5, 8, 7, 9)]
    ten = TenCrops(preparation(32, 0.8))
    np.testing.assert_allclose(ten.cut(ten.apply(pixels)[None]), wanted, atol=1e-6)


@pytest.mark.parametrize("options", [{"crop_mode": "squash"}, {"channel_order": "bgr"}, {"channels": 1}])
def test_the_middle_crop_is_the_preparations_own_in_every_mode(options):
    pixels, one = noise(61, 83), preparation(32, 0.9, **options)
    ten = TenCrops(one)
    np.testing.assert_array_equal(ten.cut(ten.apply(pixels)[None])[4], one.apply(pixels))


def test_a_frame_without_room_is_refused():
    with pytest.raises(
        OptionError, match=r"one and its mirror image: crop_pct is 1, .* Say --crop-pct 0\.875, or less"
    ):
        TenCrops(preparation(32, 1.0))
    with pytest.raises(OptionError, match="which crop_mode border does not do"):
        TenCrops(preparation(32, crop_mode="border"))


def test_a_photo_is_prepared_in_several_ways_at_once():
    parts = (preparation(32), TenCrops(preparation(20)), preparation(16, channels=1))
    several = Several(parts)
    photos = [noise(61, 83), noise(40, 40)]
    rows = np.stack([several.apply(pixels) for pixels in photos])
    assert rows.shape == (2, *several.shape)
    for part, piece in zip(parts, several.split(rows), strict=True):
        np.testing.assert_array_equal(piece, [part.apply(pixels) for pixels in photos])


def test_a_photo_that_one_of_them_cannot_take_is_refused():
    with pytest.raises(ImageError, match="too elongated"):
        Several((preparation(8), preparation(4000))).apply(noise(1, 100))
