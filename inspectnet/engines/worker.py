"""A worker: opens the models that a manifest names, and goes through its shards."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspectnet.engines.job import Job, work_here
from inspectnet.errors import InspectError, OptionError
from inspectnet.manifest import Manifest, RequestedModel, preprocess_of
from inspectnet.network import Network
from inspectnet.opening import open_network
from inspectnet.progress import silent
from inspectnet.shards import Share, share_of


def work_for(job: Job[Any], arguments: Sequence[str] | None = None) -> int:
    """Be a worker, as the command line says; gives the exit code, 2 after an error in one line on stderr.

    RANK and WORLD_SIZE, or what else the environment says, give its share; it ends once all is done.
    """
    parser = argparse.ArgumentParser(f"python -m {job.module}", description=work_for.__doc__)
    parser.add_argument("folder", type=Path, help="which holds the manifest")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--threads", type=int, help="cores to use, by default all")
    parser.add_argument("--share", type=int, nargs=2, metavar=("RANK", "SIZE"), help="instead of the environment's")
    parser.add_argument("--tied", action="store_true", help="end when stdin does, as with the process that holds it")
    said = parser.parse_args(arguments)
    if said.tied:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        manifest = job.read(said.folder)
        networks = open_models(manifest, said.device, said.threads)
        share = Share(*said.share) if said.share else share_of()
        work_here(job, said.folder, manifest, networks, share, said.threads, silent)
    except InspectError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def open_models(manifest: Manifest[Any], device: str, threads: int | None) -> Sequence[Network]:
    """The models of a manifest, as they were when it was made; threads: cores to use, None for all.

    Raises OptionError for a file that holds another model now, and what `open_network` raises.
    """
    what = manifest.request.what
    return [_open(model, what, device, threads or 0) for model in manifest.request.models]


def _open(model: RequestedModel, what: str, device: str, threads: int) -> Network:
    network = open_network(model.path, device=device, preparation=model.preprocess, threads=threads)
    if network.sha256 != model.sha256:
        made = f"{model.path} is not the model that the {what} was made of ({model.sha256[:8]})"
        raise OptionError(f"{made}, but {network.sha256[:8]}. Put that back, or choose another folder for this.")
    if preprocess_of(network) != model.preprocess:
        raise OptionError(f"{model.path} prepares photos otherwise than the {what} says. Choose another folder for it.")
    return network


def _end_with_stdin() -> None:
    """However its driver dies, the system closes what it held."""
    while os.read(0, 1024):
        pass
    os._exit(1)
