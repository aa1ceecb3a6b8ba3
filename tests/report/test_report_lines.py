"""Lines for people: how they fit a terminal, and what networks are called in them."""

import io
from pathlib import Path
from types import SimpleNamespace

from inspectnet.analyses.provenance import model_names
from inspectnet.report.lines import fitted


def test_what_is_too_wide_for_a_terminal_goes_on_below_between_words(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    said = "dead over 500 images: conv1 3 of 96, /a/very/long/path-that-nothing-may-break/because-people-copy-it 2"
    lines = fitted(said, terminal).splitlines()
    assert [line.strip() for line in lines] == [
        "dead over 500 images: conv1 3 of 96,", "/a/very/long/path-that-nothing-may-break/because-people-copy-it", "2"
    ]  # fmt: skip
    assert fitted(said, io.StringIO()) == said and fitted("short", terminal) == "short"


def test_networks_are_told_apart_where_one_comes_twice():
    def names(*paths):
        return model_names([SimpleNamespace(path=Path(path)) for path in paths])

    assert names("a/z.onnx", "a/y.onnx") == ["z.onnx", "y.onnx"]
    assert names("a/z.onnx", "b/z.onnx") == ["a/z.onnx", "b/z.onnx"]
    assert names("a/z.onnx", "a/z.onnx") == ["z.onnx", "z.onnx (2)"]
