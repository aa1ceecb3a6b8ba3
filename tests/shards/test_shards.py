"""Leases, shares, and shards that are done once whatever dies: with files alone, without a network."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from inspectnet.errors import OptionError, OutputError
from inspectnet.shards import Share, held, lease, living, remove_parts, shard_path, share_of, work_through, write_whole


class Numbers:
    """A work that writes its numbers, and notes by whom each was done."""

    def __init__(self, folder, count=7, before=lambda number: None):
        self.folder, self.count, self.done, self._before = folder, count, [], before
        self.leases = folder / "leases"

    def path(self, number):
        return shard_path(self.folder, number, ".txt")

    def is_done(self, number):
        return self.path(number).exists()

    def do(self, number, advance):
        self._before(number)
        write_whole(self.path(number), lambda file: file.write(b"%d" % number))
        self.done.append(number)
        advance(1)


def leave_lease(path, **told):
    """A lease that somebody holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": None, "done": 0, "token": "x"} | told))
    return path


def test_a_worker_does_its_own_shards_first_and_then_the_rest(tmp_path):
    work, counted = Numbers(tmp_path, 7), []
    work_through(work, Share(1, 3), advance=counted.append)
    assert work.done == [2, 3, 4, 5, 6, 0, 1]
    assert counted == [1] * 7
    assert list((tmp_path / "leases").iterdir()) == []


def test_what_is_done_is_not_done_again(tmp_path):
    work_through(Numbers(tmp_path, 3))
    again = Numbers(tmp_path, 5)
    work_through(again)
    assert again.done == [3, 4]


def test_workers_at_once_share_the_work_and_do_each_shard_once(tmp_path, monkeypatch):
    monkeypatch.setattr("inspectnet.shards.work.PAUSE", 0.01)
    works = [Numbers(tmp_path, 40, lambda number: time.sleep(0.002)) for _ in range(4)]
    threads = [threading.Thread(target=work_through, args=(work, Share(i, 4))) for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for work in works for number in work.done) == list(range(40))


