"""Which part of the shards is this process's own, as those who start many of them say: torchrun, srun, mpirun, ...

The others' are not closed to it: a worker whose own are done helps with the rest.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from inspectnet.errors import OptionError
from inspectnet.files.parsing import whole_number

SAID = (
    ("RANK", "WORLD_SIZE", None),  # torchrun
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", None),  # mpirun
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),  # sbatch --array
    ("SLURM_PROCID", "SLURM_NTASKS", None),  # srun
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", None),  # Kubernetes' indexed jobs, whose count the pod has to pass on
)
"""The variables of number and count, by who sets them, and the one that holds the first number if that is not 0."""


@dataclass(frozen=True)
class Share:
    """One of several workers."""

    rank: int = 0
    size: int = 1

    def order(self, count: int) -> list[int]:
        """The numbers 0..count - 1: first the worker's own part, then the rest from where that ends."""
        first = self.rank * count // self.size
        return [*range(first, count), *range(first)]


WHOLE = Share()


def share_of(environment: Mapping[str, str] = os.environ) -> Share:
    """What the environment says; all of the work if it says nothing. Raises OptionError for numbers that make no sense.

    An array of jobs, each of which may run several tasks by srun, is divided twice.
    """
    said = {names[0]: share for names in SAID if (share := _said(environment, *names))}
    array, tasks = said.get("SLURM_ARRAY_TASK_ID"), said.get("SLURM_PROCID")
    if array and tasks:
        return Share(array.rank * tasks.size + tasks.rank, array.size * tasks.size)
    return next(iter(said.values()), WHOLE)


def _said(environment: Mapping[str, str], rank: str, size: str, first: str | None) -> Share | None:
    if rank not in environment or not environment.get(size):
        return None
    number, count = whole_number(environment[rank]), whole_number(environment[size])
    start = whole_number(environment.get(first, "0")) if first else 0
    if number is None or not count or start is None or number < start:
        what = f"{rank}={environment[rank]} of {size}={environment[size]}"
        raise OptionError(f"the environment says {what}, which is no part of a whole. Unset both, or mend them.")
    return Share((number - start) % count, count)  # arrays with steps have numbers beyond their count
