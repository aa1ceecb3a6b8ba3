"""The geometry of preparation, held against torchvision's and timm's transforms on Pillow images: equal, bit by bit."""

import math

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError
from inspectnet.images import Preparation

SHAPES = [
    (61, 83),
    (83, 61),
    (64, 64),
    (37, 37),
    (31, 300),
    (200, 33),
    (36, 50),
    (50, 36),
    (241, 320),
    (33, 34),
]
SIZES = [(32, 0.875), (31, 0.875), (32, 0.9), (33, 0.95), (32, 1.0), (227, 227 / 256), (16, 0.5)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def prepared(size: int, crop_pct: float = 0.875, channels: int = 3, **options) -> Preparation:
    return Preparation((channels, size, size), (0.5,) * channels, (0.5,) * channels, crop_pct=crop_pct, **options)


@pytest.fixture
def transforms():
    return pytest.importorskip("torchvision.transforms")


@pytest.mark.parametrize("size, crop_pct", SIZES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def test_center_is_torchvisions_resize_and_center_crop(transforms, shape, size, crop_pct):
    pixels = noise(*shape)
    image = transforms.CenterCrop(size)(transforms.Resize(int(size / crop_pct + 1e-3))(Image.fromarray(pixels)))
    np.testing.assert_array_equal(prepared(size, crop_pct).fit(pixels), np.asarray(image))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest", "lanczos", "box", "hamming"])
@pytest.mark.parametrize("crop_mode", ["center", "squash"])
def test_every_interpolation_is_torchvisions_of_that_name(transforms, interpolation, crop_mode):
    method = transforms.InterpolationMode(interpolation)
    for shape in ((61, 83), (83, 61), (20, 25)):
        pixels = noise(*shape)
        resize = transforms.Resize(36 if crop_mode == "center" else (36, 36), interpolation=method)
        image = transforms.CenterCrop(32)(resize(Image.fromarray(pixels)))
        fitted = prepared(32, interpolation=interpolation, crop_mode=crop_mode).fit(pixels)
        np.testing.assert_array_equal(fitted, np.asarray(image))


def test_networks_of_one_channel_get_torchvisions_grey(transforms):
    pixels = noise(61, 83)
    steps = transforms.Compose([transforms.Grayscale(), transforms.Resize(36), transforms.CenterCrop(32)])
    fitted = prepared(32, channels=1).fit(pixels)
    assert fitted.shape == (32, 32, 1)
    np.testing.assert_array_equal(fitted[:, :, 0], np.asarray(steps(Image.fromarray(pixels))))


def test_an_image_that_has_the_size_is_not_resampled(monkeypatch):
    monkeypatch.setattr(Image, "fromarray", None)  # there is no other way to Pillow's resize
    pixels = noise(36, 50)
    np.testing.assert_array_equal(prepared(32).fit(pixels), pixels[2:34, 9:41])
    pixels = noise(32, 32)
    for crop_mode in ("center", "squash", "border"):
        np.testing.assert_array_equal(prepared(32, 1.0, crop_mode=crop_mode).fit(pixels), pixels)


@pytest.mark.parametrize("size", [(24, 40), (40, 24)])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def test_an_input_that_is_not_square_keeps_the_proportions_of_the_photo(size, shape):
    # A photo whose brightness is its own coordinates tells where each pixel of the result comes from.
    height, width = shape
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([y * 200 / height, x * 200 / width, 0 * x], -1).round().astype(np.uint8)
    fitted = Preparation((3, *size), (0,) * 3, (1,) * 3, crop_pct=0.8).fit(pixels).astype(float)
    assert fitted.shape == (*size, 3)
    rows, columns = (fitted[-2, :, 0] - fitted[1, :, 0]).mean(), (fitted[:, -2, 1] - fitted[:, 1, 1]).mean()
    zoom_y, zoom_x = (size[0] - 3) / (rows * height / 200), (size[1] - 3) / (columns * width / 200)
    frame = max(size[0] / 0.8 / height, size[1] / 0.8 / width)  # how much the photo has to grow to cover the frame
    assert zoom_y == pytest.approx(frame, rel=0.12) and zoom_x == pytest.approx(frame, rel=0.12)


def by_timm(pixels, size, interpolation, crop_pct, crop_mode, fill):
    """What timm 1.0's transforms_imagenet_eval makes of an image, written down again from its lines."""
    frame = [math.floor(side / crop_pct) for side in size]
    image = Image.fromarray(pixels)
    ratios = [side / part for side, part in zip(pixels.shape, frame, strict=False)]  # ResizeKeepRatio
    ratio = max(ratios) if crop_mode == "border" else min(ratios)  # longest=1.0, 0.0
    height, width = (round(side / ratio) for side in pixels.shape[:2])
    image = image.resize((width, height), Image.Resampling[interpolation.upper()])
    spare = [side - part for side, part in zip(size, (height, width), strict=True)]
    canvas = Image.new("RGB", (max(width, size[1]), max(height, size[0])), fill)  # CenterCropOrPad
    canvas.paste(image, (max(0, spare[1]) // 2, max(0, spare[0]) // 2))
    top, left = (round((whole - side) / 2) for whole, side in zip(canvas.size[::-1], size, strict=True))
    return np.asarray(canvas.crop((left, top, left + size[1], top + size[0])))


@pytest.mark.parametrize("crop_pct", [0.5, 0.875, 0.9, 0.95, 1.0])
@pytest.mark.parametrize(
    ("crop_mode", "size"),
    [("border", size) for size in ((32, 32), (31, 31), (24, 40), (41, 23))]
    + [("center", size) for size in ((24, 40), (41, 23))],  # square ones are torchvision's, as above
)
def test_border_and_what_is_not_square_are_timms(crop_mode, size, crop_pct):
    for shape in SHAPES:
        pixels, how = noise(*shape), ("bicubic", crop_pct, crop_mode)
        fitted = Preparation((3, *size), (0.2, 0.4, 0.6), (1, 1, 1), *how).fit(pixels)
        np.testing.assert_array_equal(fitted, by_timm(pixels, size, *how, (51, 102, 153)))


def test_border_at_less_than_all_of_the_frame_cuts_from_the_photo():
    """As timm 1.0 has it: 300 x 500 in a frame of 235 is 141 x 235, of which 224 columns stay."""
    white = np.full((300, 500, 3), 255, np.uint8)
    fitted = Preparation((3, 224, 224), (0,) * 3, (1,) * 3, crop_pct=0.95, crop_mode="border").fit(white)
    rows, columns = (np.nonzero(fitted[..., 0].any(axis=axis))[0] for axis in (1, 0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (41, 182, 0, 224)


def test_border_shows_all_of_the_photo_and_mean_around_it():
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, :20] = 255
    fitted = Preparation((3, 32, 32), (0.2, 0.4, 0.6), (1, 1, 1), crop_pct=1.0, crop_mode="border").fit(wide)
    mean = np.array([51, 102, 153])
    assert (fitted[:8] == mean).all() and (fitted[24:] == mean).all()  # 40 x 20 becomes 32 x 16
    assert (fitted[8:24, :14] == 255).all() and (fitted[8:24, 18:] == 0).all()
    tall = Preparation((3, 32, 32), (0.2, 0.4, 0.6), (1, 1, 1), crop_pct=1.0, crop_mode="border").fit(
        wide.transpose(1, 0, 2)
    )
    np.testing.assert_array_equal(tall, fitted.transpose(1, 0, 2))


def test_border_fills_with_what_a_bgr_network_sees_as_zero():
    preparation = Preparation(
        (3, 8, 8), (0.2, 0.4, 0.6), (1, 1, 1), crop_mode="border", channel_order="bgr", crop_pct=1.0
    )
    x = preparation.apply(np.zeros((4, 8, 3), np.uint8))
    assert np.abs(x[:, :2]).max() < 1e-6 < np.abs(x[:, 2:6]).min()


def test_proportions_that_would_fill_the_memory_are_refused():
    with pytest.raises(ImageError, match=r"an image of 1 x 300000 pixels is too elongated"):
        prepared(224).fit(np.zeros((300_000, 1, 3), np.uint8))
    assert prepared(16).fit(np.zeros((30_000, 2, 3), np.uint8)).shape == (16, 16, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["float", "flat", "alpha", "empty"],
)
def test_what_are_no_pixels_is_refused(pixels):
    with pytest.raises(ImageError, match=r"pixels must be uint8 \[H, W, 3\], not"):
        prepared(8).apply(pixels)
