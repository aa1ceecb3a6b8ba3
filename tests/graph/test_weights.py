"""Weights of a layer: which constants they are, and a copy of the model that computes with others."""

import numpy as np
import onnx_ir as ir
import pytest
from nets import onnx_text

from inspectnet.graph.weights import replace_weights, weights_of

BODY = """
a = Conv (image, k, b)
n = BatchNormalization (a, scale, bias, mean, var)
s = Reshape (n, shape)
made = ConstantOfShape <value = float[1] {2.0}> (extent)
y = Mul (s, made)
"""
WEIGHTS = {
    "k": np.arange(2.0).reshape(2, 1, 1, 1),
    "b": [0.5, 1.5],
    **{name: [1.0, 2.0] for name in ("scale", "bias", "mean", "var")},
    "shape": [0, -1],
    "extent": [1],
}


@pytest.fixture
def model():
    return ir.from_proto(onnx_text(BODY, WEIGHTS, image=("N", 1, 2, 2)))


def test_weights_are_the_float_constants_that_the_operators_of_a_layer_read(model):
    assert list(weights_of(model, ["a"])) == ["k", "b"]
    assert list(weights_of(model, ["n", "a"])) == ["k", "b", "scale", "bias", "mean", "var"]
    np.testing.assert_array_equal(weights_of(model, ["a"])["b"], np.float32([0.5, 1.5]))
    assert weights_of(model, ["s", "y"]) == {}  # whole numbers, and what the graph itself makes


def test_a_copy_computes_with_other_weights_and_shares_the_rest(model):
    copy = replace_weights(model, {"b": np.array([7.0, 8.0])})
    np.testing.assert_array_equal(weights_of(copy, ["a"])["b"], np.float32([7, 8]))
    np.testing.assert_array_equal(weights_of(model, ["a"])["b"], np.float32([0.5, 1.5]))
    assert copy.graph.initializers["k"].const_value is model.graph.initializers["k"].const_value


def test_weights_of_another_shape_are_a_mistake_of_ours(model):
    with pytest.raises(AssertionError, match="b has the shape"):
        replace_weights(model, {"b": np.ones(3)})
