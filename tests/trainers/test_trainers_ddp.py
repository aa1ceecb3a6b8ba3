import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from trainers import checkpoint
from trainers import train as loop
from trainers.augment import centre
from trainers.train import train

ROOT = Path(__file__).parents[2]

# Random crops depend on the process; without them and dropout, two processes must do what one does.
WORKER = """
import pickle, sys
from trainers import train as loop
from trainers.augment import centre
loop.augment = lambda pictures, side, recipe, generator: centre(pictures, side)
loop.train(pickle.load(open(sys.argv[1], "rb")))
"""


def test_two_processes_train_what_one_does(job, tmp_path, monkeypatch):
    import pickle

    recipe = replace(job.recipe, epochs=2, dropout=0.0)
    alone = replace(job, recipe=recipe, run=tmp_path / "alone")
    spread = replace(job, recipe=recipe, run=tmp_path / "spread")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "augment", lambda pictures, side, recipe, generator: centre(pictures, side))
        train(alone)

    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(spread))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(tmp_path / "worker.py"), str(tmp_path / "job.pickle")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 2/2") == 1  # only the first process talks

    one, two = checkpoint.load(alone.run), checkpoint.load(spread.run)
    for name, weight in one["net"].items():
        torch.testing.assert_close(two["net"][name], weight, rtol=1e-4, atol=1e-6)
    assert two["history"][-1]["val_top1"] == one["history"][-1]["val_top1"]
    assert two["history"][-1]["train_top1"] == one["history"][-1]["train_top1"]
    assert (spread.run / "small.onnx").exists()
