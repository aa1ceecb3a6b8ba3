import errno
import hashlib
import io
import json
import os
import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import OutputError
from inspectnet.figures.page import Page
from inspectnet.files.inputs import read_input
from inspectnet.report.folder import output_folder

CLAIM = {"command": "deconv", "options": {"top": 9}, "models": ["a5"]}
OTHER = {**CLAIM, "options": {"top": 3}}


@contextmanager
def results(path, claim=CLAIM, **how):
    """A folder for results."""
    with output_folder(path, claim, **how) as folder:
        yield folder
        folder.write_record({"layer": "conv5"})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(path, claim=CLAIM, names=("a.txt",), text="text", **how):
    """The folder that one run's results came to."""
    with results(path, claim, **how) as folder:
        for name in names:
            folder.write_text(name, text)
    return folder.path


def files(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def fail(number: int):
    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


# Files -----------------------------------------------------------------------------------------------------


def test_each_kind_of_file_is_written_and_can_be_read_again(out):
    arrays = {"values": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array(7)}
    with results(out) as folder:
        folder.write_text("notes.txt", "zéro\n")
        folder.write_npz("signals.npz", arrays)
        folder.write_figure("page", Page(30, 20).finish())
    assert files(out) == ["notes.txt", "page.png", "result.json", "signals.npz"]
    assert (out / "notes.txt").read_bytes() == "zéro\n".encode()
    with Image.open(out / "page.png") as again:
        assert again.format == "PNG" and again.size == (30, 20)
    with np.load(out / "signals.npz", allow_pickle=False) as stored:
        assert stored.files == list(arrays)
        for name, array in arrays.items():
            assert stored[name].dtype == array.dtype and np.array_equal(stored[name], array)


def test_the_record_tells_what_run_it_is_and_what_it_wrote(out):
    with results(out) as folder:
        folder.write_text("a.txt", "")
    record = (out / "result.json").read_text()
    files = {"a.txt": hashlib.sha256(b"").hexdigest(), "result.json": None}
    assert json.loads(record) == {"layer": "conv5", "run": CLAIM, "files": files}
    assert folder.record_text == record


def test_a_run_ends_with_its_record(out):
    with pytest.raises(AssertionError, match="ends with its record"), results(out) as folder:
        folder.write_record({})
        folder.write_text("late.txt", "")
        folder.write_record = lambda *_: None
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_results_may_be_read_by_whom_the_umask_allows(out):
    old = os.umask(0o027)
    try:
        write(out)
    finally:
        os.umask(old)
    assert stat.S_IMODE((out / "a.txt").stat().st_mode) == 0o640


def test_the_same_arrays_give_the_same_bytes_on_any_day(out, monkeypatch):
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.zeros((0, 2), np.int8), "layer/c": np.float32(3)}
    with results(out) as folder:
        folder.write_npz("first.npz", arrays)
        monkeypatch.setattr("time.time", lambda: 2e9)
        monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
        folder.write_npz("second.npz", {**arrays, "a": np.asfortranarray(arrays["a"])})
    first = (out / "first.npz").read_bytes()
    assert (out / "second.npz").read_bytes() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(out / "second.npz") as stored:
        assert stored["a"].tolist() == arrays["a"].tolist() and stored["layer/c"].shape == ()


def test_arrays_of_objects_are_refused_and_leave_nothing(out):
    with pytest.raises(ValueError, match="allow_pickle"), results(out) as folder:
        folder.write_npz("a.npz", {"a": np.array([{}, None])})
    assert not out.exists()


@pytest.mark.parametrize("name", ["../a.txt", "a/b/c.txt", "", "."])
def test_only_files_of_the_folder_itself_are_written(out, name):
    with pytest.raises(AssertionError, match="not the name of a file"), results(out) as folder:
        folder.write_text(name, "")


