"""JSON is weighed before it is read."""

import json
import tracemalloc

import pytest

from inspectnet.files import parsing

FORMS = {
    "lists": "[],",
    "lists of one": "[0],",
    "lists in lists": "[" * 500 + "]" * 500 + ",",
    "objects": "{},",
    "objects of one": '{"":0},',
    "objects of nine": '{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0},',
    "numbers": "1.5,",
    "long numbers": "123456789012345678901234567890,",
    "texts": '"ab",',
    "wide texts": '"\U0001f408\u00e9",',
    "boxes": '{"photo.jpg":[10,20,300,400]},',
    "blanks": " ",
}


def test_what_is_said_comes_out():
    assert parsing.parse_json(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("form", FORMS)
def test_reading_takes_no_more_than_was_weighed(form):
    data = f"[{FORMS[form] * (400_000 // len(FORMS[form]))}0]".encode()
    tracemalloc.start()
    json.loads(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < parsing.weigh(data)


def test_different_keys_take_no_more_than_was_weighed():
    data = json.dumps({f"{i:x}": i for i in range(50_000)}, separators=(",", ":")).encode()
    tracemalloc.start()
    json.loads(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < parsing.weigh(data)


def test_what_would_take_too_much_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(parsing, "MOST", 1 << 20)
    assert len(parsing.parse_json(b"[" + b"1," * 10_000 + b"1]")) == 10_001
    monkeypatch.setattr(parsing.json, "loads", pytest.fail)
    with pytest.raises(ValueError, match=r"^it would take \d+\.\d GiB of memory$"):
        parsing.parse_json(b"[" + b"[]," * 10_000 + b"1]")
