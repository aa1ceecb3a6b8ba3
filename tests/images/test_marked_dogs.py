"""The dogs whose eyes and noses docs/ marks: each photo is there, and each box where a dog has that part.

What the boxes of a head are to each other needs no photo; the rest is skipped where the photos are not.
"""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inspectnet
from inspectnet.images import Preparation
from inspectnet.images.parts import prepare_parts, read_parts
from inspectnet.images.tars import read_members

ROOT = Path(__file__).parents[2]
FILES = {"dogs.json": 27, "tiny-dogs.json": 30}


def dogs(name, folder=None):
    """Of each dog its photo and the boxes (3, 4) of right eye, left eye and nose."""
    marked = read_parts(ROOT / "docs" / name, folder)
    assert len(marked) == FILES[name] and all(list(dog.parts) == ["right eye", "left eye", "nose"] for dog in marked)
    return [(dog.path, np.array(list(dog.parts.values()))) for dog in marked]


@pytest.fixture(scope="session")
def tiny_photos(photos, tmp_path_factory):
    """The marked pictures of the training set of zfnet-tiny, unpacked."""
    tar, folder = photos.parent / "tiny-imagenet-100" / "train.tar", tmp_path_factory.mktemp("tiny")
    if not tar.exists():
        pytest.skip("the shared training set is not here")
    wanted = {str(path.relative_to(folder)) for path, _ in dogs("tiny-dogs.json", folder)}
    with tar.open("rb") as file, tar.open("rb") as pictures:
        members = read_members(file)
        while wanted and (member := next(members, None)):
            if member.name in wanted:
                wanted.remove(member.name)
                pictures.seek(member.offset)
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(pictures.read(member.size))
    assert not wanted, f"not in the tar: {wanted}"
    return folder


@pytest.mark.parametrize("name", FILES)
def test_eyes_and_nose_make_the_triangle_of_a_head_that_looks_here(name):
    for path, boxes in dogs(name):
        right, left, nose = (boxes[:, :2] + boxes[:, 2:]) / 2
        apart = math.dist(right, left)
        across = (left - right) / apart
        from_eyes = nose - (right + left) / 2
        beside, below = from_eyes @ across, from_eyes @ (-across[1], across[0])
        assert apart >= 13, path.name
        assert across[0] > math.cos(math.radians(30)), path.name  # the dog's right is on the left, the head upright
        assert abs(beside) <= 0.55 * apart, path.name  # the nose is below the stretch between the eyes
        assert 0.15 * apart <= below <= 1.7 * apart, path.name


@pytest.mark.parametrize("name", FILES)
def test_boxes_are_of_about_the_same_size_to_their_heads(name):
    for path, boxes in dogs(name):
        right, left, nose = (boxes[:, :2] + boxes[:, 2:]) / 2
        head = max(math.dist(right, left), 0.8 * math.dist(nose, (right + left) / 2))  # of heads that are turned
        width, height = (boxes[:, 2:] - boxes[:, :2]).T / head
        assert (width[:2] > 0.28).all() and (width[:2] < 0.5).all(), path.name
        assert (height[:2] > 0.25).all() and (height[:2] < 0.45).all(), path.name
        assert 0.35 < width[2] < 0.9 and 0.25 < height[2] < 0.8, path.name


def check_seen(file, folder, preparation):
    """Every box lies in its photo, and the network sees all of it, apart from the other parts."""
    marked = prepare_parts(read_parts(file, folder), preparation)
    assert not (marked.masks.sum(axis=0) > 1).any()
    for photo, (path, boxes) in enumerate(dogs(file.name, folder)):
        with Image.open(path) as image:
            scale = preparation.input_size[1] / preparation.crop_pct / min(image.size)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * scale**2
        assert marked.masks[:, photo].sum(axis=(1, 2)) == pytest.approx(area, rel=0.25), path.name


def test_the_marked_dogs_fit_the_sample_photos(photos):
    check_seen(ROOT / "docs" / "dogs.json", photos, Preparation.imagenet((3, 227, 227)))


def test_the_marked_dogs_of_the_training_set_fit_its_pictures(tiny_photos):
    net = inspectnet.open(ROOT / "models" / "zfnet-tiny.onnx")
    check_seen(ROOT / "docs" / "tiny-dogs.json", tiny_photos, net.preparation)
