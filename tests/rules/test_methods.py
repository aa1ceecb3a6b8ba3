"""Where the methods differ: truth tables by hand, signs of the forward pass against signs of the signal."""

import numpy as np
import pytest
from small import build, project

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
WRITE = {
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


SMOOTH = {
    "Sigmoid": lambda op, x: op.Sigmoid(x),
    "Tanh": lambda op, x: op.Tanh(x),
    "Softmax": lambda op, x: op.Softmax(op.Flatten(x, axis=1), axis=1),
    "Softmax-channels": lambda op, x: op.Softmax(x, axis=1),
    "LRN": lambda op, x: op.LRN(x, size=3, alpha=0.5, beta=0.75, bias=1.5),
    "LRN-wide": lambda op, x: op.LRN(x, size=7, alpha=0.9, beta=0.6, bias=1.0),
}


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
