"""Where a graph holds the scores of its classes, and whether they are probabilities."""

import numpy as np
import onnx
import pytest
from nets import onnx_text

import inspectnet
from inspectnet.errors import LayerError, ModelError

BODY = "a = Conv (image, k)\np = GlobalAveragePool (a)\n"
SHIFTED = "f = Flatten (p)\nl = ReduceMax (f, last)\nd = Sub (f, l)\n"
WEIGHTS = {"k": np.ones((4, 3, 1, 1)), "m": np.ones((4, 6)), "one": [-1, 4], "last": [-1]}


def opened(tmp_path, body, *, opset=18, **options):
    weights = {name: weight for name, weight in WEIGHTS.items() if f"{name})" in body}
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, opset=opset, image=("N", 3, 8, 8), **options).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation={"mean": (0.5,) * 3, "std": (0.5,) * 3})


@pytest.mark.parametrize(
    ("last", "classes", "normalised"),
    [
        ("y = Flatten (p)", 4, False),
        ("y = Identity (p)", 4, False),
        ("f = Flatten (p)\ny = Gemm (f, m)", 6, False),
        ("f = Flatten (p)\ny = Softmax (f)", 4, True),
        ("f = Flatten (p)\ny = Softmax <axis = 1> (f)", 4, True),
        ("s = Softmax <axis = 1> (p)\ny = Flatten (s)", 4, True),
        ("s = Softmax <axis = 1> (p)\nr = Reshape (s, one)\ny = Identity (r)", 4, True),
        ("s = Softmax <axis = 3> (p)\ny = Flatten (s)", 4, False),
        ("f = Flatten (p)\ns = Softmax (f)\ny = Log (s)", 4, False),
        ("f = Flatten (p)\ny = LogSoftmax (f)", 4, False),
        ("f = Flatten (p)\nl = LogSoftmax (f)\ny = Exp (l)", 4, True),
        ("f = Flatten (p)\ne = Exp (f)\nt = ReduceSum (e, last)\ny = Div (e, t)", 4, True),
        (SHIFTED + "e = Exp (d)\nt = ReduceSum (e, last)\ny = Div (e, t)", 4, True),
        ("f = Flatten (p)\ns = Softmax (f)\ny = Gemm (s, m)", 6, False),
    ],
)
def test_scores_are_the_output_and_a_softmax_at_the_end_makes_them_probabilities(last, classes, normalised, tmp_path):
    scores = opened(tmp_path, BODY + last).class_scores()
    assert (scores.value, scores.classes, scores.normalised) == ("y", classes, normalised)


def test_the_softmax_of_an_old_opset_is_known_too(tmp_path):
    scores = opened(tmp_path, BODY + "s = Softmax (p)\ny = Flatten (s)", opset=9).class_scores()
    assert (scores.classes, scores.normalised) == (4, True)


def test_of_several_outputs_the_only_one_of_that_shape_is_taken(tmp_path):
    network = opened(tmp_path, BODY + "y = Flatten (p)", outputs=["a", "y"])
    assert network.class_scores().value == "y"
    network = opened(tmp_path, BODY + "f = Flatten (p)\ny = Gemm (f, m)", outputs=["f", "y"])
    with pytest.raises(ModelError, match=r"several of shape \(N, K\) among its outputs \('f' \(N, 4\), 'y' \(N, 6\)\)"):
        network.class_scores()
    assert network.class_scores("y").classes == 6
    assert network.class_scores("f").classes == 4
    assert network.class_scores("fc2").classes == 6


def test_an_output_of_another_shape_is_refused_and_a_layer_may_be_named(tmp_path):
    network = opened(tmp_path, BODY + "f = Flatten (p)\ny = Gemm (f, m)", outputs=["a"])
    wanted = r"no clear class scores: there are none of shape \(N, K\) among its outputs \('a' \(N, 4, 8, 8\)\)\. Say"
    with pytest.raises(ModelError, match=wanted):
        network.class_scores()
    network = opened(tmp_path, BODY + "f = Flatten (p)\ns = Gemm (f, m)\ny = Sigmoid (s)", outputs=["y", "a"])
    assert network.class_scores("pool1").value == "p"
    with pytest.raises(ModelError, match=r"'a' has the shape \(N, 4, 8, 8\), not \(N, K\)\. Say the layer"):
        network.class_scores("conv1")
    with pytest.raises(LayerError, match="no layer 'fc9'"):
        network.class_scores("fc9")


def test_one_number_for_an_image_is_no_choice_between_classes(tmp_path):
    text = "y = Gemm (f, w)"
    model = onnx_text(BODY + f"f = Flatten (p)\n{text}", {**WEIGHTS, "w": np.ones((4, 1))}, image=("N", 3, 8, 8))
    onnx.save(model, tmp_path / "one.onnx")
    with pytest.raises(ModelError, match=r"has a single score, 'y' \(N, 1\)"):
        inspectnet.open(tmp_path / "one.onnx", device="cpu").class_scores()
