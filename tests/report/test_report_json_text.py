import dataclasses
import enum
import json
import re
from pathlib import Path

import numpy as np
import pytest

from inspectnet.errors import OutputError
from inspectnet.report.json_text import json_text

FILE = Path("out") / "run.json"


@dataclasses.dataclass(frozen=True)
class Hit:
    unit: str
    value: np.float32
    place: tuple[int, int]


class Method(enum.Enum):
    DECONVNET = "deconvnet"


def text(obj: object) -> str:
    return json_text(obj, FILE)


def test_results_are_short_enough_to_read_and_keep_their_order():
    result = {
        "model": "net.onnx",
        "layers": ["conv1", "conv2"],
        "hits": [{"unit": 3, "at": [6, 7]}],
        "field": np.eye(2, dtype=np.int64),
        "none": [],
        "nothing": {},
    }
    assert text(result) == (
        '{\n  "model": "net.onnx",\n  "layers": ["conv1", "conv2"],\n'
        '  "hits": [\n    {\n      "unit": 3,\n      "at": [6, 7]\n    }\n  ],\n'
        '  "field": [\n    [1, 0],\n    [0, 1]\n  ],\n  "none": [],\n  "nothing": {}\n}\n'
    )


def test_float32_is_written_with_the_fewest_digits_that_read_back_as_the_same(rng):
    assert text(np.float32(0.1)) == "0.1\n"
    assert text([np.float32(0.1), 0.1, np.float64(0.1)]) == "[0.1, 0.1, 0.1]\n"
    bits = rng.integers(0, 0x7F800000, 2000, dtype=np.uint32).view(np.float32)
    again = np.array(json.loads(text(bits)), np.float32)
    assert np.array_equal(again, bits)
    digits = [re.sub(r"e.*|[.]", "", repr(number)).strip("0") for number in json.loads(text(bits))]
    assert max(map(len, digits)) <= 9, "float32 never needs more"


def test_float64_survives_bit_by_bit(rng):
    numbers = rng.standard_normal(500)
    assert json.loads(text(numbers)) == numbers.tolist()


@pytest.mark.parametrize(
    "value, written",
    [
        (np.int64(3), "3"),
        (np.bool_(True), "true"),
        (np.array(2.5, np.float16), "2.5"),
        (np.str_("a"), '"a"'),
        (np.zeros((2, 0), np.float32), "[\n  [],\n  []\n]"),
        (Method.DECONVNET, '"deconvnet"'),
        (Path("a") / "b.png", json.dumps(str(Path("a") / "b.png"))),
        ((1, None, False), "[1, null, false]"),
        ({1: "a", np.int64(2): "b"}, '{\n  "1": "a",\n  "2": "b"\n}'),
        ('zéro \U0001f431 "q"\n', '"zéro \U0001f431 \\"q\\"\\n"'),
        (Hit("conv5:3", np.float32(1.5), (6, 7)), '{\n  "unit": "conv5:3",\n  "value": 1.5,\n  "place": [6, 7]\n}'),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_value_becomes_json(value, written):
    assert text(value) == written + "\n"
    json.loads(text(value))


def test_names_of_files_that_are_not_utf8_survive():
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    written = text({"path": name})
    written.encode()
    assert json.loads(written) == {"path": name}


@pytest.mark.parametrize("bad", [float("nan"), np.float32("inf"), np.float64("-inf")])
def test_nan_and_infinity_are_refused_with_their_place(bad):
    with pytest.raises(OutputError, match=r"run\.json: units\[1\]\.value is (nan|inf|-inf)"):
        text({"units": [{"value": 1.0}, {"value": bad}]})
    with pytest.raises(OutputError, match=r"run\.json: values\[0\]\[2\] is"):
        text({"values": np.array([[1, 2, bad]])})
    with pytest.raises(OutputError, match=r"the result is"):
        text(bad)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", 1j, np.array([1j]), np.datetime64("2020-01-01"), object()])
def test_what_has_no_place_in_json_is_refused(value):
    with pytest.raises(TypeError, match="no place in JSON"):
        text({"a": [value]})


@pytest.mark.parametrize("mapping", [{1.5: 0}, {None: 0}, {True: 0}, {1: 0, "1": 0}])
def test_keys_that_json_would_change_are_refused(mapping):
    with pytest.raises(AssertionError, match="key"):
        text(mapping)
