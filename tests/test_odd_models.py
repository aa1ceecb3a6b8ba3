"""Models that exporters do write, or that are broken: each opens and is right, or is refused in one line."""

import re

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from nets import onnx_text
from small import build

import inspectnet
from inspectnet.analyses.verification import check_all
from inspectnet.errors import ModelError, RuleError
from inspectnet.geometry import Box, Unit
from inspectnet.inverse.unit_crops import field_box
from inspectnet.rules import Policy

rng = np.random.default_rng(5)


def weights(*shape):
    return rng.normal(size=shape).astype(np.float32)


def opened(model, folder):
    path = folder / "model.onnx"
    path.write_bytes((ir.to_proto(model) if isinstance(model, ir.Model) else model).SerializeToString())
    return inspectnet.open(path, device="cpu")


def insists_on_two(op, x):
    maps = op.Relu(op.Conv(x, weights(4, 3, 3, 3), pads=[1] * 4))
    joined = op.Concat(maps, np.ones((2, 1, 8, 8), np.float32), axis=1)
    return op.Relu(op.Conv(joined, weights(5, 5, 3, 3)))


@pytest.mark.parametrize("images", [1, 2, 3, 5])
def test_a_graph_that_insists_on_two_images_takes_any_number(images, tmp_path):
    network = opened(build((3, 8, 8), insists_on_two, batch=2), tmp_path)
    assert network.fixed_batch == 2
    x = weights(images, 3, 8, 8)
    maps = network.activations(x, "conv2")
    assert maps.shape == (images, 5, 6, 6)
    np.testing.assert_array_equal(network.maxima(x, ["conv2"])["conv2"].values, maps.max(axis=(2, 3)))
    units = [Unit(i, 1, 0, 5) for i in range(images)]
    singly = np.stack([p.window(Box(0, 0, 8, 8)) for p in network.inverse().project(x, "conv2", units)])
    seed = np.zeros(maps.shape, np.float32)
    seed[:, 1, 0, 5] = 1
    np.testing.assert_array_equal(singly, network.inverse().project_seeds(x, "conv2", seed))


def test_all_boxes_of_a_layer_that_enlarges_have_one_size_and_hold_their_fields(tmp_path):
    def write(op, x):
        small = op.Relu(op.Conv(x, weights(4, 3, 3, 3), strides=[3, 3]))
        return op.Relu(op.ConvTranspose(small, weights(4, 5, 2, 2), strides=[2, 2]))

    network = opened(build((3, 24, 24), write), tmp_path)
    layer = network.layers[-1]
    boxes = [field_box(layer, y, x, (24, 24)) for y in range(4) for x in range(4)]
    assert len({(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes}) == 1
    for y in range(4):
        first, end = layer.field[0].span(y)
        assert boxes[4 * y][1] <= first and end <= boxes[4 * y][3]


@pytest.mark.parametrize("name", ["seed", "pixels", "image_of_seed"])
def test_a_model_may_call_its_values_like_the_inverse_does(name, tmp_path):
    body = f"c = Conv({name}, w)\ny = Relu(c)"
    network = opened(onnx_text(body, {"w": weights(4, 3, 3, 3)}, **{name: ("N", 3, 8, 8)}), tmp_path)
    x = weights(2, 3, 8, 8)
    assert [check for check in check_all(network, x, ["conv1"], Policy()) if not check.passed] == []
    assert network.inverse().project_seeds(x, "conv1", np.ones((2, 4, 6, 6), np.float32)).shape == x.shape


def test_a_model_may_hold_names_that_the_inverse_would_give(tmp_path):
    body = "c = Conv(x, inverse_0)\ny = Relu(c)"
    proto = onnx_text(body, {"inverse_0": weights(4, 3, 3, 3)}, x=("N", 3, 8, 8))
    for old, new in (("inverse_0", "inverse/constant_0"), ("c", "inverse/Relu_1")):
        for node in proto.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]
    proto.graph.initializer[0].name = "inverse/constant_0"
    del proto.graph.value_info[:]
    network = opened(proto, tmp_path)
    assert network.inverse().project_seeds(weights(2, 3, 8, 8), "conv1", np.ones((2, 4, 6, 6), np.float32)).any()


def test_layers_below_an_unknown_operator_are_there_and_the_operator_is_named(tmp_path):
    body = "a = Conv(x, w)\nb = Relu(a)\nc = com.example.Thing(b)\ny = Conv(c, v)"
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21, "com.example" : 1]> g (float[N,3,8,8] x) => (float[N,2,4,4] y) '
        "<float[4,3,3,3] w, float[2,4,3,3] v> {" + body.replace("\n", "\n") + "}"
    )
    for name, shape in (("w", (4, 3, 3, 3)), ("v", (2, 4, 3, 3))):
        kept = [t for t in proto.graph.initializer if t.name != name]
        del proto.graph.initializer[:]
        proto.graph.initializer.extend([*kept, onnx.numpy_helper.from_array(weights(*shape), name)])
    network = opened(proto, tmp_path)
    assert network.layers[0].name == "conv1" and network.inverse().obstacle("conv1") is None
    assert network.unknown == "Thing (output 'c')"


