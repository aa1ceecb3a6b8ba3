"""The engine `local`: worker processes on this machine, started again when they die."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspectnet.engines.job import Job
from inspectnet.engines.watching import Watch
from inspectnet.errors import InspectError
from inspectnet.progress import note

DEATHS = 3  # of workers in a row, while no shard is done, after which they are not started again
PATIENCE = 10.0  # seconds that workers have to end by themselves once all is done


class Worker:
    """A process, which ends when this one does."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self.start()

    def start(self) -> None:
        """Start it, again."""
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        # in a session of its own an interruption from the terminal does not reach it, only the end of its stdin
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._told, start_new_session=True
        )

    @property
    def code(self) -> int | None:
        """How it ended: 0 if all is done, 2 for an error that it told; None while it runs."""
        return self._process.poll()

    @property
    def told(self) -> str:
        """The last line that it wrote."""
        self._told.seek(0)
        lines = self._told.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    @property
    def end(self) -> str:
        """In words how it ended."""
        code = self._process.returncode
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"by {signal.Signals(-code).name}"
        return f"with code {code}: {self.told}" if self.told else f"with code {code}"

    def stop(self, patience: float = 0.0) -> None:
        """End it, after so many seconds in which it may end by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        assert self._process.stdin is not None, "it was opened with a pipe"
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._told.close()


def run_workers(job: Job[Any], folder: Path, options: Sequence[Sequence[str]], watch: Watch) -> list[Worker]:
    """Workers that have done all shards and are finishing the job; options: of the command, of each.

    Raises the error of the last one if none is left, and InspectError if they die again and again.
    """
    workers = [Worker([*command(job, folder), *own]) for own in options]
    try:
        _watch_over(workers, folder, watch)
    except BaseException:
        stop_all(workers)
        raise
    return workers


def command(job: Job[Any], folder: Path) -> list[str]:
    """What starts a worker."""
    return [sys.executable, "-m", job.module, str(folder), "--tied"]


def stop_all(workers: Sequence[Worker], patience: float = 0.0) -> None:
    """End them all."""
    for worker in workers:
        worker.stop(patience)


def _watch_over(workers: Sequence[Worker], folder: Path, watch: Watch) -> None:
    deaths, left = 0, len(watch.left)
    while watch.left:
        watch.wait()
        if len(watch.left) < left:
            deaths, left = 0, len(watch.left)
        for worker in workers:
            if worker.code not in (None, 0, 2):
                deaths += 1
                if deaths > DEATHS:
                    what = f"workers died {deaths} times and no shard was done meanwhile, the last one {worker.end}"
                    raise InspectError(f"{what}. Is memory short? Try fewer --workers; it goes on where it was.")
                note(f"a worker died and is started again: it ended {worker.end}")
                worker.stop()
                worker.start()
        if all(worker.code in (0, 2) for worker in workers):  # others are started again
            watch.look()
            if watch.left:
                told = [worker.told for worker in workers if worker.code == 2]
                raise InspectError(told[-1] if told else f"shards were removed from {folder} meanwhile. Run it again.")
