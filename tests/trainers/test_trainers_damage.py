"""Damaged files, a full disk, killed processes and odd data: one line, exit code 2, or made anew; nothing unseen."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner

from trainers.__main__ import app
from trainers.data.cache import open_pixels
from trainers.data.loader import load
from trainers.data.pixels import LivePixels, read_square
from trainers.data.shards import shard_members
from trainers.data.sources import open_source, readable_names
from trainers.devices import join
from trainers.errors import DataError, ResumeError, TrainerError, one_line
from trainers.export.card import write_card
from trainers.files.atomic import write_whole
from trainers.job import open_pictures
from trainers.study.table import results
from trainers.training import checkpoint
from trainers.training.loop import train

ROOT = Path(__file__).parents[2]
MEMBERS = ("blue/0.png", "green/0.png", "red/0.png")


def command(*words, **options):
    """A trainers command in a process of its own."""
    line = [sys.executable, "-m", "trainers", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def open_train(folder):
    return open_source(str(folder), "train", Path("unused"), download=False)


def same(a, b):
    """Whether two contents of checkpoints are equal to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.fixture
def stopped(job):
    """A run that was stopped in its second epoch."""
    train(replace(job, stop_after=6))
    return job


# Checkpoints -----------------------------------------------------------------------------------------------


def test_a_flipped_bit_of_a_checkpoint_is_seen_or_changes_nothing(stopped, tmp_path):
    """A bit of every 23rd byte; what is no part of the state, as padding between its parts, may differ."""
    content, wanted = (stopped.run / "last.pt").read_bytes(), checkpoint.load(stopped.run)
    path, seen = tmp_path / "flipped.pt", 0
    places = range(0, len(content), 23)
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        try:
            state = checkpoint.load(path)
        except ResumeError as error:
            assert "\n" not in str(error)
            seen += 1
        else:
            assert same(state, wanted), place
    assert seen > len(places) / 4


def test_a_flipped_bit_of_a_weight_ends_training_and_export_in_one_line(stopped, tmp_path):
    path, weight = stopped.run / "last.pt", checkpoint.load(stopped.run)["net"]["fc6.weight"]
    content = path.read_bytes()
    place = content.index(weight.numpy().tobytes()) + 100
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(ResumeError, match=r"last\.pt is damaged .* has changed since it was written; train in another"):
        train(stopped)
    done = command("export", stopped.run, "-o", tmp_path / "out.onnx")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.onnx").exists()


def test_a_checkpoint_cut_short_is_seen(stopped):
    path = stopped.run / "last.pt"
    content = path.read_bytes()
    for size in (0, 4, 100, len(content) // 2, len(content) - 30, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ResumeError, match=r"last\.pt is damaged or no checkpoint"):
            checkpoint.load(stopped.run)


def test_a_checkpoint_that_lacks_something_is_refused(stopped):
    state = checkpoint.load(stopped.run)
    assert checkpoint.KINDS.keys() == state.keys()
    for key in checkpoint.KINDS:
        for wrong in ({k: v for k, v in state.items() if k != key}, state | {key: complex(1)}):
            checkpoint.save(stopped.run / "last.pt", wrong)
            with pytest.raises(ResumeError, match=r"is no (whole )?checkpoint"):
                checkpoint.load(stopped.run)


def hollow(state):
    """Wrong below the surface: for every part of a checkpoint that is not a number, the same without its content."""
    for key in ("net", "optimiser", "scaler", "plateau", "mean", "identity"):
        if state[key]:
            yield key, state | {key: type(state[key])()}
    yield "shape", state | {"net": state["net"] | {"fc6.bias": torch.zeros(5)}}
    yield "tally", state | {"tally": torch.zeros(2)}


def test_a_checkpoint_that_is_hollow_is_one_line(stopped, tmp_path):
    runner, state = CliRunner(), checkpoint.load(stopped.run)
    for what, wrong in hollow(state):
        checkpoint.save(stopped.run / "last.pt", wrong)
        if what != "mean":  # which the run takes from its pictures as well
            with pytest.raises(ResumeError):
                train(stopped)
        done = runner.invoke(app, ["export", str(stopped.run), "-o", str(tmp_path / "out.onnx")])
        if what in ("net", "identity", "shape"):
            assert isinstance(done.exception, ResumeError), what
            assert "\n" not in str(done.exception)


def test_a_checkpoint_from_before_there_were_seals_goes_on_unless_a_weight_has_changed(stopped):
    """torch has always written sums of the parts."""
    path, state = stopped.run / "last.pt", checkpoint.load(stopped.run)
    torch.save(state, path)
    content = path.read_bytes()
    place = content.index(state["net"]["fc6.weight"].numpy().tobytes()) + 100
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(ResumeError, match=r"last\.pt is damaged .* has changed since it was written"):
        train(stopped)
    path.write_bytes(content)
    assert train(stopped) is not None


# Decoded pictures ------------------------------------------------------------------------------------------


def spoil(folder, file, content):
    path = folder / file
    path.write_bytes(content(path.read_bytes()))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pictures.npy", lambda old: old[: len(old) // 2]),
        ("pictures.npy", lambda old: b""),
        ("pictures.npy", lambda old: old.replace(b"(36, 24, 24, 3)", b"(36, 12, 48, 3)")),
        ("labels.npy", lambda old: old[:-8]),
        ("labels.npy", lambda old: old[:-8] + bytes([old[-8] ^ 1]) + old[-7:]),
        ("pictures.json", lambda old: old[:-4]),
        ("pictures.json", lambda old: b"[]"),
        ("pictures.json", lambda old: b"\xff"),
        ("pictures.json", lambda old: old.replace(b"36", b"35")),
        ("pictures.json", lambda old: old.replace(b"36", b'"all"')),
    ],
)
def test_damaged_decoded_pictures_are_decoded_again(file, content, pictures, tmp_path, capsys):
    source = open_train(pictures)
    before = open_pixels(source, 24, tmp_path, limit=1.0)
    wanted = [x.clone() for x in before.__getitems__(list(range(36)))[:2]]
    (folder,) = tmp_path.iterdir()
    spoil(folder, file, content)
    again = open_pixels(source, 24, tmp_path, limit=1.0).__getitems__(list(range(36)))[:2]
    assert all(map(torch.equal, wanted, again))
    assert capsys.readouterr().err.count("are damaged") == 1


