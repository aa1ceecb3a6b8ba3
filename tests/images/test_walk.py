"""Folders: every walk ends, and what cannot be read is named and passed over."""

import os
import subprocess
import sys

import pytest

from inspectnet.errors import ImageError
from inspectnet.images import Preparation, Stream, find_images
from inspectnet.images.kinds import ARCHIVES, IMAGE_SUFFIXES, OTHER_PICTURES

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are different there")


def names(folder):
    return [entry.id for entry in find_images(folder).entries]


def skipped(folder):
    return {each.id: each.reason for each in find_images(folder).skipped}


@posix
def test_folders_that_all_link_to_each_other_are_entered_twice_at_most(tmp_path):
    count = 30  # through which there are more ways than atoms in the world
    for i in range(count):
        (tmp_path / f"d{i}").mkdir()
        (tmp_path / f"d{i}" / "a.jpg").touch()
    for i in range(count):
        for j in range(count):
            if i != j:
                (tmp_path / f"d{i}" / f"l{j}").symlink_to(tmp_path / f"d{j}")
    found = names(tmp_path)
    assert {f"d{i}/a.jpg" for i in range(count)} <= set(found) and len(found) <= 2 * count
    assert found == names(tmp_path)


@posix
def test_a_folder_behind_two_links_is_read_once_and_the_other_link_is_named(tmp_path):
    (tmp_path / "elsewhere" / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere" / "sub" / "a.jpg").touch()
    (tmp_path / "data").mkdir()
    for name in ("x", "y"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "data") == ["x/sub/a.jpg"]
    assert "was read as x already" in skipped(tmp_path / "data")["y"]


@posix
def test_links_that_lead_nowhere_or_to_themselves_are_named(tmp_path):
    for name in ("loop", "loop.jpg", "loop.tar"):
        (tmp_path / name).symlink_to(tmp_path / name)
    (tmp_path / "gone").symlink_to(tmp_path / "absent")
    (tmp_path / "gone.tar").symlink_to(tmp_path / "absent")
    (tmp_path / "a.jpg").touch()
    assert names(tmp_path) == ["a.jpg"]
    found = skipped(tmp_path)
    assert sorted(found) == ["gone", "gone.tar", "loop", "loop.jpg", "loop.tar"]
    assert "leads nowhere" in found["gone"] and "symbolic links" in found["loop"]
    with pytest.raises(ImageError, match="symbolic links"):
        find_images(tmp_path / "loop.jpg")


def test_a_folder_below_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.jpg").touch()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root, who may run the tests, may read any folder
    assert names(tmp_path) == ["a.jpg"]
    assert skipped(tmp_path) == {"locked": "cannot read locked: Permission denied. Mend it or leave it out."}


@posix
def test_folders_deeper_than_a_path_can_say_are_named(tmp_path):
    (tmp_path / "a.jpg").touch()
    top = os.open(tmp_path, os.O_RDONLY)
    here = top
    for _ in range(2200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        if here != top:
            os.close(here)
        here = below
    os.close(here)
    os.close(top)
    assert names(tmp_path) == ["a.jpg"]
    (reason,) = skipped(tmp_path).values()
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil, which clears up, has too little stack for it
    assert "File name too long" in reason


@posix
def test_pipes_and_devices_among_the_photos_are_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.jpg")
    os.mkfifo(tmp_path / "p.tar")
    (tmp_path / "z.jpg").symlink_to("/dev/zero")
    (tmp_path / "z.tar").symlink_to("/dev/zero")
    stream = Stream(find_images(tmp_path), Preparation.imagenet((3, 8, 8)), batch_size=2)
    assert list(stream) == []
    reasons = {each.id: each.reason for each in stream.seen.skipped}
    assert sorted(reasons) == ["p.jpg", "p.tar", "z.jpg", "z.tar"]
    assert all("it is no regular file" in each for each in reasons.values())


@posix
@pytest.mark.parametrize("name", ["l.txt", "l.csv", "l.tar"])
def test_a_list_or_a_tar_that_is_a_pipe_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ImageError, match="it is no regular file"):
        find_images(tmp_path / name)


def test_pictures_of_other_formats_and_archives_are_named_and_other_files_are_not(tmp_path):
    for name in ("a.jfif", "b.JPE", "c.heic", "d.tar.gz", "e.json", "f.txt", "README"):
        (tmp_path / name).touch()
    assert names(tmp_path) == ["a.jfif", "b.JPE"]
    found = skipped(tmp_path)
    assert sorted(found) == ["c.heic", "d.tar.gz"]
    assert ".heic is not a format that is read here" in found["c.heic"] and "compressed" in found["d.tar.gz"]


def test_every_suffix_that_pillow_reads_is_read_or_named():
    from PIL import Image

    Image.init()
    not_pictures = {"bufr", "grib", "h5", "hdf", "mpg", "mpeg"}  # data and films, which Pillow only recognises
    pillow = {suffix[1:] for suffix, format in Image.registered_extensions().items() if format in Image.OPEN}
    assert pillow - not_pictures <= set(IMAGE_SUFFIXES) | OTHER_PICTURES
    assert not set(IMAGE_SUFFIXES) & (OTHER_PICTURES | ARCHIVES)


def test_the_stream_names_what_its_collection_had_to_skip_first(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    (tmp_path / "z.heic").touch()
    stream = Stream(find_images(tmp_path), Preparation.imagenet((3, 8, 8)), batch_size=2)
    assert list(stream) == [] and [each.id for each in stream.seen.skipped] == ["z.heic", "a.jpg"]
    with pytest.raises(ImageError, match=r"none of the 1 images could be read; the first, a\.jpg"):
        stream.seen.refuse_nothing()
