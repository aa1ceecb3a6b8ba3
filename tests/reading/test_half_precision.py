"""Half precision: a file in float16 or bfloat16 opens as its float32 twin."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from nets import onnx_text
from onnx import TensorProto, helper, numpy_helper
from small import run

import inspectnet
from inspectnet.images.decode import decode
from inspectnet.reading.reader import open_graph, read

NET = """
a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, filters, offsets)
b = BatchNormalization (a, gamma, beta, mean, variance)
half = Constant <value = float[1] {0.5}> ()
c = Add (b, half)
d = Relu (c)
e = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (d)
f = Flatten (e)
y = Gemm (f, matrix, bias)
"""


def net(rng):
    shapes = {"filters": (4, 3, 3, 3), "offsets": (4,), "gamma": (4,), "beta": (4,), "mean": (4,)}
    numbers = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    numbers |= {"variance": np.arange(1, 5) / 2, "matrix": rng.normal(size=(64, 5)), "bias": rng.normal(size=5)}
    return onnx_text(NET, numbers, image=("N", 3, 8, 8))


def halved(tensor, kind):
    numbers = ir.tensor(tensor).numpy().astype(ir.DataType(kind).numpy())
    return ir.to_proto(ir.tensor(numbers, name=tensor.name))


def in_halves(file, kind=TensorProto.FLOAT16):
    """The model as a converter would write it: every float, inputs and outputs too, of half precision."""
    file = onnx.ModelProto.FromString(file.SerializeToString())
    for tensor in [*file.graph.initializer, *(a.t for node in file.graph.node for a in node.attribute if a.t.dims)]:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(halved(tensor, kind))
    for value in (*file.graph.input, *file.graph.output, *file.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = kind
    return file


def between_casts(file):
    """The model in halves as converters write it that keep its inputs and outputs: with a Cast at each end."""
    image = file.graph.input[0].name
    graph = in_halves(file).graph
    for node in graph.node:
        node.input[:] = ["image16" if name == image else name for name in node.input]
        node.output[:] = ["y16" if name == "y" else name for name in node.output]
    nodes = [
        helper.make_node("Cast", [image], ["image16"], to=TensorProto.FLOAT16),
        *graph.node,
        helper.make_node("Cast", ["y16"], ["y"], to=TensorProto.FLOAT),
    ]
    made = helper.make_graph(nodes, "net", file.graph.input, file.graph.output, graph.initializer)
    return helper.make_model(made, opset_imports=file.opset_import, ir_version=8)


def opened(file, folder, size=None):
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return open_graph(read(path), size)


def dtypes(model):
    values = [*model.graph.inputs, *model.graph.initializers.values(), *(v for n in model.graph for v in n.outputs)]
    return {str(value.dtype) for value in values}


@pytest.mark.parametrize(("kind", "digits"), [(TensorProto.FLOAT16, 1e-3), (TensorProto.BFLOAT16, 1e-2)])
def test_a_model_in_halves_gives_what_its_twin_gives(kind, digits, rng, tmp_path):
    file, x = net(rng), rng.normal(size=(2, 3, 8, 8))
    wanted, model = run(opened(file, tmp_path), x), opened(in_halves(file, kind), tmp_path)
    assert dtypes(model) <= {"FLOAT", "INT64"}
    np.testing.assert_allclose(run(model, x), wanted, atol=digits * np.abs(wanted).max())


def test_the_weights_are_the_files_numbers_to_the_last_bit(rng, tmp_path):
    file = in_halves(net(rng))
    stored = next(numpy_helper.to_array(t) for t in file.graph.initializer if t.name == "filters")
    model = opened(file, tmp_path)
    found = model.graph.initializers["filters"].const_value.numpy()
    assert (stored.dtype, found.dtype) == (np.float16, np.float32)
    np.testing.assert_array_equal(found, stored)


def test_casts_to_halves_and_back_go_away(rng, tmp_path):
    file, x = net(rng), rng.normal(size=(2, 3, 8, 8))
    wanted, model = run(opened(file, tmp_path), x), opened(between_casts(file), tmp_path)
    assert [node.op_type for node in model.graph].count("Cast") == 1  # the last one, whose output has its name to keep
    np.testing.assert_allclose(run(model, x), wanted, atol=1e-3 * np.abs(wanted).max())


def test_a_layer_between_casts_is_one_layer(rng, tmp_path):
    body = "h = Cast <to = 10> (image)\na = Conv (h, f)\nb = Cast <to = 1> (a)\nc = Relu (b)\nd = Cast <to = 10> (c)\n"
    file = onnx_text(body + "e = Cast <to = 1> (d)\ny = GlobalMaxPool (e)", {}, image=("N", 3, 8, 8), f=(4, 3, 3, 3))
    file.graph.input.pop()
    file.graph.initializer.append(numpy_helper.from_array(rng.normal(size=(4, 3, 3, 3)).astype(np.float16), "f"))
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    conv, _ = inspectnet.open(path, device="cpu").layers
    assert (conv.ops, conv.output, conv.pre) == (("Conv", "Relu"), "c", "a")


def test_weights_and_types_that_a_node_makes_are_widened(rng, tmp_path):
    body = """
    a = ConstantOfShape <value = float16[1] {2}> (shape)
    i = EyeLike <dtype = 10> (square)
    h = Cast <to = 10> (image)
    b = Mul (h, a)
    c = MatMul (b, i)
    y = Cast <to = 1> (c)
    """
    body = body.replace("<value = float16[1] {2}>", "")
    file = onnx_text(body, {"shape": [1], "square": np.zeros((8, 8))}, image=("N", 3, 8, 8))
    two = helper.make_attribute("value", numpy_helper.from_array(np.float16([2]), "two"))
    file.graph.node[0].attribute.append(two)
    model, x = opened(file, tmp_path), rng.normal(size=(1, 3, 8, 8))
    assert dtypes(model) <= {"FLOAT", "INT64"}
    np.testing.assert_allclose(run(model, x), 2 * x, rtol=1e-6)


def test_halves_in_a_branch_are_widened_too(rng, tmp_path):
    body = (
        "h = Cast <to = 10> (image)\nb = If (said) <then_branch = {THEN}, else_branch = {ELSE}>\ny = Cast <to = 1> (b)"
    )
    then = "yes () => (float16[N,3,8,8] t) { t = Relu (h) }"
    other = "no () => (float16[N,3,8,8] e) { k = Cast <to = 10> (w) e = Mul (h, k) }"
    text = body.replace("{THEN}", then).replace("{ELSE}", other)
    header = '<ir_version: 10, opset_import: ["" : 21]> net (float[N,3,8,8] image) => (float[N,3,8,8] y)'
    file = onnx.parser.parse_model(
        f"{header} <float[1] w = {{3.0}}> {{ s = ReduceSum <keepdims = 0> (image)"
        f" z = Constant <value = float {{0.0}}> () said = Greater (s, z) {text} }}"
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    x = np.abs(rng.normal(size=(1, 3, 8, 8)))
    model = open_graph(read(path), None)
    np.testing.assert_allclose(run(model, -x), -3 * x, rtol=1e-6)
    np.testing.assert_allclose(run(model, x), x, rtol=1e-6)


def test_squeezenet_in_halves_sees_what_squeezenet_sees(squeezenet_file, photos, tmp_path):
    whole = inspectnet.open(squeezenet_file, device="cpu", threads=2)
    (tmp_path / "half.onnx").write_bytes(in_halves(onnx.load(str(squeezenet_file))).SerializeToString())
    half = inspectnet.open(tmp_path / "half.onnx", device="cpu", threads=2, preparation=whole.preparation)
    some = sorted(photos.glob("*.jpg"))[::125]
    x = np.stack([whole.preparation.apply(decode(path.read_bytes(), path.name)) for path in some])
    name = whole.class_scores().value
    one, two = (network.values(x, [name])[name].reshape(len(x), -1) for network in (whole, half))
    np.testing.assert_array_equal(one.argmax(axis=1), two.argmax(axis=1))
    np.testing.assert_allclose(one, two, atol=2e-3 * np.abs(one).max())
    assert np.abs(one - two).max() > 0
