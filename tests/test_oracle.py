"""The oracle itself, proved by torch's autograd, onnxruntime, numerical differences and hand computation."""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx
import pytest
from nets import EXPORTERS, export, light_models, onnx_text, torch_net, torch_project, value_of, zfnet
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from oracle import FORWARD, forward
from oracle_back import BACK, METHODS, project


def back(model, x, seed, method="deconvnet", output=None, **choices):
    """`project` from the model's only output."""
    return project(model, x, output or model.graph.output[0].name, np.asarray(seed, float), method, **choices)


def check_against_torch(model, x, function, rng):
    """Forward and gradient of the model are torch's, in float64."""
    import torch

    pixels = torch.from_numpy(x).requires_grad_(True)
    expected = function(pixels)
    y = forward(model, x)["y"]
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    seed = rng.standard_normal(y.shape)
    (slope,) = torch.autograd.grad(expected, pixels, torch.from_numpy(seed))
    np.testing.assert_allclose(back(model, x, seed, "gradient"), slope.numpy(), rtol=1e-10, atol=1e-12)


# Windows against torch ------------------------------------------------------------------------------------

CONVS = [  # kernel, stride, padding, dilation, groups
    (3, 1, 0, 1, 1),
    (3, 2, 1, 1, 1),
    ((5, 3), (1, 2), (2, 0), 1, 2),
    (3, 3, 2, 2, 2),
    (1, 2, 0, 1, 1),
    (3, 1, 1, 1, 4),
]


