"""The fuzzer of models runs for a few seconds; by hand it runs as long as one likes."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.graphs import GRAPHS
from fuzz.models import COMMANDS, draw, put_beside
from fuzz.mutations import MUTATIONS
from small import opened

from inspectnet.cli import main

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
ROOT = Path(__file__).parents[2]
COUNT = 25


@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_the_graphs_are_valid_before_they_are_damaged(number, tmp_path):
    assert opened(GRAPHS[number](), tmp_path).graph.num_nodes() > 4


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda change: change.__name__)
def test_every_mutation_changes_some_graph(change):
    changed = [graph() for graph in GRAPHS]
    for i, model in enumerate(changed):
        change(model, random.Random(i))
    assert any(model != graph() for model, graph in zip(changed, GRAPHS, strict=True))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_done_where_nothing_is_damaged(command, monkeypatch, capsys, tmp_path):
    """Else the fuzz would look at no more than its options."""
    (tmp_path / "m.onnx").write_bytes(GRAPHS[0]().SerializeToString())
    put_beside(tmp_path, 0)
    monkeypatch.chdir(tmp_path)
    assert main(list(command)) == 0, capsys.readouterr().err


def test_a_number_and_a_seed_give_the_same_model_and_command(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    commands = [draw(random.Random("0/7"), tmp_path / name) for name in ("one", "two")]
    assert commands[0] == commands[1]
    assert (tmp_path / "one" / "m.onnx").read_bytes() == (tmp_path / "two" / "m.onnx").read_bytes()


@needs_fork
def test_damaged_models_end_in_an_answer_or_one_line():
    """In a process of its own, as what is forked must have no threads."""
    command = [sys.executable, "tests/fuzz/models.py", "--count", str(COUNT), "--seed", "1"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
