"""Activations and layer normalisations that an exporter took apart become one operator; lookalikes stay."""

import numpy as np
import pytest
from nets import EXPORTERS, export, onnx_text
from small import opened, outputs_of_file, run

from inspectnet.reading.reader import open_graph, read

EXPS = "m = ReduceMax ({0})\nd = Sub (image, m)\ne = Exp (d)\nt = ReduceSum ({1})\ny = Div (e, t)"
HALF_ERF = "d = Div (image, root)\ne = Erf (d)\nf = Add (e, one)\n"
CLIPPED = "a = Add (image, three)\nb = Clip (a, zero, six)\n"
TANH = "c = Pow (image, three)\nd = Mul (c, k)\ne = Add (image, d)\nf = Mul (e, s)\ng = Tanh (f)\nh = Add (g, one)\n"
PLUS = "p = Softplus (image)\nc = Greater (image, twenty)\n{0} = Where (c, image, p)"
MOMENTS = "m = ReduceMean (image, axes)\nc = Sub (image, m)\n{square}\nv = ReduceMean (q, axes)\n"
ROOT = "t = Add (v, small)\nr = Sqrt (t)\ny = Div (c, r)"
NUMBERS = {"one": 1.0, "three": 3.0, "six": 6.0, "zero": 0.0, "two": 2.0, "root": 2**0.5, "half": 0.5, "sixth": 1 / 6}
NUMBERS |= {
    "zeros": np.zeros((1, 3, 4, 5)),
    "some": np.eye(5)[None, None, :4],
    "less": -1.0,
    "twenty": 20.0,
    "many": np.ones((1, 1, 4, 5)),
}
NUMBERS |= {"tenth": 0.1, "fifth": 0.2, "half_root": np.float16(2**0.5)}
NUMBERS |= {
    "k": 0.044715,
    "s": (2 / np.pi) ** 0.5,
    "axes": [2, 3],
    "small": 1e-3,
    "rows": [2],
}
GROUPS = {
    "Swish": "a = Sigmoid (image)\ny = Mul (a, image)",
    "Mish": "a = Softplus (image)\nb = Tanh (a)\ny = Mul (image, b)",
    "Swish, with a slope": "a = Mul (image, three)\nb = Sigmoid (a)\ny = Mul (image, b)",
    "Swish, by exponential": "a = Neg (image)\nb = Exp (a)\nc = Add (one, b)\ny = Div (image, c)",
    "Swish, by reciprocal": "a = Neg (image)\nb = Exp (a)\nc = Add (b, one)\nd = Reciprocal (c)\ny = Mul (d, image)",
    "Mish, by logarithm": "a = Exp (image)\nb = Add (a, one)\nc = Log (b)\nd = Tanh (c)\ny = Mul (image, d)",
    "Mish, with a threshold": PLUS.format("w") + "\nt = Tanh (w)\ny = Mul (image, t)",
    "Softplus": "a = Exp (image)\nb = Add (one, a)\ny = Log (b)",
    "Softplus, with a threshold": PLUS.format("y"),
    "Softsign": "a = Abs (image)\nb = Add (a, one)\ny = Div (image, b)",
    "ThresholdedRelu": "c = LessOrEqual (image, half)\ny = Where (c, zero, image)",
    "ThresholdedRelu, the other way": "c = Greater (image, half)\ny = Where (c, image, zero)",
    "Relu": "y = Max (zero, image)",
    "Relu, with zeros": "y = Max (image, zeros)",
    "Relu, with as many zeros": "n = Shape (image)\nz = Expand (zero, n)\ny = Max (image, z)",
    "Relu, with zeros made": "n = Shape (image)\nz = ConstantOfShape (n)\ny = Max (z, image)",
    "Relu, chosen": "c = Greater (image, zero)\ny = Where (c, image, zeros)",
    "Relu, chosen from 0": "c = GreaterOrEqual (image, zero)\ny = Where (c, image, zero)",
    "Relu, by a threshold": "c = LessOrEqual (image, zero)\ny = Where (c, zero, image)",
    "Relu, below 0": "c = Less (image, zero)\ny = Where (c, zeros, image)",
    "Relu, by a mask": "c = Greater (image, zero)\nd = Cast <to = 1> (c)\ny = Mul (image, d)",
    "Relu, by the size": "a = Abs (image)\nb = Add (image, a)\ny = Mul (b, half)",
    "Relu, below 0, cast": "c = Less (image, zero)\nd = Cast <to = 9> (c)\ny = Where (d, zero, image)",
    "LeakyRelu": "a = Mul (image, tenth)\ny = Max (a, image)",
    "LeakyRelu, chosen": "c = Greater (image, zero)\na = Mul (tenth, image)\ny = Where (c, image, a)",
    "Elu": "c = Greater (image, zero)\na = Exp (image)\nb = Sub (a, one)\ny = Where (c, image, b)",
    "Sigmoid": "a = Neg (image)\nb = Exp (a)\nc = Add (b, one)\ny = Div (one, c)",
    "HardSigmoid, of a fifth": "a = Mul (image, fifth)\nb = Add (a, half)\ny = Clip (b, zero, one)",
    "HardSwish, by a clip": "a = Div (image, six)\nb = Add (a, half)\nc = Clip (b, zero, one)\ny = Mul (image, c)",
    "Gelu, share first": "d = Div (image, root)\ne = Erf (d)\nf = Mul (e, half)\ng = Add (f, half)\ny = Mul (image, g)",
    "Gelu, scaled first": "a = Mul (image, s)\nb = Mul (image, k)\nc = Mul (b, image)\nd = Add (c, one)\n"
    "e = Mul (a, d)\nf = Tanh (e)\ng = Add (f, one)\ni = Mul (image, half)\ny = Mul (i, g)",
    "HardSwish": CLIPPED + "c = Mul (image, b)\ny = Div (c, six)",
    "HardSwish, divided first": CLIPPED + "c = Div (b, six)\ny = Mul (image, c)",
    "HardSwish, of a sixth": CLIPPED + "c = Mul (b, image)\ny = Mul (sixth, c)",
    "HardSwish, by HardSigmoid": "a = HardSigmoid <alpha = 0.16666667> (image)\ny = Mul (image, a)",
    "HardSigmoid": CLIPPED + "y = Div (b, six)",
    "Gelu": HALF_ERF + "g = Mul (image, f)\ny = Mul (g, half)",
    "Gelu, half first": HALF_ERF + "g = Mul (half, image)\ny = Mul (g, f)",
    "Gelu, half last": HALF_ERF + "g = Mul (f, half)\ny = Mul (image, g)",
    "Gelu, by tanh": TANH + "i = Mul (half, image)\ny = Mul (i, h)",
    "LayerNormalization": MOMENTS.format(square="q = Mul (c, c)") + ROOT,
    "LayerNormalization, by power": MOMENTS.format(square="q = Pow (c, two)") + ROOT,
    "LayerNormalization, by reciprocal": MOMENTS.format(square="q = Mul (c, c)")
    + "t = Add (v, small)\nr = Sqrt (t)\nd = Reciprocal (r)\ny = Mul (c, d)",
    "LayerNormalization, by quotient": MOMENTS.format(square="q = Mul (c, c)")
    + "t = Add (v, small)\nr = Sqrt (t)\nd = Div (one, r)\ny = Mul (d, c)",
    "Softmax": EXPS.format("image, rows", "e, rows"),
    "Softmax, not shifted": "e = Exp (image)\nt = ReduceSum (e, rows)\ny = Div (e, t)",
    "Softmax, by logarithms": "a = LogSoftmax <axis = 1> (image)\ny = Exp (a)",
}
LOOKALIKES = {
    "the sigmoid of something else": "b = Add (image, two)\na = Sigmoid (b)\ny = Mul (a, image)",
    "a sigmoid that falls": "b = Mul (image, less)\na = Sigmoid (b)\ny = Mul (a, image)",
    "a maximum that is not 0": "y = Max (image, one)",
    "a maximum with as many ones": "n = Shape (image)\nz = Expand (one, n)\ny = Max (image, z)",
    "a maximum that is 0 in places": "y = Max (image, some)",
    "a maximum with zeros that make it larger": "m = ReduceMax (image, rows)\ny = Max (m, zeros)",
    "a choice of something else": "c = Greater (image, zero)\ny = Where (c, image, two)",
    "a choice that is turned round": "c = Greater (image, zero)\ny = Where (c, zero, image)",
    "a threshold below 0": "c = LessOrEqual (image, less)\ny = Where (c, zero, image)",
    "a threshold that is let through": "c = Less (image, half)\ny = Where (c, zero, image)",
    "a threshold that is felt": PLUS.replace("twenty", "two").format("y"),
    "a logarithm of something else": "a = Exp (image)\nb = Add (two, a)\ny = Log (b)",
    "another slope": "a = HardSigmoid <alpha = 0.2> (image)\ny = Mul (image, a)",
    "another bound": "a = Add (image, two)\nb = Clip (a, zero, six)\nc = Mul (image, b)\ny = Div (c, six)",
    "a slope that rises": "a = Mul (image, two)\ny = Max (a, image)",
    "another root": "d = Div (image, two)\ne = Erf (d)\nf = Add (e, one)\ng = Mul (image, f)\ny = Mul (g, half)",
    "a variance over other axes": "m = ReduceMean (image, axes)\nc = Sub (image, m)\nq = Mul (c, c)\n"
    "v = ReduceMean (q, rows)\n" + ROOT,
    "a variance over the rows alone": "m = ReduceMean (image, rows)\nc = Sub (image, m)\nq = Mul (c, c)\n"
    "v = ReduceMean (q, rows)\n" + ROOT,
    "a quotient of more ones than roots": "a = ReduceMax (image, axes)\nr = Sqrt (a)\nb = Div (many, r)\n"
    "c = ReduceMax (image, axes)\ny = Mul (c, b)",
    "the reciprocal of what is no root": "a = Exp (image)\nb = Reciprocal (a)\ny = Mul (image, b)",
    "a softmax over two axes": EXPS.format("image, axes", "e, axes"),
    "a sum over something else": "e = Exp (image)\nt = ReduceSum (image, rows)\ny = Div (e, t)",
    "a square of something else": "m = ReduceMean (image, axes)\nc = Sub (image, m)\nq = Mul (image, image)\n"
    "v = ReduceMean (q, axes)\n" + ROOT,
}