@pytest.mark.parametrize("kernel, stride, padding, dilation, group", CONVS)
def test_a_convolution_and_its_way_back_are_torchs(kernel, stride, padding, dilation, group, rng):
    import torch
    from torch.nn.functional import conv2d

    kernel, stride, padding, dilation = (pair(n) for n in (kernel, stride, padding, dilation))
    w, b = rng.standard_normal((8, 4 // group, *kernel)), rng.standard_normal(8)
    w, b = w.astype(np.float32), b.astype(np.float32)
    options = f"strides={stride}, pads={padding * 2}, dilations={dilation}, group={group}"
    model = onnx_text(f"y = Conv<{options}>(x, w, b)", {"w": w, "b": b}, x=("N", 4, 11, 10))
    weights = [torch.from_numpy(a.astype(float)) for a in (w, b)]
    check_against_torch(
        model,
        rng.standard_normal((2, 4, 11, 10)),
        lambda x: conv2d(x, *weights, stride, padding, dilation, group),
        rng,
    )


TRANSPOSED = [(3, 1, 0, 0, 1, 1), (3, 2, 1, 1, 1, 2), (4, 2, 1, 0, 1, 1), (2, 3, 0, 2, 2, 4)]


@pytest.mark.parametrize("kernel, stride, padding, extra, dilation, group", TRANSPOSED)
def test_a_transposed_convolution_and_its_way_back_are_torchs(kernel, stride, padding, extra, dilation, group, rng):
    import torch
    from torch.nn.functional import conv_transpose2d

    w = rng.standard_normal((4, 8 // group, kernel, kernel)).astype(np.float32)
    b = rng.standard_normal(8).astype(np.float32)
    options = f"strides={pair(stride)}, pads={pair(padding) * 2}, output_padding={pair(extra)}"
    options += f", dilations={pair(dilation)}, group={group}"
    model = onnx_text(f"y = ConvTranspose<{options}>(x, w, b)", {"w": w, "b": b}, x=("N", 4, 5, 6))
    weights = [torch.from_numpy(a.astype(float)) for a in (w, b)]
    check_against_torch(
        model,
        rng.standard_normal((2, 4, 5, 6)),
        lambda x: conv_transpose2d(x, *weights, stride, padding, extra, group, dilation),
        rng,
    )


MAX_POOLS = [  # kernel, stride, padding, dilation, ceil, side
    (2, 2, 0, 1, 0, 8),
    (3, 2, 0, 1, 0, 9),
    (3, 2, 1, 1, 0, 8),
    (3, 2, 0, 1, 1, 8),
    (3, 2, 1, 1, 1, 8),
    (2, 3, 1, 1, 1, 7),
    (3, 1, 1, 1, 0, 6),
    (3, 2, 1, 2, 1, 9),
]


@pytest.mark.parametrize("kernel, stride, padding, dilation, ceil, side", MAX_POOLS)
def test_a_max_pool_and_its_way_back_are_torchs(kernel, stride, padding, dilation, ceil, side, rng):
    from torch.nn.functional import max_pool2d

    options = f"kernel_shape={pair(kernel)}, strides={pair(stride)}, pads={pair(padding) * 2}"
    options += f", dilations={pair(dilation)}, ceil_mode={ceil}"
    x = np.maximum(rng.standard_normal((2, 3, side, side)), 0) - 0.5  # many ties, all numbers of padding's sign too
    check_against_torch(
        onnx_text(f"y = MaxPool<{options}>(x)", x=("N", 3, side, side)),
        x,
        lambda t: max_pool2d(t, kernel, stride, padding, dilation, bool(ceil)),
        rng,
    )


AVERAGES = [(2, 2, 0, 0, 8), (3, 2, 1, 0, 8), (3, 2, 1, 1, 8), (3, 2, 0, 1, 8), (2, 3, 1, 1, 7)]


@pytest.mark.parametrize("count_include_pad", [0, 1])
@pytest.mark.parametrize("kernel, stride, padding, ceil, side", AVERAGES)
def test_an_average_pool_and_its_way_back_are_torchs(kernel, stride, padding, ceil, side, count_include_pad, rng):
    from torch.nn.functional import avg_pool2d

    options = f"kernel_shape={pair(kernel)}, strides={pair(stride)}, pads={pair(padding) * 2}"
    options += f", ceil_mode={ceil}, count_include_pad={count_include_pad}"
    check_against_torch(
        onnx_text(f"y = AveragePool<{options}>(x)", x=("N", 3, side, side)),
        rng.standard_normal((2, 3, side, side)),
        lambda t: avg_pool2d(t, kernel, stride, padding, bool(ceil), bool(count_include_pad)),
        rng,
    )


def pair(number):
    return list(number) if isinstance(number, tuple) else [number, number]


# Every other operator against onnx's reference and numerical differences ----------------------------------

FLOATS = np.random.default_rng(7).standard_normal((4, 6))
OPERATORS = {
    "conv-pads": ("y = Conv<strides=[2,2], pads=[0,0,1,1]>(x, w)", {"w": FLOATS.reshape(2, 4, 3, 1)}),
    "conv-same-upper": (
        'y = Conv<strides=[2,2], auto_pad="SAME_UPPER">(x, w)',
        {"w": FLOATS.reshape(2, 4, 1, 3)},
    ),
    "conv-same-lower": (
        'y = Conv<strides=[2,2], auto_pad="SAME_LOWER">(x, w)',
        {"w": FLOATS.reshape(2, 4, 3, 1)},
    ),
    "conv-transpose-same": (
        'y = ConvTranspose<strides=[2,2], auto_pad="SAME_UPPER">(x, w)',
        {"w": FLOATS[:, :3].repeat(3).reshape(4, 1, 3, 3)},
    ),
    "max-pool-same": ('y = MaxPool<kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER">(x)', {}),
    "max-pool-pads": ("y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[0,1,2,0]>(x)", {}),
    "global-average": ("y = GlobalAveragePool(x)", {}),
    "global-max": ("y = GlobalMaxPool(x)", {}),
    "mean": ("y = ReduceMean<keepdims=0>(x, a)", {"a": [-1, 2]}),
    "mean-of-all": ("y = ReduceMean(x)", {}),
    "lrn": ("y = LRN<size=3, alpha=0.5, beta=0.75, bias=2.0>(x)", {}),
    "batch-norm": (
        "y = BatchNormalization<epsilon=0.01>(x, g, b, m, v)",
        {"g": [1, -2, 0.5, 3], "b": [1.0, 2, 3, 4], "m": [0.5, 0, 0, 1], "v": [1.0, 2, 3, 0.1]},
    ),
    "gemm": (
        "f = Flatten(x)\ny = Gemm<alpha=0.5, beta=2.0, transB=1>(f, w, c)",
        {"w": FLOATS.repeat(10).reshape(2, 120), "c": [1.0]},
    ),
    "gemm-on-its-side": (
        "f = Flatten(x)\nt = Transpose<perm=[1,0]>(f)\ny = Gemm<transA=1>(t, w)",
        {"w": FLOATS.repeat(10).reshape(120, 2)},
    ),
    "matmul": ("y = MatMul(x, w)", {"w": FLOATS[:, :2].repeat(2, 0)[:6]}),
    "matmul-left": ("y = MatMul(w, x)", {"w": FLOATS[:, :5]}),
    "matmul-with-itself": ("t = Transpose<perm=[0,1,3,2]>(x)\ny = MatMul(x, t)", {}),
    "add": ("y = Add(x, b)", {"b": [[1.0], [2], [3], [4], [5]]}),
    "add-itself": ("y = Add(x, x)", {}),
    "subtract": ("m = ReduceMean(x)\ny = Sub(m, x)", {}),
    "sum": ("m = ReduceMean(x, a)\ny = Sum(m, x, m)", {"a": [1]}),
    "multiply": ("m = ReduceMean(x, a)\ny = Mul(x, m)", {"a": [2, 3]}),
    "square": ("y = Mul(x, x)", {}),
    "divide": ("m = Sigmoid(x)\ny = Div(x, m)", {}),
    "divide-a-constant": ("m = Sigmoid(x)\ny = Div(c, m)", {"c": [2.0]}),
    "power": ("s = Sigmoid(x)\ny = Pow(s, p)", {"p": [1.7]}),
    "concat": ("n = Sub(c, x)\ny = Concat<axis=1>(x, n, x)", {"c": [1.0]}),
    "split": ("a, b = Split<axis=1>(x, s)\ny = Mul(a, c)", {"s": [1, 3], "c": [2.0]}),
    "split-both": ("a, b = Split<axis=-1, num_outputs=2>(x)\ny = Mul(a, b)", {}),
    "flatten": ("y = Flatten<axis=2>(x)", {}),
    "reshape": ("y = Reshape(x, s)", {"s": [0, -1, 3]}),
    "transpose": ("y = Transpose<perm=[0,2,3,1]>(x)", {}),
    "transpose-all": ("y = Transpose(x)", {}),
    "squeeze": ("m = GlobalAveragePool(x)\ny = Squeeze(m, a)", {"a": [2, 3]}),
    "unsqueeze": ("y = Unsqueeze(x, a)", {"a": [0, -1]}),
    "slice": ("y = Slice(x, s, e, a, t)", {"s": [1, -1], "e": [4, -100], "a": [1, 3], "t": [2, -2]}),
    "slice-early": ("y = Slice(x, s, e)", {"s": [0, 1], "e": [9, 3]}),
    "gather": ("y = Gather<axis=2>(x, i)", {"i": [[0, 0], [4, -1]]}),
    "expand": ("m = GlobalAveragePool(x)\ny = Expand(m, s)", {"s": [1, 1, 2, 3]}),
    "pad": ("y = Pad(x, p, v)", {"p": [0, 0, 1, 2, 0, 1, 0, 3], "v": 5.0}),
    "pad-reflect": ('y = Pad<mode="reflect">(x, p)', {"p": [0, 0, 1, 2, 0, 0, 0, 3]}),
    "pad-axes": ("y = Pad(x, p, , a)", {"p": [1, 2], "a": [3]}),
    "dropout": ("d, mask = Dropout(x)\ny = Identity(d)", {}),
    "cast": ("y = Cast<to=1>(x)", {}),
    "softmax": ("y = Softmax<axis=1>(x)", {}),
    "sigmoid": ("y = Sigmoid(x)", {}),
    "tanh": ("y = Tanh(x)", {}),
    "relu": ("y = Relu(x)", {}),
    "leaky": ("y = LeakyRelu<alpha=0.2>(x)", {}),
    "clip": ("y = Clip(x, low, high)", {"low": -0.5, "high": 0.5}),
    "clip-low": ("y = Clip(x, low)", {"low": -0.5}),
    "shape-arithmetic": (
        "s = Shape(x)\nn = Gather(s, i)\nd = Div(n, two)\nr = Concat<axis=0>(d, minus)\ny = Reshape(x, r)",
        {"i": [1], "two": [2], "minus": [-1]},
    ),
    "constant-of-shape": (
        "s = Shape<start=1>(x)\nc = ConstantOfShape<value=float[1] {2.0}>(s)\ny = Mul(x, c)",
        {},
    ),
    "constant": ("c = Constant<value_float=3.0>()\ny = Mul(x, c)", {}),
}

EARLIER = {  # what moved from attributes to inputs since
    "clip-6": (6, "y = Clip<min=-0.5, max=0.5>(x)", {}),
    "mean-13": (13, "y = ReduceMean<axes=[1,3], keepdims=0>(x)", {}),
    "pad-7": (7, "y = Pad<pads=[0,0,1,2,0,0,0,3], value=2.0>(x)", {}),
    "slice-9": (9, "y = Slice<starts=[1,-3], ends=[3,9], axes=[1,3]>(x)", {}),
    "softmax-9": (9, "y = Softmax<axis=2>(x)", {}),
    "split-7": (7, "a, y = Split<axis=1, split=[1,3]>(x)", {}),
    "squeeze-9": (9, "m = GlobalMaxPool(x)\ny = Squeeze<axes=[2,3]>(m)", {}),
    "unsqueeze-9": (9, "y = Unsqueeze<axes=[0,5]>(x)", {}),
    "dropout-7": (7, "y, mask = Dropout<ratio=0.5>(x)", {}),
}
CASES = {name: (18, *case) for name, case in OPERATORS.items()} | EARLIER


@pytest.mark.parametrize("opset, body, weights", CASES.values(), ids=CASES)
def test_an_operator_is_onnxruntimes_and_its_way_back_the_true_derivative(opset, body, weights, rng):
    model = onnx_text(body, weights, ["y"], opset=max(opset, 7), x=(2, 4, 5, 6))
    x = rng.standard_normal((2, 4, 5, 6))
    y = forward(model, x)["y"]
    np.testing.assert_allclose(y, run_ort(model, x), rtol=1e-4, atol=1e-5)
    check_slope(model, x, rng)


def check_slope(model, x, rng):
    """The gradient along a random direction is the one that two forward passes show."""
    direction, step = rng.standard_normal(x.shape), 1e-6
    ahead, behind = (forward(model, x + sign * step * direction)["y"] for sign in (1, -1))
    seed = rng.standard_normal(ahead.shape)
    slope = np.vdot(seed, ahead - behind) / (2 * step)
    assert np.vdot(back(model, x, seed, "gradient"), direction) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def run_ort(model, x):
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": x.astype(np.float32)})[0]


def test_every_operator_with_a_way_back_is_in_the_tests_above():
    tested = {
        node.op_type
        for case in CASES.values()
        for node in onnx_text(case[1], case[2], ["y"], opset=max(case[0], 7), x=(2, 4, 5, 6)).graph.node
    }
    assert set(BACK) - tested == {"AveragePool"}
    assert set(FORWARD) - set(BACK) == {"Constant", "ConstantOfShape", "Equal", "Shape", "Size"}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_lrn_is_that_of_onnxs_reference(size, rng):
    model = onnx_text(f"y = LRN<size={size}, alpha=0.3, beta=0.6, bias=1.5>(x)", x=("N", 7, 3, 3))
    x = rng.standard_normal((7, 7, 3, 3)).astype(np.float32)
    # onnx 1.23's reference fills in as many channels as there are images, so there are as many here
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_allclose(forward(model, x)["y"], expected, rtol=1e-5)
    check_slope(model, x.astype(float), rng)


def test_lrn_and_its_gradient_are_torchs(rng):
    from torch.nn.functional import local_response_norm

    model = onnx_text("y = LRN<size=5, alpha=0.5, beta=0.75, bias=2.0>(x)", x=("N", 7, 3, 3))
    x = rng.standard_normal((2, 7, 3, 3))
    check_against_torch(model, x, lambda t: local_response_norm(t, 5, 0.5, 0.75, 2.0), rng)


def test_a_branch_of_an_if_is_walked_like_the_rest_of_the_graph():
    body = """
    n = Size(x)
    two = Constant<value=int64 {2}>()
    yes = Equal(n, two)
    y = If(yes) <then_branch = g1 () => (float[1,2] a) { a = Mul(x, w) },
                 else_branch = g2 () => (float[1,N] b) { b = Identity(x) }>
    """
    model = onnx_text(body, {"w": [3.0]}, ["y"], x=("M", "N"))
    assert forward(model, [[1, 2]])["y"].tolist() == [[3, 6]]
    assert back(model, [[1, 2]], [[1, 1]]).tolist() == [[3, 3]]
    assert back(model, [[1, 2, 3]], [[1, 1, 1]]).tolist() == [[1, 1, 1]]


# By hand --------------------------------------------------------------------------------------------------

X = np.array([[1, 3, 2, 0], [4, 2, 1, 5], [0, 1, 7, 6], [2, 8, 3, 1]], float)[None, None]


def test_a_two_by_two_pool_by_hand():
    model = onnx_text("y, i = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)", outputs=["y", "i"], x=(1, 1, 4, 4))
    values = forward(model, X)
    assert values["y"][0, 0].tolist() == [[4, 5], [8, 7]]
    assert values["i"][0, 0].tolist() == [[4, 7], [13, 10]]
    bottom = back(model, X, [[[[1, 2], [3, 4]]]])
    assert bottom[0, 0].tolist() == [[0, 0, 0, 0], [1, 0, 0, 2], [0, 0, 4, 0], [0, 3, 0, 0]]


@pytest.mark.parametrize(
    "unpool, expected",
    [
        ("sum", [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 15, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        ("overwrite", [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 8, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        ("centre", [[0, 0, 0, 0, 0], [0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [0, 4, 0, 8, 0], [0, 0, 0, 0, 0]]),
    ],
)
def test_four_overlapping_windows_that_share_their_maximum_by_hand(unpool, expected):
    model = onnx_text("y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(x)", x=(1, 1, 5, 5))
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 1
    assert back(model, x, [[[[1, 2], [4, 8]]]], unpool=unpool)[0, 0].tolist() == expected


def test_the_last_window_overwrites_even_with_zero():
    model = onnx_text("y = MaxPool<kernel_shape=[1,3], strides=[1,2]>(x)", x=(1, 1, 1, 5))
    x = np.array([0, 0, 1, 0, 0], float).reshape(1, 1, 1, 5)
    assert back(model, x, [[[[3, 0]]]], unpool="overwrite").ravel().tolist() == [0, 0, 0, 0, 0]
    assert back(model, x, [[[[3, 0]]]], unpool="sum").ravel().tolist() == [0, 0, 3, 0, 0]


def test_a_centre_in_the_padding_goes_to_the_nearest_place_and_adds_up():
    model = onnx_text("y = MaxPool<kernel_shape=[1,2], strides=[1,1], pads=[0,1,0,1]>(x)", x=(1, 1, 1, 3))
    x = np.array([5, 6, 7], float).reshape(1, 1, 1, 3)
    assert back(model, x, [[[[1, 2, 4, 8]]]], unpool="centre").ravel().tolist() == [1, 2, 12]


def test_the_first_of_equal_numbers_is_the_switch_and_padding_never_is():
    model = onnx_text("y = MaxPool<kernel_shape=[2,2], strides=[2,2], pads=[1,1,0,0]>(x)", x=(1, 1, 3, 3))
    bottom = back(model, np.full((1, 1, 3, 3), -1.0), [[[[1, 2], [3, 4]]]])
    assert bottom[0, 0].tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]


def test_a_convolution_by_hand_goes_back_through_its_filter_and_leaves_its_bias_behind():
    model = onnx_text("y = Conv<strides=[2,2]>(x, w, b)", {"w": [[[[1, 2.0], [3, 4]]]], "b": [9.0]}, x=(1, 1, 4, 4))
    assert forward(model, X)["y"][0, 0].tolist() == [[36, 34], [49, 41]]
    bottom = back(model, X, [[[[1, 0], [-1, 10]]]])
    assert bottom[0, 0].tolist() == [[1, 2, 0, 0], [3, 4, 0, 0], [-1, -2, 10, 20], [-3, -4, 30, 40]]


RECTIFIERS = [  # body, x, the signal, and what is left of it by method
    ("y = Relu(x)", [-1, 1, -1, 1], [2, 2, -2, -2], [2, 2, 0, 0], [0, 2, 0, 0], [0, 2, 0, -2]),
    (
        "y = LeakyRelu<alpha=0.5>(x)",
        [-1, 1, -1, 1],
        [2, 2, -2, -2],
        [2, 2, 0, 0],
        [0, 2, 0, 0],
        [1, 2, -1, -2],
    ),
    ("y = Clip(x, low, six)", [-1, 1, 7, 1], [2, 2, 2, -2], [2, 2, 2, 0], [0, 2, 0, 0], [0, 2, 0, -2]),
]


@pytest.mark.parametrize("body, x, signal, deconvnet, guided, gradient", RECTIFIERS)
def test_the_truth_table_of_the_rectifiers(body, x, signal, deconvnet, guided, gradient):
    model = onnx_text(body, {"low": 0.0, "six": 6.0}, x=(1, 4))
    for method, expected in zip(METHODS, (deconvnet, guided, gradient), strict=True):
        assert back(model, [x], [signal], method).tolist() == [expected]


def test_a_value_with_several_consumers_sums_their_signals():
    model = onnx_text("r = Relu(x)\na = Mul(r, two)\nb = Relu(r)\ny = Add(a, b)", {"two": [2.0]}, x=(1, 1))
    assert back(model, [[1]], [[1]]).item() == 3
    assert back(model, [[1]], [[1]], output="a").item() == 2


@pytest.mark.parametrize("method", METHODS)
def test_saturating_functions_give_their_derivative_under_every_method(method, rng):
    x, seed = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    for body in ("y = Sigmoid(x)", "y = Tanh(x)", "y = Softmax(x)"):
        model = onnx_text(body, x=(2, 3))
        assert (back(model, x, seed, method) == back(model, x, seed, "gradient")).all()


def test_a_gate_is_held_fixed_unless_the_gradient_is_asked_for():
    model = onnx_text("g = Sigmoid(x)\nr = Relu(x)\ny = Mul(r, g)", x=(1, 1))
    gate = 1 / (1 + np.exp(-2.0))
    assert back(model, [[2]], [[1]]).item() == pytest.approx(gate)
    assert back(model, [[2]], [[1]], "gradient").item() == pytest.approx(gate + 2 * gate * (1 - gate))


def test_silu_written_as_a_product_is_a_rectifier():
    model = onnx_text("g = Sigmoid(x)\ny = Mul(x, g)", x=(1, 3))
    assert back(model, [[-2, 2, 2]], [[1, 1, -1]]).tolist() == [[1, 1, 0]]
    assert back(model, [[-2, 2, 2]], [[1, 1, -1]], "guided_backprop").tolist() == [[0, 1, 0]]


def test_lrn_comes_down_as_the_identity_unless_its_gradient_is_asked_for(rng):
    model = onnx_text("y = LRN<size=3, alpha=0.5>(x)", x=(1, 4, 2, 2))
    x, seed = rng.standard_normal((2, 1, 4, 2, 2))
    for method in ("deconvnet", "guided_backprop"):
        assert (back(model, x, seed, method) == seed).all()
        assert (back(model, x, seed, method, lrn="gradient") == back(model, x, seed, "gradient")).all()
    assert abs(back(model, x, seed, "gradient") - seed).max() > 0.1


def test_what_the_oracle_does_not_know_is_an_error_that_names_it():
    with pytest.raises(NotImplementedError, match=r"Erf .*'y'"):
        forward(onnx_text("y = Erf(x)", x=(1, 1)), [[1]])
    with pytest.raises(NotImplementedError, match="gate"):
        back(onnx_text("a = Relu(x)\ny = Mul(a, x)", x=(1, 1)), [[1]], [[1]])


# Whole networks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
def test_a_vgg_like_chain_is_that_of_torch_with_backward_hooks(method, tmp_path):
    """The usual way to write these methods in torch: hooks that change the gradient behind each ReLU."""
    import torch
    from torch import nn

    net, x = torch_net("vgg", images=2)
    model = onnx.load(export(net, x, tmp_path / "vgg.onnx", "torchscript"))
    net = net.double()
    x = x.double().requires_grad_(True)

    def rectify(module, above, below):
        # autograd has masked by the forward sign; the deconvnet has not
        return (torch.clamp(below[0] if method == "deconvnet" else above[0], min=0),)

    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_full_backward_hook(rectify)
    y = net(x)
    seed = torch.zeros_like(y)
    seed[:, 3] = 1
    y.backward(seed)
    bottom = back(model, x.detach().numpy(), seed.numpy(), method)
    np.testing.assert_allclose(bottom, x.grad.numpy(), rtol=1e-9, atol=1e-12 * abs(bottom).max())


MODULES = {"alexnet": "features.13", "resnet": "layer3.1"}


@pytest.mark.parametrize("name, exporter", [*product(["alexnet"], EXPORTERS), ("resnet", "torchscript")])
def test_an_exported_network_is_projected_as_torch_does_it(name, exporter, tmp_path, rng):
    import torch

    net, x = torch_net(name)
    model = onnx.load(export(net, x, tmp_path / "net.onnx", exporter))
    value = value_of(model, MODULES[name])
    seed = rng.standard_normal(forward(model, x.numpy())[value].shape)
    for method in METHODS:
        expected = torch_project(net, x, MODULES[name], torch.from_numpy(seed), method).numpy()
        bottom = project(model, x.numpy(), value, seed, method)
        # BatchNorm folded by the exporters is rounded to float32
        tolerance = 1e-6 if name == "resnet" else 1e-9
        np.testing.assert_allclose(bottom, expected, rtol=0, atol=tolerance * abs(expected).max())


@pytest.mark.parametrize("geometry", ["A", "B"])
def test_both_geometries_of_zfnet_have_the_map_sizes_of_the_paper(geometry):
    import torch
    from torch import nn

    net, sizes = zfnet(width=1, geometry=geometry, side=224), []
    x = torch.zeros(1, 3, 224, 224)
    for module in net.features:
        x = module(x)
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            sizes.append(x.shape[-1])
    assert sizes == [110, 55, 26, 13, 13, 13, 13, 6]


def test_a_light_model_gives_the_output_stored_beside_it():
    (path,) = (path for path in light_models() if path.stem == "light_squeezenet")
    model = onnx.load(path)
    stored = numpy_helper.to_array(onnx.load_tensor(path.with_name("light_squeezenet_output_0.pb")))
    values = forward(model, np.ones((1, 3, 224, 224)))
    np.testing.assert_allclose(values[model.graph.output[0].name], stored, rtol=1e-4)
