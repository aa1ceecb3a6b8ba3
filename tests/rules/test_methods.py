"""Where the methods differ: truth tables by hand, signs of the forward pass against signs of the signal."""

import numpy as np
import pytest
from small import build, project

from inspectnet.errors import RuleError
from inspectnet.inverse import invert
from inspectnet.rules import Policy

FORWARD = np.array([[[[-2, -2, 3, 3]]]], np.float32)
SIGNAL = np.array([[[[-5, 5, -5, 5]]]], np.float32)
TABLE = {
    ("Relu", "deconvnet"): [0, 5, 0, 5],
    ("Relu", "guided_backprop"): [0, 0, 0, 5],
    ("Relu", "gradient"): [0, 0, -5, 5],
    ("LeakyRelu", "deconvnet"): [0, 5, 0, 5],
    ("LeakyRelu", "guided_backprop"): [0, 0, 0, 5],
    ("LeakyRelu", "gradient"): [-0.5, 0.5, -5, 5],
    ("Clip", "deconvnet"): [0, 5, 0, 5],
    ("Clip", "guided_backprop"): [0, 0, 0, 5],
    ("Clip", "gradient"): [0, 0, -5, 5],
}
SMOOTH_RECTIFIERS = ["Elu", "Selu", "Celu", "Softplus", "Gelu", "HardSwish", "Mish", "Swish"]
for rectifier in SMOOTH_RECTIFIERS:
    TABLE[rectifier, "deconvnet"], TABLE[rectifier, "guided_backprop"] = [0, 5, 0, 5], [0, 0, 0, 5]
TABLE |= {
    ("PRelu", "deconvnet"): [0, 5, 0, 5],
    ("PRelu", "guided_backprop"): [0, 0, 0, 5],
    ("PRelu", "gradient"): [2.5, -2.5, -5, 5],  # its learnt slope is negative
    ("ThresholdedRelu", "deconvnet"): [0, 5, 0, 5],
    ("ThresholdedRelu", "guided_backprop"): [0, 0, 0, 5],
    ("ThresholdedRelu", "gradient"): [0, 0, -5, 5],
}
WRITE = {
    **{name: lambda op, x, name=name: getattr(op, name)(x) for name in SMOOTH_RECTIFIERS},
    "PRelu": lambda op, x: op.PRelu(x, np.float32([[[-0.5]]])),
    "ThresholdedRelu": lambda op, x: op.ThresholdedRelu(x, alpha=2.5),
    "Relu": lambda op, x: op.Relu(x),
    "LeakyRelu": lambda op, x: op.LeakyRelu(x, alpha=0.1),
    "Clip": lambda op, x: op.Clip(x, 0.0, 6.0),
}


@pytest.mark.parametrize(("op_type", "method"), TABLE)
def test_a_rectifier_does_to_each_sign_what_its_method_says(op_type, method):
    pixels = project(build((1, 1, 4), WRITE[op_type]), FORWARD, SIGNAL, method=method)
    np.testing.assert_allclose(pixels[0, 0, 0], TABLE[op_type, method], rtol=1e-6)


def test_nothing_passes_a_clip_above_its_bound_but_in_the_deconvnet():
    model = build((1, 1, 1), WRITE["Clip"])
    passed = {
        m: project(model, [[[[7]]]], [[[[1]]]], method=m).item() for m in ("deconvnet", "guided_backprop", "gradient")
    }
    assert passed == {"deconvnet": 1, "guided_backprop": 0, "gradient": 0}


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
def test_a_clip_that_lets_negative_numbers_through_is_no_rectifier(method):
    """Hardtanh: the slope under every method, as of Tanh."""
    model = build((1, 1, 4), lambda op, x: op.Clip(x, -1.0, 1.0))
    pixels = project(model, [[[[-2, -0.5, 0.5, 2]]]], [[[[-5, -5, 5, 5]]]], method=method)
    assert pixels.ravel().tolist() == [0, -5, 5, 0]


