"""Files take their places together; what killed runs leave is put in place or removed by the next run."""

import os
import signal
import subprocess
import sys

import pytest

from inspectnet.errors import OutputError
from inspectnet.files import staging
from inspectnet.files.inputs import read_input
from inspectnet.files.staging import Stage, claims, locked, made, settle


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


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_what_a_run_killed_between_its_files_left_is_placed_by_the_next(tmp_path):
    for name in ("a.txt", "b.txt", "old.txt"):
        (tmp_path / name).write_text(f"old {name[0]}")
    replace = "real, calls = os.replace, []\n"
    replace += "def once(*paths):\n    killed() if len(calls) == 2 else calls.append(1)\n    real(*paths)\n"
    interrupted(tmp_path, replace + "os.replace = once")  # the folder's renaming, a; not b
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
@pytest.mark.parametrize(
    "said",
    [
        '{"remove": ["../mine", "/etc/absent", ".."], "move": ["../mine"]}',
        '{"remove": "../mine", "move": [["../mine"]]}',
        "[" * 100_000,
        "\udcff",
        None,
    ],
    ids=["paths", "kinds", "deep", "bytes", "pipe"],
)
def test_what_only_looks_like_a_stage_touches_nothing_outside_its_folder(tmp_path, said):
    out, false = tmp_path / "out", tmp_path / "out" / f"{staging.PREFIX}0{staging.WHOLE}"
    false.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    (false / "..mine").write_text("theirs")
    if said is None:
        os.mkfifo(false / staging.PLACES)
    else:
        (false / staging.PLACES).write_text(said, errors="surrogateescape")
    stage(out).drop()
    assert (tmp_path / "mine").read_text() == "mine" and names(out) == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_what_only_looks_like_a_stage_exchanges_no_document_and_no_program(tmp_path):
    false = tmp_path / f"{staging.PREFIX}0{staging.WHOLE}"
    false.mkdir()
    for name in ("thesis.doc", "run.py", "Makefile"):
        (tmp_path / name).write_text("mine")
        (false / name).write_text("theirs")
    (false / staging.PLACES).write_text('{"remove": ["thesis.doc"], "move": ["run.py", "Makefile"]}')
    stage(tmp_path).drop()
    assert names(tmp_path) == ["Makefile", "run.py", "thesis.doc"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_a_folder_in_what_looks_like_a_stage_is_never_entered(tmp_path):
    """However deep it is, and whatever lies in it."""
    inner = tmp_path / f"{staging.PREFIX}0" / "inner"
    inner.mkdir(parents=True)
    (inner / "mine").write_text("mine")
    (inner.parent / "ours").write_text("half")
    stage(tmp_path).drop()
    assert (inner / "mine").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells whether a run is alive")
def test_a_folder_in_the_way_of_what_a_killed_run_left_is_told_with_the_place_to_remove(tmp_path):
    left = tmp_path / f"{staging.PREFIX}0{staging.WHOLE}"
    (tmp_path / "a.txt").mkdir()
    left.mkdir()
    (left / "a.txt").write_text("new a")
    (left / staging.PLACES).write_text('{"remove": [], "move": ["a.txt"]}')
    with pytest.raises(OutputError, match=rf"a killed run left in \S*{left.name} cannot be put in place.*Remove it"):
        stage(tmp_path)
    assert (left / "a.txt").read_text() == "new a", "nothing is lost"