def written(body):
    words = body.replace(",", " ").replace("(", " ").replace(")", " ").split()
    return onnx_text(body, {n: w for n, w in NUMBERS.items() if n in words}, ["y"], image=("N", 3, 4, 5))


@pytest.mark.parametrize("name", GROUPS)
def test_what_was_taken_apart_becomes_one_operator_with_the_same_numbers(name, rng, tmp_path):
    file = written(GROUPS[name])
    model, x = opened(file, tmp_path), 3 * rng.normal(size=(2, 3, 4, 5))
    assert [node.op_type for node in model.graph] == [name.split(",")[0]]
    assert model.graph.outputs[0].name == "y"
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_only_looks_like_it_is_left_as_it_is(name, rng, tmp_path):
    file = written(LOOKALIKES[name])
    model, x = opened(file, tmp_path), 3 * rng.normal(size=(2, 3, 4, 5))
    assert [node.op_type for node in model.graph] == [node.op_type for node in file.graph.node]
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5, atol=1e-6)


def test_a_gelu_with_numbers_in_half_precision_is_one(rng, tmp_path):
    file = written("d = Div (image, half_root)\ne = Erf (d)\nf = Add (e, one)\ng = Mul (image, f)\ny = Mul (g, half)")
    assert [node.op_type for node in opened(file, tmp_path).graph] == ["Gelu"]


