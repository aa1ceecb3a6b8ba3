"""JSON as text: its layout, numbers that survive, and names that would act on a terminal."""

import json

import pytest

from inspectnet.report.json_text import json_text


def test_records_are_short_enough_to_read_and_keep_their_order():
    record = {
        "model": "net.onnx",
        "layers": ["conv1", "conv2"],
        "hits": [{"unit": 3, "at": [6, 7]}],
        "field": [[1, 0], [0, 1]],
        "none": [],
        "nothing": {},
    }
    assert json_text(record) == (
        '{\n  "model": "net.onnx",\n  "layers": ["conv1", "conv2"],\n'
        '  "hits": [\n    {\n      "unit": 3,\n      "at": [6, 7]\n    }\n  ],\n'
        '  "field": [\n    [1, 0],\n    [0, 1]\n  ],\n  "none": [],\n  "nothing": {}\n}\n'
    )


def test_numbers_survive_bit_by_bit(rng):
    numbers = rng.standard_normal(500).tolist()
    assert json.loads(json_text(numbers)) == numbers


def test_every_kind_of_value_and_text_becomes_json():
    record = {"a": [True, None, 3, 2.5, 'zéro \U0001f431 "q"\n'], "b": {"c": "x"}}
    assert json.loads(json_text(record)) == record
    assert '"zéro \U0001f431 \\"q\\"\\n"' in json_text(record)


def test_names_of_files_that_are_not_utf8_survive_and_nothing_acts_on_a_terminal():
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    written = json_text({"path": name, "escape": "\x1b[2J\u202e"})
    written.encode()
    assert json.loads(written) == {"path": name, "escape": "\x1b[2J\u202e"}
    assert "\x1b" not in written and "\u202e" not in written


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_refused(bad):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"value": bad})


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", 1j, object()], ids=lambda value: type(value).__name__)
def test_what_has_no_place_in_json_is_refused(value):
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_text({"a": [value]})