SMOOTH = {
    "Sigmoid": lambda op, x: op.Sigmoid(x),
    "Tanh": lambda op, x: op.Tanh(x),
    "Softmax": lambda op, x: op.Softmax(op.Flatten(x, axis=1), axis=1),
    "Softmax-channels": lambda op, x: op.Softmax(x, axis=1),
    "LRN": lambda op, x: op.LRN(x, size=3, alpha=0.5, beta=0.75, bias=1.5),
    "LRN-wide": lambda op, x: op.LRN(x, size=7, alpha=0.9, beta=0.6, bias=1.0),
}


COMPOSED = {
    **{name: lambda op, x, name=name: getattr(op, name)(x) for name in SMOOTH_RECTIFIERS if name != "Gelu"},
    "Elu-2": lambda op, x: op.Elu(x, alpha=2.0),
    "Celu-2": lambda op, x: op.Celu(x, alpha=2.0),
    "Swish-2": lambda op, x: op.Swish(x, alpha=2.0),
    "Gelu-tanh": lambda op, x: op.Gelu(x, approximate="tanh"),
    "HardSigmoid": lambda op, x: op.HardSigmoid(x, alpha=0.3),
    "Softsign": lambda op, x: op.Softsign(x),
    "Exp": lambda op, x: op.Exp(x),
    "Log": lambda op, x: op.Log(op.Add(op.Mul(x, x), 1.0)),
    "Sqrt": lambda op, x: op.Sqrt(op.Add(op.Mul(x, x), 1.0)),
    "Reciprocal": lambda op, x: op.Reciprocal(op.Add(op.Mul(x, x), 1.0)),
    "Pow": lambda op, x: op.Pow(x, 3.0),
    "Pow-of-integer": lambda op, x: op.Pow(x, np.int64(2)),
    "Pow-that-grows": lambda op, x: op.Pow(
        op.Abs(op.ReduceMean(x, [1])), np.float32([2, 3, 1.5, 1, 2.5])[:, None, None]
    ),
    "soft-shrink": lambda op, x: op.Mul(op.Sign(x), op.Relu(op.Sub(op.Abs(x), 0.1))),
    "LogSoftmax": lambda op, x: op.LogSoftmax(x, axis=1),
    "product": lambda op, x: op.Mul(x, op.ReduceMean(x, [1])),
    "square": lambda op, x: op.Mul(x, x),
    "gated": lambda op, x: op.Mul(x, op.Sigmoid(op.ReduceMean(x, [2, 3]))),
    "quotient": lambda op, x: op.Div(x, op.Add(op.Abs(op.ReduceMean(x, [1])), 1.0)),
    "reciprocal-div": lambda op, x: op.Div(2.0, op.Add(op.Exp(x), 1.0)),
    "attention": lambda op, x: op.MatMul(op.Softmax(op.MatMul(x, op.Transpose(x, perm=[0, 1, 3, 2])), axis=-1), x),
    "matmul-both-alive": lambda op, x: op.MatMul(op.ReduceMean(x, [1]), x),
    "einsum-both-alive": lambda op, x: op.Einsum(x, op.Sigmoid(x), equation="nchw,nkhw->nck"),
    "einsum-stretched": lambda op, x: op.Einsum(x, op.ReduceMean(x, [1]), equation="nchw,nchw->nhw"),
    "einsum-implicit": lambda op, x: op.Einsum(x, op.Sigmoid(x), equation="nchw,nkhw"),
    "ReduceSumSquare": lambda op, x: op.ReduceSumSquare(x, [1]),
    "ReduceLogSumExp": lambda op, x: op.ReduceLogSumExp(x, [1], keepdims=0),
    "InstanceNormalization": lambda op, x: op.InstanceNormalization(x, GAMMA, GAMMA, epsilon=1e-2),
    "LayerNormalization": lambda op, x: op.LayerNormalization(x, np.float32([0.5, 2]), axis=-1, epsilon=1e-2),
    "LayerNormalization-3": lambda op, x: op.LayerNormalization(x, np.float32(1.5), np.float32(1), axis=1),
    "LpNormalization": lambda op, x: op.LpNormalization(x, axis=1, p=2),
}
GAMMA = np.float32([0.5, -1, 2, 1.5, 3])


