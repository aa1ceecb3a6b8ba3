"""What stays of a finished run: one small JSON file with its settings, its epochs and which pictures it gets right."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import TrainerError
from trainers.evaluation.accuracy import Accuracy
from trainers.evaluation.outcome import measure_graph
from trainers.files.atomic import write_whole
from trainers.job import Job
from trainers.training import checkpoint

Record = dict[str, Any]
PACE = ("seconds", "images_per_second")  # what says more of the machine than of the run


def record_file(records: Path, name: str) -> Path:
    """Where the record of the run `name` lies."""
    return records / f"{name}.json"


def read_record(records: Path, name: str) -> Record | None:
    """The record, or None where there is none yet."""
    path = record_file(records, name)
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        error(record)
        return dict(record)
    except (ValueError, KeyError, TypeError) as problem:
        raise TrainerError(f"{path} is damaged ({problem!r}); remove it, and its run is measured again") from None


def error(record: Record) -> float:
    """Top-1 error in percent on the pictures that were measured; infinite for a run that diverged."""
    return math.inf if "diverged" in record else float(record["val"]["top1"])


def write_record(records: Path, name: str, job: Job, graph: Path | None, diverged: str = "") -> None:
    """Measure a finished graph through onnxruntime and write its record, or that there is none and why."""
    settings = {
        "network": job.architecture.name,
        "seed": job.seed,
        "precision": job.precision,
        "recipe": job.recipe.as_dict(),
    }
    numbers = {"diverged": diverged, "commit": checkpoint.commit()} if graph is None else numbers_of(job, graph)
    text = json.dumps(settings | numbers, indent=1)
    write_whole(record_file(records, name), text.encode() + b"\n")


def numbers_of(job: Job, graph: Path) -> Record:
    """What the checkpoint noted, and what the graph answers."""
    state, outcome = checkpoint.load(job.run), measure_graph(job, graph)
    return {
        "commit": state["commit"],
        "torch": state["torch"],
        "data": state["identity"]["data"],
        "parameters": outcome.parameters,
        "epochs": [{key: value for key, value in row.items() if key not in PACE} for row in state["history"]],
        "train": errors(outcome.train),
        "val": errors(outcome.val),
        "right": {"top1": pack(outcome.val.right[0]), "top5": pack(outcome.val.right[1])},
    }


def errors(accuracy: Accuracy) -> Record:
    """Errors in percent."""
    top1, top5 = (round(100 * (1 - share), 3) for share in (accuracy.top1, accuracy.top5))
    return {"top1": top1, "top5": top5, "images": accuracy.count}


def pack(right: np.ndarray) -> str:
    """Booleans as hexadecimal digits, four to each, the first in the highest bit."""
    return np.packbits(right).tobytes().hex()


def unpack(digits: str, count: int) -> np.ndarray:
    """The first `count` booleans of `pack`."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=count).astype(bool)
