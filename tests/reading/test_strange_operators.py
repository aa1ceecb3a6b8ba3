"""Operators that nobody knows, or whose answer depends on the pixels: layers below them are there, they are named."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import inspectnet
from inspectnet.errors import LayerError, RuleError
from inspectnet.rules import Policy

BODY = """
<ir_version: 8, opset_import: ["" : OPSET, "com.example" : 1]>
net (float[BATCH,3,8,8] image) => (float[BATCH,5,L,M] y) {
  a = Conv (image, f)
  b = Relu (a)
  c = THING (b)
  y = Conv (c, g)
}
"""
CHOICE = """If (sure) <
    then_branch = yes () => (float[N,4,6,6] t) { t = Relu (b) },
    else_branch = no () => (float[N,4,6,6] e) { e = Neg (b) }
  >"""


def opened(thing, folder, *, opset=17, batch="N", told=None):
    """A network of two convolutions with `thing` between them, of which the file tells the shape `told`."""
    text = BODY.replace("OPSET", str(opset)).replace("BATCH", str(batch)).replace("THING (b)", thing)
    text = text.replace("  c =", "  m = ReduceMax <keepdims = 0> (b)\n  sure = Greater (m, half)\n  c =")
    file = onnx.parser.parse_model(text)
    for name, shape in {"f": (4, 3, 3, 3), "g": (5, 4, 3, 3), "half": ()}.items():
        file.graph.initializer.append(numpy_helper.from_array(np.full(shape, 0.5, np.float32), name))
    if told:
        file.graph.value_info.append(helper.make_tensor_value_info("c", 1, told))
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return inspectnet.open(path, device="cpu")


@pytest.mark.parametrize("thing", ["Frobnicate", "com.example.Frobnicate"])
@pytest.mark.parametrize("opset", [9, 17, 21])
def test_layers_below_an_operator_that_nobody_knows_answer(thing, opset, tmp_path):
    network = opened(f"{thing} (b)", tmp_path, opset=opset)
    assert [layer.name for layer in network.layers] == ["conv1"]
    assert network.unknown == "Frobnicate (output 'c')"
    assert network.activations(np.ones((2, 3, 8, 8), np.float32), "conv1").shape == (2, 4, 6, 6)


def test_a_layer_above_an_operator_that_nobody_knows_is_refused_with_its_name(tmp_path):
    with pytest.raises(LayerError, match=r"no layer 'conv2'.* conv1; not all above Frobnicate \(output 'c'\)"):
        opened("Frobnicate (b)", tmp_path).layer("conv2")


@pytest.mark.parametrize("thing", ["Frobnicate", "com.example.Frobnicate"])
@pytest.mark.parametrize("opset", [17, 21])
@pytest.mark.parametrize(("batch", "told"), [("N", ["N", 4, 6, 6]), ("batch", ["batch", 4, 6, 6]), (1, [1, 4, 6, 6])])
def test_the_shape_that_the_file_tells_of_what_an_unknown_operator_gives_is_kept(thing, opset, batch, told, tmp_path):
    network = opened(f"{thing} (b)", tmp_path, opset=opset, batch=batch, told=told)
    assert network.unknown is None
    assert network.layer("conv2").shape == (1 if batch == 1 else "N", 5, 4, 4)
    with pytest.raises(RuleError, match=r"no deconvnet rule for .*Frobnicate \(output 'c'\)"):
        network.inverse(Policy()).policy_of_ops("conv2")
    assert "Frobnicate (output 'c')" in network.inverse().obstacle("conv2")


def test_a_shape_that_the_file_tells_with_open_extents_is_none(tmp_path):
    network = opened("Frobnicate (b)", tmp_path, told=["N", 4, "H", "W"])
    assert network.unknown == "Frobnicate (output 'c')"


def test_layers_above_a_choice_by_the_pixels_are_listed_and_refused_with_its_name(tmp_path):
    network = opened(CHOICE, tmp_path)
    assert [layer.name for layer in network.layers] == ["conv1", "conv2"]
    assert "no deconvnet rule for If (output 'c')" in network.inverse().obstacle("conv2")
    assert network.inverse().obstacle("conv1") is None and network.layer("conv2").field is None
    assert network.activations(np.ones((2, 3, 8, 8), np.float32), "conv2").shape == (2, 5, 4, 4)
