import csv
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from trainers.__main__ import app
from trainers.architectures.ablations import TABLE_3
from trainers.errors import TrainerError
from trainers.evaluation.accuracy import measure
from trainers.evaluation.agreement import compare
from trainers.export.card import write_card
from trainers.options import find_recipe
from trainers.recipe.recipe import TINY
from trainers.study.table import markdown, measure_row, results, tabulate
from trainers.training.checkpoint import load
from trainers.training.loop import train

ROOT = Path(__file__).parents[2]
runner = CliRunner()


def test_every_command_has_help():
    for command in ("train", "export", "table", "study", "card", "networks"):
        done = runner.invoke(app, [command, "--help"])
        assert done.exit_code == 0
        assert "Usage" in done.output


def test_networks_lists_every_row():
    lines = runner.invoke(app, ["networks"]).output.splitlines()
    assert len(lines) == 32
    assert any(line.split()[:3] == ["zfnet", "224", "62,357,608"] for line in lines)


def test_a_wrong_name_is_one_line_and_exit_code_2(pictures, tmp_path):
    command = [sys.executable, "-m", "trainers", "train", "zfnet-tny"]
    command += ["--data", str(pictures), "--run", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no network 'zfnet-tny': did you mean zfnet-tiny")
    assert len(done.stderr.splitlines()) == 1


def test_recipes_change_by_name():
    assert find_recipe("tiny", ["epochs=3", "rate=0.5", "filter_rms=none"]) == replace(
        TINY, epochs=3, rate=0.5, filter_rms=None
    )
    for wrong, words in (
        ("epoch=3", "write FIELD=VALUE"),
        ("epochs", "write FIELD=VALUE"),
        ("epochs=few", "expected int"),
        ("schedule=cosine", "schedule is 'cosine'"),
    ):
        with pytest.raises(TrainerError, match=words):
            find_recipe("tiny", [wrong])
    with pytest.raises(TrainerError, match="there are paper, tiny"):
        find_recipe("papre", [])


def test_a_checkpoint_exports_from_the_command_line(job, tmp_path):
    train(replace(job, stop_after=6))
    done = runner.invoke(app, ["export", str(job.run), "-o", str(tmp_path / "half.onnx"), "--data", job.data])
    assert done.exit_code == 0
    assert "of 12; same five best classes on 12" in done.stdout
    notes = {p.key: p.value for p in onnx.load(tmp_path / "half.onnx").metadata_props}
    assert json.loads(notes["inspectnet.training"])["epoch"] == 1


def test_the_table_goes_on_row_by_row_and_shows_the_papers_numbers(job, tmp_path, monkeypatch):
    trained = []

    def small(name):
        return replace(job, recipe=replace(job.recipe, epochs=1), stop_after=1 if len(trained) == 1 else None)

    monkeypatch.setattr("trainers.study.table.train", lambda job: trained.append(job.run.name) or train(job))
    names = ["replication-tiny", "zfnet-tiny"]
    assert not tabulate(small, "tiny", tmp_path, names)  # asked to stop in its second row
    assert [row.base for row, ours in results("tiny", tmp_path) if ours] == ["replication"]
    assert tabulate(small, "tiny", tmp_path, names)
    assert trained == ["replication-tiny", "zfnet-tiny", "zfnet-tiny"]
    assert tabulate(small, "tiny", tmp_path, names)
    assert len(trained) == 3
    text = (tmp_path / "table.md").read_text()
    assert len(text.splitlines()) == 2 + 12
    assert all(str(number) in text for row in TABLE_3 for number in row.paper)
    with (tmp_path / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["epochs"], row["paper_val_top5"]) for row in rows] == [("1", "18.1"), ("1", "16.5")]
    with pytest.raises(TrainerError, match=r"trained in another way: recipe epochs was 1, is 3; seed was 0, is 1"):
        tabulate(lambda name: replace(job, seed=1), "tiny", tmp_path, names)


