"""Files take their places together; what killed runs leave is put in place or removed by the next run."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile

import pytest

from inspectnet.errors import OutputError
from inspectnet.files import staging
from inspectnet.files.inputs import read_input
from inspectnet.files.staging import Stage, claims, is_name, locked, made, settle


def stage(folder, claim=""):
    with locked(folder):
        settle(folder)
        return Stage(folder, claim)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def hidden(folder):
    return [name for name in names(folder) if name.startswith(".")]


def test_files_are_seen_when_all_are_whole_and_stale_ones_are_gone(tmp_path):
    (tmp_path / "old").write_text("old")
    made = stage(tmp_path)
    for name in "ab":
        made.path(name).write_text(name)
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["old"]
    made.place(["a", "b"], stale=["old"])
    assert names(tmp_path) == ["a", "b"]


def test_files_lie_in_folders_within_once_all_are_whole(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("old", "mine"):
        (tmp_path / "data" / name).write_text(name)
    made = stage(tmp_path)
    for name in ("a", "data/b", "more/c"):
        made.path(name).write_text(name)
    assert [name for name in names(tmp_path) if not name.startswith(".")] == ["data"]
    made.place(["a", "data/b", "more/c"], stale=["data/old"])
    assert names(tmp_path) == ["a", "data", "more"]
    assert (names(tmp_path / "data"), names(tmp_path / "more")) == (["b", "mine"], ["c"])
    assert (tmp_path / "more" / "c").read_text() == "more/c"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_nothing_is_written_or_removed_behind_a_link_in_place_of_a_folder_within(when, tmp_path):
    (other := tmp_path / "other").mkdir()
    (other / "a").write_text("mine")
    (out := tmp_path / "out").mkdir()
    if when == "before":
        (out / "data").symlink_to(other)
    made = stage(out)
    if when == "before":
        with pytest.raises(OutputError, match="it is no folder"):
            made.path("data/b")
        made.place([], stale=["data/a"])
    else:
        made.path("data/b").write_text("b")
        (out / "data").symlink_to(other)
        with pytest.raises(OSError):
            made.place(["data/b"], stale=["data/a"])
    assert names(other) == ["a"]


@pytest.mark.parametrize("name", ["", "/", "a/", "/a", "..", "../a", "a/..", "a/../b", "a/b/c", ".a/b", "a=b/c"])
def test_no_other_name_is_one(name):
    assert not is_name(name)


def test_what_is_dropped_leaves_nothing(tmp_path):
    made = stage(tmp_path)
    made.path("a").write_text("half")
    made.drop()
    assert names(tmp_path) == []


def test_the_place_of_a_file_that_was_read_is_refused(tmp_path):
    (tmp_path / "a").write_text("mine")
    read_input(tmp_path / "a")
    os.link(tmp_path / "a", tmp_path / "b")
    made = stage(tmp_path)
    for name in "ab":
        with pytest.raises(OutputError, match="is read by this run, so it stays as it is"):
            made.path(name)
    made.drop()


def test_folders_made_for_nothing_are_gone_again(tmp_path):
    with pytest.raises(ValueError), made(tmp_path / "a" / "b"):
        raise ValueError
    assert names(tmp_path) == []
    with pytest.raises(ValueError), made(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept").touch()
        raise ValueError
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["kept"]


def test_a_living_run_is_left_alone_and_tells_what_it_makes(tmp_path):
    first = stage(tmp_path, "first")
    first.path("a").write_text("a")
    second = stage(tmp_path, "second")
    with locked(tmp_path):
        assert sorted(claims(tmp_path)) == ["first", "second"]
    first.place(["a"])
    second.drop()
    assert names(tmp_path) == ["a"]


def interrupted(folder, line, number=signal.SIGKILL):
    """A process that stages files and is killed at `line` of its program."""
    program = f"""
import os, signal, sys, time
from pathlib import Path
from inspectnet.files import staging
folder = Path({str(folder)!r})
def killed(*_):
    print("here", flush=True)
    time.sleep(60)
with staging.locked(folder):
    made = staging.Stage(folder, "first")
made.path("a.txt").write_text("new a")
made.path("b.txt").write_text("new b")
{line}
made.place(["a.txt", "b.txt"], stale=["old.txt"])
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_a_run_killed_at_work_leaves_nothing_behind_after_the_next(tmp_path):
    (tmp_path / "a.txt").write_text("old a")
    interrupted(tmp_path, "killed()")
    assert len(hidden(tmp_path)) == 1
    stage(tmp_path).drop()
    assert names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old a"


