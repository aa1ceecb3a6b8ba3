"""What was read is known again by any path, and only regular files are opened."""

import os
import threading

import pytest

from inspectnet.files.inputs import forget_inputs, open_input, read_input, was_read


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"abc")
    return path


def test_a_file_that_was_read_is_known_by_every_path_that_leads_to_it(file, tmp_path):
    (tmp_path / "soft.onnx").symlink_to(file)
    os.link(file, tmp_path / "hard.onnx")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "other.onnx").write_bytes(b"abc")
    paths = [
        file,
        tmp_path / "soft.onnx",
        tmp_path / "hard.onnx",
        tmp_path / "folder" / ".." / tmp_path.name / "a.onnx",
    ]
    assert not any(map(was_read, paths))
    assert read_input(tmp_path / "soft.onnx") == b"abc"
    assert all(map(was_read, paths))
    assert not was_read(tmp_path / "other.onnx") and not was_read(tmp_path / "absent") and not was_read(tmp_path)


def test_a_new_run_has_read_nothing(file):
    read_input(file)
    forget_inputs()
    assert not was_read(file)


def test_threads_that_read_at_once_are_all_noted(tmp_path):
    paths = [tmp_path / str(i) for i in range(400)]
    for path in paths:
        path.write_bytes(b"")
    threads = [
        threading.Thread(target=lambda part: [read_input(p) for p in part], args=(paths[i::8],)) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(was_read, paths))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for path, why in ((tmp_path / "pipe.jpg", "regular"), (tmp_path / "zero.jpg", "regular"), (tmp_path, "folder")):
        with pytest.raises(OSError, match=why):
            open_input(path)
