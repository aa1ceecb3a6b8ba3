"""Values that are kept once they are made, for several threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """Makes each value once; threads wait for each other."""

    def __init__(self) -> None:
        self._made, self.lock = dict[str, OrderedDict[Hashable, Any]](), threading.RLock()

    def keep(self, kind: str, key: Hashable, make: Callable[[], T], most: int | None = None) -> T:
        """What `make` gave for a key of a kind; most: of the kind that are kept, those used last."""
        with self.lock:
            same = self._made.setdefault(kind, OrderedDict())
            if key not in same:
                same[key] = make()
            same.move_to_end(key)
            while most is not None and len(same) > most:
                same.popitem(last=False)
            kept: T = same[key]
            return kept

    def holds(self, kind: str, key: Hashable) -> bool:
        """Whether a value is kept."""
        return key in self._made.get(kind, ())

    def forget(self) -> None:
        """Let all go."""
        with self.lock:
            self._made.clear()
