"""Doubles: a graph in float64 holds no float32 that it does not say."""

import numpy as np
from small import build

from inspectnet.graph.doubles import Doubles


def test_a_constant_of_a_shape_without_a_value_is_a_zero_of_double_precision():
    model = build((3, 2, 2), lambda op, x: op.Add(x, op.ConstantOfShape(np.int64([3, 1, 1]))))
    x = np.random.default_rng(0).normal(size=(1, 3, 2, 2))
    (y,) = Doubles(model).run({"image": x}).values()
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, x)
