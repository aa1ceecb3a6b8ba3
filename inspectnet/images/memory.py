"""Memory: what decoding threads share of it, so that many large photos at once take no more than a few."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

TOGETHER = 3 << 28  # bytes for all that is decoded at a time
ALONE = 7 << 28  # bytes for a single image, which then waits until it is alone


class Closed(Exception):
    """Nobody will use what was to be decoded."""


class Memory:
    """Gives memory to one image after the other, in their order in the collection.

    In their order because photos of which tiles are cut keep theirs until the consumer has taken them, which it does
    in that order: if a later one took the last of it, both would wait for each other.
    """

    def __init__(self, first: int = 0) -> None:
        self._taken = 0
        self._next = first
        self._closed = False
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, number: int) -> Iterator["Share"]:
        """The share of one image, given back in the end but for what is kept; turns rise by 1 and all come."""
        share = Share(self, number)
        try:
            yield share
        finally:
            if not share.taken:  # those behind wait for this turn, too
                share.take(0)
            self.give(share.size - share.kept)

    def wait(self, number: int, size: int) -> None:
        """Take `size` bytes, at most ALONE, when it is this turn's time and they are there. Raises Closed."""

        def ready() -> bool:
            there = not self._taken or self._taken + size <= TOGETHER
            return self._closed or (number == self._next and there)

        with self._changed:
            self._changed.wait_for(ready)
            if self._closed:
                raise Closed
            self._taken += size
            self._next += 1
            self._changed.notify_all()

    def give(self, size: int) -> None:
        """Give `size` bytes back."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass
class Share:
    """What one image takes of it."""

    _memory: Memory
    _number: int
    taken: bool = field(default=False, init=False)
    size: int = field(default=0, init=False)
    kept: int = field(default=0, init=False)
    """Bytes that are not given back with the rest."""

    def take(self, size: int) -> None:
        """Wait for `size` bytes. Raises Closed."""
        self._memory.wait(self._number, size)
        self.taken, self.size = True, size
