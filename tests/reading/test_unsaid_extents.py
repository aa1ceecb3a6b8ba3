"""Extents that a file leaves unsaid, or says in ways of its own, and pads that no runtime takes."""

import numpy as np
import onnx
import pytest
from nets import onnx_text

import inspectnet
from inspectnet.errors import ModelError

FILTERS = {"k": np.ones((4, 3, 3, 3), np.float32)}
BODY = "c = Conv (image, k)\ny = Relu (c)"


def opened(tmp_path, body, weights, extents, size=(32, 32)):
    model = onnx_text(body, weights, image=("N", 3, 32, 32))
    shape = model.graph.input[0].type.tensor_type.shape
    for dim, extent in zip(shape.dim, extents, strict=True):
        dim.Clear()
        if isinstance(extent, str):
            dim.dim_param = extent
        elif extent is not None:
            dim.dim_value = extent
    onnx.save(model, tmp_path / "net.onnx")
    return inspectnet.open(tmp_path / "net.onnx", device="cpu", preparation={"input_size": size})


@pytest.mark.parametrize("extents", [(-1, 3, -1, -1), (0, 3, 0, 0), ("n", 3, "h", "w"), (None, 3, None, 32)])
def test_extents_below_one_are_open(extents, tmp_path):
    network = opened(tmp_path, BODY, FILTERS, extents)
    assert (network.input_shape, network.fixed_batch) == ((3, 32, 32), None)
    assert network.activations(np.ones((2, 3, 32, 32), np.float32), "conv1").shape == (2, 4, 30, 30)


@pytest.mark.parametrize("extent", ["c", None, -1])
@pytest.mark.parametrize("body", [BODY, "d = Sub (image, m)\nc = Conv (d, k)\ny = Relu (c)"])
def test_channels_that_are_open_are_those_that_the_first_filters_take(body, extent, tmp_path):
    weights = FILTERS | ({"m": np.ones((1, 3, 1, 1), np.float32)} if "m)" in body else {})
    assert opened(tmp_path, body, weights, ("n", extent, 32, 32)).input_shape == (3, 32, 32)


def test_channels_that_nothing_says_are_refused(tmp_path):
    with pytest.raises(ModelError, match="nor a filter says how many channels"):
        opened(tmp_path, "c = GlobalAveragePool (image)\ny = Relu (c)", {}, ("n", None, 32, 32))


@pytest.mark.parametrize("kind", ["Conv", "MaxPool"])
def test_negative_pads_are_named(kind, tmp_path):
    operator = "Conv (image, k)" if kind == "Conv" else "MaxPool <kernel_shape = [3, 3]> (image)"
    model = onnx_text(f"c = {operator}\ny = Relu (c)", FILTERS if kind == "Conv" else {}, image=("N", 3, 32, 32))
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("pads", [-1, 0, 0, -2]))
    onnx.save(model, tmp_path / "net.onnx")
    wanted = rf"{kind} \(output 'c'\) has the negative pads \[-1, 0, 0, -2\]\. Cut its input"
    with pytest.raises(ModelError, match=wanted):
        inspectnet.open(tmp_path / "net.onnx", device="cpu")


def test_a_size_that_cannot_be_changed_says_so(tmp_path):
    with pytest.raises(
        ModelError, match=r"height 32 and no other, but the preprocessing makes 64\. Leave --input-size out"
    ):
        opened(tmp_path, BODY, FILTERS, (10, 3, 32, 32), size=(64, 64))
