"""Models whose weights no protobuf holds: here the limit is lowered to a few kilobytes."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from nets import onnx_text

import inspectnet
from inspectnet.errors import ModelError
from inspectnet.geometry import Box, Unit
from inspectnet.graph import writing
from inspectnet.graph.writing import to_bytes
from inspectnet.reading import external, metadata
from inspectnet.reading.reader import read
from inspectnet.rules import Policy

NET = """
a = Conv (image, f)
b = Relu (a)
c = Conv (b, g)
d = Add (c, bias)
e = Relu (d)
h = Flatten (e)
y = MatMul (h, m)
"""
PLACE = {"save_as_external_data": True, "location": "w.bin", "size_threshold": 0}


@pytest.fixture
def low(monkeypatch):
    """low(): from now on ten kilobytes are too much for a protobuf."""

    def lower():
        for room in (external, writing):
            monkeypatch.setattr(room, "LARGEST", 10_000)
        monkeypatch.setattr(writing, "COPIED", 10_000)

    return lower


def net(rng, opset=18):
    shapes = {"f": (16, 3, 3, 3), "g": (20, 16, 3, 3), "bias": (20, 1, 1), "m": (320, 10)}
    return onnx_text(NET, {k: rng.normal(size=v) for k, v in shapes.items()}, opset=opset, image=("N", 3, 8, 8))


def answers(path, x):
    """All that one may ask of a network, as arrays."""
    network = inspectnet.open(path, device="cpu")
    units = [Unit(1, 2, 3, 1)]
    down = [
        p.window(Box(0, 0, 8, 8)) for layer in ("conv1", "conv2") for p in network.inverse().project(x, layer, units)
    ]
    (fc,) = network.inverse().project(x, "fc3", [Unit(0, 7, 0, 0)])
    return [
        network.activations(x, "fc3"),
        network.maxima(x, ["conv2"])["conv2"].values,
        *down,
        fc.window(Box(0, 0, 8, 8)),
    ]


@pytest.mark.parametrize("place", [{}, PLACE], ids=["inside", "beside"])
@pytest.mark.parametrize("opset", [18, 21])
def test_a_model_that_is_too_large_answers_as_a_smaller_one(place, opset, rng, low, tmp_path):
    path, x = tmp_path / "model.onnx", rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    onnx.save_model(net(rng, opset), str(path), **place)
    wanted = answers(path, x)
    low()
    for found, expected in zip(answers(path, x), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_large_weights_stay_in_their_file_and_small_ones_come_along(rng, low, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(net(rng), str(path), **PLACE)
    low()
    weights = read(path).model.graph.initializers
    apart = {name for name, value in weights.items() if isinstance(value.const_value, ir.ExternalTensor)}
    assert apart == {"g", "m"}


def test_the_bytes_of_a_large_model_hold_none_of_its_large_weights(rng, low, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(net(rng), str(path))
    model = read(path).model
    before = {name: value.const_value for name, value in model.graph.initializers.items()}
    low()
    data, weights = to_bytes(model)
    assert len(data) < 3000 and {name: array.shape for name, array in weights.items()} == {
        "f": (16, 3, 3, 3), "g": (20, 16, 3, 3), "m": (320, 10)
    }  # fmt: skip
    assert {name: value.const_value for name, value in model.graph.initializers.items()} == before


@pytest.mark.parametrize("place", [{}, PLACE], ids=["inside", "beside"])
def test_the_inverse_of_a_large_model_is_a_small_file_with_its_weights_beside_it(place, rng, low, tmp_path):
    path, x = tmp_path / "model.onnx", rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    onnx.save_model(net(rng), str(path), **place)
    low()
    network, out = inspectnet.open(path, device="cpu"), tmp_path / "out" / "inverse.onnx"
    for _ in range(2):  # the second time over the first
        network.inverse(Policy()).save("conv2", out)
    assert sorted(p.name for p in out.parent.iterdir()) == ["inverse.onnx", "inverse.onnx.data"]
    assert out.stat().st_size < 10_000 < out.with_name("inverse.onnx.data").stat().st_size
    seed = network.activations(x, "conv2")
    (pixels,) = onnxruntime.InferenceSession(str(out)).run(None, {"image": x, "seed": seed})
    np.testing.assert_array_equal(pixels, network.inverse().project_seeds(x, "conv2", seed))


def test_a_large_model_is_annotated(rng, low, tmp_path):
    path, out = tmp_path / "model.onnx", tmp_path / "said" / "out.onnx"
    onnx.save_model(net(rng), str(path), **PLACE)
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    low()
    metadata.annotate(path, {metadata.CLASSES: ["cat"]}, out)
    assert inspectnet.open(out, device="cpu").classes == ["cat"]
    for found, expected in zip(answers(out, x), answers(path, x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_in_files_that_were_cut_short_are_refused_before_they_are_used(rng, low, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(net(rng), str(path), **PLACE)
    low()
    (tmp_path / "w.bin").write_bytes((tmp_path / "w.bin").read_bytes()[:-4])
    with pytest.raises(ModelError, match="ends before the weight 'm'"):
        read(path)


def test_a_large_weight_that_holds_nan_is_refused_by_name(rng, low, tmp_path):
    file = net(rng)
    matrix = next(t for t in file.graph.initializer if t.name == "m")
    matrix.raw_data = matrix.raw_data[:-4] + np.float32(np.nan).tobytes()
    path = tmp_path / "model.onnx"
    onnx.save_model(file, str(path), **PLACE)
    low()
    with pytest.raises(ModelError, match="the weight 'm' holds NaN"):
        read(path)


def test_weights_that_are_large_are_held_once(rng, low, tmp_path):
    onnx.save_model(net(rng), str(path := tmp_path / "model.onnx"))
    model = read(path).model
    low()
    (_, once), (_, again) = to_bytes(model), to_bytes(model)
    assert once and all(np.shares_memory(once[name], again[name]) for name in once)
