"""Trains whatever a plan still lacks. Any number of processes may do so at once: each takes a run that nobody holds."""

import fnmatch
import os
import time
from collections.abc import Callable
from pathlib import Path

from trainers.errors import DivergedError, InUseError, TrainerError
from trainers.files.lock import hold
from trainers.job import Job
from trainers.progress import say
from trainers.study.plan import Unit
from trainers.study.records import record_file, write_record
from trainers.training.loop import train

TRAIN_SAMPLE = 5_000  # training pictures that are measured after each epoch
PAUSE = 30.0  # seconds between two looks at runs that are all in other hands: one may be let go, or tell a rate


def conduct(plan: Callable[[Path], list[Unit]], jobs: Callable[[Unit], Job], records: Path, only: list[str]) -> bool:
    """Train the runs of the plan that have no record, those that match `only`; False when asked to stop.

    Ends when every run has its record, also those that other processes train.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise TrainerError("processes of a study share its runs by themselves: start it without torchrun")
    records.mkdir(parents=True, exist_ok=True)  # or fail before hours of training
    while left := [
        unit for unit in plan(records) if wanted(unit, only) and not record_file(records, unit.name).exists()
    ]:
        for unit in left:
            try:
                if not finish(unit, jobs(unit), records):
                    return False
                break
            except InUseError:
                continue
        else:
            time.sleep(PAUSE)
    return True


def wanted(unit: Unit, only: list[str]) -> bool:
    """Whether the unit's name matches a pattern, or there is none."""
    return not only or any(fnmatch.fnmatch(unit.name, pattern) for pattern in only)


def finish(unit: Unit, job: Job, records: Path) -> bool:
    """Train one run, or go on with it, and write its record; False when asked to stop."""
    with hold(job.run):
        if record_file(records, unit.name).exists():  # finished since the plan was looked at
            return True
        say(unit.name)
        try:
            graph = train(job)
        except DivergedError as error:
            write_record(records, unit.name, job, None, str(error))
            return True
        if graph is None:
            return False
        write_record(records, unit.name, job, graph)
        return True
