"""Response normalisation that an exporter took apart becomes one LRN; whatever only looks like it stays."""

import re

import numpy as np
import pytest
from nets import EXPORTERS, onnx_text
from small import opened, outputs_of_file, run

from inspectnet.reading.reader import open_graph, read

# as torch's dynamo exporter writes it, on an image of 7 channels
SQUARE, PRODUCT = "Mul (image, image)", "q, alpha"
QUOTIENT = """
t = Mul ({product})
u = Add (t, bias)
w = Pow (u, beta)
y = Div (image, w)
"""
TAKEN_APART = """
s = {square}
v = Reshape (s, shape)
p = Pad (v, pads)
m = AveragePool <kernel_shape = [{size}, 1, 1], strides = [1, 1, 1], count_include_pad = 1> (p)
q = Squeeze (m, one)
"""
TAKEN_APART += QUOTIENT


def norms(model):
    """The numbers of each LRN in the graph."""
    found = [{name: a.value for name, a in node.attributes.items()} for node in model.graph if node.op_type == "LRN"]
    return [(a["size"], pytest.approx(a["alpha"]), pytest.approx(a["beta"]), pytest.approx(a["bias"])) for a in found]


def taken_apart(size=3, square=SQUARE, product=PRODUCT):
    """The text of a normalisation over so many channels."""
    return TAKEN_APART.format(size=size, square=square, product=product)


def written(body, below=1, above=1, **numbers):
    """The model of a text, padded by so many channels below and above."""
    weights = {"shape": [-1, 1, 7, 5, 6], "pads": [0, 0, below, 0, 0, 0, 0, above, 0, 0], "one": [1]}
    weights |= {"alpha": 0.25, "beta": 0.75, "bias": 2.0, "two": 2.0, "three": 3.0, "each": np.full((7, 1, 1), 0.25)}
    weights |= numbers
    words = re.findall(r"\w+", body)
    return onnx_text(body, {n: w for n, w in weights.items() if n in words}, ["y"], image=("N", 7, 5, 6))


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize(("alpha", "beta", "bias"), [(0.25, 0.75, 2.0), (1e-4, 0.5, 1.0)])
@pytest.mark.parametrize("square", ["Mul (image, image)", "Pow (image, two)"])
@pytest.mark.parametrize("product", ["q, alpha", "alpha, q"])
def test_a_normalisation_taken_apart_becomes_one_again(size, alpha, beta, bias, square, product, rng, tmp_path):
    body = taken_apart(size, square, product)
    file = written(body, size // 2, size // 2, alpha=alpha, beta=beta, bias=bias)
    model, x = opened(file, tmp_path), 3 * rng.normal(size=(2, 7, 5, 6))
    assert norms(model) == [(size, alpha, beta, bias)]
    assert [node.op_type for node in model.graph] == ["LRN"]
    assert model.graph.outputs[0].name == "y"
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "below", "above"),
    [(4, 2, 1), (4, 1, 2), (2, 1, 0), (5, 4, 0), (5, 0, 4), (3, 2, 0)],
)
def test_a_window_that_is_not_centred_on_its_channel_stays_taken_apart(size, below, above, rng, tmp_path):
    file = written(taken_apart(size), below, above)
    model, x = opened(file, tmp_path), rng.normal(size=(2, 7, 5, 6))
    assert norms(model) == []
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5)


LOOKALIKES = {
    "a plain quotient": "y = Div (image, two)",
    "a quotient of maps": "a = Relu (image)\nb = Add (a, two)\ny = Div (image, b)",
    "the neighbours along a row": f"""
        s = {SQUARE}
        q = AveragePool <kernel_shape = [5, 1], pads = [2, 0, 2, 0], count_include_pad = 1> (s)
        {QUOTIENT.format(product=PRODUCT)}""",
    "a square of something else": f"r = Relu (image)\n{taken_apart(square='Mul (r, r)')}",
    "the cube": taken_apart(square="Pow (image, three)"),
    "padding that does not count": f"""
        s = {SQUARE}
        v = Reshape (s, shape)
        m = AveragePool <kernel_shape = [3, 1, 1], pads = [1, 0, 0, 1, 0, 0]> (v)
        q = Squeeze (m, one)
        {QUOTIENT.format(product=PRODUCT)}""",
    "a number for each channel": taken_apart(product="q, each"),
}


@pytest.mark.parametrize("body", LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_what_only_looks_like_it_is_left_as_it_is(body, rng, tmp_path):
    file = written(body)
    model, x = opened(file, tmp_path), 0.1 * rng.normal(size=(2, 7, 5, 6))
    assert norms(model) == []
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=1e-5)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ["alexnet", "zfnet"])
def test_the_normalisations_of_exported_networks_are_found_with_their_numbers(name, exporter, exported, rng):
    import onnx

    _, x, path = exported(name, exporter)
    model = open_graph(read(path), None)
    assert norms(model) == [(5, 1 / 16, 0.75, 2.0)] * 2
    left = {"Pow", "AveragePool", "Div", "Shape", "If"} & {node.op_type for node in model.graph}
    assert left == set()
    np.testing.assert_allclose(run(model, x), outputs_of_file(onnx.load(path), x), rtol=1e-4, atol=1e-5)


def test_the_even_window_of_torch_stays_taken_apart(rng, tmp_path):
    import torch
    from nets import export

    x = torch.randn(1, 6, 5, 5)
    path = export(torch.nn.LocalResponseNorm(4, 0.5), x, tmp_path / "even.onnx", "torchscript")
    model = open_graph(read(path), None)
    assert norms(model) == []
    wanted = torch.nn.LocalResponseNorm(4, 0.5)(x)
    np.testing.assert_allclose(run(model, x), wanted, rtol=1e-5)