def test_decoded_pictures_that_are_missing_behind_their_notes_are_decoded_again(pictures, tmp_path):
    source = open_train(pictures)
    open_pixels(source, 24, tmp_path, limit=1.0)
    for file in ("labels.npy", "pictures.npy"):
        (path,) = tmp_path.glob(f"*/{file}")
        path.unlink()
        assert len(open_pixels(source, 24, tmp_path, limit=1.0)) == 36


def test_a_full_disk_while_decoding_is_one_line_and_leaves_no_half_array(pictures, tmp_path):
    """On a file system of 64 KB, where 36 pictures take 260; once mapped, the process ended in SIGBUS."""
    small = tmp_path / "small"
    small.mkdir()
    mount = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=64k tmpfs {small} && "$@"; echo $? $(ls -A {small}/*)',
    ]
    line = [*mount, "sh", sys.executable, "-m", "trainers", "train", "zfnet-tiny", "--threads", "1", "--set", "side=56"]
    try:
        works = subprocess.run([*mount, "sh", "true"], capture_output=True).returncode == 0
    except OSError:
        works = False
    if not works:
        pytest.skip("no file systems may be mounted here")
    line += ["--data", str(pictures), "--run", str(tmp_path / "run"), "--cache", str(small)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.startswith("error: cannot keep ") and "No space left" in done.stderr
    assert "--cache" in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stdout.split() == ["2", ".lock"]


# What a kill leaves ----------------------------------------------------------------------------------------


def test_what_a_killed_process_left_is_gone_after_the_next_write(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (
        f".last.pt.{dead.pid}.tmp",
        f".last.pt.{os.getppid()}.tmp",
        f".other.{dead.pid}.tmp",
        ".last.pt.x.tmp",
    ):
        (tmp_path / name).write_bytes(b"half")
    write_whole(tmp_path / "last.pt", b"whole")
    left = {".last.pt.x.tmp", f".last.pt.{os.getppid()}.tmp", f".other.{dead.pid}.tmp", "last.pt"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_a_process_killed_while_it_decodes_leaves_nothing_after_the_next_run(pictures, tmp_path):
    program = (
        "import os, signal, trainers.data.cache as c; c.read_square = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
    )
    program += "from trainers.data.sources import open_source; from pathlib import Path; "
    program += "c.open_pixels(open_source(%r, 'train', Path(), False), 24, Path(%r), 1.0)"
    subprocess.run([sys.executable, "-c", program % (str(pictures), str(tmp_path))], cwd=ROOT)
    assert len(list(tmp_path.glob("*/.pictures.npy.*.tmp"))) == 1
    assert len(open_pixels(open_train(pictures), 24, tmp_path, limit=1.0)) == 36
    assert list(tmp_path.glob("*/*.tmp")) + list(tmp_path.glob("*/.*.tmp")) == []


# Tars and folders ------------------------------------------------------------------------------------------


@pytest.fixture
def shard(pictures, tmp_path):
    """A tar of three pictures, its bytes, and where members end: at 512 and the size of each, rounded up."""
    path, ends = tmp_path / "train.tar", []
    with tarfile.open(path, "w") as tar:
        for name in MEMBERS:
            tar.add(pictures / "train" / name, f"train/{name}")
            ends.append(tar.offset)
    return path, path.read_bytes(), ends


def test_a_tar_cut_anywhere_is_refused(shard):
    path, content, ends = shard
    assert len(open_train(path.parent)) == 3
    for size in (*ends, ends[0] + 100, ends[1] + 512, ends[2] - 1, ends[2] + 100):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r"cannot read .*train\.tar"):
            open_train(path.parent)