@pytest.mark.parametrize("write", COMPOSED.values(), ids=COMPOSED)
def test_the_gradient_of_a_composed_operator_equals_differences_by_onnxs_own_reference(write, rng):
    """onnx's reference evaluates the operator in float64; onnxruntime only takes the signal down."""
    import onnx_ir as ir
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    model = build((5, 2, 2), write)
    proto = ir.to_proto(model)
    for constant in proto.graph.initializer:
        numbers = numpy_helper.to_array(constant)
        if numbers.dtype == np.float32:
            constant.CopyFrom(numpy_helper.from_array(numbers.astype(np.float64), constant.name))
    reference = ReferenceEvaluator(proto)
    x, v = rng.normal(size=(2, 1, 5, 2, 2))
    h = 1e-6
    up, down = (np.float64(reference.run(None, {"image": x + s * h * v})[0]) for s in (1, -1))
    along = (up - down) / (2 * h)
    assert np.abs(along).max() > 1e-3
    t = rng.normal(size=along.shape)
    pixels = project(model, x, t, method="gradient").astype(np.float64)
    assert np.vdot(pixels, v) == pytest.approx(np.vdot(t, along), rel=1e-4, abs=1e-5)


def test_what_onnxs_reference_does_not_compute_in_float64_equals_torch(rng):
    import torch

    known = {
        "Gelu": (lambda op, x: op.Gelu(x), torch.nn.functional.gelu),
        "Erf": (lambda op, x: op.Erf(x), torch.erf),
        "LpNormalization": (lambda op, x: op.LpNormalization(x, axis=1, p=1), lambda x: x / x.abs().sum(1, True)),
        "MeanVarianceNormalization": (
            lambda op, x: op.MeanVarianceNormalization(x),
            lambda x: (x - x.mean((0, 2, 3), True)) / x.std((0, 2, 3), unbiased=False, keepdim=True),
        ),
        "GroupNormalization": (
            lambda op, x: op.GroupNormalization(
                op.Concat(x, op.Mul(x, x), axis=1), np.tile(GAMMA, 2), np.tile(GAMMA, 2), num_groups=2, epsilon=1e-2
            ),
            lambda x: torch.nn.functional.group_norm(
                torch.cat([x, x * x], 1), 2, torch.tensor(np.tile(GAMMA, 2)).double(), eps=1e-2
            ),
        ),
    }
    for name, (write, function) in known.items():
        x = rng.normal(size=(1, 5, 2, 2))
        t = rng.normal(size=function(torch.tensor(x)).shape)
        expected = torch.autograd.functional.vjp(function, torch.tensor(x), torch.tensor(t))[1].numpy()
        pixels = project(build((5, 2, 2), write), x, t, method="gradient")
        np.testing.assert_allclose(pixels, expected, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("write", SMOOTH.values(), ids=SMOOTH)
def test_the_slope_of_a_smooth_operator_equals_numerical_differences_in_float64(write, rng):
    """The operator itself is evaluated in float64 by the oracle; onnxruntime only takes the signal down."""
    import onnx_ir as ir
    from oracle import forward

    model = build((5, 2, 2), write)
    x, v = rng.normal(size=(2, 1, 5, 2, 2))
    proto = ir.to_proto(model)
    h = 1e-6
    along = (forward(proto, x + h * v)["y"] - forward(proto, x - h * v)["y"]) / (2 * h)
    t = rng.normal(size=along.shape)
    pixels = project(model, x, t, method="gradient").astype(np.float64)
    assert np.vdot(pixels, v) == pytest.approx(np.vdot(t, along), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "Softmax"])
