"""Graphs that are broken: they are mended where that can be done, else refused in one line that says where."""

import numpy as np
import onnx
import pytest
from nets import onnx_text
from onnx import helper, numpy_helper
from small import opened, outputs_of_file, run

from inspectnet.errors import ModelError
from inspectnet.reading.reader import read

DRAW = np.random.default_rng(3)
F, G = (DRAW.normal(size=shape).astype(np.float32) for shape in ((4, 3, 3, 3), (5, 4, 3, 3)))
BODY = "a = Conv (image, f)\nb = Relu (a)\ny = Conv (b, g)"
IMAGE = DRAW.normal(size=(2, 3, 8, 8)).astype(np.float32)


def network(body=BODY, f=F, g=G, **more):
    return onnx_text(body, {"f": f, "g": g, **more}, image=("N", 3, 8, 8))


def refused(file, folder):
    """The message with which the file is refused: one line that names the file."""
    with pytest.raises(ModelError) as caught:
        opened(file, folder)
    message = str(caught.value)
    assert "\n" not in message and "model.onnx" in message
    return message


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_operators_out_of_order_are_put_in_order(order, tmp_path):
    file = network()
    wanted, nodes = outputs_of_file(file, IMAGE), list(file.graph.node)
    del file.graph.node[:]
    file.graph.node.extend(nodes[i] for i in order)
    model = opened(file, tmp_path)
    assert [node.outputs[0].name for node in model.graph] == ["a", "b", "y"]
    np.testing.assert_allclose(run(model, IMAGE), wanted, rtol=1e-5, atol=1e-5)


def test_operators_in_order_stay_as_they_are(tmp_path):
    """By their order layers are numbered."""
    file = network("a = Conv (image, f)\nb = Relu (a)\nc = Neg (a)\nd = Abs (a)\ne = Add (d, b)\ny = Add (e, c)")
    model = opened(file, tmp_path)
    assert [node.outputs[0].name for node in model.graph] == ["a", "b", "c", "d", "e", "y"]


def test_operators_in_a_circle_are_refused_by_name(tmp_path):
    file = network("a = Conv (image, f)\nb = Add (a, a)\nc = Relu (b)\ny = Conv (c, g)")
    file.graph.node[1].input[1] = "c"
    message = refused(file, tmp_path)
    assert "holds a circle: Add (output 'b') reads Relu (output 'c') reads Add (output 'b')" in message


@pytest.mark.parametrize(
    ("op", "attributes", "shape", "takes"),
    [("Conv", {}, (5, 6, 3, 3), 6), ("Conv", {"group": 2}, (6, 4, 3, 3), 8), ("ConvTranspose", {}, (6, 4, 3, 3), 6)],
)
def test_filters_that_do_not_fit_their_input_are_refused_with_the_shapes(op, attributes, shape, takes, tmp_path):
    file = network()
    last, weight = file.graph.node[2], file.graph.initializer[1]
    last.op_type = op
    last.attribute.extend(helper.make_attribute(name, number) for name, number in attributes.items())
    weight.CopyFrom(numpy_helper.from_array(np.ones(shape, np.float32), "g"))
    del file.graph.value_info[:]
    file.graph.output[0].ClearField("type")
    message = refused(file, tmp_path)
    assert f"{op} (output 'y') has filters {shape} for {takes} channels, but its input 'b' has 4" in message


def test_a_weight_that_holds_infinity_is_refused_by_name(tmp_path):
    broken = G.copy()
    broken.flat[7] = -np.inf
    assert "the weight 'g' holds infinity" in refused(network(g=broken), tmp_path)
    transposed = network("t = Identity (g)\na = Conv (image, f)\ny = Conv (a, t)", g=broken)
    assert "the weight 'g' holds infinity" in refused(transposed, tmp_path)


def test_a_constant_that_is_added_may_hold_infinity(tmp_path):
    """As the masks of attention do."""
    mask = np.zeros((6, 6), np.float32)
    mask[:, 3:] = -np.inf
    file = network("a = Conv (image, f)\nb = Add (a, mask)\ny = Softmax (b)", mask=mask)
    np.testing.assert_allclose(run(opened(file, tmp_path), IMAGE), outputs_of_file(file, IMAGE), rtol=1e-4, atol=1e-6)


def test_weights_whose_sum_is_larger_than_any_float_are_read(tmp_path):
    assert opened(network(f=np.full_like(F, 3e38)), tmp_path).graph.num_nodes() == 3


@pytest.mark.parametrize("opset", [6, 99])
def test_an_opset_that_is_not_read_is_refused_with_the_file(opset, tmp_path):
    file = network()
    file.opset_import[0].version = opset
    assert f"is in opset {opset}" in refused(file, tmp_path)


@pytest.mark.parametrize("opset", [17, 21])
def test_an_input_that_nothing_gives_is_refused_without_a_warning(opset, caplog, capfd, tmp_path):
    file = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> net (float[N,3,8,8] image) => (float[N,4,6,6] y) {{\n'
        "y = Conv (image, f)\n}"
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    with pytest.raises(ModelError, match=r"model\.onnx.*Conv \(output 'y'\) reads 'f', which nothing gives"):
        read(path)
    assert not caplog.records and capfd.readouterr() == ("", "")


def test_a_branch_may_read_what_the_graph_around_it_gives(tmp_path):
    body = """a = Conv (image, f)
    m = ReduceMax <keepdims = 0> (a)
    sure = Greater (m, m)
    y = If (sure) <then_branch = yes () => (float[N,4,6,6] t) { t = Relu (a) },
                   else_branch = no () => (float[N,4,6,6] e) { e = Neg (a) }>"""
    file = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N,3,8,8] image) => (float[N,4,6,6] y) {\n' + body + "\n}"
    )
    file.graph.initializer.append(numpy_helper.from_array(F, "f"))
    assert opened(file, tmp_path).graph.num_nodes() == 4
    file.graph.node[3].attribute[1].g.node[0].input[0] = "b"
    assert "reads 'b', which nothing gives" in refused(file, tmp_path)


def test_a_constant_is_followed_once_along_each_of_the_ways_that_it_is_carried(tmp_path):
    """Each rung of the ladder reads the one below twice, so that 2^60 ways lead up."""
    rungs = [f"s{i} = Cast <to = 7> (c{i})\nc{i + 1} = Expand (c{i}, s{i})" for i in range(60)]
    bound = np.float32([1.0, -np.inf])
    text = '<ir_version: 8, opset_import: ["" : 17]> net (float[N,3,8,8] image) => (float y) {\n'
    file = onnx.parser.parse_model(f"{text}a = Conv (image, f)\n" + "\n".join(rungs) + "\ny = Identity (a)\n}")
    file.graph.initializer.extend([numpy_helper.from_array(F, "f"), numpy_helper.from_array(bound, "c0")])
    file.graph.output[0].ClearField("type")
    assert [node.op_type for node in opened(file, tmp_path).graph] == ["Conv", "Identity"]
