"""Collections of images in memory: read as those of files are."""

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError
from inspectnet.images import Preparation, Stream, find_images, hold_images, join, read_photo


def test_photos_in_memory_are_read_to_the_pixels_that_they_are(rng):
    photos = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((5, 9), (1, 1), (40, 3))]
    photos.append(photos[0][::-1, ::2])  # not in one piece of memory
    held = hold_images(photos)
    assert [entry.id for entry in held] == ["0", "1", "2", "3"] and set(held.labels) == {None}
    for i, photo in enumerate(photos):
        np.testing.assert_array_equal(read_photo(held, i)[1], photo)


def test_they_stream_in_the_order_that_they_were_given_in_and_their_digest_tells_them_apart(rng):
    photos = list(rng.integers(0, 256, (12, 8, 8, 3), np.uint8))
    preparation = Preparation((3, 8, 8), (0.5,) * 3, (0.25,) * 3, crop_pct=1)

    def read(photos):
        stream = Stream(hold_images(photos), preparation, batch_size=5)
        return np.concatenate([batch.x for batch in stream]), stream.seen.ids, stream.seen.digest

    x, ids, digest = read(photos)
    np.testing.assert_array_equal(x, [preparation.apply(photo) for photo in photos])
    assert ids == tuple(map(str, range(12)))
    assert digest == read(photos)[2] != read(photos[::-1])[2]


@pytest.mark.parametrize("photo", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_photo_is_refused(photo):
    with pytest.raises(ImageError, match=r"a photo is uint8 \[h, w, 3\], not"):
        hold_images([photo])
    with pytest.raises(ImageError, match="there are no images"):
        hold_images([])


def test_sources_that_share_a_name_are_told_apart(tmp_path, rng):
    for folder, names in (("one", "ab"), ("two", "bc")):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.fromarray(rng.integers(0, 256, (5, 9, 3), np.uint8)).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "two" / "d.heic").touch()
    sources = [find_images(tmp_path / "two"), find_images(tmp_path / "one")]
    both = join(sources)
    b = [f"{(tmp_path / folder).as_posix()}/b.png" for folder in ("one", "two")]
    assert [entry.id for entry in both] == sorted(["a.png", "c.png", *b]) and len(both.skipped) == 1
    place = [entry.id for entry in both].index(b[1])
    assert both.read(place) == (tmp_path / "two" / "b.png").read_bytes()
    assert join(sources[:1]) is sources[0]
