"""Channels last: the turned graph gives what the file gives, with its body in (N, C, H, W)."""

import json

import numpy as np
import onnxruntime
import pytest
from nets import onnx_text
from small import run

import inspectnet
from inspectnet.errors import OptionError
from inspectnet.geometry import Box, Unit
from inspectnet.reading.reader import open_graph, read

P, Q = "<perm = [0, 3, 1, 2]>", "<perm = [0, 2, 3, 1]>"  # to channels first, to channels last

KERAS = f"""
scaled = Sub (image, means)
padded = Pad (scaled, pads)
a = Transpose {P} (padded)
b = Conv <kernel_shape = [3, 3], strides = [2, 2]> (a, filters1)
c = Transpose {Q} (b)
d = Add (c, bias1)
e = Relu (d)
f = Transpose {P} (e)
g = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (f, filters2)
h = Transpose {Q} (g)
i = Add (h, e)
j = PRelu (i, slopes)
k = Concat <axis = 3> (j, e)
m = Transpose {P} (k)
n = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (m)
o = Transpose {Q} (n)
q = ReduceMean <keepdims = 0> (o, space)
y = MatMul (q, matrix)
"""


def weights(rng):
    """Of KERAS, for images of 12 x 16."""
    return {
        "means": rng.normal(size=3), "pads": [0, 0, 1, 0, 0, 1, 0, 0], "filters1": rng.normal(size=(4, 3, 3, 3)),
        "bias1": rng.normal(size=4), "filters2": rng.normal(size=(4, 4, 3, 3)),
        "slopes": rng.uniform(size=(1, 1, 4)), "space": [1, 2], "matrix": rng.normal(size=(8, 5)),
    }  # fmt: skip


def kept(file, folder, name="model.onnx"):
    path = folder / name
    path.write_bytes(file.SerializeToString())
    return path


def given(file, x):
    """What the file itself gives for images (N, C, H, W), by onnxruntime."""
    (y,) = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"image": last(np.float32(x))})
    return y


def last(x):
    return np.ascontiguousarray(np.asarray(x).transpose(0, 2, 3, 1))


def ops(model):
    return [node.op_type for node in model.graph]


def turned(body, numbers, rng, folder, extent=(6, 8, 3)):
    """The opened graph of a file that takes (2, *extent), with images for it and what the file gives."""
    file = onnx_text(body, numbers, image=(2, *extent))
    x = rng.normal(size=(2, extent[2], *extent[:2]))
    return open_graph(read(kept(file, folder)), None), x, given(file, x)


def test_a_graph_as_tensorflow_writes_it_gives_the_same_and_holds_no_transpose(rng, tmp_path):
    model, x, y = turned(KERAS, weights(rng), rng, tmp_path, (12, 16, 3))
    assert [str(d) for d in model.graph.inputs[0].shape] == ["N", "3", "12", "16"]
    assert "Transpose" not in ops(model)
    np.testing.assert_allclose(run(model, x), y, rtol=1e-4, atol=1e-5)


def test_its_layers_are_maps_with_fields_under_the_names_of_the_file(rng, tmp_path):
    file = onnx_text(KERAS, weights(rng), image=("N", 12, 16, 3))
    network = inspectnet.open(kept(file, tmp_path), device="cpu")
    assert network.input_shape == (3, 12, 16)
    conv = network.layer("conv1")
    assert (conv.output, conv.pre, conv.shape) == ("e", "d", ("N", 4, 6, 8))
    assert [(axis.size, axis.jump, axis.start) for axis in conv.field] == [(3, 2, 0), (3, 2, -1)]
    x = rng.normal(size=(2, 3, 12, 16)).astype(np.float32)
    assert network.activations(x, "concat1").shape == (2, 8, 6, 8)


