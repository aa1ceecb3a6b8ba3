"""Operators that meant something else in an older opset: the opened graph gives what onnxruntime gives for the file."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from nets import onnx_text
from onnx import numpy_helper
from small import opened, outputs_of_file, run

from inspectnet.errors import ModelError
from inspectnet.inverse import invert
from inspectnet.rules import Policy

SCALES = [0.1, 0.25, 1 / 3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.9, 0.95, 1.1, 1.25, 1.3, 4 / 3, 1.5, 1.75, 2.0, 2.7, 3.0]
IMAGE = np.random.default_rng(4).normal(size=(2, 3, 20, 21)).astype(np.float32)


def resized(h, w):
    return onnx_text(
        'y = Resize <mode = "nearest"> (image, s)', {"s": np.float32([1, 1, h, w])}, opset=10, image=("N", 3, 20, 21)
    )


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("axis", [0, 1])
def test_the_first_resize_takes_the_pixels_that_onnxruntime_takes(scale, axis, tmp_path):
    file = resized(*[(scale, 1.0), (1.0, scale)][axis])
    model = opened(file, tmp_path)
    np.testing.assert_array_equal(run(model, IMAGE), outputs_of_file(file, IMAGE))
    assert [node.op_type for node in model.graph] == ["Resize"]


@pytest.mark.parametrize("scales", [(0.7, 0.7), (0.75, 1.3), (2.0, 0.6), (1.5, 2.5), (0.5, 3.0)])
def test_the_first_resize_may_shrink_one_axis_and_enlarge_the_other(scales, tmp_path):
    file = resized(*scales)
    model = opened(file, tmp_path)
    np.testing.assert_array_equal(run(model, IMAGE), outputs_of_file(file, IMAGE))
    invert(model, "y", Policy())


def test_the_scales_of_the_first_resize_may_be_computed_from_extents(tmp_path):
    """As PyTorch's interpolate(size=...) was written: what is wanted, divided by what is there."""
    before = """e = Shape (image)
    hw = Slice (e, two, four)
    there = Cast <to = 1> (hw)
    by = Div (wanted, there)
    t = Concat <axis = 0> (ones, by)
    """
    numbers = {"two": [2], "four": [4], "wanted": np.float32([15, 21]), "ones": np.float32([1, 1])}
    body = f'{before}y = Resize <mode = "nearest"> (image, t)'
    file = onnx_text(body, numbers, opset=10, image=("N", 3, 20, 21))
    np.testing.assert_array_equal(run(opened(file, tmp_path), IMAGE), outputs_of_file(file, IMAGE))


GROUPS = """
<ir_version: 8, opset_import: ["" : OPSET]>
net (float[N,3,20,21] image) => (float[N,5,K,L] y) {
  c = Conv (image, f)
  s = Identity (given)
  n = GroupNormalization <num_groups = 2> (c, s, b)
  y = Conv (n, g)
}
"""


def grouped(opset, count):
    """A network with a GroupNormalization of two groups and four channels, and `count` scales."""
    file = onnx.parser.parse_model(GROUPS.replace("OPSET", str(opset)))
    draw = np.random.default_rng(6)
    for name, shape in {"f": (4, 3, 3, 3), "g": (5, 4, 3, 3), "given": count, "b": count}.items():
        file.graph.initializer.append(numpy_helper.from_array(draw.normal(size=shape).astype(np.float32), name))
    return file


@pytest.mark.parametrize("opset", [18, 20])
def test_a_group_normalisation_of_old_has_one_scale_for_each_group(opset, tmp_path):
    file = grouped(opset, 2)
    model = opened(file, tmp_path)
    np.testing.assert_allclose(run(model, IMAGE), outputs_of_file(file, IMAGE), rtol=1e-4, atol=1e-5)
    assert [node.op_type for node in model.graph] == ["Conv", "GroupNormalization", "Conv"]
    invert(model, "y", Policy("gradient"))


def test_a_group_normalisation_of_today_keeps_its_scales(tmp_path):
    file = grouped(21, 4)
    file.ir_version = 10
    (node,) = [node for node in opened(file, tmp_path).graph if node.op_type == "GroupNormalization"]
    scales = next(numpy_helper.to_array(t) for t in file.graph.initializer if t.name == "given")
    np.testing.assert_array_equal(ir.convenience.get_const_tensor(node.inputs[1]).numpy(), scales)


def test_a_group_normalisation_whose_groups_do_not_fit_is_refused(tmp_path):
    file = grouped(18, 2)
    file.graph.node[2].attribute[0].i = 3
    with pytest.raises(ModelError, match=r"GroupNormalization \(output 'n'\) makes 3 groups of 4 channels"):
        opened(file, tmp_path)
