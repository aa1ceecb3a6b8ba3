"""Exploring: a network whose images are looked at in the background, while a page already asks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from inspectnet.errors import InspectError
from inspectnet.explorer.bundle import Bundle
from inspectnet.explorer.contract import Live
from inspectnet.explorer.kept import Kept
from inspectnet.explorer.live import LivePart
from inspectnet.explorer.overview import describe_model, describe_network
from inspectnet.network import Network
from inspectnet.progress import Advance
from inspectnet.rules import Policy
from inspectnet.runtime.versions import versions

SHEETS = 400  # of some 100 kB each, which are kept for the next page that asks
FIRST = ("model", "photos")  # what a page reads before images have been looked at


@dataclass(frozen=True)
class Progress:
    """How far the work has come; changed: names whose values are new, all beside them too."""

    what: str
    done: int
    total: int
    changed: tuple[str, ...] = ()


class Exploration:
    """The values of a network, few at first, all once `look` has made a bundle; safe to use from several threads."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network, self._policy = network, policy
        self._bundle: Bundle | None = None
        self._told, self._turn = Progress("", 0, 0), threading.Condition()
        self._count, self._kept = 0, Kept()

    def look(self, make: Callable[["Exploration"], Bundle]) -> None:
        """Make the bundle, telling how far it is; what goes wrong is told too, and ends it."""
        try:
            self._bundle = make(self)
            self._tell(Progress("", 0, 0, FIRST))
        except InspectError as error:
            self._tell(Progress(f"stopped: {error}", 0, 0))
        except Exception as error:
            self._tell(Progress(f"stopped by a bug of inspectnet: {type(error).__name__}: {error}", 0, 0))
            raise

    def value(self, name: str) -> object:
        """The value of a name. Raises KeyError for one that is not there, or not yet, InspectError."""
        bundle = self._bundle
        if name == "model":
            model = describe_network(self.network, self._policy) if bundle is None else describe_model(bundle)
            return replace(model, live=self._live, live_reason="")
        if bundle is None:
            if name == "photos":
                return ()
            raise KeyError(name)
        if name.startswith("sheets/"):
            return self._kept.keep("sheets", name, lambda: bundle.value(name), SHEETS)
        return bundle.value(name)

    @cached_property
    def _live(self) -> Live:
        """What the server computes, for every layer."""
        version = f"onnxruntime {versions()['onnxruntime']}"
        return LivePart(self.network, list(enumerate(self.network.layers)), version).describe()

    def wait(self, count: int, seconds: float) -> tuple[int, Progress]:
        """The progress once it is another than the one of that count, or after a while; and its own count."""
        with self._turn:
            self._turn.wait_for(lambda: self._count != count, seconds)
            return self._count, self._told

    def _tell(self, progress: Progress) -> None:
        with self._turn:
            self._told, self._count = progress, self._count + 1
            self._turn.notify_all()

    @contextmanager
    def __call__(self, description: str, total: int | None, unit: str = "images") -> Iterator[Advance]:
        """Tell how far some work has come, as a `Progress` of inspectnet does."""
        done = 0
        self._tell(Progress(f"{description} {unit}", 0, total or 0))

        def advance(n: int = 1) -> None:
            nonlocal done
            done += n
            self._tell(Progress(f"{description} {unit}", done, total or 0))

        yield advance
