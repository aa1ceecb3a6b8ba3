"""Facts about values that a file may leave out."""

import onnx_ir as ir
import pytest

from inspectnet.errors import ModelError
from inspectnet.graph.values import extent_of, extents_of, input_of, inputs_of, optional_input, producer_of, rank_of


def test_an_input_that_a_file_leaves_out_is_refused_by_its_operator():
    x = ir.Value(name="x", shape=ir.Shape(["N", 3]))
    clip = ir.Node("", "Clip", [x, None], name="clip")
    clip.outputs[0].name = "y"
    assert input_of(clip) is x and optional_input(clip, 1) is optional_input(clip, 7) is None
    assert producer_of(clip.outputs[0]) is clip
    for ask in (inputs_of, lambda node: input_of(node, 1), lambda node: input_of(node, 2)):
        with pytest.raises(ModelError, match=r"Clip \(output 'y'\) has no input [23]\. Export"):
            ask(clip)


def test_an_extent_that_a_file_does_not_tell_is_refused_by_its_value():
    x, y = ir.Value(name="x", shape=ir.Shape(["N", 3, 8])), ir.Value(name="y")
    assert rank_of(x) == 3 and extents_of(x, 1) == (3, 8) and extent_of(x, -1) == 8
    for ask in (extents_of, lambda value: extent_of(value, 0)):
        with pytest.raises(ModelError, match="an extent of 'x' is not known"):
            ask(x)
    for ask in (rank_of, extents_of):
        with pytest.raises(ModelError, match="the shape of 'y' is not known"):
            ask(y)
