"""Quantised networks: the rectifiers that a quantiser dropped stand again; layers are those of the float network."""

import contextlib
import io

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from nets import EXPORTERS, export, onnx_text, random_weights
from onnx import numpy_helper
from small import opened, outputs_of_file, run

import inspectnet
from inspectnet.analyses.verification import check_all
from inspectnet.rules import Policy

IMAGE = ("N", 3, 8, 8)
ROUND = "\nn = Constant <value_int = {zero}> ()\nz = Cast <to = {to}> (n)\nq = QuantizeLinear ({x}, s, z)\n"
ROUND += "y = DequantizeLinear (q, s, z)"
INT8, INT16, UINT8, UINT16, UINT4, INT4 = 3, 5, 2, 4, 21, 22
LEAST = {INT8: -128, INT16: -(2**15), UINT8: 0, UINT16: 0, UINT4: 0, INT4: -8}
CONV = "a = Conv (image, k)"
SIGNED = {
    "a convolution": CONV,
    "its pool": f"{CONV}\nb = MaxPool <kernel_shape = [2, 2]> (a)\nc = GlobalAveragePool (b)",
    "a map that is tiled": f"{CONV}\nb = Tile (a, twice)",
    "a map less its mean": "r = Relu (image)\nb = MeanVarianceNormalization <axes = [0, 2, 3]> (r)",
    "a logarithm": "r = Relu (image)\nb = Add (r, six)\nc = Log (b)",
    "a sum": "r = Relu (image)\na = Conv (r, k)\np = AveragePool <kernel_shape = [3, 3]> (a)\nb = Add (a, a)",
    "a sum with a negative constant": "r = Relu (image)\nb = Add (r, less)",
    "a difference": "b = Sub (image, image)",
    "parts side by side": f"{CONV}\nr = Relu (a)\nb = Concat <axis = 1> (r, a)",
}
POSITIVE = {
    "the image": "b = Identity (image)",
    "the image, cut out": "b = MaxPool <kernel_shape = [2, 2]> (image)",
    "a rectified map": f"{CONV}\nb = Relu (a)",
    "a map between bounds": f"{CONV}\nb = Clip (a, none, six)",
    "sums of squares": f"{CONV}\nb = ReduceSumSquare (a)",
    "a pool of rectified maps": f"{CONV}\nr = Relu (a)\nb = GlobalAveragePool (r)",
    "a sum of rectified maps": f"{CONV}\nr = Relu (a)\nb = Add (r, r)",
}


def written(body, to=UINT8, zero=0):
    body += ROUND.format(to=to, zero=zero, x=body.split("\n")[-1].split(" = ")[0])
    numbers = random_weights(3, k=(4, 3, 3, 3)) | {"s": 0.25, "less": -1.0, "none": 0.0, "six": 6.0}
    numbers["twice"] = [1, 1, 2, 2]
    return onnx_text(
        body, {n: w for n, w in numbers.items() if f"{n})" in body or f"{n}," in body}, ["y"], 21, image=IMAGE
    )


def added(file, model):
    """How many Relus the opened model has more than the file."""
    return [n.op_type for n in model.graph].count("Relu") - [n.op_type for n in file.graph.node].count("Relu")


@pytest.mark.parametrize(("to", "least"), LEAST.items())
def test_a_zero_point_at_the_least_value_of_its_type_is_a_rectifier(to, least, rng, tmp_path):
    file = written(CONV, to, least)
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert [node.op_type for node in model.graph] == ["Conv", "Relu", "QuantizeLinear", "DequantizeLinear"]
    np.testing.assert_array_equal(run(model, x), outputs_of_file(file, x))


@pytest.mark.parametrize(("to", "least"), LEAST.items())
def test_any_other_zero_point_is_none(to, least, tmp_path):
    file = written(CONV, to, least + 1)
    assert added(file, opened(file, tmp_path)) == 0


@pytest.mark.parametrize(("attributes", "count"), [({}, 1), ({"output_dtype": UINT8}, 1), ({"output_dtype": INT8}, 0)])
def test_without_a_zero_point_it_is_0(attributes, count, rng, tmp_path):
    file = written(CONV)
    del file.graph.value_info[:]  # which says what type it had with a zero point
    for node in file.graph.node[-2:]:
        del node.input[2]
    file.graph.node[-2].attribute.extend(onnx.helper.make_attribute(*item) for item in attributes.items())
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert added(file, model) == count
    np.testing.assert_array_equal(run(model, x), outputs_of_file(file, x))


@pytest.mark.parametrize("body", SIGNED.values(), ids=SIGNED.keys())
def test_what_can_be_negative_is_rectified_before_it_is_cut_off(body, rng, tmp_path):
    file = written(body)
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert added(file, model) == 1
    np.testing.assert_array_equal(run(model, x), outputs_of_file(file, x))


@pytest.mark.parametrize("body", POSITIVE.values(), ids=POSITIVE.keys())
def test_what_is_positive_in_any_case_is_not(body, tmp_path):
    file = written(body)
    assert added(file, opened(file, tmp_path)) == 0


