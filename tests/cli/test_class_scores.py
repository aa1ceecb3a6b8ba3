"""Commands that look at classes, for a model with two outputs that could hold their scores."""

import json

import pytest
from commands import done, noisy_photos, refused, write_network
from nets import TWO_CONVS, random_weights

import inspectnet

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
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), w1=(6, 4), w2=(6, 7))
    return write_network(tmp_path / "heads.onnx", NET, weights, SIDE, outputs=["y", "z"])


@pytest.fixture
def photos(tmp_path):
    """Two photos of the classes 5 and 6, which only one of the outputs knows."""
    return noisy_photos(tmp_path / "photos", {"5/a.png": (30, 30), "6/a.png": (30, 30)})


@COMMAND
def test_scores_says_which_output_holds_the_class_scores(command, model, photos, tmp_path, capsys):
    for name, said in (("z", "one"), ("fc2", "two")):
        arguments = (command, model, *COMMANDS[command], photos, "-o", tmp_path / said, "--scores", name, "--json")
        out, noted = done(capsys, *arguments)
        assert "no true class" not in " ".join(noted), noted
        record = json.loads(out)
        if command == "selectivity":
            assert record["result"]["classes"]
        else:
            assert {**record, **record.get("options", {})}["scores"] == "z"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "selectivity"])
def test_without_it_scores_that_are_not_clear_are_refused_with_the_advice_to_say_it(
    command, model, photos, tmp_path, capsys
):
    for more, what in (
        ((), "Say the layer that holds them with --scores."),
        (("--scores", "conv9"), "no layer 'conv9'"),
    ):
        arguments = (command, model, *COMMANDS[command], photos, "-o", tmp_path / "out", *more)
        assert what in refused(capsys, *arguments) and not (tmp_path / "out").exists()


def test_a_network_is_opened_with_the_layer_of_its_scores(model):
    network = inspectnet.open(model, device="cpu", scores="z")
    assert (scores := network.class_scores()).classes == 7 and (scores.logits, scores.shape) == ("z", (7,))
    assert network.class_scores("y").classes == 4
