"""Networks whose images are no photos: of any number of channels, one row high, one column wide."""

import json

import numpy as np
import pytest
from commands import done, refused
from nets import onnx_text

import inspectnet
from inspectnet.analyses.verify import verify
from inspectnet.errors import ModelError, OptionError

BODY = """
a = Conv <pads = PADS> (image, f)
b = Relu (a)
p, q = MaxPool <kernel_shape = POOL, strides = POOL> (b)
c = Conv <pads = PADS> (p, g)
d = Relu (c)
e = GlobalAveragePool (d)
h = Flatten (e)
y = Gemm (h, w)
"""
SHAPES = {
    "one channel": (1, 12, 10),
    "two channels": (2, 12, 10),
    "RGBA": (4, 12, 10),
    "five channels": (5, 12, 10),
    "thirteen channels": (13, 12, 10),
    "one row": (3, 1, 40),
    "one column": (1, 40, 1),
    "one column of two channels": (2, 40, 1),
    "one column of five channels": (5, 40, 1),
    "one row of five channels": (5, 1, 40),
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def model(request, rng, tmp_path):
    """The file of a small network for images of a shape (C, H, W), and that shape."""
    channels, *extent = request.param
    kernel, pool = [min(3, n) for n in extent], [min(2, n) for n in extent]
    pads = [k // 2 for k in kernel] * 2
    weights = {
        "f": rng.normal(size=(6, channels, *kernel)),
        "g": rng.normal(size=(4, 6, *kernel)),
        "w": rng.normal(size=(4, 3)),
    }
    body = BODY.replace("PADS", str(pads)).replace("POOL", str(pool))
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", *request.param)).SerializeToString())
    return path, request.param


def test_it_opens_lists_its_layers_and_its_inverse_is_proved(model, tmp_path):
    path, shape = model
    network = inspectnet.open(path, device="cpu")
    assert network.input_shape == shape
    assert [layer.name for layer in network.layers] == ["conv1", "pool1", "conv2", "pool2", "fc3"]
    assert network.layer("conv2").field is not None
    proof = verify(network)
    assert proof.passed and not proof.left_out
    network.inverse().save("conv2", tmp_path / "inverse.onnx")
    assert (tmp_path / "inverse.onnx").exists()


def test_arrays_are_projected_and_attributed(model, rng):
    path, shape = model
    network = inspectnet.open(path, device="cpu")
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    one = inspectnet.Deconvnet(network, layer="conv2").attribute(x, target=1)
    unit = network.maxima(x, ["conv2"])["conv2"].unit(0, 1)
    (made,) = network.inverse().project(x, "conv2", [unit], crop=False)
    np.testing.assert_allclose(one[0] * unit.value, made.pixels, rtol=1e-4, atol=1e-5)
    assert one.shape == x.shape and one[0].any()
    slope = inspectnet.Gradient(network).attribute(x, target=2)
    score = network.activations(x, "fc3")[:, 2]  # without biases it is homogeneous, so Euler's identity holds
    np.testing.assert_allclose((slope * x).sum(axis=(1, 2, 3)), score, rtol=1e-3, atol=1e-4)


def test_the_commands_that_need_no_photo_take_it(model, tmp_path, capsys):
    path, shape = model
    out, _ = done(capsys, "layers", path, "--json")
    catalogue = json.loads(out)["result"]
    assert catalogue["input_shape"] == list(shape)
    assert (catalogue["preprocess"] is None) == (shape[0] not in (1, 3))
    done(capsys, "verify", path)
    done(capsys, "invert", path, "-l", "conv1", "-o", tmp_path / "inverse.onnx")
    if shape[0] not in (1, 3):
        out, _ = done(capsys, "diagnose", path, "-o", tmp_path / "diagnosis", "--json")
        assert json.loads(out)["images"] is None and list((tmp_path / "diagnosis").glob("*.png"))


COMMANDS = [
    *(["deconv", "-l", "conv1"], ["explain", "PHOTOS"], ["occlude", "PHOTOS"], ["evaluate", "--images", "PHOTOS"]),
    *(
        ["sanity", "PHOTOS"],
        ["invariance", "PHOTOS"],
        ["selectivity", "-l", "conv1"],
        ["diagnose", "--images", "PHOTOS"],
    ),
]
FIVE = {"five channels": SHAPES["five channels"]}


@pytest.mark.parametrize("model", FIVE.values(), ids=FIVE, indirect=True)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_that_reads_photos_refuses_it_before_any_work(command, model, tmp_path, capsys):
    path, _ = model
    name, *arguments = (tmp_path if word == "PHOTOS" else word for word in command)
    line = refused(capsys, name, path, *arguments, "-o", tmp_path / "out")
    assert "takes no photos, for photos have 3 channels or 1, not 5" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", FIVE.values(), ids=FIVE, indirect=True)
def test_a_preparation_of_photos_is_refused_in_words(model, tmp_path):
    path, _ = model
    with pytest.raises(OptionError, match="takes no photos, so it has no mean: photos have 3 channels or 1, not 5"):
        inspectnet.open(path, device="cpu", preparation={"mean": (0.5, 0.5, 0.5)})
    network = inspectnet.open(path, device="cpu")
    with pytest.raises(ModelError, match="takes no photos"):
        _ = network.preparation
    with pytest.raises(ModelError, match="takes no photos"):
        verify(network, images=tmp_path)
