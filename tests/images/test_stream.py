import hashlib
import io
import itertools
import signal
import subprocess
import sys
import tarfile
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspectnet.errors import ImageError, OptionError
from inspectnet.images import Collection, Preparation, Stream, decode, find_images, tile_boxes

ROOT = Path(__file__).parents[2]
PREPARATION = Preparation.imagenet((3, 32, 32))


def photo(seed: int, height: int = 40, width: int = 52) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG" if seed % 2 else "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """23 images, three of which cannot be read."""
    for at in range(23):
        (tmp_path / f"{at:02}.jpg").write_bytes(photo(at, 40 + at, 60 - at))
    (tmp_path / "03.jpg").write_bytes(b"")
    (tmp_path / "04.jpg").write_bytes(photo(4)[:900])
    (tmp_path / "22.jpg").unlink()
    (tmp_path / "22.jpg").symlink_to(tmp_path / "gone")
    return tmp_path


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("inspectnet-images")]


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    yield
    assert workers() == []


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 23, 100])
def test_the_rows_are_the_same_for_any_batch_size_and_number_of_threads(folder, batch_size, threads):
    collection = find_images(folder)
    stream = Stream(collection, PREPARATION, batch_size=batch_size, threads=threads)
    batches = list(stream)
    readable = [at for at in range(22) if at not in (3, 4)]
    assert [id for batch in batches for id in batch.ids] == [f"{at:02}.jpg" for at in readable]
    assert np.concatenate([batch.keys for batch in batches]).tolist() == [[at, 0, 0] for at in readable]
    x = np.concatenate([batch.x for batch in batches])
    expected = [PREPARATION.apply(decode(collection.read(at), "")) for at in readable]
    np.testing.assert_array_equal(x, expected)
    assert stream.seen.count == 20 and stream.seen.entries == 23
    assert all(len(batch.ids) == len(batch.x) == len(batch.keys) > 0 for batch in batches)


def test_what_cannot_be_read_is_named_with_its_reason(folder):
    stream = Stream(find_images(folder), PREPARATION, batch_size=4)
    for _ in range(2):  # reading again counts from the start
        list(stream)
        assert [skipped.id for skipped in stream.seen.skipped] == ["03.jpg", "04.jpg", "22.jpg"]
        reasons = [skipped.reason for skipped in stream.seen.skipped]
        assert "empty" in reasons[0] and "truncated" in reasons[1] and "No such file" in reasons[2]


def test_the_digest_is_of_ids_and_bytes_in_order_whether_they_can_be_decoded_or_not(folder):
    collection = find_images(folder)
    expected = hashlib.sha256()
    for at in range(23):
        path = folder / f"{at:02}.jpg"
        inner = hashlib.sha256(path.read_bytes()).digest() if path.exists() else bytes(32)
        expected.update(path.name.encode() + b"\0" + inner)
    for options in ({"threads": 1}, {"threads": 5}, {"tile": True}):
        stream = Stream(collection, PREPARATION, batch_size=6, **options)
        list(stream)
        assert stream.seen.digest == expected.hexdigest()
    (folder / "03.jpg").write_bytes(b"x")
    list(stream)
    assert stream.seen.digest != expected.hexdigest()


def test_parts_of_a_collection_give_the_rows_and_the_digest_of_the_whole(folder):
    collection = find_images(folder)
    for tile, ends in itertools.product((False, True), [(0, 10, 23), (0, 3, 4, 5, 22, 23), (0, 0, 23, 23)]):
        options = {"batch_size": 4, "threads": 2, "tile": tile}
        whole = Stream(collection, PREPARATION, **options)
        rows, seen = [batch.x for batch in whole], None
        pieces = []
        for first, stop in itertools.pairwise(ends):
            part = Stream(collection, PREPARATION, part=range(first, stop), **options)
            pieces += [batch.x for batch in part]
            if seen:
                seen.merge(part.seen)
            seen = seen or part.seen
        np.testing.assert_array_equal(np.concatenate(pieces), np.concatenate(rows))
        np.testing.assert_array_equal(seen.keys, whole.seen.keys)
        assert (seen.digest, seen.skipped, seen.count) == (whole.seen.digest, whole.seen.skipped, whole.seen.count)
        with pytest.raises(AssertionError, match="in their order"):
            whole.seen.merge(whole.seen)