def test_a_softmax_of_what_is_shifted_along_another_axis_keeps_the_shift(rng, tmp_path):
    file = written(EXPS.format("image, axes", "e, rows"))
    model, x = opened(file, tmp_path), 3 * rng.normal(size=(2, 3, 4, 5))
    assert [node.op_type for node in model.graph] == ["ReduceMax", "Sub", "Softmax"]
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("reciprocal", ["Reciprocal (r)", "Div (one, r)"])
def test_a_product_with_the_reciprocal_of_a_root_is_a_quotient(reciprocal, rng, tmp_path):
    file = written(
        f"q = Mul (image, image)\nm = ReduceMean (q, rows)\nr = Sqrt (m)\nd = {reciprocal}\ny = Mul (image, d)"
    )
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 4, 5))
    assert [node.op_type for node in model.graph] == ["Mul", "ReduceMean", "Sqrt", "Div"]
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5)


def test_what_other_nodes_read_of_a_group_stays(rng, tmp_path):
    file = written("a = Sigmoid (image)\nb = Mul (a, image)\ny = Add (a, b)")
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 4, 5))
    assert sorted(node.op_type for node in model.graph) == ["Add", "Sigmoid", "Swish"]
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_torchs_activations_arrive_as_one_operator_from_both_exporters(exporter, tmp_path):
    import torch
    import torch.nn.functional as F

    class Net(torch.nn.Module):
        def forward(self, x):
            for function in (F.silu, F.gelu, F.mish, F.hardswish, *by_hand):
                x = function(x)
            return F.layer_norm(F.gelu(x, approximate="tanh"), [5]) * torch.sigmoid(x.mean((2, 3), keepdim=True))

    by_hand = (
        lambda x: x * torch.tanh(F.softplus(x)),
        lambda x: x * torch.sigmoid(1.702 * x),
        lambda x: x / (1 + torch.exp(-x)),
        lambda x: x / (1 + x.abs()),
        lambda x: torch.maximum(x, torch.zeros_like(x)),
        lambda x: F.threshold(x - 0.1, 0.0, 0.0),
        F.softplus,
    )
    x = torch.randn(2, 3, 4, 5)
    model = open_graph(read(export(Net(), x, tmp_path / "net.onnx", exporter)), None)
    ops = [node.op_type for node in model.graph if node.op_type not in ("ReduceMean", "Sigmoid", "Mul", "Sub")]
    written_out = ["Mish", "Swish", "Swish", "Softsign", "Relu", "Relu", "Softplus"]
    assert ops == ["Swish", "Gelu", "Mish", "HardSwish", *written_out, "Gelu", "LayerNormalization"]
    np.testing.assert_allclose(run(model, x), Net()(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_softplus_with_a_slope_is_the_same_chain_from_both_exporters(exporter, tmp_path):
    import torch

    x, module = 9 * torch.randn(2, 3, 4, 5), torch.nn.Sequential(torch.nn.Softplus(2.0), torch.nn.Tanh())
    model = open_graph(read(export(module, x, tmp_path / "net.onnx", exporter)), None)
    assert [n.op_type for n in model.graph if n.op_type != "Identity"] == ["Mul", "Softplus", "Div", "Tanh"]
    np.testing.assert_allclose(run(model, x), module(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("divide", [lambda x, v: x / v.sqrt(), lambda x, v: x * v.rsqrt()])
def test_a_layer_norm_written_by_hand_is_one_operator_from_both_exporters(exporter, divide, tmp_path):
    import torch

    class Net(torch.nn.Module):
        def forward(self, x):
            centred = x - x.mean(-1, keepdim=True)
            return divide(centred, centred.pow(2).mean(-1, keepdim=True) + 1e-6)

    x = torch.randn(2, 3, 4, 5)
    model = open_graph(read(export(Net(), x, tmp_path / "net.onnx", exporter)), None)
    assert [node.op_type for node in model.graph] == ["LayerNormalization"]
    np.testing.assert_allclose(run(model, x), Net()(x), rtol=1e-4, atol=1e-5)


STRIDED = """
f = Reshape (image, flat)
s = Shape <start = 0, end = 1> (image)
n = Reshape (s, none)
i = Range (first, n, step)
j = Mul (i, each)
k = Reshape (j, column)
l = Add (k, places)
m = Reshape (l, shape)
y = Gather (f, m)"""


@pytest.mark.parametrize(("places", "ops"), [(np.arange(60), ["Reshape"]), (np.arange(60)[::-1], None)])
def test_a_gather_in_the_same_order_becomes_a_reshape_and_no_other_does(places, ops, rng, tmp_path):
    """As dynamo writes as_strided: the indices are counted out for however many images there are."""
    numbers = {"flat": [-1], "none": np.zeros(0, int), "first": 0, "step": 1, "each": 60, "column": [-1, 1]}
    numbers |= {"places": places, "shape": [-1, 6, 10]}
    file = onnx_text(STRIDED, numbers, ["y"], image=("N", 3, 4, 5))
    model, x = opened(file, tmp_path), rng.normal(size=(3, 3, 4, 5))
    found = [node.op_type for node in model.graph]
    assert found == ops if ops else "Gather" in found
    np.testing.assert_array_equal(run(model, x), outputs_of_file(file, x))
