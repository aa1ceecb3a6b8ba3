"""How a run is asked to end: SIGTERM, Ctrl-C, or a number of steps."""

import signal
from types import FrameType


class Stop:
    """Whether someone asked; the loop looks after every step, saves and leaves."""

    def __init__(self, steps: int | None = None) -> None:
        self.asked = False
        self.steps = steps
        self.before = {number: signal.signal(number, self.ask) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self.asked = True

    def step_ended(self) -> None:
        """Count down."""
        if self.steps is not None:
            self.steps -= 1
            self.asked = self.asked or self.steps <= 0

    def forget(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
