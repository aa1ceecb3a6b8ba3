"""Tars: what is whole is read, what is missing or odd is named, and no header is believed."""

import io
import os
import struct
import tarfile
from pathlib import Path

import pytest

from inspectnet.errors import ImageError
from inspectnet.images import find_images
from inspectnet.images.tars import LONGEST, ZEROS

DATA = {f"c/{i}.jpg": os.urandom(400 + 200 * i) for i in range(6)}


def pack(format: int = tarfile.USTAR_FORMAT, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, data in (members or DATA).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def header(name: bytes, size: bytes, kind: bytes = b"0", tail: bytes = b"") -> bytes:
    """A header of one block whose checksum is right, whatever it says. tail: what stands from byte 386 on."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[108:124] = b"0000644\0", b"0000000\0" * 2
    block[124 : 124 + len(size)], block[136:148], block[156:157], block[257:265] = (
        size,
        b"0" * 11 + b"\0",
        kind,
        b"ustar\x0000",
    )
    block[386 : 386 + len(tail)] = tail
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def member(name: bytes, data: bytes, kind: bytes = b"0", tail: bytes = b"") -> bytes:
    return header(name, b"%011o\0" % len(data), kind, tail) + data + bytes(-len(data) % 512)


END = bytes(1024)


def read(folder: Path, data: bytes) -> tuple[dict[str, bytes], list[str]]:
    """What of a tar is read, by name, and the reasons for what is not."""
    (folder / "a.tar").write_bytes(data)
    (folder / "z.png").write_bytes(b"another source, so that nothing is refused")
    found = find_images(folder)
    images = {entry.id.removeprefix("a.tar/"): found.read(i) for i, entry in enumerate(found) if entry.id != "z.png"}
    assert not any("\n" in each.reason for each in found.skipped)
    return images, [each.reason for each in found.skipped]


def test_a_tar_cut_at_any_block_gives_what_is_whole_and_says_that_something_is_missing(tmp_path):
    whole, ends = pack(), []
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        ends = [each.offset_data + each.size for each in archive]
        last = ends[-1] + -ends[-1] % 512
    for cut in [*range(0, last + 600, 256), *ends, *(end + 1 for end in ends)]:
        images, reasons = read(tmp_path, whole[:cut])
        assert list(images.values()) == [data for data, end in zip(DATA.values(), ends, strict=True) if end <= cut]
        if cut < last + 512:
            assert len(reasons) == 1 and ("missing" in reasons[0] or not cut), (cut, reasons)
        else:  # a block of zeros says that this was all
            assert reasons == []


def test_a_tar_that_is_all_missing_is_refused_with_the_reason(tmp_path):
    (tmp_path / "a.tar").write_bytes(pack()[:700])
    with pytest.raises(ImageError, match=r"no image in .*a\.tar can be read.* bytes of c/0\.jpg and all that followed"):
        find_images(tmp_path / "a.tar")


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_of_any_length_and_letters_are_those_that_tarfile_reads(tmp_path, format):
    names = ["a.jpg", f"{'deep/' * 18}b.jpg", *([f"{'x' * 180}/ü/{'y' * 200}.jpg"] if format else [])]
    images, reasons = read(tmp_path, pack(format, **dict.fromkeys(names, b"data")))
    assert list(images) == sorted(names) and not reasons


def test_tars_one_behind_the_other_are_read_to_the_last(tmp_path):
    images, reasons = read(tmp_path, pack(**{"a.jpg": b"1"}) + pack(**{"b.jpg": b"2"}))
    assert images == {"a.jpg": b"1", "b.jpg": b"2"} and not reasons


def test_a_rest_of_zeros_that_no_writer_leaves_is_named(tmp_path):
    begin = member(b"a.jpg", b"1")
    assert read(tmp_path, begin + bytes(ZEROS - 512))[1] == []
    images, reasons = read(tmp_path, begin + bytes(2 * ZEROS))
    assert list(images) == ["a.jpg"] and "after a.jpg, it holds zeros only" in reasons[0]


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\xff" * 9 + struct.pack(">i", -512)[1:], b"-0000001000\0"])
def test_a_negative_size_ends_the_tar_where_it_stands(tmp_path, size):
    images, reasons = read(tmp_path, member(b"a.jpg", b"1") + header(b"b.jpg", size) + END)
    assert list(images) == ["a.jpg"] and "damaged: b.jpg has a size of -" in reasons[0]


@pytest.mark.parametrize("size", ["-512", "x", "1e3", "9" * 30])
def test_a_size_in_a_pax_header_is_believed_no_more(tmp_path, size):
    record = f" size={size}\n"
    record = f"{len(record) + 2}{record}"
    images, reasons = read(tmp_path, member(b"p", record.encode(), b"x") + member(b"b.jpg", b"1") + END)
    assert not images and len(reasons) == 1


def test_sizes_beyond_the_file_and_headers_too_long_for_a_name_are_refused_unread(tmp_path):
    assert "are missing" in read(tmp_path, header(b"a.jpg", b"\x80" + b"\0" * 3 + b"\xff" * 8))[1][0]
    with open(tmp_path / "a.tar", "wb") as file:
        file.write(header(b"name", b"%011o\0" % (8 * LONGEST), b"L"))
        file.truncate(9 * LONGEST)
    with pytest.raises(ImageError, match="more than a name can need"):
        find_images(tmp_path / "a.tar")


@pytest.mark.parametrize("text", [b"", b"5 a\n", b"0 a=b\n", b"99 a=b\n", b"x a=b\n", b"6 a=b\n6 a=b", b"\xff" * 40])
def test_a_pax_header_without_sense_ends_the_tar_or_is_passed_over(tmp_path, text):
    images, reasons = read(tmp_path, member(b"p", text, b"x") + member(b"b.jpg", b"1") + END)
    assert images == ({"b.jpg": b"1"} if not text else {}) and len(reasons) == bool(text)


def test_garbage_between_members_is_named_with_its_place(tmp_path):
    images, reasons = read(tmp_path, member(b"a.jpg", b"1") + b"x" * 512 + member(b"b.jpg", b"1") + END)
    assert list(images) == ["a.jpg"] and "at byte 1024, after a.jpg, it is damaged: invalid header" in reasons[0]


def test_a_hard_link_has_the_bytes_of_its_target_and_a_symbolic_one_is_named(tmp_path):
    hard, soft = tarfile.TarInfo("c/hard.jpg"), tarfile.TarInfo("c/soft.jpg")
    hard.type, soft.type, hard.linkname, soft.linkname = tarfile.LNKTYPE, tarfile.SYMTYPE, "c/0.jpg", "0.jpg"
    lost = tarfile.TarInfo("c/lost.jpg")
    lost.type, lost.linkname = tarfile.LNKTYPE, "c/absent.jpg"
    links = b"".join(each.tobuf(tarfile.USTAR_FORMAT) for each in (hard, soft, lost))
    images, reasons = read(tmp_path, member(b"c/0.jpg", b"bytes") + links + END)
    assert images == {"c/0.jpg": b"bytes", "c/hard.jpg": b"bytes"}
    assert ["symbolic link" in reasons[0], "a link to c/absent.jpg" in reasons[1]] == [True, True]


def test_sparse_members_are_named_and_what_follows_them_is_read(tmp_path):
    old = member(b"s.jpg", b"stored", b"S")
    extended = header(b"e.jpg", b"%011o\0" % 6, b"S", bytes(96) + b"\1") + bytes(512) + b"stored".ljust(512, b"\0")
    pax = member(b"p", b"22 GNU.sparse.major=1\n", b"x") + member(b"n.jpg", b"stored")
    images, reasons = read(tmp_path, old + extended + pax + member(b"a.jpg", b"1") + END)
    assert images == {"a.jpg": b"1"}
    assert len(reasons) == 3 and all("stored as a sparse file" in each for each in reasons)


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"BZh91AY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"])
def test_a_compressed_tar_is_named_as_such(tmp_path, magic):
    assert "it is compressed with" in read(tmp_path, magic.ljust(600, b"x"))[1][0]


def test_images_in_a_tar_that_no_reader_knows_are_named(tmp_path):
    images, reasons = read(tmp_path, pack(**{"a.heic": b"1", "b.jfif": b"2", "c.txt": b"3", "d.tar.gz": b"4"}))
    assert list(images) == ["b.jfif"] and len(reasons) == 2
    assert ".heic is not a format that is read here" in reasons[0] and "compressed" in reasons[1]
