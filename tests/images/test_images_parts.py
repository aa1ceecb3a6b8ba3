"""Marked parts of photos: boxes and masks arrive where the network sees them, and what is wrong is said in a line."""

import json

import numpy as np
import pytest
from faces import write_faces
from PIL import Image

from inspectnet.errors import ImageError
from inspectnet.images import Preparation
from inspectnet.images.parts import prepare_parts, read_parts


def preparation(side=20, **options):
    return Preparation((3, side, side), (0.5,) * 3, (0.25,) * 3, **{"crop_pct": 1.0, **options})


def write(folder, images, size=(40, 40)):
    """PARTS.json with those entries, and a grey photo for each."""
    for entry in images:
        if isinstance(entry, dict) and "image" in entry:
            Image.new("RGB", size, (90, 120, 150)).save(folder / str(entry["image"]))
    file = folder / "parts.json"
    file.write_text(json.dumps({"images": images}))
    return file


def one(folder, place, size=(40, 40), **options):
    """The mask (H, W) of the only part of one photo."""
    file = write(folder, [{"image": "a.png", "parts": {"nose": place}}], size)
    return prepare_parts(read_parts(file), preparation(**options)).masks[0, 0]


# Where parts are -------------------------------------------------------------------------------------------


def test_a_box_is_resized_with_its_photo(tmp_path):
    expected = np.zeros((20, 20), bool)
    expected[5:10, 2:8] = True
    np.testing.assert_array_equal(one(tmp_path, [4, 10, 16, 20]), expected)


def test_a_file_may_name_the_last_pixels_of_its_boxes(tmp_path):
    expected = np.zeros((20, 20), bool)
    expected[5:10, 2:8] = True
    file = write(tmp_path, [{"image": "a.png", "parts": {"nose": [4, 10, 15, 19]}}])
    file.write_text(json.dumps({"corners": "inside", **json.loads(file.read_text())}))
    np.testing.assert_array_equal(prepare_parts(read_parts(file), preparation()).masks[0, 0], expected)


def test_a_box_is_cropped_with_its_photo(tmp_path):
    """Of 60 x 40 pixels the middle 40 x 40 are taken, then halved: 10 pixels at each side are lost."""
    mask = one(tmp_path, [6, 0, 30, 40], size=(60, 40))
    assert mask[:, :10].all() and not mask[:, 10:].any()


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_a_mask_covers_what_its_photo_shows_there(mode, tmp_path):
    """The photo is white in its part and black elsewhere, so the prepared photo says where the part went."""
    part = np.zeros((30, 50), np.uint8)
    part[8:20, 14:33] = 255
    part[10:13, 18:22] = 0
    Image.fromarray(part).save(tmp_path / "mask.png")
    file = write(tmp_path, [{"image": "a.png", "parts": {"nose": "mask.png"}}])
    Image.fromarray(part).convert("RGB").save(tmp_path / "a.png")
    how = preparation(crop_mode=mode)
    marked = prepare_parts(read_parts(file), how)
    shown = how.restore(marked.x[0])[:, :, 0]
    inside = marked.masks[0, 0]
    assert shown[inside].min() >= 127 and 10 < inside.sum() < 200
    assert (shown[~inside] <= 128).all()


def test_nothing_of_a_border_belongs_to_a_part_however_bright_the_mean(tmp_path):
    file = write(tmp_path, [{"image": "a.png", "parts": {"nose": [0, 0, 4, 4]}}], size=(40, 20))
    bright = Preparation((3, 20, 20), (0.9,) * 3, (0.25,) * 3, crop_pct=1.0, crop_mode="border")
    assert prepare_parts(read_parts(file), bright).masks.sum() == 4


def test_photos_and_parts_keep_their_order_and_their_hash(tmp_path):
    parts = [{"image": f"{n}.png", "parts": {"nose": [0, 0, 4, 4], "ear": [9, 9, 20, 20]}} for n in "cab"]
    marked = prepare_parts(read_parts(write(tmp_path, parts)), preparation())
    assert (marked.ids, marked.parts) == (("c.png", "a.png", "b.png"), ("nose", "ear"))
    assert marked.x.shape == (3, 3, 20, 20) and marked.masks.shape == (2, 3, 20, 20)
    again = prepare_parts(read_parts(write(tmp_path, parts)), preparation())
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    other = prepare_parts(read_parts(tmp_path / "parts.json"), preparation())
    assert marked.digest == again.digest != other.digest


