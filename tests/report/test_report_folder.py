import errno
import io
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import OutputError
from inspectnet.report import folder as folder_module
from inspectnet.report.folder import OutputFolder


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    return OutputFolder(tmp_path / "out")


def files(folder: OutputFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def fail(number: int):
    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_the_folder_and_its_parents_are_made_and_left_empty(tmp_path):
    folder = OutputFolder(str(tmp_path / "a" / "b" / "c"))
    assert folder.path.is_dir() and files(folder) == []
    OutputFolder(folder.path)


def test_each_kind_of_file_is_written_and_can_be_read_again(folder):
    picture = Image.new("RGB", (3, 2), (1, 2, 3))
    arrays = {"values": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array(7)}
    written = [
        folder.write_text("notes.txt", "zéro\n"),
        folder.write_json("run.json", {"layer": "conv5"}),
        folder.write_png("page.png", picture),
        folder.write_npz("signals.npz", arrays),
    ]
    assert files(folder) == sorted(path.name for path in written)
    assert (folder.path / "notes.txt").read_bytes() == "zéro\n".encode()
    assert (folder.path / "run.json").read_text() == '{\n  "layer": "conv5"\n}\n'
    with Image.open(folder.path / "page.png") as again:
        assert again.format == "PNG" and again.tobytes() == picture.tobytes()
    with np.load(folder.path / "signals.npz", allow_pickle=False) as stored:
        assert stored.files == list(arrays)
        for name, array in arrays.items():
            assert stored[name].dtype == array.dtype and np.array_equal(stored[name], array)


def test_a_file_is_replaced_as_a_whole(folder):
    folder.write_text("a.txt", "long " * 1000)
    folder.write_text("a.txt", "short")
    assert (folder.path / "a.txt").read_text() == "short" and files(folder) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(folder, error):
    class Broken(Image.Image):
        def save(self, file, format):
            file.write(b"half a picture" * 10000)
            raise error

    folder.write_text("page.png", "the old one")
    with pytest.raises(error):
        folder.write_png("page.png", Broken())
    assert files(folder) == ["page.png"] and (folder.path / "page.png").read_text() == "the old one"


def test_while_a_file_is_being_written_its_name_is_not_there_yet(folder):
    class Watched(Image.Image):
        def save(self, file, format):
            file.write(b"half")
            file.flush()
            seen.extend(files(folder))

    seen: list[str] = []
    folder.write_png("page.png", Watched())
    assert len(seen) == 1 and seen[0].startswith(".") and seen[0].endswith(".tmp")
    assert files(folder) == ["page.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_results_may_be_read_by_whom_the_umask_allows(folder):
    old = os.umask(0o027)
    try:
        path = folder.write_text("a.txt", "")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_same_arrays_give_the_same_bytes_on_any_day(folder, monkeypatch):
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.zeros((0, 2), np.int8), "layer/c": np.float32(3)}
    first = folder.write_npz("first.npz", arrays).read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    transposed = {**arrays, "a": np.asfortranarray(arrays["a"])}
    assert folder.write_npz("second.npz", transposed).read_bytes() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(folder.path / "second.npz") as stored:
        assert stored["a"].tolist() == arrays["a"].tolist() and stored["layer/c"].shape == ()


def test_arrays_of_objects_are_refused_and_leave_no_file(folder):
    with pytest.raises(ValueError, match="allow_pickle"):
        folder.write_npz("a.npz", {"a": np.array([{}, None])})
    assert files(folder) == []


@pytest.mark.parametrize("name", ["../a.txt", "a/b.txt", "", "."])
def test_only_files_of_the_folder_itself_are_written(folder, name):
    with pytest.raises(AssertionError, match="not the name of a file"):
        folder.write_text(name, "")


@pytest.mark.parametrize("below", ["", "out", "a/b"])
def test_a_path_that_is_or_goes_through_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    path = tmp_path / "file" / below
    with pytest.raises(OutputError, match="is a file, not a folder") as error:
        OutputFolder(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value) and "--out" in str(error.value)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
@pytest.mark.parametrize("path", ["/dev/null/x", "/dev/null", "/proc/inspectnet", "/proc/self/x/y"])
def test_places_of_the_system_are_refused_in_one_line(path):
    with pytest.raises(OutputError, match=rf"cannot write to {path}: .*\. Choose another") as error:
        OutputFolder(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["a\0b", "x" * 300])
def test_names_that_no_file_system_takes_are_refused(tmp_path, path):
    with pytest.raises(OutputError, match="cannot write to"):
        OutputFolder(tmp_path / path)


@pytest.mark.parametrize(
    "number, reason",
    [
        (errno.EACCES, "permission denied. Choose another folder"),
        (errno.EROFS, "read-only file system. Choose another folder"),
        (errno.ENOSPC, "the disk is full. Free some space"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, number, reason):
    monkeypatch.setattr(folder_module.os, "open", fail(number))
    with pytest.raises(OutputError, match=reason):
        OutputFolder(tmp_path)


def test_a_disk_that_fills_up_during_the_work_is_named_and_leaves_no_half_file(folder, monkeypatch):
    folder.write_text("run.json", "old")
    monkeypatch.setattr(folder_module.os, "replace", fail(errno.ENOSPC))
    with pytest.raises(OutputError, match=r"run\.json: the disk is full"):
        folder.write_json("run.json", {})
    assert files(folder) == ["run.json"] and (folder.path / "run.json").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_write_that_fails_on_a_full_device_is_an_output_error(folder, monkeypatch):
    real = os.open
    monkeypatch.setattr(folder_module.os, "open", lambda _path, _flags, _mode: real("/dev/full", os.O_WRONLY))
    with pytest.raises(OutputError, match="the disk is full"):
        folder.write_text("a.txt", "text")
    assert files(folder) == []


def test_a_folder_in_the_place_of_a_result_is_named(folder):
    (folder.path / "run.json").mkdir()
    with pytest.raises(OutputError, match=r"cannot write to .*run\.json: "):
        folder.write_text("run.json", "")
    assert files(folder) == ["run.json"]


def test_a_folder_that_vanishes_during_the_work_is_an_output_error(folder):
    folder.path.rmdir()
    with pytest.raises(OutputError, match="no such file or directory"):
        folder.write_text("a.txt", "")
