import io
import re
import sys

import pytest

from inspectnet.report import progress as progress_module
from inspectnet.report.progress import SILENCE, clock, progress


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_without_a_terminal_a_line_is_printed_at_the_start_now_and_then_and_at_the_end(capsys, time):
    with progress("projecting", 100) as advance:
        for _ in range(100):
            time.now += SILENCE / 20
            advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "projecting: 100 images",
        "projecting: 20/100 images, 4/s, 0:20 left",
        "projecting: 40/100 images, 4/s, 0:15 left",
        "projecting: 60/100 images, 4/s, 0:10 left",
        "projecting: 80/100 images, 4/s, 0:05 left",
        "projecting: 100/100 images, 4/s, 0:25 in all",
    ]


def test_quick_work_prints_a_line_at_each_end_only(capsys, time):
    with progress("reading", 1000, unit="files") as advance:
        for _ in range(10):
            advance(100)
    assert capsys.readouterr().err.splitlines() == [
        "reading: 1000 files",
        "reading: 1000/1000 files, 0:00 in all",
    ]


def test_work_of_unknown_length_has_a_rate_and_no_end(capsys, time):
    with progress("scanning", None) as advance:
        time.now += 2 * SILENCE
        advance(30)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["scanning: images", "scanning: 30 images, 3/s"]


def test_work_that_fails_says_how_far_it_came_and_lets_the_error_through(capsys, time):
    with pytest.raises(KeyboardInterrupt), progress("projecting", 5) as advance:
        advance(2)
        raise KeyboardInterrupt
    assert capsys.readouterr().err.splitlines()[-1] == "projecting: stopped at 2/5 images"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch, kind: str = "xterm") -> Terminal:
    """Not a fixture: pytest takes stderr back between the setup of a test and the test."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "120")
    return shown


def test_on_a_terminal_a_bar_with_rate_is_shown_on_stderr(monkeypatch, capsys):
    terminal = open_terminal(monkeypatch)
    with progress("projecting [conv5]", 8) as advance:
        for _ in range(8):
            advance()
        print("results")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "projecting [conv5]" in text and re.search(r"8/8 images, \S+/s", text)
    assert capsys.readouterr().out == "results\n", "stdout is left to the results"


def test_the_cursor_comes_back_when_the_work_fails(monkeypatch):
    terminal = open_terminal(monkeypatch)
    with pytest.raises(ValueError), progress("projecting", None) as advance:
        advance(3)
        raise ValueError
    hidden, shown = (terminal.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))
    assert 0 <= hidden < shown


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    terminal = open_terminal(monkeypatch, "dumb")
    with progress("reading", 1):
        pass
    assert terminal.getvalue().splitlines()[0] == "reading: 1 image"


@pytest.mark.parametrize(
    "seconds, shown", [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_times_are_written_as_clocks_do(seconds, shown):
    assert clock(seconds) == shown
