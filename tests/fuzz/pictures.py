"""Encoded pictures of every kind that is read, and what can be wrong with them."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TIFF = [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": "packbits"}]
KINDS = [
    ("jpg", "JPEG", ("RGB", "L", "CMYK"), [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]),
    ("png", "PNG", ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"), [{}, {"compress_level": 0}]),
    ("webp", "WEBP", ("RGB", "RGBA"), [{}, {"lossless": True}]),
    ("gif", "GIF", ("P", "L"), [{}, {"interlace": 0}]),
    ("bmp", "BMP", ("RGB", "L", "P", "1"), [{}]),
    ("tif", "TIFF", ("RGB", "L", "CMYK", "P", "I;16", "F", "YCbCr"), TIFF),
    ("ppm", "PPM", ("RGB", "L", "I"), [{}]),
]
CHUNKS = b"eXIf iCCP zTXt iTXt tEXt acTL fcTL fdAT tRNS PLTE IDAT gAMA pHYs sRGB IHDR".split()


def good(rng: random.Random, format: str = "PNG") -> bytes:
    """A sound picture."""
    return _encode(_image(rng, "RGB"), format, {})


def draw_picture(rng: random.Random) -> tuple[str, bytes]:
    """The suffix and the bytes of a picture with up to three things wrong."""
    suffix, format, modes, options = rng.choice(KINDS)
    image, how = _image(rng, rng.choice(modes)), dict(rng.choice(options))
    if rng.random() < 0.3 and format in ("JPEG", "PNG", "WEBP", "TIFF"):
        how["exif"] = _exif(rng)
    if rng.random() < 0.2 and format in ("JPEG", "PNG", "WEBP", "TIFF"):
        how["icc_profile"] = rng.randbytes(rng.choice((1, 128, 5000)))
    if rng.random() < 0.2 and format in ("PNG", "WEBP", "GIF", "TIFF"):
        how |= {"save_all": True, "append_images": [_image(rng, image.mode) for _ in range(rng.randrange(1, 4))]}
    data = _encode(image, format, how)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        data = rng.choice(DAMAGES)(rng, data)
    if rng.random() < 0.03:
        suffix, data = rng.choice(BOMBS)(rng)
    return suffix if rng.random() < 0.95 else rng.choice(KINDS)[0], data


def _image(rng: random.Random, mode: str) -> Image.Image:
    height, width = rng.choice(((24, 24), (1, 1), (7, 40), (40, 7), (64, 48), (17, 33)))
    pixels = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    return image.convert("I").convert(mode) if mode.startswith("I") else image.convert(mode)


def _encode(image: Image.Image, format: str, how: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **how)
    except Exception:  # of Pillow's writers, for a mode, an option and EXIF that do not go together
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format)
    return buffer.getvalue()


def _exif(rng: random.Random) -> bytes:
    """EXIF that asks for a turn, or a directory of entries that ask for anything."""
    if rng.random() < 0.4:
        exif = Image.Exif()
        exif[0x0112] = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 65535))
        return exif.tobytes()
    order = rng.choice("<>")
    count = rng.choice((0, 1, 5, 400))
    entries = b"".join(
        struct.pack(
            f"{order}HHII", rng.choice((0x0112, 0x011A, 0x8769, rng.randrange(65536))), rng.randrange(14),
            rng.choice(EXTREMES), rng.choice((8, rng.randrange(1 << 16), rng.choice(EXTREMES))),
        )
        for _ in range(count)
    )  # fmt: skip
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, rng.choice((count, 65535)))
    return (b"Exif\0\0" + head + entries)[:60_000]


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _move(rng: random.Random, data: bytes) -> bytes:
    """A piece out, in twice, or from elsewhere."""
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return rng.choice((data[:a] + data[b:], data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:]))


def _number(rng: random.Random, data: bytes) -> bytes:
    """An extreme number somewhere, mostly in the header."""
    size = rng.choice((1, 2, 4))
    at = rng.randrange(min(len(data), rng.choice((32, 300, len(data) or 1))) or 1)
    value = (rng.choice(EXTREMES) & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("big", "little")))
    return data[:at] + value + data[at + size :]


def _splice(rng: random.Random, data: bytes) -> bytes:
    other = draw_picture(random.Random(rng.randrange(1 << 30)))[1]
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _grow(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice((b"\0" * 100_000, rng.randbytes(1000), data))


def _resize(rng: random.Random, data: bytes) -> bytes:
    """Other dimensions in the header, with checksums that are right."""
    width, height = (rng.choice((0, 1, 9, 4000, 16383, 14142, 65535, 1 << 20, (1 << 31) - 1)) for _ in range(2))
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        header = struct.pack(">II", width, height) + data[24:29]
        return data[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[33:]
    if data[:2] == b"\xff\xd8":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        return data[: at + 5] + struct.pack(">HH", height & 65535, width & 65535) + data[at + 9 :] if at > 0 else data
    if data[:3] == b"GIF":
        return data[:6] + struct.pack("<HH", width & 65535, height & 65535) + data[10:]
    if data[:2] == b"BM":
        return data[:18] + struct.pack("<II", width, height) + data[26:]
    if data[:4] == b"RIFF":
        return data[:26] + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + data[30:]
    return data


def _chunk(rng: random.Random, data: bytes) -> bytes:
    """A chunk of a PNG more: of any kind and size, its checksum right."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return _number(rng, data)
    kind = rng.choice(CHUNKS)
    text = rng.choice((b"", b"a\0\0" + zlib.compress(bytes(1 << 22)), rng.randbytes(26), _exif(rng)[6:]))
    chunk = struct.pack(">I", len(text)) + kind + text + struct.pack(">I", zlib.crc32(kind + text))
    return data[:33] + chunk + data[33:]