def test_saturating_operators_hold_their_slope_under_every_method(name, method, rng):
    model, x = build((5, 2, 2), SMOOTH[name]), rng.normal(size=(1, 5, 2, 2))
    t = rng.normal(size=(1, 20) if name == "Softmax" else x.shape)
    np.testing.assert_array_equal(project(model, x, t, method=method), project(model, x, t, method="gradient"))


HOLDING = ["deconvnet", "guided_backprop"]


@pytest.mark.parametrize("method", HOLDING)
def test_a_gate_is_held_fixed_and_the_signal_goes_to_what_it_scales(method):
    """y = x * sigmoid(mean of x): under the gradient the mean carries signal too."""
    model = build((1, 1, 2), lambda op, x: op.Mul(x, op.Sigmoid(op.ReduceMean(x, [2, 3]))))
    gate = 1 / (1 + np.exp(-1.5))
    pixels = project(model, [[[[1, 2]]]], [[[[10, -20]]]], method=method)
    np.testing.assert_allclose(pixels, [[[[10 * gate, -20 * gate]]]], rtol=1e-6)
    through_the_mean = (10 * 1 - 20 * 2) * gate * (1 - gate) / 2
    pixels = project(model, [[[[1, 2]]]], [[[[10, -20]]]], method="gradient")
    np.testing.assert_allclose(pixels, [[[[10 * gate + through_the_mean, -20 * gate + through_the_mean]]]], rtol=1e-5)


MADE_OF_GATES = {
    "squared": lambda op, g: op.Pow(g, 2.0),
    "joined": lambda op, g: op.Concat(*op.several("Split", 2, g, [2, 3], axis=1), axis=1),
    "the larger of a gate and a half": lambda op, g: op.Max(g, 0.5),
    "enlarged": lambda op, g: op.Resize(g, None, np.float32([1, 1, 1, 1]), mode="nearest"),
    "one less a gate": lambda op, g: op.Sub(1.0, g),
    "one and a gate": lambda op, g: op.Add(1.0, g),
    "twice a gate": lambda op, g: op.Mul(g, 2.0),
    "a mean of gates": lambda op, g: op.Div(op.Add(g, op.Mul(g, g)), 2.0),
    "a gate between bounds": lambda op, g: op.Clip(g, 0.3, 0.6),
    "the size of a gate": lambda op, g: op.Abs(g),
    "the exponential of a gate": lambda op, g: op.Exp(g),
}


def test_a_gate_made_of_sums_of_sums_is_found_without_asking_each_of_them_twice():
    def write(op, x):
        gate = op.Sigmoid(x)
        for _ in range(100):  # 2^100 ways lead down from the last
            gate = op.Mul(op.Add(gate, gate), 0.5)
        return op.Mul(x, gate)

    model = build((1, 1, 1), write)
    pixels = project(model, np.zeros((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), method="deconvnet")
    assert pixels.item() == 0.5


@pytest.mark.parametrize("method", HOLDING)
@pytest.mark.parametrize("made", MADE_OF_GATES)
def test_what_is_made_of_gates_is_held_fixed(made, method, rng):
    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    gate = 1 / (1 + np.exp(-x))
    value = {
        "enlarged": gate, "one less a gate": 1 - gate, "one and a gate": 1 + gate, "twice a gate": 2 * gate,
        "a mean of gates": (gate + gate**2) / 2, "squared": gate**2, "joined": gate,
        "the larger of a gate and a half": np.maximum(gate, 0.5), "a gate between bounds": gate.clip(0.3, 0.6),
        "the size of a gate": gate, "the exponential of a gate": np.exp(gate),
    }[made]  # fmt: skip
    model = build((5, 2, 2), lambda op, x: op.Mul(MADE_OF_GATES[made](op, op.Sigmoid(x)), x))
    np.testing.assert_allclose(project(model, x, t, method=method), t * value, rtol=1e-5)


NORMS = {  # as written by hand, over the channels of (N, C, H, W)
    "layer norm": lambda op, c, s: op.Div(c, op.Sqrt(s)),
    "times a reciprocal root": lambda op, c, s: op.Mul(c, op.Reciprocal(op.Sqrt(s))),
}


@pytest.mark.parametrize("method", [*HOLDING, "gradient"])
@pytest.mark.parametrize("name", ["ReduceL2", "LpNormalization"])
def test_nothing_comes_down_where_a_norm_is_0(name, method):
    write = {
        "ReduceL2": lambda op, x: op.Div(x, op.Max(op.ReduceL2(x, [1]), 1e-3)),
        "LpNormalization": lambda op, x: op.LpNormalization(x, axis=1),
    }[name]
    x = np.float32([[[[0, 3]], [[0, 4]]]])
    pixels = project(build((2, 1, 2), write), x, np.ones_like(x), method=method)
    assert np.isfinite(pixels).all()


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda op, x: op.Concat(x, x, axis=0), "it joins images"),
        (lambda op, x: op.Einsum(op.Reshape(x, [0, 4, 6]), np.ones((6, 6)), equation="nca,bb->ncab"), "twice"),
        (lambda op, x: op.several("Split", 2, x, axis=0, num_outputs=2)[1], "takes the images apart"),
    ],
)
def test_a_form_without_an_answer_is_refused_with_its_reason(write, why):
    with pytest.raises(RuleError, match=why):
        invert(build((2, 3, 4), write), "y", Policy())