def test_two_that_cut_off_the_same_map_share_one_rectifier(rng, tmp_path):
    body = written(CONV)
    body.graph.node.append(onnx.helper.make_node("QuantizeLinear", ["a", "s", "z"], ["q2"]))
    body.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["q2", "s", "z"], ["y2"]))
    body.graph.node.append(onnx.helper.make_node("Add", ["y", "y2"], ["both"]))
    body.graph.output[0].name = "both"
    model, x = opened(body, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert added(body, model) == 1
    np.testing.assert_array_equal(run(model, x), outputs_of_file(body, x))


def test_roundings_of_onnxruntimes_own_are_those_of_onnx(rng, tmp_path):
    file = written(CONV, UINT16)
    file.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    for node in file.graph.node[-2:]:
        node.domain = "com.microsoft"
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert {node.domain for node in model.graph} == {""}
    assert added(file, model) == 1
    np.testing.assert_array_equal(run(model, x), outputs_of_file(file, x))


def float_net():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.relu, self.second = nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1)

        def forward(self, x):
            return self.relu(x + self.second(self.relu(self.first(x))))

    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(stem, Block(), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)).eval()


def quantised(path, x, kind, symmetric):
    """The file that onnxruntime's quantiser makes of the one at `path`."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Photos(CalibrationDataReader):
        def __init__(self):
            self.left = [{onnx.load(path).graph.input[0].name: x}]

        def get_next(self):
            return self.left.pop() if self.left else None

    with contextlib.redirect_stdout(io.StringIO()):
        quantize_static(
            path, path.with_suffix(".q.onnx"), Photos(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType[kind], weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": symmetric},
        )  # fmt: skip
    return path.with_suffix(".q.onnx")


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize(("kind", "symmetric"), [("QUInt8", False), ("QInt8", False), ("QInt8", True)])
def test_a_quantised_network_has_the_layers_and_the_projections_of_its_original(
    exporter, kind, symmetric, rng, tmp_path
):
    import torch

    x = rng.normal(size=(4, 3, 16, 16)).astype(np.float32)
    path = export(float_net(), torch.from_numpy(x), tmp_path / "net.onnx", exporter)
    whole = inspectnet.open(path, device="cpu")
    rounded = inspectnet.open(quantised(path, x, kind, symmetric), device="cpu")
    assert [(a.name, a.path, a.ops) for a in rounded.layers[:-1]] == [
        (a.name, a.path, a.ops) for a in whole.layers[:-1]
    ]
    seed = np.zeros((4, 8, 8, 8), np.float32)
    seed[:, 3] = 1
    for method in ("deconvnet", "guided_backprop", "gradient"):
        one, two = (
            net.inverse(Policy(method)).backward(x, net.layer("add2").output, seed).ravel() for net in (whole, rounded)
        )
        assert one @ two > 0.95 * np.linalg.norm(one) * np.linalg.norm(two)


@pytest.mark.parametrize("activation", ["SiLU", "Hardswish", "Sigmoid"])
def test_gates_and_smooth_rectifiers_do_to_the_signal_what_they_do_unquantised(activation, rng, tmp_path):
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 3)
            self.act = getattr(nn, activation)()

        def forward(self, x):
            x = self.first(x)
            x = x * self.act(x.flip(1)) if activation == "Sigmoid" else self.act(x)
            return self.second(x)

    torch.manual_seed(0)
    x = rng.normal(size=(4, 3, 12, 12)).astype(np.float32)
    path = export(Net().eval(), torch.from_numpy(x), tmp_path / "net.onnx", "torchscript")
    nets = [inspectnet.open(p, device="cpu") for p in (path, quantised(path, x, "QUInt8", False))]
    seed = rng.normal(size=(4, 6, 8, 8)).astype(np.float32)
    for method in ("deconvnet", "guided_backprop"):
        one, two = (net.inverse(Policy(method)).backward(x, net.layer("conv2").output, seed).ravel() for net in nets)
        assert one @ two > 0.95 * np.linalg.norm(one) * np.linalg.norm(two), method


def test_a_layer_answers_to_the_names_of_its_sum_and_of_the_activation_that_was_dropped(rng, tmp_path):
    import torch

    x = rng.normal(size=(4, 3, 16, 16)).astype(np.float32)
    path = export(float_net(), torch.from_numpy(x), tmp_path / "net.onnx", "torchscript")
    net = inspectnet.open(quantised(path, x, "QUInt8", False), device="cpu")
    output = net.layer("conv1").output
    assert [net.layer(name).output for name in ("0.0", "0.1", "/0/0.0/Conv", "/0/0.1/Relu_output_0")] == [output] * 4
    assert (
        net.activations(x, "conv1").min() == 0 > net.values(x, [net.layer("conv1").pre])[net.layer("conv1").pre].min()
    )


# What onnxruntime's quantiser writes by default, and its other forms -------------------------------------------

CHAIN = """
a = Conv <pads = [1, 1, 1, 1]> (image, k)
r = Relu (a)
p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
c = Conv (p, l)
j = Add (c, p)
s = Sigmoid (c)
k2 = Concat <axis = 1> (s, j)
e = LeakyRelu (k2)
q = AveragePool <kernel_shape = [2, 2]> (e)
g = GlobalAveragePool (q)
f = Flatten (g)
y = Gemm (f, w, b)
"""


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """chain(form, **how): CHAIN quantised, and images."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

    rng, folder = np.random.default_rng(2), tmp_path_factory.mktemp("chain")
    numbers = {"k": (4, 3, 3, 3), "l": (4, 4, 1, 1), "w": (8, 3), "b": (3,)}
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    file = onnx_text(CHAIN, {n: rng.normal(size=s) for n, s in numbers.items()}, ["y"], 17, image=IMAGE)
    (folder / "float.onnx").write_bytes(file.SerializeToString())

    class Photos(CalibrationDataReader):
        def __init__(self):
            self.left = [{"image": x}]

        def get_next(self):
            return self.left.pop() if self.left else None

    def make(form, **how):
        with contextlib.redirect_stdout(io.StringIO()):
            if form == "dynamic":
                quantize_dynamic(folder / "float.onnx", folder / "q.onnx", **how)
            else:
                kind = getattr(QuantFormat, form)
                quantize_static(folder / "float.onnx", folder / "q.onnx", Photos(), quant_format=kind, **how)
        return folder / "q.onnx", x

    return make