def killed_at(call):
    """Lines after which that call of os.replace is not made any more: of the folder's renaming, a, b."""
    line = "real, calls = os.replace, []\n"
    line += f"def once(*paths):\n    killed() if len(calls) == {call} else calls.append(1)\n    real(*paths)\n"
    return line + "os.replace = once"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_what_a_run_killed_between_its_files_left_is_placed_by_the_next(tmp_path):
    for name in ("a.txt", "b.txt", "old.txt"):
        (tmp_path / name).write_text(f"old {name[0]}")
    interrupted(tmp_path, killed_at(2))
    assert (tmp_path / "a.txt").read_text() == "new a" and (tmp_path / "b.txt").read_text() == "old b"
    stage(tmp_path).drop()
    assert names(tmp_path) == ["a.txt", "b.txt"] and (tmp_path / "b.txt").read_text() == "new b"


def test_an_interruption_that_comes_while_files_take_their_places_comes_too_late(tmp_path, monkeypatch):
    real, calls = os.replace, []

    def interrupt_once(*paths):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*paths)

    made = stage(tmp_path)
    for name in "ab":
        made.path(name).write_text(name)
    monkeypatch.setattr(staging.os, "replace", interrupt_once)
    with pytest.raises(KeyboardInterrupt):
        made.place(["a", "b"])
    made.drop()
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
@pytest.mark.parametrize("by", ["copy", "archive"])
def test_what_a_killed_run_left_exchanges_nothing_where_it_was_brought(by, tmp_path):
    """Whatever it holds is whoever's who made the copy or the archive: the user's own files stay as they are."""
    made, brought = tmp_path / "made", tmp_path / "brought"
    made.mkdir()
    interrupted(made, killed_at(1))
    if by == "archive":
        with tarfile.open(tmp_path / "t.tar", "w") as tar:
            tar.add(made, "brought")
        with tarfile.open(tmp_path / "t.tar") as tar:
            tar.extractall(tmp_path)
    else:
        shutil.copytree(made, brought)
    for name in ("a.txt", "b.txt", "old.txt"):
        (brought / name).write_text("mine")
    for folder in (made, brought):
        assert len(hidden(folder)) == 1
        stage(folder).drop()
    assert names(brought) == ["a.txt", "b.txt", "old.txt"]
    assert {path.read_text() for path in brought.iterdir()} == {"mine"}
    assert names(made) == ["a.txt", "b.txt"] and (made / "a.txt").read_text() == "new a"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
@pytest.mark.parametrize(
    "said",
    [
        '{"birth": BIRTH, "remove": ["a.txt"], "move": ["b.txt"]}',
        '{"remove": ["a.txt"], "move": ["b.txt"]}',
        '{"birth": BIRTH, "remove": ["../mine", "/etc/absent", ".."], "move": ["../mine"]}',
        "[" * 100_000,
        "\udcff",
        None,
    ],
    ids=["guessed", "unborn", "paths", "deep", "bytes", "pipe"],
)
def test_what_only_looks_like_a_stage_exchanges_nothing(tmp_path, said):
    out, false = tmp_path / "out", tmp_path / "out" / f"{staging.PREFIX}{'0' * staging.HEXES}{staging.WHOLE}"
    false.mkdir(parents=True)
    for mine in (tmp_path / "mine", out / "a.txt", out / "b.txt"):
        mine.write_text("mine")
    for theirs in ("b.txt", staging.CLAIM):
        (false / theirs).write_text("theirs")
    if said is None:
        os.mkfifo(false / staging.PLACES)
    else:
        birth = f"[{(false / staging.CLAIM).stat().st_ino}, 0]"  # a number of a file can be guessed, not when it came
        (false / staging.PLACES).write_text(said.replace("BIRTH", birth), errors="surrogateescape")
    stage(out).drop()
    assert names(out) == ["a.txt", "b.txt"]
    assert {path.read_text() for path in (tmp_path / "mine", out / "a.txt", out / "b.txt")} == {"mine"}


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_folders_that_are_called_otherwise_stay(tmp_path):
    cache = tmp_path / f"{staging.PREFIX}cache"
    cache.mkdir()
    (cache / "mine").write_text("mine")
    stage(tmp_path).drop()
    assert names(cache) == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_a_folder_in_what_looks_like_a_stage_is_never_entered(tmp_path):
    """However deep it is, and whatever lies in it."""
    inner = tmp_path / f"{staging.PREFIX}{'0' * staging.HEXES}" / "inner"
    inner.mkdir(parents=True)
    (inner / "mine").write_text("mine")
    (inner.parent / "ours").write_text("half")
    stage(tmp_path).drop()
    assert (inner / "mine").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_a_folder_in_the_way_of_what_a_killed_run_left_is_told_with_the_place_to_remove(tmp_path):
    interrupted(tmp_path, killed_at(1))
    (left,) = hidden(tmp_path)
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match=rf"a killed run left in \S*{left} cannot be put in place.*Remove it"):
        stage(tmp_path)
    assert (tmp_path / left / "a.txt").read_text() == "new a", "nothing is lost"
