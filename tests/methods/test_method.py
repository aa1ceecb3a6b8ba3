"""What a method is: its options and what it refuses; the text that means methods; help made from the registry."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from commands import done
from nets import TWO_CONVS, onnx_text, random_weights

import inspectnet
from inspectnet.cli import options
from inspectnet.errors import InspectError, LayerError, OptionError
from inspectnet.methods import (
    METHODS,
    SmoothGrad,
    describe_methods,
    method,
    option,
    parse_methods,
    parse_policies,
    parse_policy,
)
from inspectnet.rules import METHODS as POLICIES
from inspectnet.rules import Policy

ROOT = Path(__file__).parents[2]
NINE = ["deconvnet", "guided_backprop", "gradient", "input_x_gradient", "integrated_gradients", "smoothgrad",
        "grad_cam", "layer_cam", "guided_grad_cam"]  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Two convolutions, the second of which is called conv/Relu:0, and four classes."""
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), w=(6, 4))
    file = onnx_text(f"{TWO_CONVS}\ny = Gemm (f, w)", weights, image=("N", 3, 16, 16))
    for node in file.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = "conv/Relu:0" if name == "s" else name
    for info in file.graph.value_info:
        info.name = "conv/Relu:0" if info.name == "s" else info.name
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    path.write_bytes(file.SerializeToString())
    return inspectnet.open(path, device="cpu")