FORMS = [("QDQ", {}), ("QOperator", {}), ("QOperator", {"per_channel": True})]


@pytest.mark.parametrize(("form", "how"), FORMS)
def test_both_forms_of_int8_have_the_layers_of_the_float_network_and_an_inverse(form, how, chain):
    path, x = chain(form, **how)
    network = inspectnet.open(path, device="cpu")
    names = ["conv1", "pool1", "conv2", "add1", "concat1", "pool2", "pool3", "fc1"]
    assert [layer.name for layer in network.layers] == names
    assert [layer.name for layer in network.layers if network.inverse().obstacle(layer.name)] == []
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    (wanted,) = onnxruntime.InferenceSession(path, options).run(None, {"image": x})
    np.testing.assert_array_equal(network.values(x, ["y"])["y"], wanted)
    assert [check for check in check_all(network, x, names, Policy()) if not check.passed] == []


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2"])
def test_inverses_of_int8_networks_run_under_plain_onnxruntime(layer, chain, tmp_path):
    network = inspectnet.open(chain("QDQ")[0], device="cpu")
    written = [
        network.inverse(Policy()).save(layer, tmp_path / f"{split}.onnx", split=split) for split in (True, False)
    ]
    for path in [path for files in written for path in files]:
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_convolutions_of_a_dynamically_quantised_network_are_listed_with_the_reason(chain):
    network = inspectnet.open(chain("dynamic")[0], device="cpu")
    assert [layer.name for layer in network.layers][:3] == ["conv1", "pool1", "conv2"]
    assert network.layer("conv1").ops == ("ConvInteger", "Cast", "Mul", "Relu")
    assert "fc1" in [layer.name for layer in network.layers]
    assert not any(layer.name.startswith("gate") for layer in network.layers)
    assert "ConvInteger (output 'a_output_quantized'): it adds up integers" in network.inverse().obstacle("conv1")
    assert (network.layer("conv1").parameters, network.layer("conv2").parameters) == (4 * 3 * 3 * 3, 4 * 4)


BIASED = """
q, s, z = DynamicQuantizeLinear (image)
a = ConvInteger (q, k, z, o)
scale = Mul (s, t)
steps = Div (b, scale)
floor = Floor (steps)
i = Cast <to = 6> (floor)
j = Add (a, i)
f = Cast <to = 1> (j)
r = Mul (f, scale)
v = Sigmoid (r)
w = Mul (r, v)
y = GlobalAveragePool (w)
"""


def test_the_bias_in_integers_of_older_quantisers_is_part_of_its_convolution(tmp_path):
    """As onnx.quantize wrote it: the bias is brought to the grid of each image and added to the sums."""
    constants = {"t": 0.1, "b": np.ones((1, 4, 1, 1))}
    bytes_ = {"k": np.arange(108).reshape(4, 3, 3, 3), "o": np.array(3)}
    file = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> net (float[N,3,8,8] image) => (float[N,4,1,1] y) {{{BIASED}}}'
    )
    for kind, numbers in ((np.float32, constants), (np.uint8, bytes_)):
        file.graph.initializer.extend(numpy_helper.from_array(np.asarray(a, kind), n) for n, a in numbers.items())
    onnx.save(file, tmp_path / "m.onnx")
    network = inspectnet.open(tmp_path / "m.onnx", device="cpu")
    assert [layer.name for layer in network.layers] == ["conv1", "pool1"]
    assert network.layer("conv1").ops == ("ConvInteger", "Add", "Cast", "Mul", "Swish")
    assert network.layer("conv1").parameters == 108
