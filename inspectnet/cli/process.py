"""The command as a process: signals end it in order, and nobody but it speaks on its stderr."""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING = ("SIGTERM", "SIGHUP")


class Ended(BaseException):
    """A signal asked the process to end. No Exception, as no part of the work may answer it."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number  # as shells have it


@contextlib.contextmanager
def ending_in_order() -> Iterator[list[BaseException]]:
    """Signals that end a process raise Ended, so that everything on the way out is put in order.

    Gives what they have raised, KeyboardInterrupt too: C code that is being imported makes an ImportError of it.
    """
    raised: list[BaseException] = []

    def end(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            raised.append(KeyboardInterrupt())
        else:
            signal.signal(number, signal.SIG_IGN)  # once is enough, and what is put in order should be
            raised.append(Ended(number))
        raise raised[-1]

    usual: dict[int, Any] = {getattr(signal, name): signal.SIG_DFL for name in ENDING if hasattr(signal, name)}
    usual[signal.SIGINT] = signal.default_int_handler
    in_charge = threading.current_thread() is threading.main_thread()
    taken = {number: by for number, by in usual.items() if in_charge and signal.getsignal(number) == by}
    for number in taken:
        signal.signal(number, end)
    try:
        yield raised
    finally:
        for number, by in taken.items():
            signal.signal(number, by)


@contextlib.contextmanager
def speaking_alone() -> Iterator[None]:
    """Libraries are not heard: neither their loggers and warnings, nor what their C code writes to stderr."""
    nobody, root = logging.NullHandler(), logging.getLogger()
    root.addHandler(nobody)
    logging.captureWarnings(True)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal's encoding lacks is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        with _own_stderr():
            yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(nobody)


@contextlib.contextmanager
def _own_stderr() -> Iterator[None]:
    """Python's stderr under another number; what is written to the usual one is lost."""
    usual = sys.__stderr__
    if usual is None or sys.stderr is not usual:  # somebody listens to this process from inside, as tests do
        yield
        return
    number = usual.fileno()
    own = os.dup(number)
    stream = os.fdopen(own, "w", encoding=usual.encoding, errors="backslashreplace", buffering=1)
    with open_nowhere() as nowhere:
        os.dup2(nowhere, number)
    sys.stderr = stream
    try:
        yield
    finally:
        sys.stderr = usual
        os.dup2(own, number)
        with contextlib.suppress(OSError):  # of a stderr that takes no more nobody can be told
            stream.close()


@contextlib.contextmanager
def open_nowhere() -> Iterator[int]:
    """A handle to which everything can be written, and is lost."""
    handle = os.open(os.devnull, os.O_WRONLY)
    try:
        yield handle
    finally:
        os.close(handle)
