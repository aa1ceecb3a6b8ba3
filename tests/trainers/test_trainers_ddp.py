import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainers.data.augment import centre
from trainers.job import Job
from trainers.training import checkpoint, loop
from trainers.training.loop import train

ROOT = Path(__file__).parents[2]

# Random crops depend on the process; without them and dropout, two processes must do what one does.
WORKER = """
import pickle, sys
from trainers.training import loop
from trainers.data.augment import centre
loop.augment = lambda pictures, side, recipe, generator: centre(pictures, side)
loop.train(pickle.load(open(sys.argv[1], "rb")))
"""


# One of two processes is asked to stop.
ONE_STOPS = """
import os, pickle, sys
from dataclasses import replace
from trainers.training import loop
job = pickle.load(open(sys.argv[1], "rb"))
assert loop.train(replace(job, stop_after=2 if os.environ["RANK"] == "1" else None)) is None
"""


# Threads that a process group leaves behind need the interpreter at its end, and abort the process if it is gone.
LEAVES_THREADS = """
import pickle, sys
from pathlib import Path
from trainers.training import loop
loop.train(pickle.load(open(sys.argv[1], "rb")))
names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
assert not [name for name in names if "gloo" in name], names
"""


def torchrun(worker: str, job: Job, folder: Path) -> str:
    """What two processes say that run the program `worker` with the job."""
    (folder / "worker.py").write_text(worker)
    (folder / "job.pickle").write_bytes(pickle.dumps(job))
    return launched([str(folder / "worker.py"), str(folder / "job.pickle")])


def launched(what: list[str]) -> str:
    """What two processes say."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *what]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_two_processes_leave_at_the_same_step_when_one_is_asked_to(job, tmp_path):
    torchrun(ONE_STOPS, job, tmp_path)
    state = checkpoint.load(job.run)
    assert (state["epoch"], state["step"]) == (0, 4)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by Linux")
def test_no_thread_of_the_process_group_outlives_the_training(job, tmp_path):
    torchrun(LEAVES_THREADS, replace(job, recipe=replace(job.recipe, epochs=1)), tmp_path)


def test_the_readmes_command_starts_two_processes(pictures, tmp_path):
    (line,) = (s for s in (ROOT / "trainers/README.md").read_text().splitlines() if s.startswith("torchrun "))
    words = line.split()
    command = words[words.index("-m") : words.index("--recipe")]
    changes = ["--data", str(pictures), "--run", str(tmp_path / "run"), "--threads", "1"]
    changes += ["--set", "epochs=1", "--set", "batch=8", "--set", "side=64"]
    said = launched([{"zfnet": "zfnet-tiny"}.get(word, word) for word in command] + changes)
    assert said.count("zfnet-tiny.onnx") == 1
    assert (tmp_path / "run" / "zfnet-tiny.onnx").exists()


def test_two_processes_train_what_one_does(job, tmp_path, monkeypatch):
    recipe = replace(job.recipe, epochs=2, dropout=0.0)
    alone = replace(job, recipe=recipe, run=tmp_path / "alone")
    spread = replace(job, recipe=recipe, run=tmp_path / "spread")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "augment", lambda pictures, side, recipe, generator: centre(pictures, side))
        train(alone)

    said = torchrun(WORKER, spread, tmp_path)
    assert said.count("epoch 2/2") == 1  # only the first process talks

    one, two = checkpoint.load(alone.run), checkpoint.load(spread.run)
    for name, weight in one["net"].items():
        torch.testing.assert_close(two["net"][name], weight, rtol=1e-4, atol=1e-6)
    assert two["history"][-1]["val_top1"] == one["history"][-1]["val_top1"]
    assert two["history"][-1]["train_top1"] == one["history"][-1]["train_top1"]
    assert (spread.run / "small.onnx").exists()
