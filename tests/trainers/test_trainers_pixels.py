import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from inspectnet.images import decode
from inspectnet.images.kinds import IMAGE_SUFFIXES
from trainers.data.cache import open_pixels
from trainers.data.pixels import CachedPixels, LivePixels, colour_statistics, read_square, square
from trainers.data.sources import SUFFIXES, open_source, readable_names
from trainers.errors import DataError
from trainers.files.lock import LOCK


def open_split(where, split, classes=None):
    return open_source(str(where), split, Path("unused"), download=False, classes=classes)


def pack(folder: Path, split: str, archive: Path, keep) -> None:
    with tarfile.open(archive, "w") as tar:
        for path in sorted((folder / split).glob("*/*")):
            if keep(path):
                tar.add(path, f"{split}/{path.parent.name}/{path.name}")


def everything(pixels):
    pictures, labels, _ = pixels.__getitems__(list(range(len(pixels))))
    return pictures, labels


def test_a_class_tree_and_tar_shards_give_the_same_pictures(pictures, tmp_path):
    pack(pictures, "train", tmp_path / "train-0.tar", lambda p: int(p.stem) % 2)
    pack(pictures, "train", tmp_path / "train-1.tar", lambda p: not int(p.stem) % 2)
    tree, shards = open_split(pictures, "train"), open_split(tmp_path, "train")
    assert tree.classes == shards.classes == ["blue", "green", "red"]
    a, b = everything(LivePixels(tree, 24)), everything(LivePixels(shards, 24))
    assert len(a[1]) == 36
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_cache_holds_what_live_decoding_gives_and_is_made_once(pictures, tmp_path, monkeypatch):
    source = open_split(pictures, "val")
    cached = open_pixels(source, 24, tmp_path, limit=1.0)
    live = open_pixels(source, 24, tmp_path, limit=0.0)
    assert (type(cached), type(live)) == (CachedPixels, LivePixels)
    assert all(torch.equal(x, y) for x, y in zip(everything(cached), everything(live), strict=True))
    monkeypatch.setattr("trainers.data.cache.decode", lambda *_: pytest.fail("decoded again"))
    open_pixels(source, 24, tmp_path, limit=1.0)


