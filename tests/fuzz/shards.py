"""Tars, and what can be wrong with them: headers, sizes, names, links, gaps, ends."""

import random
from pathlib import Path

from fuzz.pictures import draw_picture, good

TYPES = b"0000000\0157LKxgXS123456D?"
NEGATIVE, HUGE = b"\xff" * 9 + b"\xff\xfe\0", b"\x80" + b"\xff" * 11
SIZES = (b"", b"x", b"\xff" * 12, b"\0" * 12, NEGATIVE, HUGE, b"77777777777\0", b"-0000001000\0", b"00000001000\0")


def header(name: bytes, size: bytes, kind: bytes = b"0", tail: bytes = b"", right: bool = True) -> bytes:
    """A header of one block. tail: what stands from byte 386 on; right: whether its checksum is."""
    block = bytearray(512)
    block[: min(100, len(name))] = name[:100]
    block[100:108], block[108:124] = b"0000644\0", b"0000000\0" * 2
    block[124 : 124 + len(size)], block[136:148], block[156:157] = size, b"0" * 11 + b"\0", kind
    block[257:265] = b"ustar\x0000"
    block[386 : 386 + len(tail[:126])] = tail[:126]
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) + (not right))
    return bytes(block)


def member(name: bytes, data: bytes, kind: bytes = b"0", size: bytes | None = None, tail: bytes = b"") -> bytes:
    """A header and what follows it."""
    return header(name, b"%011o\0" % len(data) if size is None else size, kind, tail) + data + bytes(-len(data) % 512)


def draw_shard(rng: random.Random) -> bytes:
    """A tar of two good pictures, with other members after them, some of them odd; perhaps cut or changed."""
    tar = b"".join(member(b"a/good%d.png" % i, good(rng)) for i in range(2))
    for i in range(rng.randrange(6)):
        suffix, data = draw_picture(rng)
        name = rng.choice(
            (b"b/%d.%s" % (i, suffix.encode()), rng.randbytes(20), b"../../x.png", b"/dev/zero", b"a/good0.png/x.png")
        )
        odd = rng.random() < 0.5
        kind = bytes([rng.choice(TYPES)]) if odd else b"0"
        if odd and rng.random() < 0.4:
            data = rng.choice((_pax(rng), rng.randbytes(30), b"n" * 5000 + b".png\0"))
        size = rng.choice(SIZES) if rng.random() < 0.2 else None
        tail = rng.choice((b"", rng.randbytes(126), b"00000000000\0" * 8 + b"\1", b"\1" * 126))
        tar += member(name, data, kind, size, tail)
    tar += bytes(rng.choice((1024, 1024, 1024, 512, 0, 10240, 700, 3 << 20)))
    if rng.random() < 0.2:
        tar += draw_shard(rng)
    return tar


def _pax(rng: random.Random) -> bytes:
    key = rng.choice(
        (b"path", b"size", b"linkpath", b"GNU.sparse.major", b"GNU.sparse.name", b"GNU.sparse.map", b"mtime")
    )
    text = b" %s=%s\n" % (key, rng.choice((b"1", b"-512", b"9" * 40, b"b/x.png", b"0,1,5,3", b"\xff\0\n", b"n" * 400)))
    length = len(text) + 1
    length += len(b"%d" % length) - 1
    length += len(b"%d" % length) - len(b"%d" % (length - 1)) if length > 10 else 0
    return b"%d" % rng.choice((length, length, length, 0, 1 << 31)) + text


def damage(rng: random.Random, tar: bytes) -> bytes:
    """A tar that is cut, or some of whose bytes are others."""
    if rng.random() < 0.5:
        return tar[: rng.randrange(len(tar) + 1)]
    changed = bytearray(tar)
    for _ in range(rng.choice((1, 3, 20))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def write_shard(rng: random.Random, path: Path) -> bool:
    """Write a tar that begins with two good pictures; gives whether they are certain to be whole."""
    tar, whole = draw_shard(rng), rng.random() < 0.6
    path.write_bytes(tar if whole else damage(rng, tar))
    return whole
