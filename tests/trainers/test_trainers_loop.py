import csv
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from types import SimpleNamespace

import onnx
import pytest
import torch

from trainers.errors import DivergedError, ResumeError, TrainerError
from trainers.evaluation.accuracy import measure
from trainers.export.onnx_file import graph_network
from trainers.files.lock import LOCK
from trainers.job import open_pictures
from trainers.training import checkpoint, loop, metrics
from trainers.training.loop import train


def weights(job) -> dict[str, torch.Tensor]:
    state = checkpoint.load(job.run)
    momentum = {f"momentum {i}": s["momentum_buffer"] for i, s in state["optimiser"]["state"].items()}
    return {**state["net"], **momentum}


def assert_same_weights(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


@pytest.fixture
def finished(job):
    """The same job, run without interruption."""
    whole = replace(job, run=job.run.parent / "whole")
    assert train(whole) == whole.run / "small.onnx"
    return whole


@pytest.mark.parametrize("steps", [2, 4, 7])
def test_a_stopped_run_ends_in_the_very_same_weights(job, finished, steps):
    assert train(replace(job, stop_after=steps)) is None
    assert train(replace(job, stop_after=3)) is None
    assert train(job) == job.run / "small.onnx"
    assert_same_weights(job, finished)
    notes = [
        [{k: v for k, v in row.items() if "second" not in k} for row in checkpoint.load(j.run)["history"]]
        for j in (job, finished)
    ]
    assert notes[0] == notes[1]


def test_a_plateau_run_resumes_too(job, finished):
    recipe = replace(job.recipe, schedule="plateau", plateau_patience=1, crop="corners")
    whole, parts = (replace(job, recipe=recipe, run=job.run / name) for name in ("whole", "parts"))
    train(whole)
    train(replace(parts, stop_after=10))
    train(parts)
    assert_same_weights(whole, parts)


def test_a_bfloat16_run_multiplies_in_bfloat16_keeps_float32_weights_and_resumes(job, finished):
    mixed = replace(job, precision="bfloat16")
    whole, parts = (replace(mixed, run=job.run / name) for name in ("mixed", "parts"))
    train(whole)
    train(replace(parts, stop_after=4))
    train(parts)
    assert_same_weights(whole, parts)
    single, half = weights(finished), weights(whole)
    assert {w.dtype for w in half.values()} == {torch.float32}
    apart = max((single[name] - half[name]).abs().max().item() for name in single)
    assert apart > 1e-4  # float32 sums in another order would differ by about 1e-7


def test_an_unknown_precision_is_refused(job):
    with pytest.raises(TrainerError, match="precision 'float8': give auto, float32, bfloat16"):
        train(replace(job, precision="float8"))


def test_sigterm_saves_and_leaves(job, finished, monkeypatch):
    step = loop.train_step

    def terminated(run, images, labels):
        step(run, images, labels)
        if run.state.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", terminated)
        assert train(job) is None
    assert signal.getsignal(signal.SIGTERM) == before
    assert checkpoint.load(job.run)["step"] == 2
    train(job)
    assert_same_weights(job, finished)


def test_a_run_killed_between_checkpoints_loses_only_what_came_after(job, finished, monkeypatch):
    def killed(run, images, labels):
        if (run.state.epoch, run.state.step) == (1, 3):
            raise KeyboardInterrupt  # nothing may be saved on the way out
        loop_step(run, images, labels)

    loop_step = loop.train_step
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train(replace(job, checkpoint_minutes=0))
    assert (checkpoint.load(job.run)["epoch"], checkpoint.load(job.run)["step"]) == (1, 3)
    train(job)
    assert_same_weights(job, finished)


def test_a_half_written_checkpoint_never_replaces_the_last_one(job, monkeypatch):
    train(replace(job, stop_after=1))
    kept = (job.run / "last.pt").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        train(job)
    assert (job.run / "last.pt").read_bytes() == kept
    assert sorted(p.name for p in job.run.iterdir() if p.name != LOCK) == ["last.pt"]


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "last.pt").write_text("junk")
    with pytest.raises(ResumeError, match=r"last\.pt is damaged or no checkpoint"):
        checkpoint.load(tmp_path)
    torch.save({"weight": torch.ones(1)}, tmp_path / "last.pt")
    with pytest.raises(ResumeError, match=r"last\.pt is no checkpoint of trainers"):
        checkpoint.load(tmp_path)
    (tmp_path / "last.pt").unlink()
    os.mkfifo(tmp_path / "last.pt")
    with pytest.raises(ResumeError, match=r"no checkpoint at .*last\.pt"):
        checkpoint.load(tmp_path)