def test_photos_may_lie_in_another_folder(tmp_path):
    file = write(tmp_path, [{"image": "a.png", "parts": {"nose": [0, 0, 4, 4]}}])
    (tmp_path / "lists").mkdir()
    moved = file.rename(tmp_path / "lists" / "parts.json")
    assert read_parts(moved, tmp_path)[0].path == tmp_path / "a.png"
    with pytest.raises(ImageError, match=r"cannot read .*a.png: no such file or directory. Say with --images"):
        prepare_parts(read_parts(moved), preparation())


def test_the_parts_of_drawn_faces_are_where_they_are_drawn(tmp_path):
    """Eyes hold the brightest pixels of a face, and the nose is darker than the face around it."""
    how = preparation(side=64)
    marked = prepare_parts(read_parts(write_faces(tmp_path, count=4, side=64, seed=1)), how)
    for row in range(4):
        shown = how.restore(marked.x[row]).astype(float).mean(axis=2)
        right, left, nose = (marked.masks[part, row] for part in range(3))
        assert shown[right].max() > 225 and shown[left].max() > 225
        assert shown[nose].min() < 0.7 * np.median(shown[nose | right | left])
        assert np.argwhere(right).mean(axis=0)[1] < np.argwhere(nose).mean(axis=0)[1]
        assert np.argwhere(nose).mean(axis=0)[1] < np.argwhere(left).mean(axis=0)[1]
        assert not (right & left).any() and not (right & nose).any()


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: .* Write {"),
        ("[]", "lists no images"),
        ('{"images": []}', "lists no images"),
        ('{"images": ["dog.jpg"]}', "image 0 names no image, or none of its parts"),
        ('{"images": [{"image": "a.png", "parts": {}}]}', "image 0 names no image, or none of its parts"),
        ('{"images": [{"image": "a.png", "parts": {"nose": [1, 2, 3]}}]}', "'nose' is neither .x0, y0, x1, y1. in"),
        ('{"images": [{"image": "a.png", "parts": {"nose": [1, 2, 3.5, 4]}}]}', "'nose' is neither"),
        ('{"images": [{"image": "a.png", "parts": {"nose": ""}}]}', "'nose' is neither"),
        (
            '{"images": [{"image": "a.png", "parts": {"nose": [0, 0, 1, 1]}}, {"image": "b.png", "parts": '
            '{"ear": [0, 0, 1, 1]}}]}',
            "b.png and a.png do not have the same parts: ear, nose in one only. Mark all parts in all photos",
        ),
    ],
)
def test_a_file_that_marks_nothing_is_refused(text, message, tmp_path):
    file = tmp_path / "parts.json"
    file.write_text(text)
    with pytest.raises(ImageError, match=message):
        read_parts(file)


def test_a_photo_that_is_marked_twice_is_refused_for_it_agrees_with_itself(tmp_path):
    entries = [{"image": name, "parts": {"nose": [1, 1, 9, 9]}} for name in ("a.png", "b.png", "a.png")]
    with pytest.raises(ImageError, match=r"parts.json lists a.png more than once"):
        read_parts(write(tmp_path, entries))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"cannot read .*absent.json: no such file or directory"):
        read_parts(tmp_path / "absent.json")


@pytest.mark.parametrize("box", [[-1, 0, 5, 5], [0, 0, 41, 5], [0, 0, 5, 41], [5, 5, 5, 9], [9, 5, 5, 9]])
def test_a_box_outside_its_photo_is_refused(box, tmp_path):
    with pytest.raises(
        ImageError, match=r"the part 'nose' of a.png: the box .* does not lie in the photo, which has 40 x 40"
    ):
        one(tmp_path, box)


def test_a_part_that_the_crop_leaves_out_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"the network does not see the part 'nose' of a.png: .* Choose another photo"):
        one(tmp_path, [0, 0, 8, 8], size=(60, 40))


def test_masks_of_another_size_and_black_ones_are_refused(tmp_path):
    Image.new("L", (20, 40), 255).save(tmp_path / "small.png")
    Image.new("L", (40, 40), 0).save(tmp_path / "black.png")
    with pytest.raises(ImageError, match="has 20 x 40 pixels, the photo 40 x 40"):
        one(tmp_path, "small.png")
    with pytest.raises(ImageError, match="is black all over"):
        one(tmp_path, "black.png")
