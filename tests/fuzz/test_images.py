"""A few runs of the fuzzer of images; many are made by hand, as it says."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.images import CERTAIN, draw, miscounted
from fuzz.worker import Run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
ROOT = Path(__file__).parents[2]


@needs_fork
def test_no_picture_tar_list_or_folder_makes_a_command_fail():
    # in a process of its own, for a fork needs one without threads
    command = [sys.executable, "tests/fuzz/images.py", "--count", "12", "--seed", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_fork  # nor pipes to draw
def test_a_run_is_the_same_whenever_it_is_drawn(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    commands = [draw(random.Random("0/4"), tmp_path / name) for name in ("a", "b")]
    files = [
        sorted(p.relative_to(tmp_path / name).as_posix() for p in (tmp_path / name).rglob("*")) for name in ("a", "b")
    ]
    assert commands[0] == commands[1] and files[0] == files[1]


@pytest.mark.parametrize(
    ("code", "counted", "wrong"),
    [(0, 3, []), (0, 2, ["counts 2 of 3 good pictures"]), (2, 0, ["refused 3 good pictures beside bad ones"])],
)
def test_good_pictures_that_are_not_counted_are_noticed(tmp_path, code, counted, wrong):
    (tmp_path / CERTAIN).write_text("3")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(f'{{"images": {{"count": {counted}}}}}')
    (tmp_path / "out" / "conv1.json").write_text('{"images": 3}')
    assert miscounted(tmp_path, Run(code, "", "", 1, 1)) == wrong
