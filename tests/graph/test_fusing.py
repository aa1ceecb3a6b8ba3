"""Activations and layer normalisations that an exporter took apart become one operator; lookalikes stay."""

import numpy as np
import pytest
from nets import EXPORTERS, export, onnx_text
from small import opened, outputs_of_file, run

from inspectnet.graph.reading import open_graph, read

EXPS = "m = ReduceMax ({0})\nd = Sub (image, m)\ne = Exp (d)\nt = ReduceSum ({1})\ny = Div (e, t)"
HALF_ERF = "d = Div (image, root)\ne = Erf (d)\nf = Add (e, one)\n"
CLIPPED = "a = Add (image, three)\nb = Clip (a, zero, six)\n"
TANH = "c = Pow (image, three)\nd = Mul (c, k)\ne = Add (image, d)\nf = Mul (e, s)\ng = Tanh (f)\nh = Add (g, one)\n"
MOMENTS = "m = ReduceMean (image, axes)\nc = Sub (image, m)\n{square}\nv = ReduceMean (q, axes)\n"
ROOT = "t = Add (v, small)\nr = Sqrt (t)\ny = Div (c, r)"
NUMBERS = {"one": 1.0, "three": 3.0, "six": 6.0, "zero": 0.0, "two": 2.0, "root": 2**0.5, "half": 0.5, "sixth": 1 / 6}
NUMBERS |= {"k": 0.044715, "s": (2 / np.pi) ** 0.5, "axes": [2, 3], "small": 1e-3, "rows": [2]}
GROUPS = {
    "Swish": "a = Sigmoid (image)\ny = Mul (a, image)",
    "Mish": "a = Softplus (image)\nb = Tanh (a)\ny = Mul (image, b)",
    "Relu": "y = Max (zero, image)",
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
    "Softmax": EXPS.format("image, rows", "e, rows"),
    "Softmax, not shifted": "e = Exp (image)\nt = ReduceSum (e, rows)\ny = Div (e, t)",
    "Softmax, by logarithms": "a = LogSoftmax <axis = 1> (image)\ny = Exp (a)",
}
LOOKALIKES = {
    "the sigmoid of something else": "b = Mul (image, two)\na = Sigmoid (b)\ny = Mul (a, image)",
    "a maximum that is not 0": "y = Max (image, one)",
    "another slope": "a = HardSigmoid <alpha = 0.2> (image)\ny = Mul (image, a)",
    "another bound": "a = Add (image, two)\nb = Clip (a, zero, six)\nc = Mul (image, b)\ny = Div (c, six)",
    "another root": "d = Div (image, two)\ne = Erf (d)\nf = Add (e, one)\ng = Mul (image, f)\ny = Mul (g, half)",
    "a variance over other axes": "m = ReduceMean (image, axes)\nc = Sub (image, m)\nq = Mul (c, c)\n"
    "v = ReduceMean (q, rows)\n" + ROOT,
    "a variance over the rows alone": "m = ReduceMean (image, rows)\nc = Sub (image, m)\nq = Mul (c, c)\n"
    "v = ReduceMean (q, rows)\n" + ROOT,
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


def test_a_softmax_of_what_is_shifted_along_another_axis_keeps_the_shift(rng, tmp_path):
    file = written(EXPS.format("image, axes", "e, rows"))
    model, x = opened(file, tmp_path), 3 * rng.normal(size=(2, 3, 4, 5))
    assert [node.op_type for node in model.graph] == ["ReduceMax", "Sub", "Softmax"]
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-4, atol=1e-6)


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
            for function in (F.silu, F.gelu, F.mish, F.hardswish):
                x = function(x)
            return F.layer_norm(F.gelu(x, approximate="tanh"), [5]) * torch.sigmoid(x.mean((2, 3), keepdim=True))

    x = torch.randn(2, 3, 4, 5)
    model = open_graph(read(export(Net(), x, tmp_path / "net.onnx", exporter)), None)
    ops = [node.op_type for node in model.graph if node.op_type not in ("ReduceMean", "Sigmoid", "Mul")]
    assert ops == ["Swish", "Gelu", "Mish", "HardSwish", "Gelu", "LayerNormalization"]
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
