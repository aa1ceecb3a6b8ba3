"""The engine `ray`: actors of a Ray cluster take shards, wherever they are, and are started again when they die."""

import contextlib
import io
import os
import socket
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspectnet.engines.job import Job
from inspectnet.engines.watching import PAUSE, Watch
from inspectnet.engines.worker import open_models
from inspectnet.errors import DeviceError, InspectError, OptionError
from inspectnet.shards import Work, try_shard

ANSWER = 10.0  # seconds that a cluster has to answer
DEATHS = 3  # of its actor in a row that a shard survives


class Actor:
    """A worker of the cluster."""

    def __init__(self, job: Job[Any], folder: str, device: str, threads: int | None) -> None:
        self._job, self._folder, self._device, self._threads = job, Path(folder), device, threads
        self._work: Work | None = None

    def do(self, number: int) -> bool:
        """Whether a shard is done now; if not, another worker is at it."""
        if self._work is None:  # here and not at the start, as what is raised there loses its words
            manifest = self._job.read(self._folder)
            networks = open_models(manifest, self._device, self._threads)
            self._work = self._job.work(self._folder, manifest, networks, self._threads)
        return try_shard(self._work, number)


def run_on_ray(
    job: Job[Any], folder: Path, workers: int | None, device: str, threads: int | None, watch: Watch
) -> None:
    """Do all shards on the cluster of RAY_ADDRESS, the one of this machine, or a new one on this machine.

    workers: actors, by default one for each GPU, or each node without them. The folder, the images and the models
    have to be at the same place on all nodes. Raises OptionError without ray, and what actors raise.
    """
    try:
        import ray
    except ImportError:
        raise OptionError("the engine ray needs a package. Run pip install 'inspectnet[ray]'.") from None
    with contextlib.redirect_stdout(io.StringIO()):  # where Ray would print each death, among the results
        joined = ray.is_initialized()
        if not joined:
            _join(ray)
        try:
            _run(ray, _actors(ray, job, folder, workers, device, threads), watch)
        finally:
            if not joined:
                ray.shutdown()


def _join(ray: Any) -> None:
    """Join a cluster, or start one on this machine. Raises OptionError for one that does not answer."""
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told of what runs here
    try:
        if host and port.isdecimal():  # Ray itself would wait for minutes for nobody
            socket.create_connection((host, int(port)), ANSWER).close()
        ray.init(logging_level="ERROR", log_to_driver=False)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        what = f"no Ray cluster answers at {address}" if address else "Ray does not start here"
        raise OptionError(f"{what}: {error}. Set RAY_ADDRESS to HOST:PORT of one, or unset it.") from error


def _actors(
    ray: Any, job: Job[Any], folder: Path, workers: int | None, device: str, threads: int | None
) -> Sequence[Any]:
    gpus = 0 if device == "cpu" else int(ray.cluster_resources().get("GPU", 0))
    if device.startswith("cuda") and not gpus:
        raise DeviceError(f"the Ray cluster has no GPU for --device {device}. Say --device cpu.")
    count = workers or gpus or sum(node["Alive"] for node in ray.nodes())
    actor = ray.remote(Actor).options(
        num_cpus=1, num_gpus=1 if gpus else 0, scheduling_strategy="SPREAD", max_restarts=-1, max_task_retries=DEATHS
    )
    # Ray shows an actor its own GPU alone, whose number is 0 then
    return [actor.remote(job, str(folder.resolve()), "cuda" if gpus else "cpu", threads) for _ in range(count)]


def _run(ray: Any, actors: Sequence[Any], watch: Watch) -> None:
    """Give each actor a shard whenever it is free. Raises what actors raise, InspectError for one that dies always."""
    todo, free, at_work = deque(sorted(watch.left)), list(actors), dict[Any, tuple[Any, int]]()
    while todo or at_work:
        while todo and free:
            actor, number = free.pop(), todo.popleft()
            at_work[actor.do.remote(number)] = actor, number
        for done in ray.wait(list(at_work), timeout=PAUSE)[0]:
            actor, number = at_work.pop(done)
            free.append(actor)
            try:
                if not ray.get(done):  # another worker is at it
                    todo.append(number)
                    time.sleep(PAUSE / len(actors))
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, InspectError) else error from None
            except ray.exceptions.RayError as error:
                what = f"the worker of shard {number} died {DEATHS + 1} times"
                raise InspectError(f"{what}: {error}. Is memory short? Run again, it goes on where it was.") from error
        watch.look()
