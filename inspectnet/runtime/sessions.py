"""The sessions of one network: as few as are in use, for each holds weights of its own."""

import ctypes
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from inspectnet.runtime.device import Device
from inspectnet.runtime.session import Session, Weights

T = TypeVar("T")
MOST = 8  # kept at a time


class Sessions:
    """Starts sessions on one device, and keeps what was made last; safe to use from several threads."""

    def __init__(self, device: Device, threads: int = 0) -> None:
        self._device, self._threads = device, threads
        self._kept, self._lock = OrderedDict[Hashable, Any](), threading.RLock()

    def start(self, proto: bytes | tuple[bytes, Weights]) -> Session:
        """A session of its own, which is not kept."""
        return Session(proto, self._device, self._threads)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave for this key; it is made again if more than MOST others were used since."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            kept: T = self._kept[key]
            return kept

    def __len__(self) -> int:
        """How many are kept now."""
        return len(self._kept)

    def clear(self) -> None:
        """Let all of them go."""
        with self._lock:
            self._kept.clear()
        _give_back_memory()


def _give_back_memory() -> None:
    """Let the system have what was freed, which glibc keeps by gigabytes once it has held large arrays."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
