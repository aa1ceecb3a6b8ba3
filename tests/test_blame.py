"""Blame: what a model makes the code that reads it raise is a ModelError, whose cause is what was raised."""

import functools

import pytest

from inspectnet.errors import LayerError, ModelError, blames_its_model, blaming_the_model


def raising(module, error):
    """A function of `module` that raises `error`."""
    space = {"__name__": module, "error": error}
    exec("def fail():\n    raise error", space)
    return space["fail"]


@pytest.mark.parametrize("module", ["inspectnet.reading.settling", "inspectnet.rules.pools", "inspectnet.inverse"])
@pytest.mark.parametrize("error", [IndexError("no 3"), TypeError("no int"), RecursionError("deep"), OSError("x")])
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


@pytest.mark.parametrize(
    "module", ["inspectnet.analyses.deconv", "inspectnet.network", "inspectnet.inverse.projection", "elsewhere"]
)
def test_what_others_raise_goes_through(module):
    with pytest.raises(IndexError, match="no 3"), blaming_the_model("m.onnx"):
        raising(module, IndexError("no 3"))()


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