def test_a_table_refuses_scales_and_rows_that_there_are_not(job, tmp_path):
    with pytest.raises(TrainerError, match="no scale 'small'; there are paper, tiny"):
        tabulate(lambda name: job, "small", tmp_path)
    with pytest.raises(TrainerError, match="alexnet-tiny is no row of Table 3 at the scale tiny"):
        tabulate(lambda name: job, "tiny", tmp_path, ["alexnet-tiny"])


def test_the_training_error_is_measured_on_pictures_as_large_as_the_validation_errors(job, monkeypatch):
    """Resized boxes are trained on, so whole pictures are measured: 20 wide here, where 24 are stored."""
    sides = []

    def noting(net, pixels, side, *rest, **options):
        sides.append(pixels.__getitems__([0])[0].shape[1])
        return measure(net, pixels, side, *rest, **options)

    job = replace(job, recipe=replace(job.recipe, crop="resized", epochs=1))
    graph = train(job)
    monkeypatch.setattr("trainers.evaluation.outcome.measure", noting)
    measure_row(job, graph)
    assert sides == [20, 20]


def test_rows_that_are_not_trained_yet_are_dashes(tmp_path):
    assert markdown(results("tiny", tmp_path)).count("| - (") == 3 * 12


def test_a_card_says_what_the_files_say(job):
    graph = train(job)
    snapshot = job.run / "snapshots" / "epoch-001.onnx"
    done = runner.invoke(app, ["card", str(graph), str(snapshot)])
    assert done.exit_code == 0
    rows = {line.split("|")[1].strip(): line for line in done.stdout.splitlines() if line.startswith("| ")}
    assert "36 pictures to train on, 12 to measure on, 3 classes" in rows["data"]
    assert f"epochs {job.recipe.epochs}," in rows["recipe"]
    for path, epoch in ((graph, 3), (snapshot, 1)):
        row = rows[str(path.relative_to(job.run))]
        assert f"| {epoch} |" in row
        assert hashlib.sha256(path.read_bytes()).hexdigest() in row


def test_a_card_of_a_file_that_was_not_trained_here_is_refused(tmp_path):
    with pytest.raises(TrainerError, match="tells nothing of its training"):
        write_card(tmp_path / "missing.onnx")
    (tmp_path / "junk.onnx").write_text("junk")
    with pytest.raises(TrainerError, match="tells nothing of its training"):
        write_card(tmp_path / "junk.onnx")


def test_a_checkpoint_is_not_compared_on_pictures_of_other_classes(job, pictures, tmp_path):
    train(replace(job, stop_after=1))
    for split in ("train", "val"):
        shutil.copytree(pictures / split / "blue", tmp_path / "other" / split / "blue")
    with pytest.raises(TrainerError, match="has other classes than the network was trained on"):
        compare(load(job.run), tmp_path / "unused.onnx", str(tmp_path / "other"), tmp_path / "cache")


def test_a_file_where_a_folder_should_be_is_one_line_and_exit_code_2(pictures, tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "trainers", "train", "zfnet-tiny", "--threads", "1", "--cache"]
    command += [str(tmp_path / "file"), "--data", str(pictures), "--run", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1


def test_neither_side_imports_the_other():
    for path in (ROOT / "trainers").glob("*.py"):
        assert "inspectnet" not in [
            line.split()[1].split(".")[0]
            for line in path.read_text().splitlines()
            if line.startswith(("import ", "from "))
        ]


def test_the_real_data_open(tiny_imagenet):
    from trainers.data.sources import open_source, readable_names

    train_source = open_source(str(tiny_imagenet), "train", Path("unused"), download=False)
    val = open_source(str(tiny_imagenet), "val", Path("unused"), download=False, classes=train_source.classes)
    assert (len(train_source), len(val), len(val.classes)) == (50_000, 5_000, 100)
    assert readable_names(str(tiny_imagenet), val.classes)[0] == "goldfish, Carassius auratus"
