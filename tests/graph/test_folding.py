"""Constant folding: control flow that does not depend on the pixels is gone when the graph is opened."""

import numpy as np
import onnx
import onnxruntime
import pytest
from small import run

import inspectnet
from inspectnet.reading.reader import open_graph, read

HEADER = '<ir_version: 10, opset_import: ["" : 21]>'
IMAGE = np.random.default_rng(3).normal(size=(2, 3, 8, 8)).astype(np.float32)


def opened(text, folder, header=HEADER):
    """The opened graph of a model written as text, and what the file gives for IMAGE."""
    path = folder / "model.onnx"
    onnx.save_model(onnx.parser.parse_model(header + text), str(path))
    (y,) = onnxruntime.InferenceSession(str(path)).run(None, {"image": IMAGE})
    return open_graph(read(path), None), y


def ops(model):
    return [node.op_type for node in model.graph]


def constant(model, name):
    return model.graph.initializers[name].const_value.numpy()


def test_a_loop_over_constants_is_what_it_gives(tmp_path):
    text = """
    g (float[N,3,8,8] image) => (float[N,3,8,8] y) 
    <int64 n = {4}, bool on = {1}, float[1] w = {2.0}, float[1] v = {1.0}> {
      k = Loop (n, on, v) <body = b (int64 i, bool go, float[1] a) => (bool stay, float[1] o) {
        stay = Identity (go)
        o = Mul (a, w)
      }>
      y = Mul (image, k)
    }"""
    model, y = opened(text, tmp_path)
    assert ops(model) == ["Mul"]
    assert constant(model, "k") == 2**4
    np.testing.assert_array_equal(run(model, IMAGE), y)


def test_a_scan_over_constants_is_what_it_gives(tmp_path):
    text = """
    g (float[N,3,8,8] image) => (float[N,3,8,8] y) <float zero = {0}, float[4] w = {1, 2, 3, 4}> {
      k, each = Scan <num_scan_inputs = 1, body = b (float sum, float next) => (float more, float shown) {
        more = Add (sum, next)
        shown = Identity (more)
      }> (zero, w)
      y = Mul (image, k)
    }"""
    model, y = opened(text, tmp_path)
    assert (ops(model), constant(model, "k")) == (["Mul"], 10)
    np.testing.assert_array_equal(run(model, IMAGE), y)


def test_a_loop_that_takes_an_extent_of_the_image_is_what_it_gives(tmp_path):
    text = """
    g (float[N,3,8,8] image) => (float[N,3,8,8] y) <int64 two = {2}, bool on = {1}, float[1] v = {1.0}> {
      shape = Shape (image)
      h = Gather (shape, two)
      k = Loop (h, on, v) <body = b (int64 i, bool go, float[1] a) => (bool stay, float[1] o) {
        stay = Identity (go)
        o = Add (a, v)
      }>
      y = Mul (image, k)
    }"""
    model, y = opened(text, tmp_path)
    assert (ops(model), constant(model, "k")) == (["Mul"], 9)
    np.testing.assert_array_equal(run(model, IMAGE), y)


CHOICE = """
g (float[N,3,8,8] image) => (float[N,3,8,8] y) <int64 axis = {AXIS}, int64 eight = {8}, bool inner = {INNER}> {
  shape = Shape (image)
  extent = Gather (shape, axis)
  same = Equal (extent, eight)
  y = If (same) <then_branch = a () => (float[N,3,8,8] t) {
    t = If (inner) <then_branch = c () => (float[N,3,8,8] tt) { tt = Relu (image) },
                    else_branch = d () => (float[N,3,8,8] te) { te = Neg (image) }>
  }, else_branch = b () => (float[N,3,8,8] e) { e = Abs (image) }>
}"""


@pytest.mark.parametrize(
    ("axis", "inner", "left"), [("2", "1", ["Relu"]), ("2", "0", ["Neg"]), ("1", "1", ["Abs"]), ("1", "0", ["Abs"])]
)
def test_of_an_if_in_an_if_one_branch_is_left(axis, inner, left, tmp_path):
    model, y = opened(CHOICE.replace("AXIS", axis).replace("INNER", inner), tmp_path)
    assert ops(model) == left
    assert list(model.graph.outputs[0].shape)[1:] == [3, 8, 8]
    np.testing.assert_array_equal(run(model, IMAGE), y)


def test_old_operators_in_a_branch_are_upgraded_too(tmp_path):
    """As torch.squeeze was exported to opset 11."""
    text = """
    g (float[N,3,8,8] image) => (y) {
      p = GlobalAveragePool (image)
      s = Shape (p)
      two = Constant <value = int64 {2}> ()
      e = Gather (s, two)
      one = Constant <value = int64 {1}> ()
      c = Equal (e, one)
      y = If (c) <then_branch = a () => (t) { t = Squeeze <axes = [2, 3]> (p) },
                  else_branch = b () => (u) { u = Identity (p) }>
    }"""
    text = (
        text.replace("=> (y)", "=> (float[N,3] y)")
        .replace("=> (t)", "=> (float[N,3] t)")
        .replace("=> (u)", "=> (float[N,3,1,1] u)")
    )
    model, y = opened(text, tmp_path, '<ir_version: 7, opset_import: ["" : 11]>')
    assert ops(model) == ["GlobalAveragePool", "Squeeze"]
    np.testing.assert_allclose(run(model, IMAGE), y, rtol=1e-6)


def test_what_the_reference_does_not_know_is_left_to_the_run_time(tmp_path):
    text = """
    g (float[N,3,8,8] image) => (float[N,3,8,8] y) <float[1] w = {2}> {
      k = com.microsoft.Gelu (w)
      y = Mul (image, k)
    }"""
    header = '<ir_version: 10, opset_import: ["" : 21, "com.microsoft" : 1]>'
    model, y = opened(text, tmp_path, header)
    assert ops(model) == ["Gelu", "Mul"]
    np.testing.assert_allclose(run(model, IMAGE), y, rtol=1e-6)


LOOP = """
g (float[N,3,8,8] image) => (float[N,4,M,M] y) <float[4,3,3,3] f, float[4,4,1,1] h, int64 n = {3}, bool on = {1}> {
  a = Conv (image, f)
  b = Relu (a)
  c = Loop (n, on, b) <body = l (int64 i, bool go, float[N,4,6,6] v) => (bool stay, float[N,4,6,6] o) {
    stay = Identity (go)
    o = Sin (v)
  }>
  d = Conv (c, h)
  y = Relu (d)
}"""


def test_a_loop_over_pixels_is_named_and_refused_for_what_is_above_it_alone(rng, tmp_path):
    file = onnx.parser.parse_model(HEADER + LOOP)
    for name, shape in (("f", (4, 3, 3, 3)), ("h", (4, 4, 1, 1))):
        file.graph.initializer.append(onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name))
    onnx.save_model(file, str(tmp_path / "model.onnx"))
    network = inspectnet.open(tmp_path / "model.onnx", device="cpu")
    assert network.inverse().obstacle("conv1") is None
    assert network.activations(IMAGE, "conv1").shape == (2, 4, 6, 6)
    above = [layer.name for layer in network.layers if layer.name != "conv1"]
    reasons = [network.inverse().obstacle(name) for name in above] or [network.unknown]
    assert all("Loop" in str(reason) for reason in reasons), reasons