def test_a_signal_ends_a_run_that_still_reads_its_pictures(job, monkeypatch):
    """Decoding may take an hour, and there is nothing to save."""

    def interrupted(job, place):
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")

    monkeypatch.setattr(loop, "open_pictures", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            train(job)
    finally:
        signal.signal(signal.SIGINT, before)


def test_impossible_jobs_are_refused(job):
    for wrong, words in (
        ({"threads": 0}, "threads 0: give at least 1"),
        ({"workers": -1}, "workers -1: give 0"),
        ({"architecture": job.architecture.for_classes(1)}, "has 1 class; there is nothing to tell apart"),
        ({"recipe": replace(job.recipe, side=10)}, "side is 10, but small takes pictures of 20; --set side=20"),
    ):
        with pytest.raises(TrainerError, match=words):
            replace(job, **wrong)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(job):
    train(replace(job, stop_after=6))
    state = checkpoint.load(job.run)
    state["net"]["fc8.bias"][0] = torch.nan
    checkpoint.save(job.run / "last.pt", state)
    kept = (job.run / "last.pt").read_bytes()
    with pytest.raises(
        DivergedError, match=r"not finite at epoch 2, step 4 .*last good checkpoint stays in .*last\.pt"
    ):
        train(job)
    assert (job.run / "last.pt").read_bytes() == kept


def test_a_rate_far_too_high_is_an_error_and_not_a_checkpoint(job):
    recipe = replace(job.recipe, rate=1e30, filter_rms=None, first_filter_rms=None)
    with pytest.raises(DivergedError, match="there is no checkpoint yet"):
        train(replace(job, recipe=recipe))
    assert not (job.run / "last.pt").exists()


def test_a_directory_serves_one_run_only(job):
    train(replace(job, stop_after=1))
    with pytest.raises(ResumeError, match=r"seed was 0, is 1.*Give another --run"):
        train(replace(job, seed=1))
    with pytest.raises(ResumeError, match=r"another run: recipe rate was 0\.03, is 0\.5\. Give"):
        train(replace(job, recipe=replace(job.recipe, rate=0.5)))


def test_a_finished_run_leaves_metrics_and_snapshots(finished):
    with (finished.run / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert {"rate", "train_loss", "train_top1", "val_top1", "val_top5", "images_per_second"} <= set(rows[0])
    assert [p.name for p in sorted((finished.run / "snapshots").iterdir())] == ["epoch-001.onnx"]
    model = onnx.load(finished.run / "small.onnx")
    notes = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert notes["inspectnet.training"]["epoch"] == 3
    assert notes["inspectnet.training"]["accuracy"]["top1"] == float(rows[-1]["val_top1"])
    assert notes["inspectnet.classes"] == ["blue", "green", "red"]
    assert str(finished.run.parent) not in str(notes)


def test_torch_and_the_exported_graph_agree_to_the_picture(finished):
    place = loop.devices.join("cpu")
    pictures = open_pictures(finished, place)
    ours = measure(graph_network(finished.run / "small.onnx"), pictures.val, 20, pictures.prepare, place)
    row = checkpoint.load(finished.run)["history"][-1]
    assert (round(100 * ours.top1, 3), round(100 * ours.top5, 3)) == (row["val_top1"], row["val_top5"])
    assert ours.count == 12


def test_tensorboards_log_is_one_file_and_not_one_for_each_epoch(job, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            written.append(folder)

        def add_scalar(self, name, value, epoch):
            written.append((name, epoch))

        def flush(self):
            pass

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    metrics.tensorboard.cache_clear()
    train(job)
    metrics.tensorboard.cache_clear()
    assert written.count(str(job.run)) == 1
    assert [epoch for name, epoch in written[1:] if name == "val_top1"] == [1, 2, 3]


def test_it_learns_three_colours(job):
    train(replace(job, recipe=replace(job.recipe, epochs=30, dropout=0.0, rate=0.05)))
    assert checkpoint.load(job.run)["history"][-1]["val_top1"] == 100


def test_live_decoding_with_workers_gives_the_same_weights(job, finished):
    train(replace(job, cache_limit=0.0, workers=1))
    assert_same_weights(job, finished)


def test_pictures_to_measure_on_that_cannot_be_read_are_named_while_decoding_live(job, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(job.data, data)
    (data / "val" / "red" / "1.png").write_bytes(b"no picture")
    train(replace(job, data=str(data), cache_limit=0.0, workers=0))
    assert capsys.readouterr().err.count("red/1.png: not a picture") == 1
    assert checkpoint.load(job.run)["bad"] == ["red/1.png: not a picture"]


def test_an_unknown_device_is_refused(job):
    with pytest.raises(TrainerError, match="give auto, cpu"):
        train(replace(job, device="gpu"))