@pytest.mark.parametrize("tile", [False, True])
def test_a_collection_of_nothing_readable_gives_no_batch_and_says_so(tmp_path, tile):
    for at in range(9):
        (tmp_path / f"{at}.jpg").write_bytes(b"no image")
    stream = Stream(find_images(tmp_path), PREPARATION, batch_size=2, tile=tile)
    assert list(stream) == []
    assert (
        stream.seen.count == 0
        and len(stream.seen.skipped) == stream.seen.entries == 9
        and len(stream.seen.digest) == 64
    )
    with pytest.raises(ImageError, match=r"none of the 9 images could be read; the first, 0.jpg: cannot read"):
        stream.seen.refuse_nothing()


def test_a_network_with_channels_last_gets_them_last(folder):
    preparation = Preparation((3, 24, 32), (0.5,) * 3, (0.5,) * 3, layout="nhwc")
    batch = next(iter(Stream(find_images(folder), preparation, batch_size=3)))
    assert batch.x.shape == (3, 24, 32, 3) and batch.x.dtype == np.float32


def test_batches_do_not_share_memory(folder):
    for tile in (False, True):
        batches = list(Stream(find_images(folder), PREPARATION, batch_size=3, tile=tile))
        for one, other in itertools.pairwise(batches):
            assert not np.shares_memory(one.x, other.x)


def test_images_in_a_tar_stream_as_those_in_a_folder(folder, tmp_path_factory):
    shard = tmp_path_factory.mktemp("shards") / "a.tar"
    with tarfile.open(shard, "w") as archive:
        for at in range(22, -1, -1):
            if at != 22:
                archive.add(folder / f"{at:02}.jpg", f"{at:02}.jpg")
    one = Stream(find_images(folder), PREPARATION, batch_size=32, threads=2)
    other = Stream(find_images(shard), PREPARATION, batch_size=32, threads=2)
    np.testing.assert_array_equal(next(iter(one)).x, next(iter(other)).x)


def test_tiles_are_pieces_of_the_photos_in_order(tmp_path):
    shapes = {"a.png": (70, 100), "b.png": (20, 60), "c.png": (32, 32), "d.png": (33, 64)}
    for at, (name, (height, width)) in enumerate(shapes.items()):
        (tmp_path / name).write_bytes(photo(2 * at, height, width))
    (tmp_path / "bb.png").write_bytes(b"broken")
    collection = find_images(tmp_path)
    ids, rows, entries = [], [], []
    for at, entry in enumerate(collection):
        if entry.id == "bb.png":
            continue
        pixels = decode(collection.read(at), entry.id)
        for box in tile_boxes(*pixels.shape[:2], 32, 32):
            ids.append(f"{entry.id}#{box.y0},{box.x0}")
            entries.append((at, box.y0, box.x0))
            if box.size == (32, 32):
                scaled = pixels[box.slices] / 255.0
                rows.append(((scaled - PREPARATION.mean) / PREPARATION.std).transpose(2, 0, 1))
            else:
                rows.append(PREPARATION.apply(pixels))
    assert len(ids) >= 10
    for batch_size, threads in ((1, 1), (7, 2), (1000, 3)):
        stream = Stream(collection, PREPARATION, batch_size=batch_size, threads=threads, tile=True)
        batches = list(stream)
        assert {len(batch.ids) for batch in batches[:-1]} <= {batch_size}
        assert [id for batch in batches for id in batch.ids] == ids
        np.testing.assert_allclose(np.concatenate([batch.x for batch in batches]), rows, atol=1e-6)
        assert np.concatenate([batch.keys for batch in batches]).tolist() == [list(entry) for entry in entries]
        assert [skipped.id for skipped in stream.seen.skipped] == ["bb.png"] and stream.seen.count == len(ids)