DAMAGES: list[Callable[[random.Random, bytes], bytes]] = [
    _flip,
    _cut,
    _move,
    _number,
    _splice,
    _grow,
    _resize,
    _chunk,
]


def black_png(rng: random.Random, width: int = 9000, height: int = 6000) -> tuple[str, bytes]:
    """A small file of many black pixels."""
    packed = zlib.compress(bytes((1 + 3 * width) * height), 9)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b""))
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "png", b"\x89PNG\r\n\x1a\n" + b"".join(body)


def directory_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A TIFF whose many tags all name nearly all of it."""
    count, size = rng.choice(((300, 4 << 20), (4000, 1 << 20), (2, 100)))
    plain = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags = [*plain, *((40000 + i, 1, size, 8) for i in range(count))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return "tif", b"II*\0" + struct.pack("<I", 8 + size) + bytes(size) + directory


def exif_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A PNG with such a directory as EXIF."""
    _, tiff = directory_bomb(rng)
    data = good(rng)
    chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff))
    return "png", data[:33] + chunk + data[33:]


def jpeg_exif_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A JPEG with such a directory as EXIF, in the many segments that it takes."""
    _, tiff = directory_bomb(rng)
    data = good(rng, "JPEG")
    pieces = (b"Exif\0\0" + tiff[i : i + 65000] for i in range(0, len(tiff), 65000))
    return "jpg", data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in pieces) + data[2:]


def comment_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A GIF with megabytes of comments before its picture."""
    data = good(rng, "GIF")
    at = 13 + 3 * (2 << (data[10] & 7))
    return "gif", data[:at] + (b"\x21\xfe" + (b"\xff" + b"c" * 255) * 1000 + b"\0") * rng.choice((2, 40)) + data[at:]


def scan_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A progressive JPEG of many pixels and thousands of empty scans."""
    data = _encode(Image.new("L", (64, 64)), "JPEG", {"progressive": True})
    at, scan = data.find(b"\xff\xc2"), data.rfind(b"\xff\xda")
    large = data[: at + 5] + struct.pack(">HH", 9000, 9000) + data[at + 9 :]
    return "jpg", large[:-2] + large[scan:-2] * 3000 + b"\xff\xd9"


BOMBS = [black_png, directory_bomb, exif_bomb, jpeg_exif_bomb, comment_bomb, scan_bomb]