# In place or not at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_half_way_leaves_the_old_results_and_nothing_else(out, error):
    def arrays():
        yield "first", np.zeros(1000)
        raise error

    class Broken(dict):
        def items(self):
            return arrays()

    write(out, text="the old one")
    with pytest.raises(error), results(out) as folder:
        folder.write_text("a.txt", "new")
        folder.write_npz("half.npz", Broken())
    assert files(out) == ["a.txt", "result.json"] and (out / "a.txt").read_text() == "the old one"


def test_while_results_are_made_the_folder_shows_those_of_before(out):
    write(out, text="old")
    with results(out) as folder:
        folder.write_text("a.txt", "new")
        shown = [name for name in files(out) if not name.startswith(".")]
        assert shown == ["a.txt", "result.json"] and (out / "a.txt").read_text() == "old"
    assert (out / "a.txt").read_text() == "new" and files(out) == ["a.txt", "result.json"]


def test_a_run_replaces_its_own_earlier_results_as_a_whole(out):
    write(out, names=("a.txt", "gone.txt"))
    (out / "mine.md").write_text("mine")
    assert write(out, names=("a.txt", "b.txt")) == out
    assert files(out) == ["a.txt", "b.txt", "mine.md", "result.json"]


# Another's results -----------------------------------------------------------------------------------------


def test_results_of_another_run_stay_and_these_go_beside_them(out):
    write(out)
    before = {name: (out / name).read_bytes() for name in files(out)}
    places = [write(out, claim) for claim in (OTHER, {**CLAIM, "models": ["b6"]}, OTHER, CLAIM)]
    assert [place.name for place in places] == ["out-2", "out-3", "out-2", "out"]
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_results_of_other_commands_are_results_too(out):
    write(out, {**CLAIM, "command": "sanity"})
    assert write(out).name == "out-2"


@pytest.mark.parametrize("record", ["{}", "[1, 2]", "no JSON", '{"run": 7}', "[" * 100_000])
def test_a_record_that_tells_of_no_run_is_somebody_elses(record, out):
    out.mkdir()
    (out / "result.json").write_text(record)
    assert write(out).name == "out-2" and (out / "result.json").read_text() == record


def test_two_living_runs_do_not_share_a_folder_unless_they_are_the_same(out):
    with results(out) as first, results(out) as same, results(out, OTHER) as other:
        assert (first.path, same.path) == (out, out) and other.path.name == "out-2"
    assert files(out) == files(other.path) == ["result.json"]


def test_results_of_another_run_are_replaced_as_a_whole_if_that_is_said(out):
    write(out, names=("a.txt", "b.txt"))
    assert write(out, OTHER, names=("a.txt", "c.txt"), force=True) == out
    assert files(out) == ["a.txt", "c.txt", "result.json"]
    assert json.loads((out / "result.json").read_text())["run"]["options"] == OTHER["options"]


def test_a_file_of_somebody_else_stays_unless_the_opposite_is_said(out):
    out.mkdir()
    (out / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"a\.txt is there already"):
        write(out)
    assert files(out) == ["a.txt"] and (out / "a.txt").read_text() == "mine"
    write(out, force=True)
    assert (out / "a.txt").read_text() == "text"


def test_a_file_that_was_read_stays_whatever_is_said(out):
    out.mkdir()
    (out / "a.txt").write_text("weights")
    read_input(out / "a.txt")
    with pytest.raises(OutputError, match="is read by this run, so it stays"):
        write(out, force=True)
    assert (out / "a.txt").read_text() == "weights"


def test_a_record_cannot_name_files_outside_its_folder_or_of_other_kinds(out, tmp_path):
    write(out)
    outside, inside = tmp_path / "outside.txt", out / "model.onnx"
    outside.write_text("mine")
    inside.write_text("mine")
    record = json.loads((out / "result.json").read_text())
    mine = hashlib.sha256(b"mine").hexdigest()
    record["files"] |= dict.fromkeys(["../outside.txt", str(outside), "model.onnx", "", ".hidden.txt", "."], mine)
    (out / "result.json").write_text(json.dumps(record))
    write(out, names=())
    assert files(out) == ["model.onnx", "result.json"] and outside.exists()


