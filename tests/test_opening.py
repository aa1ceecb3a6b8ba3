"""Opening: heads of any kind, grey images, open extents; what opens goes all the way, up to the pictures."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from nets import onnx_text
from onnx import numpy_helper
from PIL import Image
from small import build

import inspectnet
from inspectnet.analyses.verification import check_all
from inspectnet.cli import main
from inspectnet.geometry import Box, Unit
from inspectnet.rules import Policy

rng = np.random.default_rng(8)


def weights(**shapes):
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def kept(file, folder, name="model.onnx"):
    path = folder / name
    path.write_bytes(file.SerializeToString())
    return path


def opened(file, folder, **more):
    return inspectnet.open(kept(file, folder), device="cpu", **more)


# Heads -----------------------------------------------------------------------------------------------------

HEADS = """
<ir_version: 10, opset_import: ["" : 21]>
net (float[BATCH,3,16,16] image) =>
    (int64[R,3] kept, float[T] best, int64[D,Z] places, float[B,Q] boxed, float[L] last) {
  a = Conv <strides = [2, 2]> (image, f)
  b = Relu (a)
  c = Conv (b, g)
  d = Relu (c)
  boxes4 = Conv (d, fb)
  scores4 = Conv (d, fs)
  rows = Reshape (boxes4, as_boxes)
  boxes = Transpose <perm = [0, 2, 1]> (rows)
  flat = Reshape (scores4, as_scores)
  scores = Sigmoid (flat)
  kept = NonMaxSuppression (boxes, scores, many, half, half)
  which = Gather <axis = 1> (kept, two)
  all = Reshape (boxes, rows4)
  boxed = Gather <axis = 0> (all, which)
  line = Reshape (scores, minus)
  best, at = TopK (line, three)
  sure = Greater (scores4, zero)
  places = NonZero (sure)
  last = Loop (n, on, best) <body = l (int64 i, bool go, float[T] v) => (bool stay, float[T] o) {
    stay = Identity (go)
    o = Add (v, best)
  }>
}
"""


def detector(batch):
    """A body of two convolutions with all the heads that detectors have."""
    file = onnx.parser.parse_model(HEADS.replace("BATCH", str(batch)))
    numbers = weights(f=(4, 3, 3, 3), g=(6, 4, 3, 3), fb=(4, 6, 1, 1), fs=(2, 6, 1, 1)) | {
        "as_boxes": [1, 4, 25], "as_scores": [1, 2, 25], "rows4": [25, 4], "minus": [-1], "two": 2, "three": [3],
        "many": [5], "half": [0.5], "zero": 0.0, "n": 2, "on": True,
    }  # fmt: skip
    for name, given in numbers.items():
        array = np.asarray(given)
        array = array if array.dtype.kind in "ib" else array.astype(np.float32)
        file.graph.initializer.append(numpy_helper.from_array(array, name))
    return file


@pytest.mark.parametrize("batch", ["N", 1])
def test_a_detector_opens_and_its_body_answers(batch, tmp_path):
    network = opened(detector(batch), tmp_path)
    assert [layer.name for layer in network.layers][:4] == ["conv1", "conv2", "conv3", "conv4"]
    assert [network.inverse().obstacle(name) for name in ("conv1", "conv2", "conv3", "conv4")] == [None] * 4
    x = rng.normal(size=(3, 3, 16, 16)).astype(np.float32)
    assert network.activations(x, "conv2").shape == (3, 6, 5, 5)
    assert [check for check in check_all(network, x[:1], ["conv2"], Policy()) if not check.passed] == []
    (down,) = network.inverse().project(x, "conv4", [Unit(2, 1, 0, 3)])
    assert down.window(Box(0, 0, 16, 16)).any()


def test_a_segmenter_with_a_map_of_classes_opens(tmp_path):
    body = """
    a = Conv <pads = [1, 1, 1, 1]> (image, f)
    b = Relu (a)
    c = Conv (b, g)
    d = Resize <mode = "linear"> (c, , twice)
    e = ArgMax <axis = 1, keepdims = 0> (d)
    p = Softmax <axis = 1> (d)
    """
    numbers = weights(f=(4, 3, 3, 3), g=(5, 4, 1, 1)) | {"twice": np.float32([1, 1, 2, 2])}
    body = body.replace("    e = ArgMax", "    e64 = ArgMax").replace("    p =", "    e = Cast <to = 1> (e64)\n    p =")
    file = onnx_text(body, {k: np.asarray(v, np.float32) for k, v in numbers.items()}, ["e", "p"], image=("N", 3, 8, 8))
    network = opened(file, tmp_path)
    assert network.inverse().obstacle("conv2") is None
    assert network.activations(rng.normal(size=(2, 3, 8, 8)).astype(np.float32), "softmax1").shape == (2, 5, 16, 16)


def test_a_head_that_may_be_empty_is_no_image_that_is_too_small(tmp_path):
    body = "a = Conv (image, f)\ny = Relu (a)\nb = Flatten (y)\nnone = Slice (b, zero, zero, one)"
    numbers = weights(f=(4, 3, 3, 3)) | {"zero": [0], "one": [1]}
    network = opened(onnx_text(body, numbers, ["y", "none"], image=("N", 3, 8, 8)), tmp_path)
    assert network.activations(rng.normal(size=(2, 3, 8, 8)), "conv1").shape == (2, 4, 6, 6)


# Grey images -----------------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(rng.integers(0, 256, (40, 36, 3), np.uint8)).save(folder / label / f"{i}.png")
    return folder


GREY = """
a = Conv <strides = [2, 2]> (image, f)
b = Relu (a)
c = GlobalAveragePool (b)
d = Flatten (c)
y = MatMul (d, m)
"""


@pytest.mark.parametrize("extent", [(1, 16, 16), (16, 16, 1)], ids=["first", "last"])
def test_a_network_for_grey_images_goes_through_every_command(extent, photos, tmp_path, capsys):
    turn = "t = Transpose <perm = [0, 3, 1, 2]> (image)\n" if extent[2] == 1 else ""
    body = turn + GREY.replace("image", "t" if turn else "image")
    path = kept(onnx_text(body, weights(f=(4, 1, 3, 3), m=(4, 2)), image=("N", *extent)), tmp_path)
    said, out = ["--mean", "0.5", "--std", "0.25"], tmp_path / "said.onnx"
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    classes = ["--classes", str(tmp_path / "classes.txt")]
    commands = [
        ["layers", path],
        ["annotate", path, "-o", out, *said, *classes],
        ["deconv", out, "-l", "conv1", "--images", photos, "-o", tmp_path / "deconv", "--device", "cpu"],
        ["evaluate", out, "--images", photos, "-o", tmp_path / "errors", "--device", "cpu"],
        ["verify", out, "--device", "cpu"],
        ["invert", out, "-l", "conv1", "-o", tmp_path / "inverse.onnx"],
    ]
    for command in commands:
        assert main([str(word) for word in command]) == 0, (command[0], capsys.readouterr().err)
    assert list((tmp_path / "deconv").rglob("*.png"))
    (inverse,) = onnx.load(str(tmp_path / "inverse.onnx")).graph.output
    assert [d.dim_value for d in inverse.type.tensor_type.shape.dim][1:] == [1, 16, 16]


# Open extents ----------------------------------------------------------------------------------------------

ANY = """
a = Conv <pads = [1, 1, 1, 1]> (image, f)
b = Relu (a)
c = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (b)
"""


@pytest.mark.parametrize("extents", [("H", "W"), ("S", "S"), ("H", 20)])
def test_open_extents_take_the_size_that_is_said_or_the_default(extents, tmp_path):
    file = onnx_text(ANY + "y = GlobalAveragePool (c)", weights(f=(4, 3, 3, 3)), image=("N", 3, *extents))
    network = opened(file, tmp_path)
    w = 20 if extents[1] == 20 else 224
    assert (network.input_shape, network.layer("pool1").shape) == ((3, 224, w), ("N", 4, 112, w // 2))
    said = opened(file, tmp_path, preparation={"input_size": (12, 20)})
    assert (said.input_shape, said.layer("pool1").shape) == ((3, 12, 20), ("N", 4, 6, 10))
    x = rng.normal(size=(2, 3, 12, 20)).astype(np.float32)
    (down,) = said.inverse().project(x, "pool1", [Unit(1, 2, 5, 9)])
    assert down.window(Box(0, 0, 20, 12)).any()


def test_a_head_that_needs_one_size_says_which_with_open_extents(tmp_path):
    """The file leaves height and width open, but its matrix fits one size only."""
    file = onnx_text(
        ANY + "d = Flatten (c)\ny = MatMul (d, m)", weights(f=(4, 3, 3, 3), m=(64, 5)), image=("N", 3, "H", "W")
    )
    network = opened(file, tmp_path, preparation={"input_size": (8, 8)})
    assert network.activations(rng.normal(size=(2, 3, 8, 8)).astype(np.float32), "pool1").shape == (2, 4, 4, 4)
    assert network.layers[-1].shape == ("N", 5)


NORMS = {
    "GroupNormalization": lambda op, x: op.GroupNormalization(x, *np.ones((2, 4), np.float32), num_groups=2),
    "MeanVarianceNormalization": lambda op, x: op.MeanVarianceNormalization(x),
}


@pytest.mark.parametrize("norm", NORMS)
def test_layers_above_a_normalisation_that_onnx_infers_no_shape_through_are_found(norm, tmp_path):
    f, g = (np.float32(w) for w in weights(f=(4, 3, 3, 3), g=(5, 4, 3, 3)).values())
    model = build((3, 9, 9), lambda op, x: op.Conv(op.Relu(NORMS[norm](op, op.Conv(x, f))), g))
    network = opened(ir.to_proto(model), tmp_path)
    assert network.layer("conv2").shape[1:] == (5, 5, 5)
    for method in ("deconvnet", "guided_backprop", "gradient"):
        assert network.inverse(Policy(method)).obstacle("conv2") is None


SMOOTH = {
    "HardSwish": lambda op, x: op.HardSwish(x),
    "Swish": lambda op, x: op.Swish(x),
    "Gelu": lambda op, x: op.Gelu(x),
    "LayerNormalization": lambda op, x: op.LayerNormalization(x, np.ones(7, np.float32), axis=-1),
    "a gate": lambda op, x: op.Mul(x, op.Sigmoid(op.ReduceMean(x, [2, 3]))),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_verify_proves_rules_of_smooth_operators_on_their_own_tensors(name, tmp_path):
    """Differences cross kinks (HardSwish) and nearly cancel (a normalisation does not change with scale)."""
    f, g = (np.float32(3 * w) for w in weights(f=(4, 3, 3, 3), g=(5, 4, 3, 3)).values())
    model = build((3, 9, 9), lambda op, x: op.Conv(SMOOTH[name](op, op.Conv(x, f)), g))
    network = opened(ir.to_proto(model), tmp_path)
    x = np.random.default_rng(1).normal(size=(2, 3, 9, 9)).astype(np.float32)
    checks = list(check_all(network, x, ["conv2"], Policy()))
    assert [check for check in checks if not check.passed] == []
    assert {check.subject.split()[0] for check in checks} > {"Conv"}


SIZED = {  # of 9 x 11 places: as many as the filters reach, fewer, more
    "whole": "output_shape = [19, 23]",
    "cut off": "output_shape = [18, 20]",
    "cut off at the end": 'output_shape = [18, 20], auto_pad = "SAME_UPPER"',
    "empty at the end": "output_shape = [20, 24]",
}


@pytest.mark.parametrize("said", SIZED.values(), ids=SIZED)
def test_a_transposed_convolution_that_says_its_size_gives_what_onnxruntime_gives(said, tmp_path):
    body = f"a = Conv (image, k)\nb = ConvTranspose <strides = [2, 2], {said}> (a, w)\ny = Relu (b)"
    weights = {"k": rng.normal(size=(4, 3, 3, 3)), "w": rng.normal(size=(4, 5, 3, 3))}
    path, x = tmp_path / "model.onnx", rng.normal(size=(2, 3, 11, 13)).astype(np.float32)
    path.write_bytes(onnx_text(body, weights, image=("N", 3, 11, 13)).SerializeToString())
    network = inspectnet.open(path, device="cpu")
    (wanted,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(["y"], {"image": x})
    np.testing.assert_allclose(network.activations(x, "convt1"), wanted, rtol=1e-5, atol=1e-6)
    assert [check for check in check_all(network, x, ["convt1"], Policy()) if not check.passed] == []
