import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.data.pixels import CachedPixels
from trainers.devices import join
from trainers.errors import DataError, DivergedError, InUseError, TrainerError
from trainers.evaluation.accuracy import measure
from trainers.export.onnx_file import graph_network
from trainers.files.lock import LOCK, hold
from trainers.job import open_pictures
from trainers.study.conduct import conduct
from trainers.study.plan import RATES, ROWS, SEEDS, ZFNET, Unit, choice, chosen_rate, plan
from trainers.study.records import pack, read_record, record_file, unpack
from trainers.training import checkpoint
from trainers.training.loop import train

HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def units(job):
    """Two runs of one epoch."""
    recipe = replace(job.recipe, epochs=1)
    return [Unit("part", "small", seed, recipe) for seed in (0, 1)]


@pytest.fixture
def jobs(job, tmp_path):
    """What a unit asks for, with small pictures."""
    return lambda unit: replace(
        job, run=tmp_path / unit.name, recipe=unit.recipe, seed=unit.seed, cache=tmp_path / "cache", train_sample=8
    )


@pytest.fixture
def held(tmp_path):
    """held(run): another process holds the run directory until the test ends."""
    others = []

    def take(run):
        run.mkdir(parents=True)
        other = subprocess.Popen([sys.executable, "-c", HOLDER, str(run / LOCK)], stdout=subprocess.PIPE, text=True)
        others.append(other)
        assert other.stdout.readline() == "held\n"
        return other

    yield take
    for other in others:
        other.kill()
        other.communicate()


def write(records, unit, top1):
    path = record_file(records, unit.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"diverged": "at once"} if top1 is None else {"val": {"top1": top1}}))


def choose(records, errors):
    """Records of the short runs, errors in percent for both rates of each network; None: diverged."""
    for network, both in errors.items():
        for rate, top1 in zip(RATES, both, strict=True):
            write(records, choice(network, rate), top1)


def test_rows_wait_for_their_rates_and_the_rest_does_not(tmp_path):
    units = plan(tmp_path)
    assert len(units) == len(set(units)) == 2 + 12 + 16 + 1
    assert len({unit.name for unit in units}) == len(units)
    assert [unit.name for unit in units[:3]] == [
        "table-3/zfnet-tiny-rate-0.03-seed-1",
        "table-3/zfnet-tiny-rate-0.03-seed-2",
        "rate-choice/replication-tiny-rate-0.03-seed-0",
    ]
    choose(tmp_path, {ROWS[0]: (80.0, 81.0)})
    assert len(plan(tmp_path)) == 2 + 12 + 3 + 16 + 1


def test_every_row_is_trained_from_three_seeds_at_the_rate_with_fewer_errors(tmp_path):
    choose(tmp_path, dict.fromkeys(ROWS, (80.0, 79.9)) | {ROWS[1]: (80.0, 80.0), ZFNET: (80.0, None)})
    rows = [unit for unit in plan(tmp_path) if unit.part == "table-3"]
    assert len(rows) == 3 * 6
    assert [unit.seed for unit in rows[2:]] == [0] * 6 + [1] * 5 + [2] * 5
    assert {unit.recipe.rate for unit in rows if unit.network in (ROWS[0], *ROWS[2:])} == {RATES[1]}
    assert {unit.recipe.rate for unit in rows if unit.network in (ROWS[1], ZFNET)} == {RATES[0]}
    assert {(unit.recipe.epochs, unit.hold_out) for unit in rows} == {(40, 0)}


def test_zfnet_at_another_rate_than_the_shipped_ones_is_trained_from_all_seeds(tmp_path):
    choose(tmp_path, {ZFNET: (80.0, 79.0)})
    rows = [(unit.recipe.rate, unit.seed) for unit in plan(tmp_path) if unit.part == "table-3"]
    assert rows == [(0.03, 1), (0.03, 2), *((RATES[1], seed) for seed in SEEDS)]


def test_a_network_that_diverges_at_every_rate_is_said(tmp_path):
    choose(tmp_path, {ZFNET: (None, None)})
    with pytest.raises(TrainerError, match="zfnet-tiny diverges at every rate"):
        chosen_rate(ZFNET, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"val": {}}', '{"val": {"top1": "few"}}'])
def test_a_damaged_record_is_said_and_not_taken_for_a_number(text, tmp_path):
    choose(tmp_path, {ZFNET: (80.0, 79.0)})
    record_file(tmp_path, choice(ZFNET, RATES[0]).name).write_text(text)
    with pytest.raises(TrainerError, match=r"is damaged .*; remove it"):
        plan(tmp_path)


def test_a_record_tells_settings_epochs_and_which_pictures_are_right(units, jobs, tmp_path):
    assert conduct(lambda _: units, jobs, tmp_path / "records", [])
    record = read_record(tmp_path / "records", units[1].name)
    job = jobs(units[1])
    assert (record["network"], record["seed"], record["recipe"]) == ("small", 1, units[1].recipe.as_dict())
    assert record["data"] == {"name": "pictures0", "train": 36, "val": 12, "classes": 3}
    (row,) = record["epochs"]
    assert {"train_top1", "seen_top1", "seen_top5", "val_top1", "val_top5"} <= set(row)
    assert not {"seconds", "images_per_second"} & set(row)

    pictures = open_pictures(job, join("cpu"))
    images, labels, _ = pictures.val.__getitems__(list(range(12)))
    logits = graph_network(job.run / "small.onnx")(pictures.prepare(images[:, 2:22, 2:22]))
    right = (logits.argmax(1) == labels).numpy()
    assert 0 < right.sum() < 12, "the network ought to err on some pictures"
    np.testing.assert_array_equal(unpack(record["right"]["top1"], 12), right)
    assert record["val"] == {"top1": round(100 * (1 - right.mean()), 3), "top5": 0.0, "images": 12}
    assert record["train"]["images"] == 36