@pytest.mark.parametrize("told", ["of other bytes", "no hash", "listed"])
@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_a_record_lists_stays_if_no_run_wrote_it(told, force, out):
    """Anybody can write a record, and a file may have been drawn upon since the run that wrote it."""
    write(out, names=("a.txt", "b.txt"))
    (out / "b.txt").write_text("mine")
    record = json.loads((out / "result.json").read_text())
    if told != "of other bytes":
        record["files"] = {"b.txt": 7} if told == "no hash" else ["b.txt"]
    (out / "result.json").write_text(json.dumps(record))
    write(out, names=(), force=force)
    assert (out / "b.txt").read_text() == "mine"
    with pytest.raises(OutputError, match=r"b\.txt is there already"):
        write(out, names=("b.txt",))
    assert (out / "b.txt").read_text() == "mine"


# Places that cannot be written -----------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "out", "a/b"])
def test_a_path_that_is_or_goes_through_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    path = tmp_path / "file" / below
    with pytest.raises(OutputError, match="is a file, not a folder") as error:
        write(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value) and "--out" in str(error.value)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
@pytest.mark.parametrize("path", ["/dev/null/x", "/dev/null", "/proc/inspectnet", "/proc/self/x/y"])
def test_places_of_the_system_are_refused_in_one_line(path):
    with pytest.raises(OutputError, match=rf"cannot write to {path}: .*\. Choose another") as error:
        write(Path(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["a\0b", "x" * 300])
def test_names_that_no_file_system_takes_are_refused(tmp_path, path):
    with pytest.raises(OutputError, match="cannot write to"):
        write(tmp_path / path)


REASONS = [
    (errno.EACCES, "permission denied. Choose another place"),
    (errno.EROFS, "read-only file system. Choose another place"),
    (errno.ENOSPC, "the disk is full. Free some space"),
]


@pytest.mark.parametrize("operation", ["mkdir", "write_text"])
@pytest.mark.parametrize("number, reason", REASONS)
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(out, monkeypatch, number, reason, operation):
    with monkeypatch.context() as patch, pytest.raises(OutputError, match=reason):
        patch.setattr(Path, operation, fail(number))
        with results(out):
            pytest.fail("the work began")
    assert not out.exists()


def test_a_disk_that_fills_up_while_files_take_their_places_is_named(out, monkeypatch):
    write(out, text="old")
    with monkeypatch.context() as patch, pytest.raises(OutputError, match=r"out: the disk is full"):
        patch.setattr("inspectnet.files.staging.os.replace", fail(errno.ENOSPC))
        write(out, text="new")
    assert files(out) == ["a.txt", "result.json"] and (out / "a.txt").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_write_that_fails_on_a_full_device_is_an_output_error(out):
    with pytest.raises(OutputError, match=r"a\.txt: the disk is full"), results(out) as folder:
        folder._stage.path("a.txt").symlink_to("/dev/full")
        folder.write_text("a.txt", "text")
    assert not out.exists()


def test_a_folder_in_the_place_of_a_result_is_named(out):
    (out / "a.txt").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"cannot write to .*a\.txt: it is a folder"):
        write(out)
    assert files(out) == ["a.txt"]


def test_a_folder_that_vanishes_during_the_work_is_an_output_error(out):
    import shutil

    with pytest.raises(OutputError, match="no such file or directory"), results(out) as folder:
        shutil.rmtree(out)
        folder.write_text("a.txt", "")


def test_a_pipe_that_is_called_as_a_record_does_not_hold_a_run_up(tmp_path):
    os.mkfifo(tmp_path / "result.json")
    assert write(tmp_path).name == f"{tmp_path.name}-2"
