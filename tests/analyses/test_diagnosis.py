"""The diagnosis of first layers: filters of known frequency, dead, dominating and duplicate ones, and real aliasing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nets import onnx_text
from PIL import Image
from records import about

import inspectnet
from inspectnet.analyses.diagnose import WANTED, Diagnosis, diagnose
from inspectnet.analyses.filters import first_filters, second_layer
from inspectnet.errors import ImageError, LayerError
from inspectnet.images import Collection, find_images

PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_pct": 1.0}
SIDE = 32


def open_net(folder, body, **weights):
    path = folder / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=PLAIN)


def open_filters(folder, filters, stride=2, bias=None):
    bias = np.zeros(len(filters)) if bias is None else bias
    body = f"a = Conv <strides=[{stride},{stride}]> (image, k, b)\ny = Relu (a)"
    return open_net(folder, body, k=np.asarray(filters, float), b=np.asarray(bias, float))


def grating(down, across, side=8):
    """A filter (3, side, side) of one frequency, in cycles per pixel, in all three colours."""
    y, x = np.mgrid[:side, :side]
    return np.repeat(np.cos(2 * np.pi * (down * y + across * x))[None], 3, axis=0)


def write_photos(folder, rng, count=3):
    folder.mkdir()
    for i in range(count):
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(folder / f"{i}.png")
    return find_images(folder)


def diagnosed(network, images=None, **how):
    """The diagnosis of one network, of which nothing is projected."""
    (found,) = diagnose(network, (), images, **how).networks
    return found


def contrasts(first, second):
    named = (replace(first, name="first"), replace(second, name="second"))
    return Diagnosis(about(2), (0.15, 0.35), named).contrasts


# The filters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["strides=[1,1]", "strides=[4,2], pads=[3,3,3,3]", "dilations=[2,2]"])
def test_filters_are_read_off_the_network_exactly(options, tmp_path, rng):
    k = rng.standard_normal((11, 3, 5, 5)).astype(np.float32)
    found = first_filters(open_net(tmp_path, f"a = Conv <{options}> (image, k)\ny = Relu (a)", k=k))
    step = 2 if "dilations" in options else 1
    np.testing.assert_allclose(found.weights[:, :, ::step, ::step], k, rtol=1e-6)
    assert np.count_nonzero(found.weights) == k.size
    assert found.stride == ((4, 2) if "4" in options else (1, 1))


def test_normalisation_before_and_after_the_sum_is_part_of_the_filters(tmp_path, rng):
    k, scale, variance = rng.standard_normal((4, 3, 3, 3)), np.array([1.0, -2, 0.5, 3]), np.array([1.0, 4, 9, 16])
    body = """c = Sub (image, middle)\nd = Div (c, spread)\na = Conv (d, k)
    n = BatchNormalization <epsilon=0.0> (a, scale, zero, zero, variance)\ny = Relu (n)"""
    spread = np.array([2.0, 4, 8]).reshape(1, 3, 1, 1)
    network = open_net(
        tmp_path, body, k=k, scale=scale, zero=np.zeros(4), variance=variance, spread=spread,
        middle=np.ones((1, 3, 1, 1)),
    )  # fmt: skip
    expected = k / spread * (scale / np.sqrt(variance))[:, None, None, None]
    np.testing.assert_allclose(first_filters(network).weights, expected, rtol=1e-5)


def test_the_filters_of_squeezenet_are_those_in_its_file(squeezenet_file):
    network = inspectnet.open(squeezenet_file, device="cpu", threads=2)
    found = first_filters(network)
    np.testing.assert_array_equal(found.weights, network.weights("features.0")["features.0.weight"])
    assert found.stride == (2, 2) and found.weights.shape == (96, 3, 7, 7)


def test_filters_that_scale_single_pixels_are_not_taken_for_the_first_layer(tmp_path, rng):
    body = "p = Conv (image, one)\na = Conv (p, k)\ny = Relu (a)"
    k = rng.standard_normal((2, 3, 3, 3))
    found = first_filters(open_net(tmp_path, body, one=2 * np.eye(3)[:, :, None, None], k=k))
    np.testing.assert_allclose(found.weights, 2 * k, rtol=1e-5)


def test_a_network_without_filters_over_pixels_is_refused(tmp_path):
    network = open_net(tmp_path, "a = Flatten (image)\ny = Gemm (a, w)", w=np.ones((3 * SIDE * SIDE, 2)))
    with pytest.raises(LayerError, match=r"no layer of .* has filters that see a part of the image"):
        diagnosed(network)


def test_the_second_layer_is_the_next_with_weights_that_sees_more(tmp_path):
    body = """a = Conv (image, k)\nr = Relu (a)\nb = Conv (r, one)\ns = Relu (b)
    p = MaxPool <kernel_shape=[2,2], strides=[2,2]> (s)\nc = Conv (p, j)\ny = Relu (c)"""
    one, k = np.ones((2, 2, 1, 1)), np.ones((2, 3, 3, 3))
    network = open_net(tmp_path, body, k=k, one=one, j=np.ones((2, 2, 3, 3)))
    assert second_layer(network).name == "conv3"
    with pytest.raises(LayerError, match="no second layer of filters"):
        second_layer(open_filters(tmp_path, k))


# Frequencies -----------------------------------------------------------------------------------------------


def test_gratings_are_found_at_their_frequency_and_in_their_band(tmp_path):
    true = [(0.0, 0.0), (0.0, 0.25), (0.25, 0.0), (0.2, 0.2), (0.5, 0.5), (0.0, 0.45)]
    found = first_filters(open_filters(tmp_path, [grating(*f, side=12) for f in true]))
    np.testing.assert_allclose(found.peak, [np.hypot(*f) for f in true], atol=0.04)
    assert found.bands.argmax(axis=1).tolist() == [0, 1, 1, 1, 2, 2]
    assert (found.bands.max(axis=1) > 0.75).all()
    np.testing.assert_allclose(found.bands.sum(axis=1), 1)
    np.testing.assert_allclose(found.spectrum.sum(axis=(1, 2)), 1)


def test_a_wider_middle_takes_in_more(tmp_path, rng):
    network = open_filters(tmp_path, rng.standard_normal((8, 3, 7, 7)))
    narrow, wide = (first_filters(network, bands).bands for bands in ((0.2, 0.3), (0.1, 0.4)))
    assert (wide[:, 1] > narrow[:, 1]).all() and (wide[:, 0] < narrow[:, 0]).all()


@pytest.mark.parametrize(("stride", "lost"), [(1, False), (2, False), (4, True)])
def test_a_pattern_of_a_fifth_of_a_cycle_is_lost_at_stride_4_only(stride, lost, tmp_path):
    """The limits are 1/2, 1/4 and 1/8 cycles per pixel; the paper's 11 x 11 filters stood at stride 4."""
    found = first_filters(open_filters(tmp_path, [grating(0, 0.2, side=11)], stride))
    assert (found.aliased[0] > 0.9) if lost else (found.aliased[0] < 0.15)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_single_pixel_loses_all_that_a_stride_leaves_out(stride, tmp_path):
    """Its spectrum is flat: of 64 x 64 frequencies those up to the limit are kept, both ends included."""
    point = np.zeros((1, 3, 3, 3))
    point[0, 1, 1, 1] = 1
    kept = (2 * (32 // stride) + 1) ** 2 / 64**2 if stride > 1 else 1
    assert first_filters(open_filters(tmp_path, point, stride)).aliased[0] == pytest.approx(1 - kept)


def test_aliasing_on_images_is_that_of_the_responses_themselves(tmp_path, rng):
    """Oracle: each filter is moved over each faded photo, pixel by pixel, and its response transformed."""
    filters = rng.standard_normal((2, 3, 3, 3))
    network, photos = open_filters(tmp_path, filters, stride=2), write_photos(tmp_path / "photos", rng, 2)
    found = diagnosed(network, photos)
    fade, above, total = np.outer(np.hanning(SIDE), np.hanning(SIDE)), np.zeros(2), np.zeros(2)
    frequency = np.abs(np.fft.fftfreq(SIDE))
    beyond = (frequency[:, None] > 0.25) | (frequency[None] > 0.25)
    for i in range(2):
        pixels = np.asarray(Image.open(tmp_path / "photos" / f"{i}.png"), float).transpose(2, 0, 1) / 255 * fade
        for k, w in enumerate(filters):
            moved = [np.roll(pixels, (-y, -x), (1, 2)) * w[:, y, x, None, None] for y in range(3) for x in range(3)]
            energy = np.abs(np.fft.fft2(np.sum(moved, axis=(0, 1)))) ** 2
            above[k] += energy[beyond].sum()
            total[k] += energy.sum()
    np.testing.assert_allclose(found.response, np.stack([above, total], axis=1), rtol=1e-4)
    numbers = found.measures
    assert numbers["aliased_on_images"] == pytest.approx(above.sum() / total.sum(), rel=1e-4)
    # what one pixel of each colour loses, in a layer of these three filters
    (tmp_path / "one").mkdir()
    pixels = diagnosed(open_filters(tmp_path / "one", np.eye(3)[:, :, None, None] * np.eye(3)[0], stride=2), photos)
    own = pixels.measures["aliased_on_images"]
    assert found.beyond == pytest.approx(own, rel=1e-4)
    assert numbers["aliased_of_images"] == pytest.approx(numbers["aliased_on_images"] / own, rel=1e-4)


# Dead, dominating, duplicate -------------------------------------------------------------------------------


def test_a_map_is_dead_that_no_image_excites(tmp_path, rng):
    """Pixels are from 0 to 1: sums of three channels lie between 0 and 3."""
    filters = np.ones((4, 3, 1, 1)) * np.array([1, 1, -1, 0])[:, None, None, None]
    filters = np.pad(filters, ((0, 0), (0, 0), (0, 1), (0, 1)))
    network = open_filters(tmp_path, filters, bias=[0, -3.1, 0, 0.5])
    result = diagnose(network, (), write_photos(tmp_path / "photos", rng), batch_size=2)
    (found,), images = result.networks, result.about.images
    assert found.dead["conv1"].tolist() == [False, True, True, False] and found.dead_maps == {"conv1": (1, 2)}
    assert (images.count, images.skipped, len(images.sha256)) == (3, (), 64)
    assert found.measures["dead"] == 0.5


def test_dead_maps_are_counted_in_every_layer_with_weights_but_that_of_the_scores(tmp_path, rng):
    body = """a = Conv (image, k)\nr = Relu (a)\nb = Conv (r, j)\ns = Relu (b)
    f = Flatten (s)\ng = Gemm (f, w)\ny = Gemm (g, v)"""
    j = np.stack([np.ones((2, 3, 3)), -np.ones((2, 3, 3))])
    network = open_net(tmp_path, body, k=np.ones((2, 3, 3, 3)), j=j, w=-np.ones((2 * 28 * 28, 5)), v=np.ones((5, 2)))
    found = diagnosed(network, write_photos(tmp_path / "photos", rng))
    assert {name: dead.tolist() for name, dead in found.dead.items()} == {
        "conv1": [False] * 2, "conv2": [False, True], "fc3": [True] * 5,
    }  # fmt: skip


def test_images_that_cannot_be_read_are_left_out_and_none_at_all_is_an_error(tmp_path, rng):
    network, photos = open_filters(tmp_path, rng.random((2, 3, 3, 3))), write_photos(tmp_path / "photos", rng)
    (tmp_path / "photos" / "1.png").write_bytes(b"no image")
    images = diagnose(network, (), photos).about.images
    assert images.count == 2 and [skipped.image for skipped in images.skipped] == ["1.png"]
    for file in Path(tmp_path / "photos").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ImageError, match="none of the 3 images could be read"):
        diagnosed(network, photos)


def test_two_networks_look_at_each_image_once_whatever_they_make_of_it(tmp_path, rng, monkeypatch):
    photos, networks = write_photos(tmp_path / "photos", rng), []
    for stride, mean in ((1, 0.0), (2, 0.5)):
        (tmp_path / str(stride)).mkdir()
        network = open_filters(tmp_path / str(stride), rng.standard_normal((2, 3, 3, 3)), stride)
        preparation = {**PLAIN, "mean": (mean,) * 3}
        networks.append(inspectnet.open(network.path, device="cpu", preparation=preparation))
    alone = [diagnosed(network, photos) for network in networks]
    opened, read = [], Collection.open
    monkeypatch.setattr(Collection, "open", lambda self, index: opened.append(index) or read(self, index))
    both = diagnose(networks, (), photos).networks
    assert sorted(opened) == [0, 1, 2]
    for one, other in zip(both, alone, strict=True):
        np.testing.assert_array_equal(one.response, other.response)
        np.testing.assert_array_equal(one.dead["conv1"], other.dead["conv1"])


def test_a_filter_ten_times_as_strong_dominates_and_an_empty_one_is_faint(tmp_path, rng):
    filters = rng.standard_normal((9, 3, 5, 5))
    filters /= np.sqrt((filters**2).mean(axis=(1, 2, 3), keepdims=True))
    found = diagnosed(open_filters(tmp_path, filters)).measures
    assert found["dominance"] == pytest.approx(1, rel=1e-5) and found["at_ceiling"] == 1 and found["faint"] == 0
    filters[3] *= 10
    filters[5] *= 0
    found = diagnosed(open_filters(tmp_path, filters)).measures
    assert found["dominance"] == pytest.approx(10, rel=1e-5)
    assert found["at_ceiling"] == pytest.approx(1 / 9) and found["faint"] == pytest.approx(1 / 9)
    assert found["dead"] is None and found["aliased_on_images"] is None


def test_a_filter_is_a_duplicate_of_its_negative_and_of_its_multiple_but_not_of_itself(tmp_path, rng):
    filters = rng.standard_normal((5, 3, 7, 7))
    filters[3], filters[4] = -filters[0], 0.01 * filters[1]
    found = diagnosed(open_filters(tmp_path, filters))
    np.testing.assert_allclose(found.filters.alike[[0, 1, 3, 4]], 1, rtol=1e-5)
    assert found.filters.twin[[0, 1, 3, 4]].tolist() == [3, 4, 0, 1]
    assert found.filters.alike[2] < 0.5 and found.measures["duplicates"] == pytest.approx(0.8)


def test_a_layer_of_nothing_has_numbers_too(tmp_path):
    found = diagnosed(open_filters(tmp_path, np.zeros((2, 3, 3, 3)))).measures
    assert found["dominance"] is None and found["aliased"] == 0 and found["middle"] == 0


# Two networks ----------------------------------------------------------------------------------------------


def test_the_papers_remedy_wins_where_it_should(tmp_path):
    """Of the same gratings 7 x 7 at stride 2 carries what 11 x 11 at stride 4 does not."""
    middle = [(0.0, 0.2), (0.2, 0.0), (0.14, 0.14)] * 4
    small = diagnosed(open_filters(tmp_path, [grating(*f, side=7) for f in middle], 2))
    (tmp_path / "large").mkdir()
    flat = [*middle[:8], *[(0, 0)] * 4]
    large = diagnosed(open_filters(tmp_path / "large", [grating(*f, side=11) for f in flat], 4))
    verdict = contrasts(large, small)
    better = {name: each.better for name, each in verdict.items()}
    assert better["aliased"] == better["aliased_of_noise"] == "second"
    assert verdict["aliased"].p == pytest.approx(verdict["aliased"].p_corrected / len(verdict), abs=1e-9)
    assert "dead" not in verdict and "aliased_on_images" not in verdict and set(verdict) <= set(WANTED)
    assert contrasts(small, large)["aliased"].better == "first"
    assert all(each.better is None and each.p > 0.5 for each in contrasts(small, small).values())


def test_of_filters_of_noise_a_larger_stride_loses_more_and_no_more_than_noise_does(tmp_path, rng):
    """Stride 4 loses 15/16 of noise, stride 2 3/4: a difference of strides that is none of filters."""
    found = []
    for stride in (2, 4):
        (tmp_path / str(stride)).mkdir()
        noise = rng.standard_normal((48, 3, 7, 7))
        found.append(diagnosed(open_filters(tmp_path / str(stride), noise, stride)))
    for each, lost in zip(found, (3 / 4, 15 / 16), strict=True):
        known = each.intervals
        assert known["aliased"].value == pytest.approx(lost, abs=0.03)
        assert known["aliased_of_noise"].low < 1.02 and known["aliased_of_noise"].high > 0.98
    verdict = contrasts(*found)
    assert verdict["aliased"].better == "first" and verdict["aliased"].p_corrected < 0.01
    assert verdict["aliased_of_noise"].better is None


def test_numbers_of_filters_have_intervals_over_the_filters(tmp_path, rng):
    found = diagnosed(open_filters(tmp_path, rng.standard_normal((40, 3, 5, 5))))
    known, shares = found.intervals, found.filters.bands[:, 1]
    reach = 1.96 * shares.std() / np.sqrt(40)
    assert (known["middle"].low, known["middle"].high) == pytest.approx(
        (shares.mean() - reach, shares.mean() + reach), abs=0.3 * reach
    )
    assert (known["faint"].value, known["faint"].high) == pytest.approx((0, 1 - 0.025 ** (1 / 40)))