def test_an_einsum_of_batches_of_other_names_has_an_answer(rng):
    """Reshape calls the batch by a name of its own, as in MaxViT's windows from dynamo."""

    def write(op, x):
        return op.Einsum(op.Reshape(x, [-1, 2, 12]), op.Reshape(op.Sigmoid(x), [-1, 2, 12]), equation="nct,nkt->nck")

    x, t = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=(2, 2, 2))
    gate = (1 / (1 + np.exp(-x))).reshape(2, 2, 12)
    wanted = np.einsum("nck,nkt->nct", t, gate).reshape(x.shape)
    np.testing.assert_allclose(project(build((2, 3, 4), write), x, t, method="deconvnet"), wanted, rtol=1e-5)


@pytest.mark.parametrize("method", HOLDING)
def test_where_a_sampling_looks_is_held_fixed(method, rng):
    torch = pytest.importorskip("torch")
    x, t = rng.normal(size=(2, 2, 2, 3, 4))
    model = build((2, 3, 4), lambda op, x: op.GridSample(x, op.Tanh(op.Transpose(x, perm=[0, 2, 3, 1]))))
    pixels = torch.from_numpy(x).requires_grad_()
    grid = torch.tanh(pixels.detach().permute(0, 2, 3, 1))
    y = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)
    (wanted,) = torch.autograd.grad((y * torch.from_numpy(t)).sum(), pixels)
    np.testing.assert_allclose(project(model, x, t, method=method), wanted, atol=1e-5)
    with pytest.raises(RuleError, match=r"GridSample .* where it looks depends on the image"):
        project(model, x, t, method="gradient")


@pytest.mark.parametrize("method", HOLDING)
@pytest.mark.parametrize("name", NORMS)
def test_the_mean_and_the_deviation_of_a_norm_taken_apart_are_held_fixed(name, method, rng):
    def write(op, x):
        centred = op.Sub(x, op.ReduceMean(x, [1]))
        return NORMS[name](op, centred, op.Add(op.ReduceMean(op.Mul(centred, centred), [1]), 1e-2))

    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    pixels = project(build((5, 2, 2), write), x, t, method=method)
    np.testing.assert_allclose(pixels, t / np.sqrt(x.var(1, keepdims=True) + 1e-2), rtol=1e-4)