def test_bad_pictures_are_counted_named_and_skipped(pictures, tmp_path):
    folder = tmp_path / "data" / "train" / "blue"
    folder.mkdir(parents=True)
    good = (pictures / "train" / "blue" / "0.png").read_bytes()
    (folder / "a.png").write_bytes(b"no picture")
    (folder / "b.png").write_bytes(good)
    (folder / "c.png").write_bytes(good[: len(good) // 2])
    (folder / "notes.txt").write_text("not even called a picture")
    source = open_split(tmp_path / "data", "train")
    cached = open_pixels(source, 24, tmp_path / "cache", limit=1.0)
    assert len(cached) == 1
    assert [line.split(":")[0] for line in cached.bad] == ["blue/a.png", "blue/c.png"]
    images, labels, bad = LivePixels(source, 24).__getitems__([0, 1, 2])
    assert (len(images), len(labels), bad) == (1, 1, cached.bad)
    with pytest.raises(DataError, match=r"none of 2 pictures can be read: blue/c\.png"):
        LivePixels(source, 24).__getitems__([0, 2])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_pictures_are_turned_as_inspectnet_turns_them(orientation, kind, tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "train" / "a"
    folder.mkdir(parents=True)
    smooth = Image.fromarray(rng.integers(0, 256, (3, 4, 3), np.uint8)).resize((40, 24), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    smooth.save(folder / f"1.{kind}", exif=exif)
    picture, _ = read_square(open_split(tmp_path, "train"), 0, 24)
    wanted = decode((folder / f"1.{kind}").read_bytes(), "picture")
    assert wanted.shape[:2] == ((24, 40) if orientation < 5 else (40, 24))
    top, left = (wanted.shape[0] - 24) // 2, (wanted.shape[1] - 24) // 2
    np.testing.assert_array_equal(picture, wanted[top : top + 24, left : left + 24])


def test_grey_of_16_bits_becomes_what_inspectnet_makes_of_it():
    values, file = np.linspace(0, 65535, 24 * 24).astype(np.uint16).reshape(24, 24), io.BytesIO()
    Image.fromarray(values).save(file, "png")
    np.testing.assert_array_equal(square(Image.open(file), 24), decode(file.getvalue(), "picture"))
    with pytest.raises(ValueError, match="floats"):
        square(Image.new("F", (24, 24)), 24)
    with pytest.raises(ValueError, match="more than 16 bits"):
        square(Image.new("I", (24, 24), 65536), 24)


def test_whatever_a_broken_picture_makes_pillow_raise_it_is_only_skipped(pictures, monkeypatch):
    monkeypatch.setattr("trainers.data.pixels.upright", lambda _: (_ for _ in ()).throw(IndexError))
    assert read_square(open_split(pictures, "val"), 0, 24) == "blue/0.png: IndexError"


def test_data_without_a_readable_picture_leave_nothing_in_the_cache(tmp_path):
    (tmp_path / "data" / "train" / "a").mkdir(parents=True)
    (tmp_path / "data" / "train" / "a" / "1.png").write_bytes(b"no picture")
    (tmp_path / "data" / "train" / "a" / "2.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"none of 2 pictures can be read: a/1\.png: not a picture"):
        open_pixels(open_split(tmp_path / "data", "train"), 24, tmp_path / "cache", limit=1.0)
    assert {p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()} <= {LOCK}


def test_the_short_side_is_resized_and_the_centre_cut_out():
    pixels = np.zeros((10, 31, 3), np.uint8)
    pixels[:, 10:20] = 200
    picture = square(Image.fromarray(pixels), 10)
    assert picture.shape == (10, 10, 3)
    assert (picture == 200).all()
    assert square(Image.fromarray(pixels[..., 0]), 5).shape == (5, 5, 3)  # grey becomes RGB


def test_classes_come_from_the_table_and_read_for_people(pictures, tmp_path):
    pack(pictures, "val", tmp_path / "val.tar", lambda p: True)
    (tmp_path / "classes.tsv").write_text("red\tRed, the colour\ngreen\tGreen\nblue\tBlue\n")
    source = open_split(tmp_path, "val")
    assert source.classes == ["red", "green", "blue"]
    assert readable_names(str(tmp_path), source.classes) == ["Red, the colour", "Green", "Blue"]
    assert source.read(0)[1] == 2


def test_wrong_data_is_refused_in_words(pictures, tmp_path):
    with pytest.raises(DataError, match="give a folder with train and val"):
        open_split(tmp_path / "nowhere", "train")
    with pytest.raises(DataError, match="has no train/CLASS/picture"):
        open_split(tmp_path, "train")
    with pytest.raises(DataError, match=r"class 'blue'.*not among the 2 training classes"):
        open_split(pictures, "val", classes=["green", "red"])
    with pytest.raises(DataError, match="torchvision has no data set 'Imagenot'"):
        open_split("torchvision:Imagenot", "train")
    with pytest.raises(DataError, match=r"CIFAR10 \(val\) does not open below unused.*--download"):
        open_split("torchvision:CIFAR10", "val")
    with pytest.raises(DataError, match=r"CocoDetection cannot be opened by its name alone: .*annFile"):
        open_split("torchvision:CocoDetection", "val")
    for content in (b"", b"no tar", gzip.compress(bytes(10_240))):
        (tmp_path / "train.tar").write_bytes(content)
        with pytest.raises(DataError, match=r"cannot read .*train\.tar: .* a whole tar file, not compressed"):
            open_split(tmp_path, "train")


def test_torchvisions_sets_open_by_name(monkeypatch):
    import torchvision.datasets as sets

    class Sorts:
        classes = (("cat", "felis"), ("dog",))

        def __init__(self, root, split="train"):
            if split not in ("train", "test"):
                raise ValueError(f"no split {split}")
            self.split = split

        def __len__(self):
            return 4 if self.split == "train" else 2

        def __getitem__(self, i):
            return Image.new("L", (30, 28), i), i % 2

    monkeypatch.setattr(sets, "Sorts", Sorts, raising=False)
    train, val = (open_split("torchvision:Sorts", split) for split in ("train", "val"))
    assert (len(train), len(val), train.classes) == (4, 2, ["cat, felis", "dog"])
    images, labels = everything(LivePixels(val, 24))
    assert images.shape == (2, 24, 24, 3)
    assert labels.tolist() == [0, 1]


def test_colour_statistics_are_those_of_the_pixels(pictures):
    pixels = LivePixels(open_split(pictures, "train"), 24)
    mean, std = colour_statistics(pixels)
    values = everything(pixels)[0].reshape(-1, 3).numpy() / 255
    assert mean == pytest.approx(values.mean(0), abs=1e-5)
    assert std == pytest.approx(values.std(0), rel=1e-3)


def test_tar_members_are_read_where_they_lie(tmp_path):
    with tarfile.open(tmp_path / "train.tar", "w") as tar:
        for name, colour in (("b/1.png", (9, 0, 0)), ("a/1.png", (0, 9, 0))):
            content = io.BytesIO()
            Image.new("RGB", (8, 8), colour).save(content, "png")
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content.getvalue())
            tar.addfile(member, io.BytesIO(content.getvalue()))
    source = open_split(tmp_path, "train")
    assert [source.name(i) for i in range(2)] == ["a/1.png", "b/1.png"]
    assert source.read(0)[0].getpixel((0, 0)) == (0, 9, 0)


def test_halves_that_look_alike_have_caches_of_their_own(monkeypatch, tmp_path):
    import torchvision.datasets as sets

    class Twins:
        classes = ("a", "b")

        def __init__(self, root, train=True):
            self.grey = 50 if train else 90

        def __len__(self):
            return 2

        def __getitem__(self, i):
            return Image.new("L", (24, 24), self.grey), i

    monkeypatch.setattr(sets, "Twins", Twins, raising=False)
    halves = [open_pixels(open_split("torchvision:Twins", s), 24, tmp_path, limit=1.0) for s in ("train", "val")]
    assert [int(everything(half)[0].max()) for half in halves] == [50, 90]


def test_files_are_taken_for_pictures_by_the_names_that_inspectnet_goes_by():
    assert {f".{suffix}" for suffix in IMAGE_SUFFIXES} == SUFFIXES


@pytest.mark.parametrize("size", [(20_000, 20_000), (1, 60_000), (60_000, 1)])
def test_pictures_that_would_take_gigabytes_are_skipped_in_words(size, monkeypatch):
    """Of the first, not one pixel is decoded; the others would be resized to 64 x 3,840,000."""
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded") if size[0] == size[1] else None)
    picture = Image.Image()
    picture._size, picture._mode = size, "RGB"
    with pytest.raises(ValueError, match=f"{size[0]} x {size[1]} pixels are too many, or too narrow"):
        square(picture, 64)