def test_members_that_are_hard_links_are_the_pictures_they_point_to(shard, tmp_path):
    path, _, _ = shard
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("train/red/1.png")
        link.type, link.linkname = tarfile.LNKTYPE, "train/red/0.png"
        tar.addfile(link)
    source = open_train(path.parent)
    assert [source.name(i) for i in range(4)] == [*MEMBERS, "red/1.png"]
    np.testing.assert_array_equal(read_square(source, 3, 24)[0], read_square(source, 2, 24)[0])


def header(size, kind=b"0", name="train/red/9.png"):
    """A header whose size is a number in base 256, which may be negative."""
    made = tarfile.TarInfo(name)
    made.type = kind
    block = bytearray(made.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (b"\xff" if size < 0 else b"\x80") + (size % 256**11).to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148]) + sum(block[156:]))
    return bytes(block)


@pytest.mark.parametrize("size", [-1, -512, -1024, -(10**9), 2**62])
def test_a_tar_of_impossible_sizes_is_refused_and_ends(size, shard):
    path, content, ends = shard
    for kind in b"01257LKxgSVZ":
        path.write_bytes(content[: ends[0]] + header(size, bytes([kind])) + content[ends[0] :])
        with pytest.raises(DataError, match=r"cannot read .*train\.tar"):
            open_train(path.parent)


def test_tars_with_any_byte_of_a_header_changed_are_read_or_refused(shard):
    path, content, ends = shard
    for place in [*range(0, 512, 3), *range(ends[0] + 1, ends[0] + 512, 3)]:
        for value in (0, 0x7F, 0xFF):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                assert len(shard_members(path)) <= 3
            except DataError as error:
                assert "cannot read" in str(error)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_long_names_and_links_are_read_as_tarfile_reads_them(form, tmp_path):
    rng, long = np.random.default_rng(0), "a" * 99 + "/" + "b" * 90
    names = ["plain", long] + ([] if form == tarfile.USTAR_FORMAT else ["c" * 300 + "/" + "d" * 90, "\u4e2d\n" * 50])
    with tarfile.open(tmp_path / "train.tar", "w", format=form, pax_headers={"comment": "of all"}) as tar:
        for name in names:
            content = rng.bytes(int(rng.integers(0, 2000)))
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 0.5 if form == tarfile.PAX_FORMAT else 0
            tar.addfile(member, io.BytesIO(content))
            link = tarfile.TarInfo("to-" + name[:50])
            link.type, link.linkname = tarfile.LNKTYPE, name[:99] if form == tarfile.USTAR_FORMAT else name
            tar.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with tarfile.open(tmp_path / "train.tar") as tar:
        wanted = {m.name: (m.offset_data, m.size) for m in tar if m.isreg()}
        links = {m.name: wanted[m.linkname] for m in tar if m.islnk() and m.linkname in wanted}
    assert len(wanted) == len(names) and links
    assert {name: (at, size) for name, at, size in shard_members(tmp_path / "train.tar")} == wanted | links


def test_a_header_longer_than_any_name_is_refused_and_many_small_records_are_read(tmp_path):
    records = b"7 a=bc\n" * 140_000
    for text, words in (
        (records, None),
        (records + bytes(200_000), "more than a name can need"),
        (b"7 abcde\n", "no records"),
    ):
        block = header(len(text), b"x", "pax")
        body = block + text + bytes(-len(text) % 512)
        (tmp_path / "train.tar").write_bytes(body + header(0) + bytes(1024))
        if words is None:
            assert [name for name, _, _ in shard_members(tmp_path / "train.tar")] == ["train/red/9.png"]
            continue
        with pytest.raises(DataError, match=words):
            shard_members(tmp_path / "train.tar")


