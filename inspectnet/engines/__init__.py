"""Engines: who goes through the shards of a job. This process, several on this machine, or a Ray cluster."""

from inspectnet.engines.engines import ENGINES, run_engine
from inspectnet.engines.job import Job, forget_failed, work_here
from inspectnet.engines.watching import Watch
from inspectnet.engines.worker import work_for
