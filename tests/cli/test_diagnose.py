"""inspectnet diagnose: what it prints and writes for one network and for two, and what it refuses in one line."""

import json

import numpy as np
import pytest
from commands import check_result, contents, done, noisy_photos, refused, write_network
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
    assert sorted(contents(out)) == ["arrays.npz", "diagnosis.png", "result.json"]
    check_result(out)
    record = json.loads((out / "result.json").read_text())
    (found,) = record["result"]["networks"]
    assert (found["filters"]["layer"], found["filters"]["stride"]) == ("conv1", [2, 2])
    assert [layer["layer"] for layer in found["features"]] == ["conv2"]
    assert list(found["dead_maps"]) == ["conv1"]  # the last layer's may be scores
    assert record["result"]["contrasts"] == {} and record["images"]["count"] == 4
    assert record["result"]["bands"] == record["options"]["bands"] == [0.15, 0.35]
    with np.load(out / "arrays.npz") as arrays:
        assert arrays["networks.0.filters.rms"].shape == (6,)
        assert arrays["networks.0.filters.weights"].shape == (6, 3, 7, 7)
        assert arrays["networks.0.dead.conv1"].dtype == bool
    with Image.open(out / "diagnosis.png") as page:
        assert min(page.size) > 400


def test_two_networks_stand_side_by_side_with_a_verdict(large, small, photos, tmp_path, capsys):
    text, _ = done(capsys, "diagnose", large, small, "--images", photos, "-o", tmp_path / "out", "--json")
    result = json.loads(text)["result"]
    assert [network["name"] for network in result["networks"]] == ["large.onnx", "small.onnx"]
    contrasts = result["contrasts"]
    assert contrasts["aliased"]["p"] < 0.05  # noise, of which stride 4 loses 15/16, stride 2 3/4
    assert all(contrast["p"] <= contrast["p_corrected"] <= 1 for contrast in contrasts.values())
    interval = result["networks"][0]["intervals"]["aliased"]
    assert interval["low"] <= result["networks"][0]["measures"]["aliased"] <= interval["high"]
    check_result(tmp_path / "out")
    text, _ = done(capsys, "diagnose", large, small, "--images", photos, "-o", tmp_path / "out")
    counts = result["better_in"]
    words = f"of {len(contrasts)}: large.onnx in {counts['large.onnx']}, small.onnx in {counts['small.onnx']}"
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
    (network,) = json.loads(text)["result"]["networks"]
    assert [layer["layer"] for layer in network["features"]] == ["conv1", "conv2"]


def test_a_map_of_weak_filters_is_dead_and_faint_in_the_record(photos, tmp_path, capsys):
    k = np.random.default_rng(0).standard_normal((4, 3, 5, 5))
    k[2] *= 1e-3
    body = "a = Conv (image, k, b)\nr = Relu (a)\nc = Conv (r, j)\ny = Relu (c)"
    bias = np.array([0, 0, -1, 0.0])
    model = write_network(tmp_path / "weak.onnx", body, {"k": k, "b": bias, "j": np.ones((2, 4, 3, 3))}, SIDE)
    text, _ = done(capsys, "diagnose", model, "--images", photos, "-o", tmp_path / "out", "--json")
    (found,) = json.loads(text)["result"]["networks"]
    assert found["dead_maps"]["conv1"] == found["weak_filters"] == [2]
    assert found["measures"]["dead"] == found["measures"]["faint"] == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bands", "0.3"], "--bands '0.3' is not two frequencies"),
        (["--bands", "0.4,0.2"], "the bands (0.4, 0.2) are not two rising frequencies"),
        (["--layer", "conv9"], "conv9"),
        (["--images", "absent"], "absent"),
        (["--batch-size", "none"], "--batch-size 'none'"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments, message, small, tmp_path, capsys):
    assert message in refused(capsys, "diagnose", small, "-o", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_three_models_and_networks_without_filters_are_refused(small, tmp_path, capsys):
    assert "diagnose compares one or two models, not 3." in refused(capsys, "diagnose", small, small, small)
    body = "f = Flatten (image)\ny = Gemm (f, w)"
    flat = write_network(tmp_path / "flat.onnx", body, {"w": np.ones((3 * SIDE * SIDE, 2))}, SIDE)
    assert "has filters that see a part of the image" in refused(capsys, "diagnose", flat, "-o", tmp_path / "out")