@pytest.mark.parametrize("tile", [False, True])
def test_any_row_can_be_loaded_again(folder, tile):
    stream = Stream(find_images(folder), PREPARATION, batch_size=5, tile=tile)
    for batch in stream:
        for row in range(len(batch.x)):
            entry, y, x = batch.keys[row].tolist()
            np.testing.assert_array_equal(stream.reader.load(entry, (y, x)), batch.x[row])
    with pytest.raises(ImageError, match=r"cannot read 03\.jpg"):
        stream.reader.load(3)
    if tile:
        with pytest.raises(ImageError, match=r"00\.jpg has no tile at 1,1"):
            stream.reader.load(0, (1, 1))


def test_progress_counts_every_entry_once(folder):
    calls = []
    thread = threading.current_thread()

    def advance(n: int) -> None:
        assert threading.current_thread() is thread
        calls.append(n)

    list(Stream(find_images(folder), PREPARATION, batch_size=4, advance=advance))
    assert calls == [1] * 23


@pytest.mark.parametrize("tile, window", [(False, 4 + 2 * 2), (True, 2 + 1)])
def test_the_workers_do_not_run_ahead_of_a_slow_consumer(tmp_path, monkeypatch, tile, window):
    for at in range(60):
        (tmp_path / f"{at:02}.png").write_bytes(photo(2 * at, 32, 32))
    opened, started = Collection.open, []
    monkeypatch.setattr(Collection, "open", lambda self, index: started.append(index) or opened(self, index))
    batches = iter(Stream(find_images(tmp_path), PREPARATION, batch_size=4, threads=2, tile=tile))
    for taken in range(1, 6):
        next(batches)
        deadline = time.monotonic() + 5
        while len(started) < 4 * taken + window - 1 and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.05)
        assert 4 * taken + window - 1 <= len(started) <= 4 * taken + window
    batches.close()


@pytest.mark.parametrize("tile", [False, True])
def test_memory_does_not_grow_with_the_collection(tmp_path, tile):
    data = photo(0, 64, 64)
    peaks = []
    for count in (60, 600):
        (tmp_path / str(count)).mkdir()
        for at in range(count):
            (tmp_path / str(count) / f"{at:03}.png").write_bytes(data)
        stream = Stream(find_images(tmp_path / str(count)), PREPARATION, batch_size=8, threads=2, tile=tile)
        list(zip(range(3), stream, strict=False))  # whatever is imported or cached is so now
        tracemalloc.start()
        for _ in stream:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert stream.seen.entries == 600
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_closing_early_stops_the_threads(folder):
    batches = iter(Stream(find_images(folder), PREPARATION, batch_size=2, threads=3))
    next(batches)
    assert workers()
    batches.close()
    assert workers() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_in_the_consumer_stops_the_threads(folder, error):
    def consume():
        for _ in Stream(find_images(folder), PREPARATION, batch_size=2, threads=3):
            raise error

    with pytest.raises(error):
        consume()
    assert workers() == []


def test_a_fault_of_the_program_is_not_taken_for_an_unreadable_image(folder, monkeypatch):
    def faulty(self, pixels, out=None):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Preparation, "apply", faulty)
    with pytest.raises(ZeroDivisionError):
        list(Stream(find_images(folder), PREPARATION, batch_size=2, threads=2))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_the_program_at_once(tmp_path):
    for at in range(40):
        (tmp_path / f"{at}.png").write_bytes(photo(2 * at, 300, 300))
    program = (
        "import signal, sys, time\n"
        "from inspectnet.images import Preparation, Stream, find_images\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job inherits 'ignored'
        "for batch in Stream(find_images(sys.argv[1]), Preparation.imagenet((3, 32, 32)), batch_size=2):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode != 0 and errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": 2, "threads": 0}])
def test_impossible_numbers_are_refused(folder, options):
    with pytest.raises(OptionError, match="cannot be 0"):
        Stream(find_images(folder), PREPARATION, **options)
