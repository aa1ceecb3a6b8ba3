"""Leases: a worker says which shard it is at, so that others take other ones.

A lease is a file that only one worker can create. Its heartbeat is the file's time. It is stale once that has stood
still for STALE seconds of the watcher's own clock (clocks of machines differ), or at once if its process was one of
this host and is gone. Two workers may still take the same shard in the same instant; that costs time, and no bits.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from inspectnet.files.parsing import parse_json
from inspectnet.files.refusals import refusal
from inspectnet.files.staging import read_result

STALE, BEAT = 60.0, 5.0  # seconds
LENGTH = 512  # bytes at least; a beat writes over the last one, which takes no room on a full disk and is never half

_seen: dict[Path, tuple[int, float]] = {}
"""By lease the time of its last heartbeat that was seen, and when it was first seen."""


class Lease:
    """The right to make one shard, until it is released or its heart stops."""

    def __init__(self, path: Path) -> None:
        self.path, self.token = path, secrets.token_hex(8)
        self.done = 0
        """Images so far, which others show as progress."""
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True, name=f"lease of {path.name}")

    def _text(self) -> bytes:
        told = {"host": here(), "pid": os.getpid(), "started": started(os.getpid()), "done": self.done}
        return json.dumps({**told, "token": self.token}).encode().ljust(LENGTH)

    def take(self) -> bool:
        """Whether it could be had. Raises OutputError if nothing can be written there."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and not stale(self.path):
                return False
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
            with self.path.open("xb") as file:
                try:
                    file.write(self._text())
                    file.flush()
                except OSError:  # an empty one would keep others waiting
                    self.path.unlink(missing_ok=True)
                    raise
        except FileExistsError as error:  # another was quicker, or something else is in the way
            if self.path.parent.is_dir():
                return False
            raise refusal(self.path, error) from error
        except OSError as error:
            raise refusal(self.path, error) from error
        self._heart.start()
        return True

    def release(self) -> None:
        """Give it back."""
        self._over.set()
        with contextlib.suppress(OSError, RuntimeError):
            self._heart.join()
            if who(self.path).get("token") == self.token:
                self.path.unlink()

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):  # whoever took it for stale makes the same bytes
                if who(self.path).get("token") == self.token:
                    with self.path.open("r+b") as file:
                        file.write(self._text())


@contextlib.contextmanager
def held(path: Path) -> Iterator[Lease | None]:
    """The lease of that path while the block runs; None if another has it."""
    lease = Lease(path)
    if not lease.take():
        yield None
        return
    try:
        yield lease
    finally:
        lease.release()


def stale(path: Path) -> bool:
    """Whether the worker that holds a lease is dead, as far as can be told; of a lease that is gone, too."""
    try:
        beat = path.stat().st_mtime_ns
    except OSError:
        return True
    told = who(path)
    pid = told.get("pid")
    if told.get("host") == here() and isinstance(pid, int) and not alive(pid, told.get("started")):
        return True
    known, since = _seen.get(path, (None, 0.0))
    if known != beat:
        _seen[path] = beat, (since := time.monotonic())
    return time.monotonic() - since > STALE


def who(path: Path) -> dict[str, object]:
    """What a lease tells of its holder; nothing while it is being written, or if it is no lease."""
    try:
        told = parse_json(read_result(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def living(folder: Path) -> list[dict[str, object]]:
    """What the leases in a folder that are not stale tell of their holders."""
    return [who(path) for path in sorted(folder.glob("*.lease")) if not stale(path)]


def told_by(folder: Path) -> list[tuple[int, dict[str, object]]]:
    """By number of their shards, what the leases in a folder tell of their holders."""
    return [(int(path.stem), who(path)) for path in sorted(folder.glob("*.lease")) if path.stem.isdecimal()]


def here() -> str:
    """Where numbers of processes mean the same: the host, and on Linux which of its containers."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def alive(pid: int, began: object) -> bool:
    """Whether a process of this host runs, and is the one that began then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is somebody else's
        pass
    state, start = _state(pid)
    return state not in ("Z", "X") and (began is None or start in (None, began))


def started(pid: int) -> str | None:
    """When a process of this host began, as Linux tells; None elsewhere. Numbers of processes are used again."""
    return _state(pid)[1]


def _state(pid: int) -> tuple[str | None, str | None]:
    """What a process does (Z: it has ended, and nobody has asked how), and when it began."""
    try:
        stat = read_result(Path(f"/proc/{pid}/stat"))
    except OSError:
        return None, None
    told = stat.rpartition(b")")[2].decode().split()
    return told[0], told[19]
