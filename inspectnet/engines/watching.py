"""How far all workers on one folder have come, whoever started them: the files tell."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspectnet.manifest.manifest import Manifest
from inspectnet.shards import told_by

PAUSE = 0.5  # seconds between two looks, at least
IDLE = 20  # times as long as a look takes nobody looks, for a look at 500,000 shards may take long


class Watch:
    """Tells `advance` what is done: at once what this worker says, now and then what files say of others."""

    def __init__(self, folder: Path, manifest: Manifest[Any], is_done: Callable[[int], bool]) -> None:
        """is_done: whether the files of a shard are there."""
        self._folder, self._manifest, self._is_done = folder, manifest, is_done
        self.left = {number for number in range(manifest.shards) if not is_done(number)}
        """Shards that are not done."""
        self.total = sum(map(self._manifest.size, self.left))
        """Images in them at the start."""
        self._done = self._shown = 0
        self._next = 0.0
        self.advance: Callable[[int], object] = lambda n: None

    def count(self, n: int) -> None:
        """This worker has done n images since."""
        self._show(self._shown + n)
        if time.monotonic() > self._next:
            self.look()

    def look(self) -> None:
        """See what all workers have done."""
        began = time.monotonic()
        for number in [number for number in self.left if self._is_done(number)]:
            self.left.remove(number)
            self._done += self._manifest.size(number)
        at_work = 0
        for number, told in told_by(self._folder / "leases"):
            done = told.get("done")
            if number in self.left and isinstance(done, int):
                at_work += min(max(done, 0), self._manifest.size(number))
        self._show(self._done + at_work)
        now = time.monotonic()
        self._next = now + max(PAUSE, IDLE * (now - began))

    def wait(self) -> None:
        """Sleep until there is something to see, perhaps, and look."""
        time.sleep(max(self._next - time.monotonic(), 0.01))
        self.look()

    def _show(self, done: int) -> None:
        """What a worker that died had done is done again, and counts once."""
        since = min(done, self.total) - self._shown
        if since > 0:
            self._shown += since
            self.advance(since)