def test_signals_come_down_to_the_pixels_that_a_channels_first_twin_gives(rng, tmp_path):
    body = f"a = Transpose {P} (image)\nb = Conv (a, f)\nc = Transpose {Q} (b)\ny = Relu (c)"
    numbers = {"f": rng.normal(size=(4, 3, 3, 3))}
    x = rng.normal(size=(2, 3, 6, 8)).astype(np.float32)
    seen = []
    for text, extent in ((body, (6, 8, 3)), ("b = Conv (image, f)\ny = Relu (b)", (3, 6, 8))):
        network = inspectnet.open(kept(onnx_text(text, numbers, image=("N", *extent)), tmp_path), device="cpu")
        (down,) = network.inverse().project(x, "conv1", [Unit(1, 2, 3, 1)])
        seen.append(down.window(Box(0, 0, 6, 8)))
        np.testing.assert_array_equal(network.layer("conv1").shape, ("N", 4, 4, 6))
    np.testing.assert_array_equal(*seen)


SINKING = {
    "a scale for each channel": ("t = Mul (image, c)\ny = Transpose {P} (t)", {"c": [1.0, 2.0, 3.0]}),
    "a mean image": ("t = Sub (image, c)\ny = Transpose {P} (t)", {"c": np.arange(144.0).reshape(6, 8, 3)}),
    "a number": ("t = Div (image, c)\ny = Transpose {P} (t)", {"c": 127.5}),
    "a clip": ("t = Clip (image, a, b)\ny = Transpose {P} (t)", {"a": -0.5, "b": 0.5}),
    "padding": ("t = Pad (image, c)\ny = Transpose {P} (t)", {"c": [0, 1, 2, 0, 0, 3, 4, 0]}),
    "padding of named axes": (
        "t = Pad (image, c, , a)\ny = Transpose {P} (t)",
        {"c": [1, 2, 3, 4], "a": [1, -2]},
    ),
    "slices of channels": (
        "t = Slice (image, a, b, c, d)\ny = Transpose {P} (t)",
        {"a": [2, 1], "b": [-9, 6], "c": [-1, 1], "d": [-1, 2]},
    ),
    "split and joined": (
        "r, g, b = Split <axis = -1, num_outputs = 3> (image)\nt = Concat <axis = -1> (b, g, r)\ny = Transpose {P} (t)",
        {},
    ),
    "joined with constants": (
        "t = Concat <axis = 1> (image, c)\ny = Transpose {P} (t)",
        {"c": np.arange(96.0).reshape(2, 2, 8, 3)},
    ),
    "a softmax over channels": ("t = Softmax <axis = 3> (image)\ny = Transpose {P} (t)", {}),
    "enlarged by scales": (
        'e = Constant <value = float[0] {{}}> ()\nt = Resize <mode = "linear"> (image, e, c)\ny = Transpose {P} (t)',
        {"c": [1.0, 2.0, 1.5, 1.0]},
    ),
    "enlarged to a size": ("t = Resize (image, , , c)\ny = Transpose {P} (t)", {"c": [2, 12, 16, 3]}),
    "rounded": ("q = QuantizeLinear (image, c)\nt = DequantizeLinear (q, c)\ny = Transpose {P} (t)", {"c": 0.02}),
    "rounded, each channel on its own grid": (
        "q = QuantizeLinear <axis = -1> (image, c)\nt = DequantizeLinear <axis = 3> (q, c)\ny = Transpose {P} (t)",
        {"c": [0.01, 0.02, 0.03]},
    ),
    "compared": ("b = GreaterOrEqual (image, c)\nt = Cast <to = 1> (b)\ny = Transpose {P} (t)", {"c": 0.5}),
    "a wave": ("t = Sin (image)\ny = Transpose {P} (t)", {}),
    "made one long": ("t = LpNormalization <axis = -1, p = 2> (image)\ny = Transpose {P} (t)", {}),
    "the largest, softly": ("y = ReduceLogSumExp <keepdims = 0> (image, c)", {"c": [1, 2]}),
    "the sum of squares": ("y = ReduceSumSquare <keepdims = 0> (image, c)", {"c": [1, 2]}),
    "the mean over the space": ("y = ReduceMean <keepdims = 0> (image, c)", {"c": [1, 2]}),
    "the mean over the space, from behind": ("y = ReduceMean <keepdims = 0> (image, c)", {"c": [-2, -3]}),
    "the largest, kept": ("t = ReduceMax <keepdims = 1> (image, c)\ny = Transpose {P} (t)", {"c": [1, 2]}),
    "extents of one squeezed": (
        "t = ReduceMax <keepdims = 1> (image, c)\ny = Squeeze (t, c)",
        {"c": [1, 2]},
    ),
}


