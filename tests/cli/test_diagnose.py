"""inspectnet diagnose: what it prints and writes for one network and for two, and what it refuses in one line."""

import json

import numpy as np
import pytest
from commands import contents, done, noisy_photos, refused, write_network
from nets import random_weights
from PIL import Image

SIDE = 32
NET = """
a = Conv <strides=[{stride},{stride}]> (image, k)
r = Relu (a)
b = Conv (r, j)
y = Relu (b)
"""


def write_model(path, size, stride):
    """A network whose first layer has filters of size x size."""
    weights = random_weights(size, k=(6, 3, size, size), j=(8, 6, 3, 3))
    return write_network(path, NET.format(stride=stride), weights, SIDE)


@pytest.fixture
def small(tmp_path):
    return write_model(tmp_path / "small.onnx", 7, 2)


@pytest.fixture
def large(tmp_path):
    return write_model(tmp_path / "large.onnx", 11, 4)


@pytest.fixture
def photos(tmp_path):
    return noisy_photos(tmp_path / "photos", {f"{i}.png": (44, 40) for i in range(4)}, cells=None)


def test_one_network_is_diagnosed_in_numbers_a_picture_and_arrays(small, photos, tmp_path, capsys):
    out = tmp_path / "out"
    text, _ = done(capsys, "diagnose", small, "--images", photos, "-o", out)
    assert "small.onnx: dead over 4 images:" in text and "better" not in text
    assert sorted(contents(out)) == ["diagnosis.json", "diagnosis.png", "small.npz"]
    record = json.loads((out / "diagnosis.json").read_text())
    (model,) = record["models"]
    assert (model["layer"], model["filters"], model["stride"]) == ("conv1", [6, 3, 7, 7], [2, 2])
    assert model["projected"] == ["conv2"] and list(model["dead"]) == ["conv1"]  # the last layer's may be scores
    assert record["verdict"] is None and record["images"]["count"] == 4 and record["bands"] == [0.15, 0.35]
    with np.load(out / "small.npz") as arrays:
        np.testing.assert_allclose(arrays["rms"], model["by_filter"]["rms"], rtol=1e-6)
        assert arrays["weights"].shape == (6, 3, 7, 7) and arrays["dead_conv1"].dtype == bool
    with Image.open(out / "diagnosis.png") as page:
        assert min(page.size) > 400


def test_two_networks_stand_side_by_side_with_a_verdict(large, small, photos, tmp_path, capsys):
    text, _ = done(capsys, "diagnose", large, small, "--images", photos, "-o", tmp_path / "out", "--json")
    record = json.loads(text)
    assert [model["name"] for model in record["models"]] == ["large.onnx", "small.onnx"]
    verdict = record["verdict"]
    assert set(verdict["p"]) == set(verdict["p_holm"]) == set(verdict["better"])
    assert verdict["p"]["aliased"] < 0.05  # noise, of which stride 4 loses 15/16, stride 2 3/4
    assert all(verdict["p"][name] <= p <= 1 for name, p in verdict["p_holm"].items())
    low, high = record["models"][0]["intervals"]["aliased"]
    assert low <= record["models"][0]["measures"]["aliased"] <= high
    files = ["diagnosis.json", "diagnosis.png", "large.npz", "small.npz"]
    assert sorted(contents(tmp_path / "out")) == files
    text, _ = done(capsys, "diagnose", large, small, "--images", photos, "-o", tmp_path / "out")
    counts = verdict["counts"]
    words = f"of {len(verdict['better'])}: large.onnx in {counts['large.onnx']}, small.onnx in {counts['small.onnx']}"
    assert f"better by the paper's measures beyond chance, {words}" in text


def test_the_same_run_gives_the_same_bytes(small, photos, tmp_path, capsys):
    for name, size in (("one", 1), ("two", 4)):
        done(capsys, "diagnose", small, "--images", photos, "-o", tmp_path / name, "--batch-size", size)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_without_images_the_sample_photos_are_looked_at(small, tmp_path, capsys):
    text, _ = done(capsys, "diagnose", small, "-o", tmp_path / "out", "--json")
    assert json.loads(text)["images"]["count"] == 10


def test_other_layers_may_be_shown(small, photos, tmp_path, capsys):
    options = ("--images", photos, "-o", tmp_path / "out", "--maps", 3, "--json")
    text, _ = done(capsys, "diagnose", small, "-l", "conv*", *options)
    assert json.loads(text)["models"][0]["projected"] == ["conv1", "conv2"]


def test_a_map_of_weak_filters_is_dead_and_faint_in_the_record(photos, tmp_path, capsys):
    k = np.random.default_rng(0).standard_normal((4, 3, 5, 5))
    k[2] *= 1e-3
    body = "a = Conv (image, k, b)\nr = Relu (a)\nc = Conv (r, j)\ny = Relu (c)"
    bias = np.array([0, 0, -1, 0.0])
    model = write_network(tmp_path / "weak.onnx", body, {"k": k, "b": bias, "j": np.ones((2, 4, 3, 3))}, SIDE)
    text, _ = done(capsys, "diagnose", model, "--images", photos, "-o", tmp_path / "out", "--json")
    (found,) = json.loads(text)["models"]
    assert found["dead"]["conv1"] == {"maps": 4, "dead": [2]}
    assert found["measures"]["dead"] == found["measures"]["faint"] == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bands", "0.3"], "--bands '0.3' is not two rising frequencies"),
        (["--bands", "0.4,0.2"], "--bands '0.4,0.2' is not two rising frequencies"),
        (["--layer", "conv9"], "conv9"),
        (["--images", "absent"], "absent"),
        (["--batch-size", "none"], "--batch-size 'none'"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments, message, small, tmp_path, capsys):
    assert message in refused(capsys, "diagnose", small, "-o", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_three_models_and_networks_without_filters_are_refused(small, tmp_path, capsys):
    assert "3 models do not stand side by side. Say one or two." in refused(capsys, "diagnose", small, small, small)
    body = "f = Flatten (image)\ny = Gemm (f, w)"
    flat = write_network(tmp_path / "flat.onnx", body, {"w": np.ones((3 * SIDE * SIDE, 2))}, SIDE)
    assert "has filters that see a part of the image" in refused(capsys, "diagnose", flat, "-o", tmp_path / "out")
