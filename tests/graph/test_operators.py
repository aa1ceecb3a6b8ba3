"""The table of operators: complete, right by the standard's own schemas, and asked by all that tell operators apart."""

import numpy as np
import onnx.defs
import pytest
from small import build

from inspectnet.graph import operators
from inspectnet.graph.fields import receptive_fields
from inspectnet.graph.folding import fold_constants
from inspectnet.graph.operators import IMPLIED, OPERATORS, STAGES, TRAITS, having
from inspectnet.rules import supported_ops

SCHEMAS = {schema.name: schema for schema in onnx.defs.get_all_schemas() if not schema.domain}
UNARY = [  # functions of one float32, which give one
    op_type
    for op_type in sorted(operators.POINTWISE - {"Cast", "CastLike", "Shrink"})
    if SCHEMAS[op_type].min_input == 1 == len(SCHEMAS[op_type].outputs) != len(SCHEMAS[op_type].inputs) - 1
    and {"tensor(float)"} <= SCHEMAS[op_type].inputs[0].types & SCHEMAS[op_type].outputs[0].types
]


def test_every_operator_with_a_rule_has_a_row():
    assert set(supported_ops()) - OPERATORS.keys() == set()


def test_every_row_is_of_an_operator_of_the_standard():
    assert OPERATORS.keys() - SCHEMAS.keys() == set()


def test_every_trait_has_a_meaning_and_an_operator():
    assert {trait for traits in OPERATORS.values() for trait in traits} == set(TRAITS)
    assert set(IMPLIED) | set(IMPLIED.values()) <= set(TRAITS)


def test_a_trait_that_none_has_is_refused():
    with pytest.raises(ValueError, match="no operator is 'pointy'"):
        having("pointy")


@pytest.mark.parametrize(
    ("row", "why"), [("\nRelu - rectifier\n", "two rows for Relu"), ("\nAcosh2 - pointy", "unknown trait")]
)
def test_a_row_that_is_wrong_is_refused(row, why, monkeypatch):
    monkeypatch.setattr(operators, "ROWS", operators.ROWS + row)
    with pytest.raises(ValueError, match=why):
        operators._table()


def test_a_trait_implies_others():
    assert OPERATORS["Gelu"] == {"smooth", "rectifier", "activation", "pointwise"}
    assert "defined" in OPERATORS["Shrink"] and "Shrink" not in STAGES


@pytest.mark.parametrize("op_type", sorted(operators.REDUCTIONS))
def test_reductions_take_their_axes_from_the_second_input(op_type):
    assert [formal.name for formal in SCHEMAS[op_type].inputs] == ["data", "axes"]


@pytest.mark.parametrize("op_type", sorted(operators.ALONG))
def test_what_acts_along_an_axis_says_which(op_type):
    assert "axis" in SCHEMAS[op_type].attributes


@pytest.mark.parametrize("op_type", sorted(operators.WINDOWS))
def test_windows_have_kernels_strides_and_pads(op_type):
    assert {"kernel_shape", "strides", "pads", "auto_pad"} <= SCHEMAS[op_type].attributes.keys()


@pytest.mark.parametrize("op_type", sorted(operators.DEFINED))
def test_what_is_read_as_others_is_defined_by_others(op_type):
    assert SCHEMAS[op_type].has_function or SCHEMAS[op_type].has_context_dependent_function


# What every set must say alike -----------------------------------------------------------------------------


def test_there_are_functions_of_one_number():
    assert {"Relu", "Gelu", "Tan", "Acosh", "Round"} <= set(UNARY)


@pytest.mark.parametrize("op_type", UNARY)
def test_a_function_of_single_numbers_keeps_the_receptive_field(op_type):
    model = build((1, 9, 9), lambda op, x: getattr(op, op_type)(op.Conv(x, np.ones((1, 1, 3, 3), np.float32))))
    conv, last = (receptive_fields(model.graph)[node.outputs[0]] for node in model.graph)
    assert last == conv and conv is not None


@pytest.mark.parametrize("op_type", [op for op in UNARY if op != "Gelu"])  # which the reference does not know
def test_a_function_of_a_small_constant_is_computed_while_reading(op_type):
    number = np.full((1, 1, 1, 1), 1.5 if op_type == "Acosh" else 0.5, np.float32)
    graph = build((1, 2, 2), lambda op, x: op.Add(x, getattr(op, op_type)(number))).graph
    fold_constants(graph)
    assert [node.op_type for node in graph] == ["Add"]


def test_a_dropout_that_draws_is_not_computed_while_reading():
    ones = np.ones((1, 1, 2, 2), np.float32)
    graph = build((1, 2, 2), lambda op, x: op.Add(x, op.Dropout(ones, 0.5, np.array(True)))).graph
    fold_constants(graph)
    assert [node.op_type for node in graph] == ["Dropout", "Add"]


@pytest.mark.parametrize("op_type", ["LpNormalization", "Hardmax"])
def test_what_acts_along_channels_keeps_the_receptive_field(op_type):
    def write(op, x):
        return getattr(op, op_type)(op.Conv(x, np.ones((2, 1, 3, 3), np.float32)), axis=1)

    graph = build((1, 9, 9), write).graph
    conv, last = (receptive_fields(graph)[node.outputs[0]] for node in graph)
    assert last == conv and conv is not None
