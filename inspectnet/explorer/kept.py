"""Values that are kept once they are made, for several threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """Makes each value once: threads that want the same wait for it, others go on."""

    def __init__(self) -> None:
        self._made, self._making = dict[str, OrderedDict[Hashable, Any]](), dict[Hashable, threading.Lock]()
        self._lock = threading.Lock()

    def keep(self, kind: str, key: Hashable, make: Callable[[], T], most: int | None = None) -> T:
        """What `make` gave for a key of a kind, never None; most: of the kind that are kept, those used last."""
        with self._lock:
            making = self._making.setdefault((kind, key), threading.Lock())
        with making:
            with self._lock:
                same = self._made.setdefault(kind, OrderedDict())
                held: T | None = same.get(key)
            value = make() if held is None else held
            with self._lock:
                same[key] = value
                same.move_to_end(key)
                while most is not None and len(same) > most:
                    same.popitem(last=False)
            return value

    def holds(self, kind: str, key: Hashable) -> bool:
        """Whether a value is kept."""
        with self._lock:
            return key in self._made.get(kind, ())

    def forget(self) -> None:
        """Let all go."""
        with self._lock:
            self._made.clear()
