"""How a worker goes through the shards of a work: its own first, then whatever nobody else is at."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from inspectnet.shards.lease import held
from inspectnet.shards.share import WHOLE, Share

PAUSE = 0.5  # seconds between looks at shards that others make


class Work(Protocol):
    """What is to be done: shards 0..count - 1, each a pure function of its number to a file."""

    @property
    def count(self) -> int:
        """How many shards there are."""

    @property
    def leases(self) -> Path:
        """The folder of leases."""

    def is_done(self, number: int) -> bool:
        """Whether the file of a shard is there."""

    def do(self, number: int, advance: Callable[[int], object]) -> None:
        """Make the file of a shard; advance is called with the number of images since."""


def work_through(
    work: Work,
    share: Share = WHOLE,
    *,
    advance: Callable[[int], object] = lambda n: None,
    waiting: Callable[[], object] = lambda: None,
) -> None:
    """Do what is not done; ends when all is, also what others were at when this worker had nothing left.

    advance is called with the number of images that this worker has done since, waiting while others are at the rest.
    """
    left = [number for number in share.order(work.count) if not work.is_done(number)]
    while left:
        left = [number for number in left if not try_shard(work, number, advance)]
        if left:
            waiting()
            time.sleep(PAUSE)


def try_shard(work: Work, number: int, advance: Callable[[int], object] = lambda n: None) -> bool:
    """Do a shard unless it is done, or another worker is at it; whether it is done now."""
    if work.is_done(number):
        return True
    with held(work.leases / f"{number:06d}.lease") as lease:
        if lease is None:
            return False
        if not work.is_done(number):  # else another has just ended it

            def count(n: int) -> None:
                lease.done += n
                advance(n)

            work.do(number, count)
    return True