@pytest.mark.parametrize("method", HOLDING)
def test_attention_is_held_fixed(method, rng):
    """y = softmax(x x') x: only the last x carries signal, through the transposed attention."""
    x, t = rng.normal(size=(2, 1, 1, 3, 2))
    weights = np.exp(x[0, 0] @ x[0, 0].T)
    weights /= weights.sum(axis=1, keepdims=True)
    pixels = project(build((1, 3, 2), COMPOSED["attention"]), x, t, method=method)
    np.testing.assert_allclose(pixels[0, 0], weights.T @ t[0, 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", HOLDING)
@pytest.mark.parametrize("name", ["InstanceNormalization", "LayerNormalization", "LpNormalization", "quotient"])
def test_statistics_are_held_fixed(name, method, rng):
    """With them fixed y is linear in x but for a constant, so the signal is scaled and nothing else."""
    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    sigma = {
        "InstanceNormalization": np.sqrt(x.var((2, 3), keepdims=True) + 1e-2),
        "LayerNormalization": np.sqrt(x.var(3, keepdims=True) + 1e-2),
        "LpNormalization": np.linalg.norm(x, axis=1, keepdims=True),
        "quotient": np.abs(x.mean(1, keepdims=True)) + 1,
    }[name]
    gamma = {"InstanceNormalization": GAMMA[:, None, None], "LayerNormalization": np.array([0.5, 2])}.get(name, 1.0)
    pixels = project(build((5, 2, 2), COMPOSED[name]), x, t, method=method)
    np.testing.assert_allclose(pixels, gamma * t / sigma, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", HOLDING)
def test_where_every_factor_is_a_gate_or_none_is_each_takes_its_share(method, rng):
    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    for write in (
        lambda op, x: op.Mul(x, op.Exp(x)),
        lambda op, x: op.Mul(op.Sigmoid(x), op.Tanh(x)),
        lambda op, x: op.Mul(op.ReduceMean(x, [2]), op.ReduceMean(x, [3])),
        lambda op, x: op.Sub(op.ReduceMean(x, [2]), op.ReduceMean(x, [3])),
    ):
        model = build((5, 2, 2), write)
        np.testing.assert_array_equal(project(model, x, t, method=method), project(model, x, t, method="gradient"))


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
def test_a_mask_of_pixels_is_a_recorded_choice(method, rng):
    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    model = build((5, 2, 2), lambda op, x: op.Mul(x, op.Cast(op.Greater(x, -0.5), to=1)))
    np.testing.assert_allclose(project(model, x, t, method=method), t * (x > -0.5), rtol=1e-6)


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
def test_a_quantised_value_passes_the_signal_straight_through(method, rng):
    def write(op, x):
        scale, zero = np.float32(0.1), np.uint8(128)
        return op.DequantizeLinear(op.QuantizeLinear(x, scale, zero), scale, zero)

    x, t = rng.normal(size=(2, 1, 5, 2, 2))
    np.testing.assert_allclose(project(build((5, 2, 2), write), x, t, method=method), t, rtol=1e-6)


def test_nothing_passes_where_a_number_lies_beyond_the_grid_but_in_the_deconvnet():
    """As of the upper bound of a ReLU6, which a quantiser leaves to the largest integer."""

    def write(op, x):
        scale, zero = np.float32(6 / 255), np.uint8(0)
        return op.DequantizeLinear(op.QuantizeLinear(x, scale, zero), scale, zero)

    x = np.float32([[[[0, 3, 6, 6.005, 6.1, 9]]]])
    model = build((1, 1, 6), write)
    passed = {m: project(model, x, np.ones_like(x), method=m).ravel().tolist() for m in ("deconvnet", "gradient")}
    assert passed == {"deconvnet": [1] * 6, "gradient": [1, 1, 1, 1, 0, 0]}


def test_each_channel_may_have_a_grid_of_its_own():
    def write(op, x):
        scales, zeros = np.float32([1 / 255, 2 / 255]), np.zeros(2, np.uint8)
        return op.DequantizeLinear(op.QuantizeLinear(x, scales, zeros, axis=1), scales, zeros, axis=1)

    x = np.float32([[[[0.9, 1.5]], [[1.5, 2.5]]]])
    found = project(build((2, 1, 2), write), x, np.ones_like(x), method="guided_backprop")
    assert found.tolist() == [[[[1, 0]], [[1, 0]]]]
