"""Photos in memory: whatever form people have them in, the same pixels as of their file."""

import io

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError
from inspectnet.images import Preparation, collection_of, decode, photos_of

RGB = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
GREY = RGB[..., :1]


class Tensor:
    """What torch's tensors show of themselves."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (RGB, [RGB]),
        (GREY[..., 0], [GREY]),
        (GREY, [GREY]),
        (np.dstack([RGB, GREY]), [RGB]),
        (np.stack([RGB, RGB[::-1]]), [RGB, RGB[::-1]]),
        (RGB.transpose(2, 0, 1), [RGB]),
        (GREY.transpose(2, 0, 1), [GREY]),
        (np.stack([RGB, RGB[::-1]]).transpose(0, 3, 1, 2), [RGB, RGB[::-1]]),
        (Tensor(RGB.transpose(2, 0, 1)), [RGB]),
        (RGB[:3], [RGB[:3]]),  # the last axis goes before the first
        (Image.fromarray(RGB), [RGB]),
        (Image.fromarray(GREY[..., 0]), [GREY]),
        (Image.fromarray(np.dstack([RGB, GREY])), [RGB]),
    ],
)
def test_photos_of_any_form_are_rgb(given, wanted):
    photos = photos_of(given)
    assert len(photos) == len(wanted)
    for photo, pixels in zip(photos, wanted, strict=True):
        np.testing.assert_array_equal(photo, np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (RGB.astype(np.float32) / 255, r"a photo is uint8, 0 to 255, not float32 \[9, 7, 3\]\. Scale"),
        (RGB > 99, "not bool"),
        (RGB.transpose(1, 2, 0)[:, :, :3].repeat(2, 0)[:, :2, :2], r"uint8 \[14, 2, 2\] could be photos in several"),
        (np.zeros((5, 9, 7), np.uint8), r"uint8 \[5, 9, 7\] could be photos in several ways"),
        (np.zeros((0, 7, 3), np.uint8), r"a photo is uint8 \[h, w, 3\]"),
        (np.zeros(7, np.uint8), r"a photo is uint8 \[h, w, 3\]"),
        (np.zeros((1, 1, 9, 7, 3), np.uint8), r"a photo is uint8 \[h, w, 3\]"),
        (Image.new("F", (3, 3)), "its pixels are floats"),
        (None, "None is no image"),
        (7, "7 is no image"),
        ({}, "is no image"),
        (object(), "not object"),
    ],
)
def test_what_is_no_photo_or_could_be_two_things_is_refused_in_one_line(given, message):
    with pytest.raises(ImageError, match=message) as caught:
        photos_of(given)
    assert len(str(caught.value).splitlines()) == 1


def test_an_open_photo_is_turned_as_its_file_and_stays_open():
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(file, "JPEG", exif=exif)
    with Image.open(file) as image:
        np.testing.assert_array_equal(photos_of(image)[0], decode(file.getvalue(), "turned"))
        assert image.getpixel((0, 0))


def test_photos_among_paths_are_numbered_through(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    collection = collection_of([RGB, str(tmp_path / "a.png"), [Image.fromarray(RGB), np.stack([RGB, RGB])]])
    assert [entry.id for entry in collection] == ["0", "1", "2", "3", "a.png"]
    preparation = Preparation((3, 5, 5), (0.5,) * 3, (0.5,) * 3)
    assert preparation.apply(photos_of(RGB)[0]).shape == (3, 5, 5)