def test_the_lease_of_a_process_that_is_gone_is_taken_at_once(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = leave_lease(tmp_path / "leases" / "000000.lease", host=lease.here(), pid=gone.pid)
    assert lease.stale(path)
    work = Numbers(tmp_path, 1)
    work_through(work)
    assert work.done == [0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_a_process_that_has_ended_and_whose_parent_has_not_asked_is_gone(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    ended.stdout.read()
    path = leave_lease(tmp_path / "a.lease", host=lease.here(), pid=ended.pid)
    for _ in range(100):
        if lease.stale(path):
            break
        time.sleep(0.05)
    assert lease.stale(path)
    with ended:
        pass


def test_a_number_of_a_process_that_was_used_again_is_no_sign_of_life(tmp_path):
    path = leave_lease(tmp_path / "a.lease", host=lease.here(), pid=os.getpid(), started="1")
    assert lease.stale(path)


def test_a_lease_of_another_host_is_stale_once_its_heart_stands_still(tmp_path, monkeypatch):
    path, now = leave_lease(tmp_path / "000000.lease"), [0.0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])
    assert not lease.stale(path)
    now[0] = lease.STALE - 1
    os.utime(path, ns=(1, 1))  # a beat, by a clock of its own
    assert not lease.stale(path)
    now[0] += lease.STALE - 1
    assert not lease.stale(path)
    assert living(tmp_path)[0]["host"] == "elsewhere"
    now[0] += 2
    assert lease.stale(path)
    assert living(tmp_path) == []


def test_a_heart_beats_while_its_lease_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.01)
    path = tmp_path / "000000.lease"
    with held(path) as mine, held(path) as other:
        assert other is None
        mine.done = 12
        for _ in range(500):
            if lease.who(path).get("done") == 12:
                break
            time.sleep(0.01)
        assert lease.who(path)["done"] == 12
    assert not path.exists()


def test_a_lease_that_a_full_disk_does_not_take_is_not_left_there(tmp_path):
    limited = """
import pathlib, resource, signal, sys
from inspectnet.errors import OutputError
from inspectnet.shards import held
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
    with held(pathlib.Path(sys.argv[1])):
        pass
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", limited, tmp_path / "a.lease"], capture_output=True, text=True)
    assert "a.lease: file too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_leases_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "leases").touch()
    with pytest.raises(OutputError, match="leases is a file, not a folder"), held(tmp_path / "leases" / "a.lease"):
        pass


def test_a_lease_that_another_has_taken_over_stays_when_the_first_holder_ends(tmp_path):
    path = tmp_path / "000000.lease"
    with held(path):
        leave_lease(path, token="another's")
    assert lease.who(path)["token"] == "another's"


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "x"}', '{"host": "h", "pid": 1e400}', "{" * 9999])
def test_a_lease_that_holds_anything_else_is_somebody_s_until_it_stands_still(tmp_path, text):
    path = tmp_path / "000000.lease"
    path.write_text(text)
    assert not lease.stale(path)


def test_a_file_is_whole_or_not_there(tmp_path):
    def cut(file):
        file.write(b"half")
        raise KeyboardInterrupt

    write_whole(tmp_path / "a", lambda file: file.write(b"old"))
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", cut)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_worker_that_was_taken_for_dead_writes_its_file_all_the_same(tmp_path):
    path, removed = shard_path(tmp_path, 1, ".npz"), []

    def write(file):
        file.write(b"same bytes")
        if not removed:
            removed.extend(path.parent.iterdir())
            remove_parts(path)

    write_whole(path, write)
    assert len(removed) == 1
    assert [(left.name, left.read_bytes()) for left in path.parent.iterdir()] == [("000001.npz", b"same bytes")]


def test_a_place_that_takes_no_file_is_refused_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write_whole(tmp_path / "file" / "000" / "000001.npz", lambda file: None)


def test_what_killed_workers_left_of_a_shard_goes_and_other_shards_stay(tmp_path):
    mine, other = shard_path(tmp_path, 12, ".new.npz"), shard_path(tmp_path, 13, ".old.npz")
    for path in (mine, other, shard_path(tmp_path, 12, ".old.npz"), mine.with_name(f"{mine.name}.part-0")):
        write_whole(path, lambda file: None)
    remove_parts(mine)
    assert sorted(path.name for path in mine.parent.iterdir()) == ["000012.new.npz", "000013.old.npz"]


SAID = {
    "nothing": ({}, Share()),
    "torchrun": ({"RANK": "2", "WORLD_SIZE": "4"}, Share(2, 4)),
    "srun": ({"SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, Share(3, 8)),
    "an array": ({"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "3"}, Share(2, 4)),
    "an array whose batch step is a task": (
        {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"},
        Share(1, 4),
    ),
    "an array of jobs of two tasks": (
        {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
        Share(3, 8),
    ),
    "mpirun": ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, Share(1, 2)),
    "Kubernetes": ({"JOB_COMPLETION_INDEX": "9", "JOB_COMPLETIONS": "10"}, Share(9, 10)),
    "Kubernetes without its count": ({"JOB_COMPLETION_INDEX": "9"}, Share()),
}


@pytest.mark.parametrize(("environment", "share"), SAID.values(), ids=SAID)
def test_the_environment_says_which_part_is_the_worker_s_own(environment, share):
    assert share_of(environment) == share


@pytest.mark.parametrize("environment", [{"RANK": "-1", "WORLD_SIZE": "2"}, {"RANK": "0", "WORLD_SIZE": "0"}])
def test_an_environment_that_makes_no_sense_is_refused(environment):
    with pytest.raises(OptionError, match="no part of a whole"):
        share_of(environment)


@pytest.mark.parametrize(("size", "count"), [(1, 5), (3, 7), (7, 3), (4, 8)])
def test_first_parts_of_all_workers_are_the_whole(size, count):
    orders = [Share(rank, size).order(count) for rank in range(size)]
    assert all(sorted(order) == list(range(count)) for order in orders)
    firsts = [rank * count // size for rank in range(size + 1)]
    own = [n for order, a, b in zip(orders, firsts, firsts[1:], strict=False) for n in order[: b - a]]
    assert own == list(range(count))
