import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from inspectnet.images import decode
from inspectnet.images.orientation import is_upright


def jpeg(*segments: bytes) -> bytes:
    """A small JPEG with APP1 segments of these payloads at its front."""
    buffer = io.BytesIO()
    Image.new("RGB", (24, 16), "green").save(buffer, "JPEG")
    data = buffer.getvalue()
    inserted = b"".join(b"\xff\xe1" + struct.pack(">H", len(each) + 2) + each for each in segments)
    return data[:2] + inserted + data[2:]


def exif(orientation: int, order: str = "<", kind: int = 3, tags_before: int = 3) -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
    entries = [struct.pack(order + "HHII", 0x0100 + at, 4, 1, 9) for at in range(tags_before)]
    entries.append(struct.pack(order + "HHI", 0x0112, kind, 1) + value)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return b"Exif\0\0" + start + struct.pack(order + "I", 8) + directory


def xmp(orientation: int, pattern: str) -> bytes:
    return b"http://ns.adobe.com/xap/1.0/\0<rdf>" + (pattern % orientation).encode() + b"</rdf>"


def asks_pillow(data: bytes) -> int:
    """What Pillow makes of the orientation: 1 for none that means anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = Image.open(io.BytesIO(data)).getexif().get(0x0112, 1)
    return value if value in range(2, 9) else 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_of_either_byte_order_tells_whether_a_jpeg_is_upright(order, orientation):
    data = jpeg(exif(orientation, order))
    assert asks_pillow(data) == orientation
    assert is_upright(data) == (orientation == 1)


@pytest.mark.parametrize("pattern", ['<x tiff:Orientation="%d"/>', "<tiff:Orientation>%d</tiff:Orientation>"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_xmp_counts_as_it_does_for_pillow(pattern, orientation):
    data = jpeg(xmp(orientation, pattern))
    assert asks_pillow(data) == orientation
    assert is_upright(data) == (orientation == 1)


def test_without_metadata_a_jpeg_is_upright():
    assert is_upright(jpeg())
    assert is_upright(b"\xff\xd8")
    assert is_upright(jpeg(b"Exif\0\0"))


def test_an_orientation_of_a_strange_type_is_left_to_pillow():
    assert not is_upright(jpeg(exif(6, kind=4)))


def test_a_fill_byte_before_a_segment_hides_nothing():
    data = jpeg(exif(6))
    data = data[:2] + b"\xff\xff" + data[2:]
    assert asks_pillow(data) == 6 and not is_upright(data)


def test_damaged_exif_neither_warns_nor_stops():
    whole = exif(6, tags_before=4)
    for length in range(7, len(whole)):
        data = jpeg(whole[:length])
        assert is_upright(data) <= (asks_pillow(data) == 1)
    assert decode(jpeg(whole[:40]), "a.jpg").shape == (16, 24, 3)  # Pillow would warn: here that is an error


def test_no_damage_makes_a_turned_jpeg_pass_for_upright():
    rng = np.random.default_rng(0)
    turned = 0
    for _ in range(400):
        payload = bytearray(exif(int(rng.integers(1, 9)), "<>"[rng.integers(2)]))
        for at in rng.integers(6, len(payload), rng.integers(1, 4)):
            payload[at] = rng.integers(256)
        data = jpeg(bytes(payload))
        if asks_pillow(data) != 1:
            turned += 1
            assert not is_upright(data)
    assert turned > 50
