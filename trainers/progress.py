"""What a person sees while a run goes on: one line with rate and time left."""

import sys
import time
from collections import deque

from trainers.errors import one_line

EVERY_TERMINAL, EVERY_FILE = 0.5, 30.0  # seconds between two lines
RECENT = 10  # lines over which the rate is measured


def clock(seconds: float) -> str:
    """1:04:22 or 4:22."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def say(line: str) -> None:
    """A line that stays."""
    print(one_line(line), file=sys.stderr, flush=True)


class Progress:
    """A line that is rewritten on a terminal, and repeated now and then in a log file."""

    def __init__(self, title: str, total: int, done: int = 0, silent: bool = False) -> None:
        self.title, self.total, self.silent = title, total, silent
        self.started = time.monotonic()
        self.shown = self.started
        self.recent = deque([(self.started, done)], maxlen=RECENT)
        self.terminal = sys.stderr.isatty()

    def rate(self, done: int) -> float:
        """Pictures per second over the last lines, so that a pause is soon forgotten."""
        since, then = self.recent[0]
        return (done - then) / max(time.monotonic() - since, 1e-9)

    def due(self) -> bool:
        """Whether it is time for the next line; numbers for it need not be computed before."""
        return not self.silent and time.monotonic() - self.shown >= (EVERY_TERMINAL if self.terminal else EVERY_FILE)

    def show(self, done: int, notes: str = "", beyond: int = 0) -> None:
        """Print the line if it is due; `beyond` pictures follow in later epochs."""
        if not self.due():
            return
        self.shown = time.monotonic()
        rate = max(self.rate(done), 1e-9)
        self.recent.append((self.shown, done))
        left = self.total - done
        line = f"{self.title}  {done}/{self.total}  {notes}  {rate:.0f}/s  ETA {clock(left / rate)}"
        if beyond:
            line += f"  (run {clock((left + beyond) / rate)})"
        print(
            f"\r\x1b[K{line}" if self.terminal else line,
            end="" if self.terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self, line: str = "") -> None:
        """Leave `line` standing in place of the moving one."""
        if self.silent:
            return
        if self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr)
        if line:
            say(line)