def test_a_signal_on_a_further_output_is_refused_by_name(tmp_path):
    body = "a = Conv (x, w)\nn, mean = LayerNormalization <axis = 1> (a, s)\ny = Add (n, mean)\nz = Conv (y, v)"
    numbers = {"w": weights(4, 3, 3, 3), "v": weights(5, 4, 3, 3), "s": weights(4, 7, 7)}
    network = opened(onnx_text(body, numbers, x=("N", 3, 9, 9)), tmp_path)
    why = r"LayerNormalization \(output 'n'\): its output 'mean' is used too"
    assert network.inverse().obstacle("conv1") is None
    inverse = network.inverse()
    assert re.search(why, inverse.obstacle("add1")) and inverse.obstacle("conv2") == inverse.obstacle("add1")
    for layer in ("add1", "conv2"):
        with pytest.raises(RuleError, match=why):
            list(check_all(network, weights(2, 3, 9, 9), [layer], Policy()))


def test_a_signal_on_any_part_of_a_split_comes_down(tmp_path):
    body = "a = Conv (x, w)\nb, c = Split <axis = 1, num_outputs = 2> (a)\ny = Conv (c, v)"
    numbers = {"w": weights(4, 3, 3, 3), "v": weights(5, 2, 3, 3)}
    network = opened(onnx_text(body, numbers, x=("N", 3, 9, 9)), tmp_path)
    assert network.inverse().obstacle("conv2") is None
    assert network.inverse().project_seeds(weights(1, 3, 9, 9), "conv2", np.ones((1, 5, 5, 5), np.float32)).any()


TAKEN_APART = {  # as TorchScript does: extents are computed from a map below
    "a group norm": """rows = Reshape (a, groups)
        even = InstanceNormalization (rows, one, none)
        extents = Shape (a)
        b = Reshape (even, extents)""",
    "a division by the norm": """n = ReduceL2 <keepdims = 1> (a, axis)
        extents = Shape (a)
        wide = Expand (n, extents)
        b = Div (a, wide)""",
}


@pytest.mark.parametrize("norm", TAKEN_APART)
@pytest.mark.parametrize("batch", ["N", 2])
def test_verify_proves_the_rules_of_a_norm_that_computes_extents(norm, batch, tmp_path):
    body = f"a = Conv (x, w)\n{TAKEN_APART[norm]}\nr = Relu (b)\ny = Conv (r, v)"
    numbers = {"w": weights(4, 3, 3, 3), "v": weights(5, 4, 3, 3), "groups": [0, 2, -1], "axis": [1]}
    numbers |= {"one": np.ones(2, np.float32), "none": np.zeros(2, np.float32)}
    network = opened(onnx_text(body, numbers, x=(batch, 3, 9, 9)), tmp_path)
    checks = list(check_all(network, weights(2, 3, 9, 9), ["conv2"], Policy()))
    assert [check for check in checks if not check.passed] == []
    assert {check.subject.split()[1] for check in checks if "adjoint" in check.claim} >= {"a", "b", "y"}


REFUSED = {
    "an unknown padding": (lambda op, x: op.Conv(x, weights(2, 3, 3, 3), auto_pad="FOO"), "unknown padding 'FOO'|FOO"),
    "an image too small": (lambda op, x: op.Conv(x, weights(2, 3, 9, 9)), "too small"),
}


@pytest.mark.parametrize(("write", "match"), REFUSED.values(), ids=REFUSED)
def test_a_geometry_that_cannot_be_is_refused(write, match, tmp_path):
    with pytest.raises(ModelError, match=match):
        opened(build((3, 8, 8), write), tmp_path)


def test_what_onnxruntime_refuses_while_it_runs_is_one_line(tmp_path):
    network = opened(build((3, 8, 8), lambda op, x: op.Relu(op.Conv(x, weights(4, 3, 3, 3)))), tmp_path)
    session = network.session("broken", lambda: network.model)
    with pytest.raises(ModelError, match=r"onnxruntime cannot run this graph: .*Check the model") as caught:
        session.run({session.inputs[0]: weights(1, 5, 8, 8)})
    assert "\n" not in str(caught.value)


def test_sparse_weights_and_future_opsets_are_refused(tmp_path):
    proto = onnx_text("y = Conv(x, w)", {"w": weights(4, 3, 3, 3)}, x=("N", 3, 8, 8))
    newer = onnx.ModelProto.FromString(proto.SerializeToString())
    newer.opset_import[0].version = 99
    with pytest.raises(ModelError, match="opset 99, newer than"):
        opened(newer, tmp_path)
    sparse = onnx.ModelProto.FromString(proto.SerializeToString())
    sparse.graph.sparse_initializer.add().values.CopyFrom(onnx.numpy_helper.from_array(weights(1), "s"))
    with pytest.raises(ModelError, match="sparse"):
        opened(sparse, tmp_path)
