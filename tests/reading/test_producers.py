"""Files as old and new exporters wrote them: Caffe2, MXNet, CNTK, Keras, PyTorch; each gives what onnxruntime gives."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from small import run

import inspectnet
from inspectnet.geometry import Box, Unit
from inspectnet.reading.reader import open_graph, read

DRAW = np.random.default_rng(11)
IMAGE = DRAW.normal(size=(1, 3, 8, 8)).astype(np.float32)
F = {"f": DRAW.normal(size=(4, 3, 3, 3))}
BN = {name: DRAW.uniform(0.5, 1.5, 4) for name in ("gamma", "beta", "mean", "variance")}
DOUBLE = {"s": [1.0, 1.0, 2.0, 2.0]}
ONES = helper.make_tensor("ones", 1, [1], [1.0])


def node(op_type, *inputs, gives="y", **attributes):
    return helper.make_node(op_type, list(inputs), gives.split(), **attributes)


def old_file(nodes, weights, opset, domain=""):
    """A model of IR version 3, in which weights are inputs too."""
    arrays = {k: np.asarray(v) for k, v in weights.items()}
    tensors = [
        numpy_helper.from_array(v.astype(np.float32 if v.dtype.kind == "f" else np.int64), k) for k, v in arrays.items()
    ]
    takes = [("image", 1, IMAGE.shape), *((t.name, t.data_type, t.dims) for t in tensors)]
    inputs = [helper.make_tensor_value_info(*value) for value in takes]
    graph = helper.make_graph(nodes, "net", inputs, [helper.make_tensor_value_info("y", 1, None)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, opset)], ir_version=3)


OLD = {
    "BatchNormalization of opset 7": (7, F | BN, [
        node("Conv", "image", "f", gives="a", kernel_shape=[3, 3]),
        node("BatchNormalization", "a", "gamma", "beta", "mean", "variance", momentum=0.9, spatial=1)]),
    "BatchNormalization of opset 8": (8, F | BN, [
        node("Conv", "image", "f", gives="a"),
        node("BatchNormalization", "a", "gamma", "beta", "mean", "variance", epsilon=1e-3)]),
    "Dropout with a ratio": (7, {}, [node("Dropout", "image", gives="a", ratio=0.5), node("Relu", "a")]),
    "Upsample with scales inside": (7, {}, [node("Upsample", "image", scales=[1.0, 1.0, 2.0, 3.0], mode="nearest")]),
    "Upsample, linear": (7, {}, [node("Upsample", "image", scales=[1.0, 1.0, 2.0, 2.0], mode="linear")]),
    "Upsample with scales beside": (9, DOUBLE, [node("Upsample", "image", "s", mode="linear")]),
    "the first Resize, linear": (10, DOUBLE, [node("Resize", "image", "s", mode="linear")]),
    "the first Resize, nearest": (10, {"s": [1.0, 1.0, 1.6, 0.5]}, [node("Resize", "image", "s", mode="nearest")]),
    "Pad with attributes": (7, {}, [node("Pad", "image", pads=[0, 0, 1, 2, 0, 0, 0, 1], mode="constant", value=0.5)]),
    "Pad that mirrors": (10, {}, [node("Pad", "image", pads=[0, 0, 1, 2, 0, 0, 0, 1], mode="reflect")]),
    "Slice with attributes": (9, {}, [node("Slice", "image", starts=[1], ends=[7], axes=[3])]),
    "Clip with attributes": (7, {}, [node("Clip", "image", min=-0.5, max=0.6)]),
    "Clip at one end": (10, {}, [node("Clip", "image", min=0.0)]),
    "Split with attributes": (7, {}, [
        node("Split", "image", gives="a b", axis=3, split=[3, 5]), node("Relu", "b")]),
    "Softmax that flattens": (9, {}, [node("Softmax", "image", axis=1)]),
    "Squeeze with attributes": (9, {}, [
        node("GlobalAveragePool", "image", gives="a"), node("Squeeze", "a", axes=[2, 3])]),
    "Unsqueeze with attributes": (9, {"s": [1.0, 2.0, 3.0]}, [
        node("Unsqueeze", "s", gives="a", axes=[1, 2]), node("Mul", "image", "a")]),
    "ReduceMean with attributes": (9, {}, [node("ReduceMean", "image", axes=[2, 3], keepdims=0)]),
    "PRelu with one slope a map": (7, {"s": [[[0.1]], [[0.2]], [[0.3]]]}, [node("PRelu", "image", "s")]),
    "Caffe's local response normalisation": (7, {}, [
        node("LRN", "image", size=5, alpha=0.5, beta=0.75, bias=1.0)]),
    "a pool that pads as TensorFlow does": (8, {}, [
        node("MaxPool", "image", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")]),
    "CNTK's product and sum": (7, {"r": [1, 192], "m": DRAW.normal(size=(192, 5)), "b": DRAW.normal(size=5)}, [
        node("Reshape", "image", "r", gives="a"), node("MatMul", "a", "m", gives="c"), node("Add", "c", "b")]),
    "Caffe2's product with a row": (7, {"m": DRAW.normal(size=(5, 192)), "b": DRAW.normal(size=(1, 5))}, [
        node("Flatten", "image", gives="a"),
        node("Gemm", "a", "m", "b", transB=1)]),
    "MXNet's scaling of pixels": (7, F | {"mean": [0.5], "scale": [2.0]}, [
        node("Sub", "image", "mean", gives="a"), node("Mul", "a", "scale", gives="b"),
        node("Conv", "b", "f", kernel_shape=[3, 3])]),
    "weights made on the unit": (9, {"n": [4, 3, 3, 3]}, [
        node("ConstantOfShape", "n", gives="f", value=ONES), node("Conv", "image", "f")]),
}  # fmt: skip


def check(file, folder):
    """That the opened graph gives for IMAGE what the file gives; the path of the file."""
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    (wanted,) = onnxruntime.InferenceSession(str(path), options).run(None, {"image": IMAGE})
    np.testing.assert_allclose(run(open_graph(read(path), None), IMAGE), wanted, rtol=1e-5, atol=1e-5)
    return path


@pytest.mark.parametrize(("opset", "weights", "nodes"), OLD.values(), ids=OLD)
def test_an_old_file_gives_what_it_gave(opset, weights, nodes, tmp_path):
    check(old_file(nodes, weights, opset), tmp_path)


@pytest.mark.parametrize("opset", [11, 21])
def test_the_operators_own_domain_may_be_spelled_out(opset, tmp_path):
    file = old_file([node("Relu", "image")], {}, opset, domain="ai.onnx")
    file.ir_version = 10
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    np.testing.assert_array_equal(run(open_graph(read(path), None), IMAGE), np.maximum(IMAGE, 0))


def test_operators_of_another_domain_outlive_an_upgrade(tmp_path):
    file = old_file([node("Relu", "image", gives="a"), node("Gelu", "a", domain="com.microsoft")], {}, 12)
    file.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    file.ir_version = 7
    check(file, tmp_path)


FUNCTIONS = """
<ir_version: 10, opset_import: ["" : 20, "pkg" : 1]>
net (float[N,3,8,8] image) => (float[N,4,3,3] y) {
  a = pkg.block (image, first_weight, first_bias)
  b = pkg.block (a, second_weight, second_bias)
  y = MaxPool <kernel_shape = [2, 2], strides = [1, 1]> (b)
}
<domain: "pkg", opset_import: ["" : 20, "pkg" : 1]>
block (x, w, b) => (out) {
  h = Conv (x, w, b)
  out = pkg.squash (h)
}
<domain: "pkg", opset_import: ["" : 20]>
squash (x) => (out) {
  low = Constant <value = float {0.0}> ()
  high = Constant <value = float {6.0}> ()
  out = Clip (x, low, high)
}
"""


def test_functions_in_functions_are_opened_up(rng, tmp_path):
    """As PyTorch's dynamo exporter can keep modules."""
    file = onnx.parser.parse_model(FUNCTIONS)
    shapes = {"first.weight": (4, 3, 3, 3), "first.bias": (4,), "second.weight": (4, 4, 3, 3), "second.bias": (4,)}
    for call in file.graph.node:
        call.input[:] = [name.replace("_", ".") for name in call.input]  # which the text cannot spell
    for name, shape in shapes.items():
        file.graph.initializer.append(numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name))
    network = inspectnet.open(check(file, tmp_path), device="cpu")
    assert [layer.ops for layer in network.layers] == [("Conv", "Clip"), ("Conv", "Clip"), ("MaxPool",)]
    assert [layer.path for layer in network.layers][:2] == ["first", "second"]
    (down,) = network.inverse().project(IMAGE, "pool1", [Unit(0, 0, 1, 1)])
    assert down.window(Box(0, 0, 8, 8)).any()
