import re

import pytest
from PIL import Image

from inspectnet import samples

PHOTOS = sorted(path for path in samples.folder().iterdir() if path.suffix == ".jpg")
CREDITS = (samples.folder() / "CREDITS.md").read_text(encoding="utf-8")


def test_a_handful_of_photos_ships_in_under_two_megabytes():
    assert 8 <= len(PHOTOS) <= 14
    assert sum(path.stat().st_size for path in PHOTOS) < 2_000_000


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.stem)
def test_each_photo_is_an_rgb_jpeg_of_moderate_size_without_metadata(path):
    with Image.open(path) as photo:
        photo.load()
        assert photo.format == "JPEG" and photo.mode == "RGB" and min(photo.size) >= 224 and max(photo.size) <= 1024
        assert not photo.getexif() and "icc_profile" not in photo.info


def test_each_photo_has_one_line_of_credits_with_a_free_licence_and_no_other_has():
    rows = re.findall(r"^\| `(\S+)` \|.*\| ([^|]+) \|$", CREDITS, re.MULTILINE)
    assert [name for name, _ in rows] == [path.name for path in PHOTOS]
    assert {licence for _, licence in rows} <= {"CC0", "CC0 1.0", "public domain"}
