import itertools
import json

import numpy as np
import pytest

from inspectnet.errors import ImageError, OptionError
from inspectnet.images import Preparation

CAFFE = {"mean": (104 / 255, 117 / 255, 123 / 255), "std": (1 / 255,) * 3, "channel_order": "bgr"}
GREY = Preparation((1, 24, 24), (0.1307,), (0.3081,))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def every_level(height: int = 16, width: int = 16) -> np.ndarray:
    """All 256 grey levels in each channel, in different places."""
    levels = np.arange(256, dtype=np.uint8).reshape(height, width)
    return np.stack([levels, levels[::-1], levels.T], -1)


def test_apply_is_the_formula_of_the_docstring():
    pixels = every_level()
    preparation = Preparation((3, 16, 16), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), crop_pct=1)
    x = preparation.apply(pixels)
    assert x.dtype == np.float32 and x.shape == preparation.shape == (3, 16, 16) and x.flags.c_contiguous
    exact = (pixels / 255.0 - preparation.mean) / preparation.std  # in float64
    np.testing.assert_allclose(x, exact.transpose(2, 0, 1), rtol=0, atol=5e-7)


def test_apply_is_torchvisions_to_tensor_and_normalize():
    transforms = pytest.importorskip("torchvision.transforms")
    from PIL import Image

    pixels = noise(61, 83)
    preparation = Preparation.imagenet((3, 32, 32))
    steps = [transforms.Resize(36), transforms.CenterCrop(32), transforms.ToTensor()]
    steps.append(transforms.Normalize(preparation.mean, preparation.std))
    expected = transforms.Compose(steps)(Image.fromarray(pixels)).numpy()
    np.testing.assert_allclose(preparation.apply(pixels), expected, rtol=0, atol=1e-6)


def test_channel_order_and_layout_only_move_numbers():
    pixels = every_level()
    plain = Preparation((3, 16, 16), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), crop_pct=1).apply(pixels)
    turned = Preparation((3, 16, 16), (0.3, 0.2, 0.1), (0.7, 0.6, 0.5), crop_pct=1, channel_order="bgr")
    np.testing.assert_array_equal(turned.apply(pixels), plain[::-1])
    last = Preparation((3, 16, 16), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), crop_pct=1, layout="nhwc")
    np.testing.assert_array_equal(last.apply(pixels), plain.transpose(1, 2, 0))


def test_caffes_recipe_is_blue_green_red_minus_its_mean():
    x = Preparation((3, 16, 16), crop_pct=1.0, **CAFFE).apply(every_level())
    expected = every_level()[:, :, ::-1].transpose(2, 0, 1) - np.array([104, 117, 123.0])[:, None, None]
    np.testing.assert_allclose(x, expected, atol=1e-4)


@pytest.mark.parametrize("order, layout", [*itertools.product(("rgb", "bgr"), ("nchw", "nhwc"))])
@pytest.mark.parametrize("recipe", ["imagenet", "half", "none", "caffe"])
def test_restore_gives_exactly_the_pixels_that_were_prepared(recipe, order, layout):
    mean, std = {
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "half": ((0.5,) * 3, (0.5,) * 3),
        "none": ((0,) * 3, (1,) * 3),
        "caffe": (CAFFE["mean"], CAFFE["std"]),
    }[recipe]
    preparation = Preparation((3, 16, 16), mean, std, crop_pct=1.0, channel_order=order, layout=layout)
    restored = preparation.restore(preparation.apply(every_level()))
    assert restored.dtype == np.uint8 and restored.flags.c_contiguous
    np.testing.assert_array_equal(restored, every_level())


def test_restore_of_a_resized_photo_is_the_fitted_photo():
    preparation = Preparation.imagenet((3, 24, 40))
    pixels = noise(61, 83)
    np.testing.assert_array_equal(preparation.restore(preparation.apply(pixels)), preparation.fit(pixels))


def test_one_channel_restores_to_grey():
    pixels = noise(40, 30)
    restored = GREY.restore(GREY.apply(pixels))
    assert GREY.apply(pixels).shape == (1, 24, 24)
    np.testing.assert_array_equal(restored, np.repeat(GREY.fit(pixels), 3, axis=2))


def test_restore_clips_what_is_out_of_range():
    preparation = Preparation((3, 2, 2), (0.5,) * 3, (0.5,) * 3)
    assert set(preparation.restore(np.array([-9, 9, 0], np.float32).repeat(4).reshape(3, 2, 2)).ravel()) == {
        0,
        255,
        128,
    }


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_apply_writes_into_what_it_is_given(layout):
    preparation = Preparation((3, 8, 8), (0.5,) * 3, (0.5,) * 3, layout=layout)
    batch = np.full((3, *preparation.shape), np.nan, np.float32)
    assert preparation.apply(noise(20, 20), batch[1]).base is batch
    np.testing.assert_array_equal(batch[1], preparation.apply(noise(20, 20)))
    assert np.isnan(batch[[0, 2]]).all()


def test_normalise_takes_pixels_of_the_right_size_alone():
    preparation = Preparation.imagenet((3, 8, 8))
    np.testing.assert_array_equal(
        preparation.normalise(noise(20, 20)[3:11, 5:13]),
        preparation.normalise(noise(20, 20)[3:11, 5:13].copy()),
    )
    with pytest.raises(ImageError, match=r"pixels must be uint8 \[8, 8, 3\], not uint8 \[8, 9, 3\]"):
        preparation.normalise(noise(8, 9))
    np.testing.assert_array_equal(
        GREY.normalise(noise(24, 24)),
        Preparation((1, 24, 24), GREY.mean, GREY.std, crop_pct=1).apply(noise(24, 24)),
    )


