"""Only regular files are opened."""

import os

import pytest

from inspectnet.files.inputs import open_input, read_input


def test_a_regular_file_gives_its_bytes_behind_links_too(tmp_path):
    (tmp_path / "a").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_input(tmp_path / "a") == read_input(str(tmp_path / "link")) == b"bytes"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_at_once_though_nobody_writes_to_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="no regular file"):
            open_input(tmp_path / name)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no such device")
def test_a_device_that_never_ends_is_refused(tmp_path):
    (tmp_path / "zeros.jpg").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="no regular file"):
        open_input(tmp_path / "zeros.jpg")


def test_a_folder_and_what_is_missing_are_errors_of_their_own(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_input(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_input(tmp_path / "gone")
