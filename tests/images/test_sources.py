import io
import os
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inspectnet.errors import ImageError
from inspectnet.images import find_images


def fill(folder: Path, *names: str) -> None:
    """Writes files whose bytes are their own names: nothing here decodes them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def pack(path: Path, *members: tuple[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def listing(source: Path) -> list[tuple[str, str | None]]:
    return [(entry.id, entry.label) for entry in find_images(source)]


def message(source: Path) -> str:
    with pytest.raises(ImageError) as caught:
        find_images(source)
    text = str(caught.value)
    assert "\n" not in text and source.name in text
    return text


def test_one_image_is_a_collection_of_one_without_a_label(tmp_path):
    fill(tmp_path, "a.JPG")
    assert listing(tmp_path / "a.JPG") == [("a.JPG", None)]
    assert find_images(tmp_path / "a.JPG").read(0) == b"a.JPG"


def test_a_flat_folder_has_no_labels_and_passes_over_what_is_hidden_or_no_image(tmp_path):
    fill(tmp_path, "b.png", "a.Jpeg", ".c.jpg", ".git/d.jpg", "notes.txt", "jpg", "x.webp.part")
    assert listing(tmp_path) == [("a.Jpeg", None), ("b.png", None)]


def test_a_tree_takes_labels_from_its_first_folders(tmp_path):
    fill(tmp_path, "cat/b.png", "cat/deep/a.png", "dog/a.png", "stray.png")
    found = find_images(tmp_path)
    assert [entry.id for entry in found] == ["cat/b.png", "cat/deep/a.png", "dog/a.png", "stray.png"]
    assert found.labels == ("cat", "cat", "dog", None)
    assert [found.read(at) for at in range(len(found))] == [entry.id.encode() for entry in found]


def test_the_order_does_not_depend_on_the_order_on_disk(tmp_path, monkeypatch):
    names = [f"{folder}/{number}.png" for folder in "bca" for number in (10, 9, 1)]
    fill(tmp_path, *names)
    scandir, orders = os.scandir, []

    class Shuffled:
        def __init__(self, path):
            self.items = list(scandir(path))
            random.shuffle(self.items)
            orders.append([item.name for item in self.items])

        def __enter__(self):
            return self.items

        def __exit__(self, *_):
            pass

        def close(self):
            orders.pop()

    monkeypatch.setattr(os, "scandir", Shuffled)
    for _ in range(8):
        assert [id for id, _ in listing(tmp_path)] == sorted(names)
    assert len(set(map(tuple, orders))) > 4  # it was indeed shuffled


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path, "elsewhere/a.png", "data/b.png")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert listing(tmp_path / "data") == [("b.png", None), ("linked/a.png", "linked")]


def test_a_folder_for_results_is_passed_over_wherever_it_lies_inside(tmp_path):
    fill(tmp_path, "data/a.png", "data/out/net/b.png", "data/out2/c.png", "elsewhere/d.png")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "data" / "out")

    def found(without):
        return [entry.id for entry in find_images(tmp_path / "data", without=[without] if without else [])]

    assert found(tmp_path / "data" / "out") == ["a.png", "out2/c.png"]
    everything = ["a.png", "linked/net/b.png", "out/net/b.png", "out2/c.png"]
    for elsewhere in (None, tmp_path / "absent", tmp_path / "elsewhere", tmp_path / "data", tmp_path):
        assert found(elsewhere) == everything


def test_a_tar_gives_the_bytes_of_its_members_and_labels_from_their_folders(tmp_path):
    members = [(f"train/{name}/{at}.jpg", os.urandom(700 * at + 1)) for name in ("dog", "cat") for at in range(5)]
    long = (f"{'deep/' * 40}end/a.jpg", b"a name too long for the header of a member")
    pack(
        tmp_path / "shard.tar",
        *members,
        long,
        ("./top.png", b"top"),
        ("a/._b.jpg", b"junk"),
        ("a.txt", b"no"),
    )
    found = find_images(tmp_path / "shard.tar")
    expected = {f"shard.tar/{name}": data for name, data in [*members, long]} | {"shard.tar/top.png": b"top"}
    assert [entry.id for entry in found] == sorted(expected)
    assert all(found.read(at) == expected[entry.id] for at, entry in enumerate(found))
    assert {entry.id: entry.label for entry in found}["shard.tar/train/dog/3.jpg"] == "dog"
    assert {entry.id: entry.label for entry in found}["shard.tar/top.png"] is None


def test_of_members_with_one_name_the_last_counts(tmp_path):
    pack(tmp_path / "shard.tar", ("a.jpg", b"old"), ("b.jpg", b"other"), ("./a.jpg", b"new"))
    found = find_images(tmp_path / "shard.tar")
    assert [entry.id for entry in found] == ["shard.tar/a.jpg", "shard.tar/b.jpg"]
    assert found.read(0) == b"new"


def test_a_folder_may_hold_shards_beside_images(tmp_path):
    fill(tmp_path, "cat/a.png")
    pack(tmp_path / "1.tar", ("dog/a.jpg", b"1"))
    (tmp_path / "more").mkdir()
    pack(tmp_path / "more" / "2.tar", ("a.jpg", b"2"))
    assert listing(tmp_path) == [("1.tar/dog/a.jpg", "dog"), ("cat/a.png", "cat"), ("more/2.tar/a.jpg", None)]


def test_reading_from_many_threads_gives_each_its_own_bytes(tmp_path):
    data = [os.urandom(3000 + at) for at in range(50)]
    pack(tmp_path / "shard.tar", *((f"{at:03}.jpg", each) for at, each in enumerate(data)))
    found = find_images(tmp_path / "shard.tar")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found.read, [*range(50)] * 4)) == data * 4


def test_a_listed_file_that_is_missing_is_found_out_when_it_is_read(tmp_path):
    (tmp_path / "list.txt").write_text("gone.png 3\n")
    found = find_images(tmp_path / "list.txt")
    with pytest.raises(ImageError, match=r"^cannot read gone\.png: No such file or directory\. Restore"):
        found.read(0)


def test_a_tar_that_shrank_since_it_was_listed_is_an_error_of_the_image(tmp_path):
    pack(tmp_path / "shard.tar", ("a.jpg", bytes(5000)))
    found = find_images(tmp_path / "shard.tar")
    os.truncate(tmp_path / "shard.tar", 512 + 4000)
    with pytest.raises(ImageError, match=r"cannot read shard.tar/a.jpg: its tar ends 1000 bytes too soon"):
        found.read(0)


def test_what_holds_no_image_is_refused_in_one_line_that_says_what_counts(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.txt").write_text("\n\n")
    fill(tmp_path, "words/readme.md")
    pack(tmp_path / "none.tar", ("a.txt", b""))
    for name in ("empty", "words", "none.txt", "none.tar"):
        assert "no image in" in message(tmp_path / name)
        assert "jpeg, jpg, mpo, pbm" in message(tmp_path / name)


def test_what_cannot_be_a_source_is_refused_in_one_line_that_says_what_can(tmp_path):
    fill(tmp_path, "model.onnx", "broken.tar", "empty.tar")
    (tmp_path / "empty.tar").write_bytes(b"")
    with tarfile.open(tmp_path / "squeezed.tar", "w:gz"):
        pass
    assert "does not exist. Give an image, a folder" in message(tmp_path / "nothing")
    assert "is no source of images. Give an image, a folder" in message(tmp_path / "model.onnx")
    for name, why in (("broken", "it is cut short"), ("empty", "it is empty"), ("squeezed", "compressed with gzip")):
        assert why in message(tmp_path / f"{name}.tar")


def test_a_folder_that_may_not_be_read_is_refused_in_one_line(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)  # root, who may run the tests, may read any folder
    assert "Permission denied. Check the path." in message(tmp_path)


def test_a_part_of_a_collection_has_images_of_all_its_classes(tmp_path):
    fill(tmp_path, *(f"{label}/{i}.png" for label in "abcd" for i in range(5)))
    images = find_images(tmp_path)
    assert [entry.id for entry in images.evenly(4)] == ["a/0.png", "b/0.png", "c/0.png", "d/0.png"]
    assert images.evenly(30).entries == images.evenly(20).entries == images.entries
    assert [len(images.evenly(most)) for most in range(1, 21)] == list(range(1, 21))
