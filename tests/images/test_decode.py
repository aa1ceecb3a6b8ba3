import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from inspectnet.errors import ImageError
from inspectnet.images import MAX_PIXELS, decode

SAMPLE = Path(__file__).parents[2].parent / "shared" / "data" / "imagenet-sample"


def photo(height=61, width=83, mode="RGB", seed=0) -> Image.Image:
    """Smooth colours, as JPEG likes them, with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 / width, y * 255 / height, (x + y) % 256], axis=-1) + rng.normal(
        0, 8, (height, width, 3)
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encode(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def refusal(data: bytes, name: str = "bad.jpg") -> str:
    with pytest.raises(ImageError) as caught:
        decode(data, name)
    text = str(caught.value)
    assert text.startswith(f"cannot read {name}: ") and "\n" not in text and "0x" not in text
    return text


def test_a_png_comes_back_as_it_was():
    image = photo()
    pixels = decode(encode(image, "PNG"), "a.png")
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, np.asarray(image))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_the_fast_path_is_within_one_grey_level_of_pillow(mode, progressive, subsampling, monkeypatch):
    options = {"subsampling": subsampling} if mode == "RGB" else {}
    data = encode(photo(mode=mode), "JPEG", progressive=progressive, quality=85, **options)
    expected = by_pillow(data)
    monkeypatch.setattr(Image, "open", None)  # proves that it is the fast path
    pixels = decode(data, "a.jpg")
    assert pixels.shape == (61, 83, 3) and pixels.flags.writeable
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared photos are not here")
def test_the_fast_path_is_within_one_grey_level_of_pillow_on_photos():
    for path in sorted(SAMPLE.glob("*.jpg"))[::25]:
        data = path.read_bytes()
        assert np.abs(decode(data, path.name).astype(int) - by_pillow(data)).max() <= 1


@pytest.mark.parametrize(
    "format, mode",
    [
        ("JPEG", "CMYK"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("PPM", "RGB"),
        ("PPM", "L"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("TIFF", "YCbCr"),
    ],
)
def test_every_kind_becomes_rgb_as_pillow_converts_it(format, mode):
    data = encode(photo(mode=mode), format)
    np.testing.assert_array_equal(decode(data, "a"), by_pillow(data))


def test_a_jpeg_that_stores_rgb_as_such_keeps_its_colours():
    data = encode(photo(), "JPEG", keep_rgb=True, quality=95)
    np.testing.assert_array_equal(decode(data, "a.jpg"), by_pillow(data))
    assert np.abs(decode(data, "a.jpg").astype(int) - np.asarray(photo())).mean() < 4


def test_alpha_is_dropped_and_not_blended():
    pixels = np.full((2, 2, 4), (200, 100, 50, 0), np.uint8)
    assert (decode(encode(Image.fromarray(pixels), "PNG"), "a.png") == (200, 100, 50)).all()


def test_a_palette_with_alpha_does_not_warn():
    image = photo(mode="P")
    data = encode(image, "PNG", transparency=bytes(range(256)))
    np.testing.assert_array_equal(decode(data, "a.png"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(format):
    values = np.array([[0, 1, 128, 129, 255, 256], [257, 32767, 32896, 65406, 65407, 65535]], np.uint16)
    pixels = decode(encode(Image.fromarray(values), format), "a")
    expected = np.floor(values / 257 + 0.5)  # no value lies half way, 257 being odd
    assert all((pixels[..., channel] == expected).all() for channel in range(3))


def test_big_endian_sixteen_bit_tiff_is_the_same_image():
    values = np.arange(0, 65535, 17, dtype=">u2").reshape(5, -1)
    tags = [
        (256, values.shape[1]),
        (257, values.shape[0]),
        (258, 16),
        (259, 1),
        (262, 1),
        (273, 256),
        (279, values.nbytes),
    ]
    directory = struct.pack(">H", len(tags)) + b"".join(struct.pack(">HHII", tag, 4, 1, n) for tag, n in tags)
    data = (b"MM\0*" + struct.pack(">I", 8) + directory + bytes(4)).ljust(256, b"\0") + values.tobytes()
    np.testing.assert_array_equal(decode(data, "a.tif")[..., 0], np.floor(values / 257 + 0.5))


def test_float_pixels_and_more_than_sixteen_bits_are_refused():
    assert "floats" in refusal(encode(Image.new("F", (4, 4)), "TIFF"), "a.tif")
    assert "more than 16 bits" in refusal(encode(Image.new("I", (4, 4), 65536), "TIFF"), "a.tif")
    assert "more than 16 bits" in refusal(encode(Image.new("I", (4, 4), -1), "TIFF"), "a.tif")


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode(data, "a.gif") == (255, 0, 0)).all()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_refused_in_one_line(progressive):
    data = encode(photo(), "JPEG", progressive=progressive)
    for length in (len(data) // 2, len(data) * 9 // 10, len(data) - 20, len(data) - 1):
        assert "truncated" in refusal(data[:length])
    for length in (2, 3, 20, data.index(b"\xff\xda")):
        refusal(data[:length])


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_what_is_truncated_is_refused_in_any_format(format):
    data = encode(photo(), format)
    for length in (1, 10, len(data) // 3, len(data) * 2 // 3):
        refusal(data[:length], "bad")


def test_a_jpeg_with_harmless_surplus_opens_as_pillow_opens_it():
    data = encode(photo(), "JPEG")
    tables = data.index(b"\xff\xdb")
    surplus = {
        "trailing text": data + b"hello" * 100,
        "trailing zeros": data + bytes(1000),
        "stray bytes before the end": data[:-2] + bytes(50) + data[-2:],
        "stray bytes between segments": data[:tables] + bytes(3) + data[tables:],
        "a second image behind": data + data,
    }
    for data in surplus.values():
        np.testing.assert_array_equal(decode(data, "a.jpg"), by_pillow(data))


def test_damage_inside_a_jpeg_never_gives_other_pixels_than_pillow():
    data = encode(photo(), "JPEG", quality=70)
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(150):
        bad = bytearray(data)
        for at in rng.integers(2, len(data), 3):
            bad[at] = rng.integers(256)
        try:
            expected = by_pillow(bytes(bad))
        except Exception:
            refusal(bytes(bad))
            outcomes.add("refused")
        else:
            assert np.abs(decode(bytes(bad), "a.jpg").astype(int) - expected).max() <= 1
            outcomes.add("decoded")
    assert outcomes == {"refused", "decoded"}


def test_what_is_no_image_is_refused_in_one_line():
    assert "empty (0 bytes)" in refusal(b"")
    assert "not an image" in refusal(b"hello world")
    assert "not an image" in refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")  # no Ghostscript, please
    refusal(b"\xff\xd8" * 40)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_thirty_thousand_by_two_thousand_pixels_open(format):
    options = {"compress_level": 1} if format == "PNG" else {}
    data = encode(Image.new("L", (30_000, 2_000)), format, **options)
    assert decode(data, "wide").shape == (2_000, 30_000, 3)


def test_pillows_own_limit_of_pixels_neither_counts_nor_is_changed(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # would warn from 100 pixels on, and refuse from 200
    assert decode(encode(photo(), "PNG"), "a.png").shape == (61, 83, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_absurdly_large_images_are_refused_before_they_are_decoded():
    side = 2**14 + 1
    assert side**2 > MAX_PIXELS

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    jpeg = bytearray(encode(photo(), "JPEG", subsampling=0))
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = struct.pack(">HH", side, side)
    for data in (png, bytes(jpeg)):
        assert f"{side} x {side} pixels, more than 209,715,200" in refusal(data)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(10))
def test_exif_orientation_is_applied(format, orientation):
    data = encode(photo(), format, exif=exif(orientation))
    expected = by_pillow(data)
    assert expected.shape[:2] == ((83, 61) if orientation in (5, 6, 7, 8) else (61, 83))
    np.testing.assert_array_equal(decode(data, "a"), expected)


def test_a_photo_that_was_held_sideways_comes_out_upright():
    upright = np.zeros((40, 24, 3), np.uint8)
    upright[:8] = 255  # white sky above
    sideways = np.rot90(upright)  # what a camera stores that asks for a quarter turn clockwise: 6
    pixels = decode(encode(Image.fromarray(sideways), "JPEG", exif=exif(6), quality=95), "a.jpg")
    assert np.abs(pixels.astype(int) - upright).max() < 30


def test_a_photo_with_several_pictures_gives_the_first():
    one, other = photo(seed=1), photo(seed=2)
    data = encode(one, "MPO", save_all=True, append_images=[other])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    np.testing.assert_array_equal(decode(data, "a.jpg"), by_pillow(data))


def test_threads_may_decode_at_once_while_pillows_limit_is_low(monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data = encode(photo(), "PNG")
    with ThreadPoolExecutor(8) as pool:
        shapes = set(pool.map(lambda _: decode(data, "a.png").shape, range(100)))
    assert shapes == {(61, 83, 3)} and Image.MAX_IMAGE_PIXELS == 100


def test_pillow_is_not_told_to_fill_in_what_is_missing():
    assert not ImageFile.LOAD_TRUNCATED_IMAGES  # or the tests of truncated files would prove nothing


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of some of it
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("damaged", [b"", b"x", b"Exif\0\0junk that is no TIFF", b"Exif\0\0" + exif(6)[6:20]])
def test_damaged_exif_does_not_make_a_picture_unreadable(format, damaged):
    image = photo()
    data = encode(image, format, exif=damaged, **({"lossless": True} if format == "WEBP" else {}))
    assert (
        np.abs(
            decode(data, "a").astype(int)
            - by_pillow(encode(image, format, **({"lossless": True} if format == "WEBP" else {})))
        ).max()
        <= 1
    )
