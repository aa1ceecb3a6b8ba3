"""Records: every kind of value there and back, the schema that it fits, and records that somebody else has written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jsonschema
import numpy as np
import pytest

from inspectnet.results import decode, derived, encode, schema_of


class Place(NamedTuple):
    y: int
    x: int


@dataclass(frozen=True)
class Inner:
    name: str
    weights: np.ndarray


@dataclass(frozen=True)
class Outer:
    """A value of every kind."""

    flag: bool
    count: int
    ratio: float
    nothing: float | None
    place: Place
    pair: tuple[str, int]
    row: tuple[float, ...]
    inner: tuple[Inner, ...]
    by_name: Mapping[str, Inner]
    options: Mapping[str, object]

    @derived
    def doubled(self) -> tuple[float, ...]:
        """The row, twice as large."""
        return tuple(2 * number for number in self.row)


def outer(**other):
    inner = Inner("a", np.arange(6, dtype=np.float32).reshape(2, 3))
    told = {"k": [1, "two", None]}
    values = dict(flag=True, count=3, ratio=1.0, nothing=None, place=Place(1, 2), pair=("x", 4), row=(0.1, 2.0))
    return Outer(**values | dict(inner=(inner,), by_name={"b.c": Inner("b", np.array([True]))}, options=told) | other)


def packed(value):
    arrays = {}
    record = encode(value, arrays)
    return json.loads(json.dumps(record)), arrays


def test_a_value_of_every_kind_comes_back_as_it_was():
    record, arrays = packed(outer())
    assert set(arrays) == {"inner.0.weights", "by_name.b.c.weights"}
    assert record["inner"][0]["weights"] == {"array": "inner.0.weights", "shape": [2, 3], "dtype": "float32"}
    again = decode(record, Outer, arrays)
    assert (again.flag, again.count, again.ratio, again.nothing, again.pair) == (True, 3, 1.0, None, ("x", 4))
    assert again.place == Place(1, 2) and isinstance(again.place, Place) and isinstance(again.ratio, float)
    assert again.row == (0.1, 2.0) and again.options == {"k": [1, "two", None]}
    assert again.inner[0].weights is arrays["inner.0.weights"] and again.by_name["b.c"].name == "b"


def test_derived_numbers_stand_in_the_record_and_are_computed_again():
    record, arrays = packed(outer())
    assert record["doubled"] == [0.2, 4.0]
    assert decode({**record, "doubled": [9.0]}, Outer, arrays).doubled == (0.2, 4.0)


def test_the_record_fits_the_schema_of_its_type_and_another_does_not():
    definitions = {}
    schema = schema_of(Outer, definitions) | {"$defs": definitions}
    jsonschema.Draft202012Validator.check_schema(schema)
    record, _ = packed(outer())
    jsonschema.validate(record, schema)
    for wrong in ({"count": "3"}, {"extra": 1}, {"place": [1]}, {"doubled": None}, {"inner": [{"name": "a"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(record | wrong, schema)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": True}, "count is no int"),
        ({"count": "3"}, "count is no int"),
        ({"ratio": None}, "ratio is no float"),
        ({"row": {"0": 1}}, "row is no list"),
        ({"row": [1, "x"]}, r"row\.1 is no float"),
        ({"pair": ["x"]}, "pair has 1 items, not 2"),
        ({"by_name": []}, "by_name is no object"),
        ({"inner": [{"name": "a"}]}, r"inner\.0\.weights is missing"),
        ({"inner": [{"name": "a", "weights": {"array": "gone"}}]}, "there is no array 'gone'"),
        ({"inner": [{"name": "a", "weights": {"array": "by_name.b.c.weights", "shape": [2], "dtype": "bool"}}]},
         "is another than the record says"),
    ],
)  # fmt: skip
def test_a_record_of_something_else_is_refused_with_the_place(wrong, message):
    record, arrays = packed(outer())
    with pytest.raises(ValueError, match=message):
        decode(record | wrong, Outer, arrays)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_refused_with_its_place(number):
    with pytest.raises(ValueError, match=r"row\.1 is "):
        encode(outer(row=(0.0, number)), {})


def test_what_is_no_value_of_a_record_is_a_mistake_of_the_caller():
    with pytest.raises(TypeError, match=r"options\.k: a set has no place"):
        encode(outer(options={"k": {1}}), {})
