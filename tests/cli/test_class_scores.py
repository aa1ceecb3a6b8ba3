"""Commands that look at classes, for a model with two outputs that could hold their scores."""

import json

import numpy as np
import pytest
from nets import TWO_CONVS, onnx_text
from PIL import Image

import inspectnet
from inspectnet.cli import main

SIDE = 24
NET = f"""
{TWO_CONVS}
y = Gemm (f, w1)
z = Gemm (f, w2)
"""
COMMANDS = {
    "explain": ("--method", "gradient"),
    "occlude": ("--stride", 8),
    "invariance": ("--transform", "scale=1:1.2:0.1"),
    "sanity": ("--method", "gradient"),
    "selectivity": ("--layer", "conv2", "--images"),
}
COMMAND = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def model(tmp_path):
    shapes = {"k1": (5, 3, 3, 3), "k2": (6, 5, 3, 3), "w1": (6, 4), "w2": (6, 7)}
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    file = onnx_text(NET, weights, outputs=["y", "z"], image=("N", 3, SIDE, SIDE))
    preparation = {"input_size": [3, SIDE, SIDE], "mean": [0.5] * 3, "std": [0.25] * 3}
    file.metadata_props.add(key="inspectnet.preprocess", value=json.dumps(preparation))
    (tmp_path / "heads.onnx").write_bytes(file.SerializeToString())
    return tmp_path / "heads.onnx"


@pytest.fixture
def photos(tmp_path):
    """Two photos of the classes 5 and 6, which only one of the outputs knows."""
    folder, rng = tmp_path / "photos", np.random.default_rng(1)
    for label in ("5", "6"):
        (folder / label).mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (30, 30, 3), np.uint8)).save(folder / label / "a.png")
    return folder


def run(capsys, command, model, photos, *more):
    code = main([str(a) for a in (command, model, *COMMANDS[command], photos, *more)])
    return code, *capsys.readouterr()


@COMMAND
def test_scores_says_which_output_holds_the_class_scores(command, model, photos, tmp_path, capsys):
    for name, said in (("z", "one"), ("fc2", "two")):
        code, out, err = run(capsys, command, model, photos, "-o", tmp_path / said, "--scores", name, "--json")
        assert code == 0 and "no true class" not in err, err
        record = json.loads(out)
        if command == "selectivity":
            assert record["class_selectivity"]
        else:
            assert record["scores"] == "z"


@COMMAND
def test_without_it_scores_that_are_not_clear_are_refused_with_the_advice_to_say_it(
    command, model, photos, tmp_path, capsys
):
    for more, what in (
        ((), "Say the layer that holds them with --scores."),
        (("--scores", "conv9"), "no layer 'conv9'"),
    ):
        code, _, err = run(capsys, command, model, photos, "-o", tmp_path / "out", *more)
        assert code == 2 and what in err.splitlines()[-1] and not (tmp_path / "out").exists()


def test_a_network_is_opened_with_the_layer_of_its_scores(model):
    network = inspectnet.open(model, device="cpu", scores="z")
    assert network.scores().classes == 7 and network.logits == ("z", (7,))
    assert network.scores("y").classes == 4