@pytest.mark.parametrize(("body", "numbers"), SINKING.values(), ids=SINKING)
def test_a_transpose_sinks_through(body, numbers, rng, tmp_path):
    model, x, y = turned(body.format(P=P), numbers, rng, tmp_path)
    assert "Transpose" not in ops(model)
    np.testing.assert_allclose(run(model, x), y, rtol=1e-5, atol=1e-6)


STAYING = {
    "to where the classes are counted": "a = Flatten (image)\ny = MatMul (a, m)",
    "over one axis of space": "y = ReduceSum <keepdims = 0> (image, one)",
    "before a product with a matrix": "a = Relu (image)\ny = MatMul (a, s)",
    "before a sum with what is not turned": "a = Reshape (image, r)\nb = Relu (image)\nc = Add (a, b)\ny = Flatten (c)",
    "before padding that is not known": "p = Shape (image)\nq = Concat <axis = 0> (p, p)\na = Pad (image, q)\n"
    "y = Flatten(a)",
}  # fmt: skip


@pytest.mark.parametrize("body", STAYING.values(), ids=STAYING)
def test_a_transpose_stays_where_it_matters_and_the_result_is_the_same(body, rng, tmp_path):
    numbers = {"m": rng.normal(size=(144, 4)), "s": rng.normal(size=(3, 4)), "r": [0, 6, 8, 3], "one": [1]}
    model, x, y = turned(body, numbers, rng, tmp_path)
    assert "Transpose" in ops(model)
    np.testing.assert_allclose(run(model, x), y, rtol=1e-4, atol=1e-5)


def test_the_largest_class_of_each_pixel_is_found_over_the_channels(rng, tmp_path):
    body = "a = ArgMax <axis = 3, keepdims = 0> (image)\ny = Cast <to = 1> (a)"
    model, x, y = turned(body, {}, rng, tmp_path)
    assert ops(model) == ["ArgMax", "Cast"]
    np.testing.assert_array_equal(run(model, x), y)


def test_a_dense_output_has_its_channels_first_too(rng, tmp_path):
    body = f"a = Transpose {P} (image)\nb = Conv (a, f)\nc = Transpose {Q} (b)\ny = Softmax <axis = -1> (c)"
    model, x, y = turned(body, {"f": rng.normal(size=(5, 3, 1, 1))}, rng, tmp_path)
    assert ops(model) == ["Conv", "Softmax"]
    assert list(model.graph.outputs[0].shape)[1:] == [5, 6, 8]
    np.testing.assert_allclose(last(run(model, x)), y, rtol=1e-5, atol=1e-6)


def test_a_value_that_two_read_in_either_order_of_axes_serves_both(rng, tmp_path):
    body = f"a = Relu (image)\nb = Transpose {P} (a)\nc = GlobalMaxPool (b)\nd = Flatten (c)\ne = Flatten (a)\n"
    model, x, y = turned(body + "y = Concat <axis = 1> (d, e)", {}, rng, tmp_path)
    np.testing.assert_array_equal(run(model, x), y)