def test_the_nine_methods_come_first_and_stand_at_the_door():
    assert list(METHODS)[:9] == NINE
    for kind in METHODS.values():
        assert getattr(inspectnet, kind.__name__) is kind
    with pytest.raises(AttributeError, match="has no attribute 'Lime'"):
        inspectnet.Lime  # noqa: B018


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_is_and_stands_in_the_table(name):
    kind = METHODS[name]
    assert (kind.__doc__ or "").splitlines()[0].endswith((".", ":"))
    (row,) = [line for line in (ROOT / "docs/explain.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert all(f"`{one.name}" in row for one in kind.takes()), row


def test_help_is_made_from_the_registry(capsys):
    assert "smoothgrad (samples=50 noise=0.15 seed=0), grad_cam (layer=LAYER)" in describe_methods()
    for command in ("explain", "sanity"):
        said = " ".join(done(capsys, command, "--help")[0].split())
        assert all(name in said for name in METHODS)
        assert "samples=50" in said and "{methods}" not in said


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sampels": 3}, r"smoothgrad has no option 'sampels'\. Did you mean samples\? It takes samples=50 \(noisy"),
        ({"samples": "many"}, r"the samples of smoothgrad cannot be 'many'\. Choose a whole number, 1 to 10000\."),
        ({"samples": True}, r"cannot be True"),
        ({"samples": 10**400}, r"the samples of smoothgrad cannot be 1000"),
        ({"noise": float("inf")}, r"the noise of smoothgrad cannot be inf"),
        ({"noise": None}, r"the noise of smoothgrad cannot be None\. Choose a number, 0 or more\."),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_in_words(wrong, message, network):
    with pytest.raises(OptionError, match=message):
        SmoothGrad(network, **wrong)


def test_a_layer_is_a_text(network):
    with pytest.raises(OptionError, match=r"the layer of grad_cam cannot be 4\. Choose a text\."):
        METHODS["grad_cam"](network, layer=4)


def test_a_name_is_of_one_method():
    with pytest.raises(ValueError, match="two methods called gradient"):
        method("gradient")(SmoothGrad)


def test_a_method_is_a_class_with_a_name(network):
    class Constant(SmoothGrad):
        """A constant."""

        height: float = option("of all pixels", default=2.0)

        def explain(self, x, units):
            return np.full_like(x, self.height)

    try:
        made = method("constant")(Constant)(network, height=3)
        assert (made.attribute(np.ones((2, 3, 16, 16)), 1) == 3).all()
        assert made.options == {"samples": 50, "noise": 0.15, "seed": 0, "height": 3}
        assert parse_methods(network, "constant:height=0.5")["constant"].options["height"] == 0.5
    finally:
        del METHODS["constant"]


# Text ------------------------------------------------------------------------------------------------------


def said(network, text):
    return {name: (made.name, made.options) for name, made in parse_methods(network, text).items()}


def test_methods_are_joined_by_commas_and_options_by_colons(network):
    assert said(network, "smoothgrad:samples=16:noise=0.2, grad_cam:layer=conv1 ,gradient") == {
        "smoothgrad": ("smoothgrad", {"samples": 16, "noise": 0.2, "seed": 0}),
        "grad_cam": ("grad_cam", {"layer": "conv1"}),
        "gradient": ("gradient", {"unpool": "sum", "lrn": "gradient"}),
    }


def test_all_means_all(network):
    assert list(said(network, "all")) == list(METHODS)


def test_projections_have_policies():
    assert parse_policies("all") == {name: Policy(name) for name in NINE[:3]}
    text = "deconvnet:unpool=centre,gradient:lrn=identity"
    assert list(parse_policies(text).values()) == [Policy("deconvnet", "centre"), Policy("gradient", lrn="identity")]
    assert parse_policy("guided_backprop") == Policy("guided_backprop")
    with pytest.raises(OptionError, match=r"no method 'grad_cam'\. .*There are: deconvnet, guided_backprop, gradient"):
        parse_policies("grad_cam")
    with pytest.raises(OptionError, match=r"one method is wanted, not 2"):
        parse_policy("deconvnet,gradient")


@pytest.mark.parametrize("name", ["explain", "sanity", "selectivity"])
def test_a_command_and_its_function_choose_the_same_methods(name):
    """Said twice, or left to the function: the help of a command may not wait until its analysis is imported."""
    command = importlib.import_module(f"inspectnet.cli.{name}")
    function = importlib.import_module(f"inspectnet.analyses.{name}")
    said = inspect.signature(getattr(command, name)).parameters["method"].default
    assert said == inspect.signature(getattr(function, name)).parameters["methods"].default


def test_the_help_of_commands_that_project_names_all_policies():
    """Not made from the registry, whose import takes longer than their help may."""
    assert all(name in options.METHOD for name in POLICIES)
    assert options.METHOD.count(":") == 2 and all(f"{axis}=" in options.METHOD for axis in ("unpool", "lrn"))


def test_a_method_may_be_asked_for_with_several_options(network):
    text = "smoothgrad:noise=0.1,smoothgrad:noise=0.3,gradient,gradient"
    assert list(said(network, text)) == ["smoothgrad:noise=0.1", "smoothgrad:noise=0.3", "gradient"]


def test_the_name_of_a_layer_may_hold_a_colon(network):
    made = parse_methods(network, "grad_cam:layer=conv/Relu:0,gradient")["grad_cam"]
    assert network.layer(made.layer).output == network.layer("conv2").output == "conv/Relu:0"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (" , ", OptionError, r"no method in ' , '\. Write methods by commas and options by colons"),
        ("gradcam", OptionError, r"no method 'gradcam'\. Did you mean grad_cam .*There are: deconvnet, "),
        ("smoothgrad:16", OptionError, r"no method 'smoothgrad:16'.* Write methods by commas and options by colons"),
        ("smoothgrad:sample=16", OptionError, r"smoothgrad has no option 'sample'\. Did you mean samples\?"),
        ("gradient:steps=16", OptionError, r"gradient has no option 'steps'\. It takes unpool=sum"),
        ("input_x_gradient:steps=1", OptionError, r"input_x_gradient has no option 'steps'\. It takes no options\."),
        ("smoothgrad:samples=", OptionError, r"the samples of smoothgrad cannot be ''"),
        ("smoothgrad:samples=1.5", OptionError, r"the samples of smoothgrad cannot be '1\.5'"),
        ("integrated_gradients:baseline=x", OptionError, r"the baseline 'x' is no number"),
        ("grad_cam:layer=conv9", LayerError, r"no layer 'conv9'"),
    ],
)
def test_a_text_that_means_no_method_is_refused_in_one_line(text, error, message, network):
    with pytest.raises(error, match=message) as caught:
        for made in parse_methods(network, text).values():
            made.attribute(np.ones((1, 3, 16, 16)), 0)
    assert isinstance(caught.value, InspectError) and len(str(caught.value).splitlines()) == 1
