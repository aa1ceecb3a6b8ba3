"""What long work tells while it runs: how far it has come, and what a user should know.

Analyses never print. They call the `progress` they are given; a note goes to the log of the name `inspectnet`.
"""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

LOG = logging.getLogger("inspectnet")


class Advance(Protocol):
    """What the work calls each time that something is done."""

    def __call__(self, n: int = 1) -> None:
        """Say that n more are done."""


@runtime_checkable
class Progress(Protocol):
    """Begins to tell how far some work has come."""

    def __call__(self, description: str, total: int | None, unit: str = "images") -> AbstractContextManager[Advance]:
        """A context whose value is called with the number of things done since; `total` None where it is unknown."""


@contextmanager
def silent(description: str, total: int | None, unit: str = "images") -> Iterator[Advance]:
    """The progress that tells nothing."""
    yield lambda n=1: None


def note(text: str, *, quiet: bool = False) -> None:
    """Tell in one line what a user should know of the run: a warning of the log `inspectnet`; quiet: an info."""
    LOG.log(logging.INFO if quiet else logging.WARNING, text)