@pytest.mark.parametrize("name", ["train.tar", "classes.tsv", "train/red/0.png"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_pipes_and_devices_are_not_read(name, kind, pictures, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(pictures, data)
    (data / name).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(data / name)
    elif kind == "device":
        (data / name).symlink_to("/dev/zero")
    else:
        (data / name).mkdir()
    if name.endswith(".png"):
        source = open_train(data)
        (red,) = [i for i in range(len(source)) if source.name(i) == "red/0.png"]
        assert "is no regular file" in read_square(source, red, 24)
    else:
        with pytest.raises(DataError, match=f"{name} is no regular file"):
            open_train(data)


def test_a_table_of_classes_that_is_no_text_is_refused(pictures, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(pictures, data)
    (data / "classes.tsv").write_bytes(b"red\tr\xe9d\n")
    with pytest.raises(DataError, match=r"classes\.tsv is no text in UTF-8"):
        open_train(data)
    (data / "classes.tsv").write_text("red\n\n\tnameless\n")
    assert readable_names(str(data), ["red"]) == ["red"]


def test_names_that_are_no_text_open_and_no_name_controls_the_terminal(pictures, tmp_path, capfd):
    folder = tmp_path / "data" / "train" / "a"
    folder.mkdir(parents=True)
    shutil.copy(pictures / "train" / "red" / "0.png", os.fsencode(folder) + b"/\xff.png")
    (folder / "b\nerror: forged\x1b[2J.png").write_bytes(b"no picture")
    pixels = open_pixels(open_train(tmp_path / "data"), 24, tmp_path / "cache", limit=1.0)
    assert len(pixels) == 1
    assert one_line(pixels.bad[0]) == "a/b\\nerror: forged\\x1b[2J.png: not a picture"


# The rest of what a run reads ------------------------------------------------------------------------------


def test_a_run_directory_that_is_a_file_is_refused(job):
    job.run.write_text("")
    for run in (job.run, job.run / "below"):
        with pytest.raises(TrainerError, match="is, or lies in, a file; give a directory"):
            train(replace(job, run=run))


def test_damaged_metrics_are_written_anew_from_the_checkpoint(stopped):
    for spoilt in (b"", b"epoch\n\xff", b"epoch,rate\n1\n"):
        (stopped.run / "metrics.csv").write_bytes(spoilt)
    train(stopped)
    assert [line.split(",")[0] for line in (stopped.run / "metrics.csv").read_text().splitlines()] == [
        "epoch",
        *"123",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"network": 1', '{"strange": 1}'])
def test_a_damaged_result_of_the_table_is_one_line(text, tmp_path):
    path = tmp_path / "zfnet-tiny" / "result.json"
    write_whole(path, text.encode())
    with pytest.raises(TrainerError, match=r"result\.json is damaged .*; remove it"):
        results("tiny", tmp_path)


@pytest.mark.parametrize(
    "training", ["", "[]", "1", "{}", '{"recipe": 1}', '{"recipe": {}, "data": {}, "architecture": []}']
)
def test_a_card_of_strange_metadata_is_refused(training, tmp_path):
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> g (float[1] x) => (float[1] y) {y = Relu(x)}'
    )
    for key, text in (("inspectnet.training", training), ("inspectnet.preprocess", "{}")):
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(TrainerError, match="tells nothing of its training"):
        write_card(tmp_path / "model.onnx")
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(TrainerError, match="is no regular file"):
        write_card(tmp_path / "pipe.onnx")


def test_what_a_loader_process_cannot_read_is_one_line(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    (tmp_path / "train" / "a" / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as error:
        list(load(LivePixels(open_train(tmp_path), 24), [[0]], join("cpu"), workers=1))
    assert str(error.value) == "none of 1 pictures can be read: a/1.png: not a picture"


def test_a_set_of_torchvision_that_is_damaged_is_one_line(monkeypatch):
    import torchvision.datasets as sets

    class Broken:
        def __init__(self, root):
            raise zipfile.BadZipFile("File is not a zip file")

    monkeypatch.setattr(sets, "Broken", Broken, raising=False)
    with pytest.raises(DataError, match=r"Broken .*does not open below .*not a zip file"):
        open_train("torchvision:Broken")


def test_two_processes_that_want_the_same_pictures_decode_them_once(pictures, tmp_path):
    program = (
        "import trainers.data.cache as c; from trainers.data.sources import open_source; from pathlib import Path; "
    )
    program += "old = c.decode; c.decode = lambda *a: (print('decoded', flush=True), old(*a)); "
    program += "print(len(c.open_pixels(open_source(%r, 'train', Path(), False), 24, Path(%r), 1.0)))"
    line = [sys.executable, "-c", program % (str(pictures), str(tmp_path))]
    both = [subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(other.communicate()[0] for other in both).split()
    assert sorted(said) == ["36", "36", "decoded"]


def test_the_job_opens_its_pictures_where_the_cache_may_only_be_read(job, monkeypatch):
    open_pictures(job, join("cpu"))
    monkeypatch.setattr("trainers.data.cache.hold", lambda *_, **__: pytest.fail("asked for the cache to write"))
    assert len(open_pictures(job, join("cpu")).train) == 36
