import re
import subprocess
import sys

import numpy as np
import pytest

from inspectnet.analyses.statistics import Interval
from inspectnet.report.tables import Column, all_columns, ends, print_table

COLUMNS = ["layer", "shape", "value", "used"]
ROWS = [["conv1", "96x55x55", 0.123456, True], ["features[0]:cat:", "7", None, False]]


def test_without_a_terminal_a_table_is_plain_aligned_lines(capsys):
    print_table("net.onnx", COLUMNS, ROWS)
    assert capsys.readouterr().out == (
        "net.onnx\n"
        "layer             shape      value  used\n"
        "conv1             96x55x55  0.1235  yes\n"
        "features[0]:cat:  7              -  no\n"
    )


def test_without_a_terminal_nothing_is_cut_however_long(capsys):
    name = "block." * 100 + "conv"
    print_table("", ["layer", "units"], [[name, 3]])
    assert capsys.readouterr().out.splitlines() == [f"{'layer'.ljust(len(name))}  units", f"{name}      3"]


@pytest.mark.parametrize(
    "cells, right",
    [
        ([1, 20], True),
        ([np.float32(1.5), np.int64(3), None], True),
        (["1,024", "12 %", "-3.5e-05", ""], True),
        (["3", "3x4"], False),
        ([True, False], False),
        (["", None], False),
    ],
    ids=["ints", "numpy", "texts of numbers", "mixed", "bools", "blank"],
)
def test_columns_of_numbers_stand_to_the_right(capsys, cells, right):
    print_table("", ["a name wider than all"], [[cell] for cell in cells])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(" ") == right


def test_numpy_floats_have_four_digits_like_any_other(capsys):
    print_table("", ["x"], [[np.float32(0.1)], [1 / 3]])
    assert capsys.readouterr().out.split() == ["x", "0.1", "0.3333"]


def test_a_table_without_rows_is_its_heading(capsys):
    print_table("none", ["a", "b"], [])
    assert capsys.readouterr().out == "none\na  b\n"


def test_on_a_terminal_names_are_not_read_as_markup(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    print_table("net[0].onnx", COLUMNS, ROWS)
    out = capsys.readouterr().out
    assert "features[0]:cat:" in out and "net[0].onnx" in out and "0.1235" in out


def narrow(monkeypatch):
    """Make stdout a terminal of 40 columns."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")


def test_on_a_narrow_terminal_columns_go_and_names_of_half_a_line_are_cut_in_their_middle(capsys, monkeypatch):
    narrow(monkeypatch)
    columns = ["layer", "95 %", "error", "taken for", "images"]
    rows = [
        ["features.12.expand3x3", "0.12 to 38.48", 5, "w" * 50, 1],
        ["/a/very/long/name/of/conv_1/Relu", "", 12, "cat", 2],
    ]
    print_table("", columns, rows)
    told = plain(capsys)
    assert told[0].split() == ["layer", "error"] and told[-1] == "--wide shows: 95 %, taken for, images"
    assert told[2].split()[1] == "5"
    assert told[3].split()[0].startswith("/a/") and told[3].split()[0].endswith("Relu") and "…" in told[3]
    assert max(map(len, told)) <= 40


def test_the_columns_named_first_go_first_and_wide_keeps_all(capsys, monkeypatch):
    narrow(monkeypatch)
    columns, rows = ["layer", "a", "b", "c"], [["features.12", "x" * 9, "y" * 9, "z" * 9]]
    print_table("", columns, rows, drop=("a",))
    told = plain(capsys)
    assert told[0].split() == ["layer", "b", "c"] and told[2].split() == ["features.12", "y" * 9, "z" * 9]
    with all_columns(True):
        print_table("", columns, rows)
    assert [line.split() for line in plain(capsys)[::2]] == [columns, *rows]


def plain(capsys):
    """What was printed, as lines without colours."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()]


def test_rich_and_pillow_are_imported_only_when_something_is_shown():
    code = (
        "import sys, inspectnet.report.folder, inspectnet.report.tables, inspectnet.report.progress\n"
        "import inspectnet.report.names, inspectnet.figures\n"
        "print([m for m in ('rich', 'PIL', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_column_says_how_its_numbers_are_written_and_intervals_stand_in_one_of_their_own(capsys):
    rows = [["conv1", 0.5, Interval(0.125, 0.1, None)], ["conv2", None, None]]
    print_table("", ["layer", Column("share %", ".1f", 100), "slope"], rows)
    assert capsys.readouterr().out == (
        "layer  share %  slope  95 %\nconv1     50.0  0.125  0.1 to -\nconv2        -      -\n"
    )


def test_intervals_are_words_and_one_of_nothing_is_none():
    assert ends([0.12345, 2]) == "0.123 to 2" and ends([-0.5, None], 100, ".1f") == "-50.0 to -"
    assert ends(None) == ends([None, None]) == ""
