"""Memory: what an image takes is known from its header, and threads share it without blocking each other."""

import importlib
import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError
from inspectnet.images import Preparation, Stream, decode, find_images
from inspectnet.images import memory as limits
from inspectnet.images.decode import look
from inspectnet.images.jpeg import coefficients, passes
from inspectnet.images.memory import Closed, Memory

decoding = importlib.import_module("inspectnet.images.decode")  # whose name in the package is its function's
ROOT = Path(__file__).parents[2]
MEASURE = """
import resource, sys
import numpy as np
from PIL import Image
import simplejpeg
from inspectnet.images import Preparation, decode
from inspectnet.images.decode import look
preparation = Preparation.imagenet((3, 32, 32))
preparation.apply(decode(open(sys.argv[2], "rb").read(), ""))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb") as file:
    encoded = look(file, "")
    preparation.apply(encoded.decode())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, encoded.need)
"""


def encode(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is counted in other units there")
@pytest.mark.parametrize(
    ("format", "mode", "options"),
    [
        ("PNG", "RGB", {"compress_level": 1}),
        ("JPEG", "RGB", {}),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("WEBP", "RGB", {"method": 0}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("BMP", "RGB", {}),
    ],
    ids=str,
)
def test_no_image_takes_more_than_its_header_foretells(tmp_path, format, mode, options):
    Image.new(mode, (4000, 3000), (9,) * len(mode)).save(tmp_path / "big", format, **options)
    Image.new("RGB", (9, 9)).save(tmp_path / "small", format)
    command = [sys.executable, "-c", MEASURE, tmp_path / "big", tmp_path / "small"]
    taken, need = map(int, subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout.split())
    assert taken < need + (24 << 20)  # bands, and what is imported late
    held = (tmp_path / "big").stat().st_size + 3000 * decoding.ROW
    assert need <= max(17, decoding.RGB + decoding.PILLOW) * 12e6 + held


def test_the_budget_lets_200_megapixels_of_common_formats_through():
    for per_pixel in (decoding.RGB + decoding.PILLOW, decoding.PILLOW + decoding.DECODERS["PNG"], decoding.RGB + 6):
        assert 200_000_000 * per_pixel < limits.ALONE
    assert limits.ALONE < 2 << 30


def test_rows_of_a_pixel_count_for_what_pillow_notes_of_each():
    """1 x 200,000,000 pixels took 2.2 GiB."""
    tall = look(io.BytesIO(encode(Image.new("L", (1, 50_000)), "PNG")), "")
    assert tall.need == 50_000 * (decoding.PILLOW + decoding.DECODERS["PNG"] + 8)
    with pytest.raises(ImageError, match=r"its 1 x 200000000 pixels would take 3\.0 GB, more than 1\.9"):
        look(io.BytesIO(b"P5 1 200000000 255 "), "")


def test_an_image_that_would_take_more_than_the_budget_is_refused_from_its_header():
    data = bytearray(encode(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    at = data.index(b"VP8L") + 9  # 14 bits of width - 1, 14 of height - 1
    bits = int.from_bytes(data[at : at + 4], "little")
    data[at : at + 4] = (bits & ~((1 << 28) - 1) | 13999 | 13999 << 14).to_bytes(4, "little")
    with pytest.raises(ImageError, match=r"its 14000 x 14000 pixels would take 3\.\d GB, more than 1\.9"):
        decode(bytes(data), "a.webp")


@pytest.mark.parametrize(("options", "each"), [({}, 0), ({"subsampling": 0}, 6), ({"subsampling": 2}, 3)])
def test_coefficients_are_held_of_what_comes_in_several_scans(options, each):
    image = Image.new("RGB", (32, 32))
    assert coefficients(encode(image, "JPEG", progressive=bool(options), **options)) == each
    assert coefficients(encode(image.convert("L"), "JPEG", progressive=True)) == 2


def test_a_small_file_that_asks_for_many_passes_over_many_pixels_is_refused(monkeypatch):
    data = encode(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    assert 4 < passes(data) < 20 and decode(data, "a.jpg").shape == (64, 64, 3)
    monkeypatch.setattr(decoding, "PASSES", 64 * 64 * passes(data) - 1)
    with pytest.raises(ImageError, match=rf"its 64 x 64 pixels are stored in {passes(data)} passes"):
        decode(data, "a.jpg")


@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_rows_are_the_same_however_little_room_there_is(tmp_path, monkeypatch, tile, threads):
    for i in range(20):
        pixels = np.random.default_rng(i).integers(0, 256, (20 + 7 * i, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02}.png")
    (tmp_path / "07.png").write_bytes(b"no image")
    collection, preparation = find_images(tmp_path), Preparation.imagenet((3, 16, 16))

    def rows(**options):
        return np.concatenate(
            [batch.x for batch in Stream(collection, preparation, batch_size=3, tile=tile, **options)]
        )

    expected, most = rows(threads=1), []
    monkeypatch.setattr(limits, "TOGETHER", 2 * 90 * 153 * 8)
    wait = Memory.wait

    def watched(self, number, size):
        wait(self, number, size)
        most.append(self._taken)

    monkeypatch.setattr(Memory, "wait", watched)
    np.testing.assert_array_equal(rows(threads=threads), expected)
    assert len(most) == 20 and max(most) <= limits.TOGETHER


def test_leaving_the_loop_frees_those_who_wait_for_room(tmp_path, monkeypatch):
    for i in range(12):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{i:02}.png")
    monkeypatch.setattr(limits, "TOGETHER", 1)  # one at a time
    for tile in (False, True):
        batches = iter(
            Stream(find_images(tmp_path), Preparation.imagenet((3, 16, 16)), batch_size=2, threads=4, tile=tile)
        )
        next(batches)
        batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inspectnet-images")]


def test_a_turn_that_takes_nothing_lets_the_next_one_through_and_a_closed_room_nobody():
    memory = Memory()
    with memory.turn(0):
        pass
    with memory.turn(1) as share:
        share.take(limits.ALONE)
        share.kept = 5
    assert memory._taken == 5
    memory.close()
    with pytest.raises(Closed), memory.turn(7) as share:
        share.take(1)


def test_a_large_file_is_decoded_piece_by_piece_and_not_read_at_once(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1400, 1200, 3), dtype=np.uint8)).save(tmp_path / "a.bmp")
    collection = find_images(tmp_path)
    with collection.open(0) as source:
        assert not isinstance(source, io.BytesIO)
        encoded = look(source, "a.bmp")
        assert encoded.need == 1400 * 1200 * (decoding.RGB + decoding.PILLOW) + 1400 * decoding.ROW
        np.testing.assert_array_equal(encoded.decode(), decode(collection.read(0), "a.bmp"))