def test_json_brings_everything_back():
    preparation = Preparation((3, 227, 299), (0.1, 0.2, 1), (1, 2, 3), "lanczos", 0.9, "border", "bgr", "nhwc")
    text = json.dumps(preparation.to_json())
    again = Preparation.from_json(json.loads(text), "a.json")
    assert again == preparation and hash(again) == hash(preparation)
    assert json.dumps(again.to_json()) == text


def test_json_needs_only_what_has_no_default():
    values = {"input_size": [3, 224, 224], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    assert Preparation.from_json(values, "a.json") == Preparation.imagenet((3, 224, 224))


@pytest.mark.parametrize(
    "change, error",
    [
        ({"croppct": 1}, r"unknown key 'croppct'\. Did you mean crop_pct"),
        ({"input_size": None}, "input_size must be a list of numbers, not None"),
        ({"input_size": [3, 224]}, "input_size must be three whole numbers"),
        ({"input_size": [3, 224, 224.0]}, "input_size must be three whole numbers"),
        ({"input_size": [3, 0, 224]}, "input_size must be three whole numbers"),
        ({"input_size": [3, True, 224]}, "input_size must be three whole numbers"),
        ({"input_size": [4, 224, 224]}, "must begin with 1 or 3 channels, not 4"),
        ({"mean": [0.5]}, "mean must be 3 finite numbers, one for each channel"),
        ({"mean": 0.5}, "mean must be a list of numbers, not 0.5"),
        ({"mean": "abc"}, "mean must be a list of numbers, not 'abc'"),
        ({"mean": [0, 0, "0"]}, "mean must be 3 finite numbers"),
        ({"mean": [0, 0, float("nan")]}, "mean must be 3 finite numbers"),
        ({"mean": [0, 0, 10**400]}, "mean must be 3 finite numbers"),
        ({"std": [1, 1, float("inf")]}, "std must be 3 finite numbers"),
        ({"std": [1, 0, 1]}, "std must be positive"),
        ({"std": [1, 1e-300, 1]}, r"std is too small to divide by, \(1.0, 1e-300, 1.0\)"),
        ({"mean": [1e20] * 3, "std": [1e-20] * 3}, "std is too small to divide by"),
        ({"std": [5e-324] * 3}, "std is too small to divide by"),
        ({"crop_pct": 1e-3}, "crop_pct is too small for an input of 224x224: 0.001. Most networks have"),
        ({"crop_pct": 5e-324}, "crop_pct is too small for an input of 224x224: 5e-324"),
        ({"std": [1, -1, 1]}, "std must be positive"),
        ({"crop_pct": 0}, "crop_pct must be greater than 0 and at most 1, not 0"),
        ({"crop_pct": 1.01}, "crop_pct must be greater than 0"),
        ({"crop_pct": float("nan")}, "crop_pct must be greater than 0"),
        ({"crop_pct": "0.875"}, "crop_pct must be greater than 0 and at most 1, not '0.875'"),
        ({"crop_pct": True}, "crop_pct must be greater than 0"),
        ({"interpolation": "cubic"}, "interpolation must be one of bilinear, bicubic, nearest, lanczos, box"),
        ({"crop_mode": ["center"]}, "crop_mode must be one of center, squash, border"),
        ({"channel_order": "rbg"}, "channel_order must be one of rgb, bgr"),
        ({"layout": "NCHW"}, "layout must be one of nchw, nhwc"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_json_that_makes_no_sense_is_refused_in_one_line_that_says_where(change, error):
    values = Preparation.imagenet((3, 224, 224)).to_json() | change
    with pytest.raises(OptionError, match=error) as caught:
        Preparation.from_json(values, "model.preprocess.json")
    assert str(caught.value).startswith("model.preprocess.json: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [[], "{}", None, 3])
def test_json_that_is_no_object_is_refused(values):
    with pytest.raises(OptionError, match=r"a\.json: a preparation is a JSON object, not"):
        Preparation.from_json(values, "a.json")


def test_json_that_lacks_something_says_what():
    with pytest.raises(OptionError, match=r"a\.json: mean and std missing"):
        Preparation.from_json({"input_size": [3, 8, 8]}, "a.json")


def test_imagenet_has_a_grey_version():
    assert Preparation.imagenet((1, 8, 8)).mean == pytest.approx((0.449,), abs=1e-3)


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", [(3, 24, 24), (1, 24, 24), (3, 20, 31)])
@pytest.mark.parametrize("shape", [(61, 83), (200, 33), (24, 24), (9, 7)])
def test_a_shrunk_photo_is_fitted_and_surrounded_as_the_photo_itself(shape, size, crop_mode):
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    how = Preparation(size, (0.4,) * size[0], (0.2,) * size[0], "bicubic", 0.9, crop_mode)
    shrunk = how.shrink(photo)
    assert shrunk.shape[2] == 3
    np.testing.assert_array_equal(how.apply(shrunk), how.apply(photo))
    for one, other in zip(how.surround(shrunk), how.surround(photo), strict=True):
        np.testing.assert_array_equal(one, other)