def test_packed_booleans_come_back_and_begin_at_the_highest_bit():
    right = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0, 1], bool)
    assert pack(right) == "8340"
    np.testing.assert_array_equal(unpack("8340", 10), right)


def test_a_study_goes_on_where_it_stopped_and_trains_nothing_twice(units, jobs, tmp_path):
    def stopped(unit):
        return replace(jobs(unit), stop_after=2 if unit.seed else None)

    records = tmp_path / "records"
    assert not conduct(lambda _: units, stopped, records, [])
    assert [read_record(records, unit.name) is None for unit in units] == [False, True]
    before = record_file(records, units[0].name).read_bytes()
    assert conduct(lambda _: units, jobs, records, [])
    assert read_record(records, units[1].name) is not None
    assert record_file(records, units[0].name).read_bytes() == before
    assert conduct(lambda _: units, lambda unit: pytest.fail("asked for a run again"), records, [])


def test_patterns_choose_runs(units, jobs, tmp_path):
    assert conduct(lambda _: units, jobs, tmp_path / "records", ["*-seed-1"])
    assert [read_record(tmp_path / "records", unit.name) is None for unit in units] == [True, False]


def test_a_run_in_other_hands_is_passed_over_and_taken_when_it_is_let_go(units, jobs, held, tmp_path, monkeypatch):
    other = held(tmp_path / units[0].name)
    records, done = tmp_path / "records", []

    def let_go(seconds):
        done.append([read_record(records, unit.name) is not None for unit in units])
        other.kill()
        other.wait()

    monkeypatch.setattr("trainers.study.conduct.time.sleep", let_go)
    assert conduct(lambda _: units, jobs, records, [])
    assert done == [[False, True]]
    assert read_record(records, units[0].name) is not None


def test_two_processes_never_train_in_one_directory(job, held):
    other = held(job.run)
    with pytest.raises(InUseError, match="run is in use by another process"):
        train(job)
    other.kill()  # what a dead process held is free
    other.wait()
    assert train(replace(job, stop_after=1)) is None
    with hold(job.run), hold(job.run):  # one process may hold it twice
        pass


def test_a_run_that_diverges_leaves_a_record_that_says_so(units, jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.study.conduct.train", lambda job: (_ for _ in ()).throw(DivergedError("no number")))
    assert conduct(lambda _: units[:1], jobs, tmp_path, [])
    assert read_record(tmp_path, units[0].name)["diverged"] == "no number"


def test_a_study_is_not_for_torchrun(units, jobs, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainerError, match="start it without torchrun"):
        conduct(lambda _: units, jobs, tmp_path, [])


def test_records_that_cannot_be_written_are_said_before_the_training(units, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file"):
            conduct(lambda _: units, lambda unit: pytest.fail("went on"), place, [])


def test_pictures_held_out_are_as_many_of_every_class_never_trained_on_and_measured(job):
    whole, half = (open_pictures(replace(job, hold_out=count), join("cpu")) for count in (0, 9))
    assert isinstance(half.train, CachedPixels) and isinstance(half.val, CachedPixels)
    assert (len(half.train), len(half.val)) == (27, 9)
    assert torch.bincount(half.val.__getitems__(list(range(9)))[1]).tolist() == [3, 3, 3]
    assert sorted([*half.train.places, *half.val.places]) == list(range(36))
    assert half.val.places[:3].tolist() == [0, 5, 11]  # evenly spaced in the twelve of a class
    images, labels, _ = whole.train.__getitems__([5])
    again, label, _ = half.val.__getitems__([1])
    assert torch.equal(images, again) and labels == label
    train(replace(job, hold_out=9, stop_after=4))
    state = checkpoint.load(job.run)
    assert state["identity"]["data"] == {"name": "pictures0", "train": 27, "val": 9, "classes": 3, "held_out": 9}


@pytest.mark.parametrize("count", [1, 36, 39, -3])
def test_pictures_that_cannot_be_held_out_evenly_are_refused(count, job):
    with pytest.raises(DataError, match=rf"cannot hold out {count} pictures evenly by class: give a multiple of 3"):
        open_pictures(replace(job, hold_out=count), join("cpu"))


def test_pictures_decoded_while_training_cannot_be_held_out(job):
    with pytest.raises(DataError, match="raise cache_limit"):
        open_pictures(replace(job, hold_out=9, cache_limit=0.0), join("cpu"))


def test_training_pictures_are_measured_as_validation_pictures_are_and_change_no_weight(job):
    """Accuracy of the exported network on the centres of four training pictures, evenly spaced."""
    plain, sampled = replace(job, run=job.run / "plain"), replace(job, run=job.run / "sampled", train_sample=4)
    for made in (plain, sampled):
        train(made)
    states = [checkpoint.load(made.run) for made in (plain, sampled)]
    assert all(torch.equal(states[0]["net"][name], states[1]["net"][name]) for name in states[0]["net"])
    pictures = open_pictures(sampled, join("cpu"))
    net = graph_network(sampled.run / "small.onnx")
    wanted = measure(net, pictures.train, 20, pictures.prepare, join("cpu"), [0, 11, 23, 35])
    assert states[1]["history"][-1]["seen_top1"] == 100 * wanted.top1
    assert "seen_top1" not in states[0]["history"][-1]


def test_a_run_that_goes_on_with_more_numbers_an_epoch_keeps_the_earlier_rows(job):
    train(replace(job, stop_after=6))
    train(replace(job, train_sample=4))
    lines = (job.run / "metrics.csv").read_text().splitlines()
    assert lines[0].endswith(",seen_top1,seen_top5")
    assert lines[1].endswith(",,") and not lines[3].endswith(",")
