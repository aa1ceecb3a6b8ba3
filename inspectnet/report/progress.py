"""How far long work has come: a bar on a terminal, a plain line now and then without one, always on stderr."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from inspectnet.errors import counted
from inspectnet.progress import Advance
from inspectnet.report.lines import visible

SILENCE = 5.0  # seconds between plain lines, at least


def progress(description: str, total: int | None, unit: str = "images") -> AbstractContextManager[Advance]:
    """A context whose value is called with the number of things done since; `total` None where it is unknown."""
    # A dumb terminal, such as an editor's, cannot move the cursor back.
    on_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return _bar(description, total, unit) if on_terminal else _lines(description, total, unit)


@contextmanager
def _bar(description: str, total: int | None, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    # stdout may be a file that waits for results, so it is left alone.
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
        count = _Count(total, unit)
        task = bar.add_task(description, total=total, state=count.state())

        def advance(n: int = 1) -> None:
            count.done += n
            bar.update(task, advance=n, state=count.state())

        yield advance


@contextmanager
def _lines(description: str, total: int | None, unit: str) -> Iterator[Advance]:
    count = _Count(total, unit)
    last = count.start
    _say(f"{description}: {unit if total is None else counted(total, unit)}")

    def advance(n: int = 1) -> None:
        nonlocal last
        count.done += n
        if count.done != total and time.monotonic() - last >= SILENCE:
            last = time.monotonic()
            _say(f"{description}: {count.state()}{count.left()}")

    try:
        yield advance
    except BaseException:
        _say(f"{description}: stopped at {count.state()}")
        raise
    _say(f"{description}: {count.state()}, {clock(count.seconds())} in all")


class _Count:
    """How many are done, since when."""

    def __init__(self, total: int | None, unit: str):
        self.total, self.unit = total, unit
        self.done = 0
        self.start = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def rate(self) -> float:
        return self.done / self.seconds() if self.seconds() > 0 else 0.0

    def state(self) -> str:
        of = "" if self.total is None else f"/{self.total}"
        speed = f", {self.rate():.3g}/s" if self.rate() > 0 else ""
        return f"{self.done}{of} {self.unit}{speed}"

    def left(self) -> str:
        if self.total is None or self.rate() == 0:
            return ""
        return f", {clock(max(self.total - self.done, 0) / self.rate())} left"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)
