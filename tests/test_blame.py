"""Blame: what a model makes the code that reads it raise is a ModelError, whose cause is what was raised."""

import functools
import importlib.util

import onnx
import onnx.parser
import pytest

import inspectnet
from inspectnet.errors import WITH_ARRAYS, LayerError, ModelError, blames_its_model, blaming_the_model


def raising(module, error):
    """A function of `module` that raises `error`."""
    space = {"__name__": module, "error": error}
    exec("def fail():\n    raise error", space)
    return space["fail"]


@pytest.mark.parametrize("module", ["inspectnet.reading.settling", "inspectnet.rules.pools", "inspectnet.inverse"])
@pytest.mark.parametrize("error", [IndexError("no 3"), TypeError("no int"), KeyError("x"), OSError("x")])
def test_what_the_rooms_of_graphs_raise_becomes_a_model_error_with_its_cause(module, error):
    match = rf"cannot read the graph of m\.onnx: {type(error).__name__}"
    with pytest.raises(ModelError, match=match) as caught, blaming_the_model("m.onnx"):
        raising(module, error)()
    assert caught.value.__cause__ is error


def test_what_a_library_raises_for_them_does_too_and_says_its_own_words():
    def library():
        raise ValueError("outer") from ImportError("what was wrong\nand more")

    with pytest.raises(ModelError, match=r"m\.onnx: ImportError what was wrong\. Export"), blaming_the_model("m.onnx"):
        functools.partial(eval, "fail()", {"__name__": "inspectnet.reading.reader", "fail": library})()


def test_a_graph_too_deep_for_python_is_told_in_words_of_models(tmp_path):
    """Of 5,000 functions each calls the next."""
    head = '<ir_version: 8, opset_import: ["" : 17, "my" : 1]>'
    model = onnx.parser.parse_model(f"{head} g (float[N,3,8,8] x) => (float[N,3,8,8] y) {{ y = my.F0 (x) }}")
    for i in range(5000):
        call = onnx.helper.make_node(f"F{i + 1}", ["x"], ["y"], domain="my")
        domains = [onnx.helper.make_opsetid("my", 1)]
        model.functions.append(onnx.helper.make_function("my", f"F{i}", ["x"], ["y"], [call], domains))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(
        ModelError, match=r"m\.onnx: its functions or subgraphs are nested too deeply\. Export it again"
    ):
        inspectnet.open(tmp_path / "m.onnx", device="cpu")


@pytest.mark.parametrize("module", sorted(WITH_ARRAYS))
def test_modules_whose_errors_are_not_the_models_are_there(module):
    assert importlib.util.find_spec(f"inspectnet.{module}")


@pytest.mark.parametrize("module", ["analyses.deconv", "network", *sorted(WITH_ARRAYS)])
def test_what_others_raise_goes_through(module):
    for name in (f"inspectnet.{module}", "elsewhere"):
        with pytest.raises(IndexError, match="no 3"), blaming_the_model("m.onnx"):
            raising(name, IndexError("no 3"))()


@pytest.mark.parametrize("error", [LayerError("no layer"), MemoryError(), KeyboardInterrupt()])
def test_errors_that_say_enough_go_through(error):
    with pytest.raises(type(error)) as caught, blaming_the_model("m.onnx"):
        raising("inspectnet.reading.settling", error)()
    assert caught.value is error


def test_all_ways_to_ask_a_class_blame_its_model():
    fail = raising("inspectnet.reading.settling", IndexError("no 3"))

    @blames_its_model
    class Opened:
        path = "m.onnx"

        def method(self):
            fail()

        @property
        def fact(self):
            """Its words."""
            fail()

        @functools.cached_property
        def kept(self):
            fail()

    for ask in (Opened.method, lambda it: it.fact, lambda it: it.kept):
        with pytest.raises(ModelError, match=r"m\.onnx"):
            ask(Opened())
    assert Opened.fact.__doc__ == "Its words."