def test_grey_images_may_have_their_channel_last(rng, tmp_path):
    body = f"a = Transpose {P} (image)\ny = Conv (a, f)"
    model, x, y = turned(body, {"f": rng.normal(size=(2, 1, 3, 3))}, rng, tmp_path, (9, 9, 1))
    assert ops(model) == ["Conv"]
    np.testing.assert_allclose(run(model, x), y, rtol=1e-5, atol=1e-6)


def test_open_height_and_width_stay_open_until_the_size_is_known(rng, tmp_path):
    file = onnx_text(f"a = Transpose {P} (image)\ny = GlobalMaxPool (a)", image=("N", "H", "W", 3))
    network = inspectnet.open(kept(file, tmp_path), device="cpu", preparation={"input_size": (30, 40)})
    assert network.input_shape == (3, 30, 40)
    assert inspectnet.open(kept(file, tmp_path), device="cpu").input_shape == (3, 224, 224)


@pytest.mark.parametrize("extent", [(3, 6, 3), (1, 6, 3), (3, 6, 1)])
def test_what_could_be_either_has_its_channels_first(extent, tmp_path):
    source = read(kept(onnx_text("y = Relu (image)", image=("N", *extent)), tmp_path))
    assert (source.layout, ops(source.model)) == ("nchw", ["Relu"])
    assert list(source.model.graph.inputs[0].shape)[1:] == list(extent)


@pytest.mark.parametrize("channels", [2, 4, 13])
def test_other_numbers_of_channels_are_last_where_the_image_is_turned_at_once(channels, rng, tmp_path):
    weights = {"f": rng.normal(size=(6, channels, 3, 3))}
    turned = onnx_text(
        f"a = Transpose {P} (image)\nb = Conv (a, f)\ny = Relu (b)", weights, image=("N", 7, 9, channels)
    )
    network = inspectnet.open(kept(turned, tmp_path), device="cpu")
    assert network.input_shape == (channels, 7, 9) and network.layer("conv1").extent == (5, 7)
    x = rng.normal(size=(2, channels, 7, 9)).astype(np.float32)
    (wanted,) = onnxruntime.InferenceSession(turned.SerializeToString()).run(None, {"image": last(x)})
    np.testing.assert_allclose(network.activations(x, "conv1"), wanted, atol=1e-5)
    first = onnx_text("y = Relu (image)", image=("N", 8, 8, 4))
    assert inspectnet.open(kept(first, tmp_path), device="cpu").input_shape == (8, 8, 4)


@pytest.mark.parametrize("layout", ["nhwc", "nchw", None])
def test_a_preparation_that_travels_may_say_the_files_own_layout(layout, rng, tmp_path):
    file = onnx_text(f"a = Transpose {P} (image)\ny = Conv (a, f)", {"f": np.ones((1, 3, 1, 1))}, image=(1, 6, 8, 3))
    said = {"input_size": [3, 6, 8], "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]} | ({"layout": layout} if layout else {})
    (tmp_path / "model.preprocess.json").write_text(json.dumps(said))
    network = inspectnet.open(kept(file, tmp_path), device="cpu")
    pixels = rng.integers(0, 256, (6, 8, 3), np.uint8)
    x = network.preparation.normalise(pixels)[None]
    maps = network.activations(x, network.layers[0].name)
    np.testing.assert_allclose(maps[0, 0], (pixels / 255 - [0.1, 0.2, 0.3]).sum(axis=2), atol=1e-5)


def test_a_preparation_with_channels_last_for_a_file_with_channels_first_is_refused(tmp_path):
    said = {"input_size": [3, 6, 8], "mean": [0, 0, 0], "std": [1, 1, 1], "layout": "nhwc"}
    (tmp_path / "model.preprocess.json").write_text(json.dumps(said))
    path = kept(onnx_text("y = Relu (image)", image=("N", 3, 6, 8)), tmp_path)
    with pytest.raises(OptionError, match=r"takes images of \(C, H, W\) = \(3, 6, 8\)"):
        inspectnet.open(path, device="cpu")
