"""Windows of pools in ceil mode: the graph as it is opened has the maps that the file has under onnxruntime."""

import itertools

import numpy as np
import pytest
from onnx import TensorProto, helper
from small import opened, outputs_of_file, run

from inspectnet.graph.values import shape_of

CASES = [
    case
    for case in itertools.product(("MaxPool", "AveragePool"), (7, 8), (2, 3), (2, 3), (1, 2), (0, 1), (0, 1))
    if case[0] == "MaxPool" or (case[4] == 1 and case[5] == 1)  # means with dilation are left in ceil mode
]


@pytest.mark.parametrize(("kind", "side", "kernel", "stride", "dilation", "pad", "more"), CASES)
def test_a_pool_in_ceil_mode_has_the_extents_and_values_of_the_file(
    kind, side, kernel, stride, dilation, pad, more, tmp_path
):
    """onnx counts a last window that begins in the padding, which runtimes leave out, and pads may be too narrow."""
    says = dict(kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad, pad, more, more], ceil_mode=1)
    says |= {"dilations": [dilation] * 2} if kind == "MaxPool" else {"count_include_pad": 1}
    given, made = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 3, side, side]), ("y", None))
    )
    graph = helper.make_graph([helper.make_node(kind, ["x"], ["y"], **says)], "pool", [given], [made])
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    x = np.random.default_rng(side).standard_normal((1, 3, side, side)).astype(np.float32)
    model, wanted = opened(file, tmp_path), outputs_of_file(file, x)
    assert shape_of(model.graph.outputs[0])[2:] == wanted.shape[2:]
    np.testing.assert_allclose(run(model, x), wanted, rtol=1e-6)
