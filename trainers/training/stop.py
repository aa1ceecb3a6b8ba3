"""How a run is asked to end: SIGTERM, Ctrl-C, or a number of steps."""

import signal
from types import FrameType
from typing import Self


class Stop:
    """Whether someone asked while it was open; the loop looks after every step, saves and leaves."""

    def __init__(self, steps: int | None = None) -> None:
        self.asked = False
        self.steps = steps

    def __enter__(self) -> Self:
        self.before = {number: signal.signal(number, self.ask) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.asked = True

    def step_ended(self) -> None:
        """Count down."""
        if self.steps is not None:
            self.steps -= 1
            self.asked = self.asked or self.steps <= 0

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
