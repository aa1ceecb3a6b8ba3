"""Activations on disk: the numbers that a network gives in memory, whatever was cut, damaged or asked for."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
from commands import done, noisy_photos, refused, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.errors import ImageError, LayerError, OptionError, OutputError
from inspectnet.report.envelope import envelope_text

SIDE, BATCH, PHOTOS = 16, 4, 23
LAYERS = ("conv1", "conv1:pre", "conv2", "conv2:3", "conv1:2@4,5", "fc3")


def write_net(path, seed=0):
    weights = random_weights(seed, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    return write_network(path, POOLED, weights, SIDE)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return inspectnet.open(write_net(tmp_path_factory.mktemp("net") / "net.onnx"), device="cpu", threads=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos of two classes; the twelfth cannot be read."""
    folder = tmp_path_factory.mktemp("photos")
    noisy_photos(folder, {f"{'ab'[i % 2]}/{i:02}.png": (20 + i, 40 - i) for i in range(PHOTOS)})
    (folder / "a" / "12.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def written(network, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    write(network, photos, folder)
    return inspectnet.open_activations(folder)


def write(network, photos, folder, layers=LAYERS, **options):
    usual = {"shard_size": 5, "batch_size": BATCH, "threads": 1}
    return inspectnet.activations(network, list(layers), str(photos), folder, **usual | options)


def batches(network, photos):
    """The prepared images as a run sees them: in shards of 5 that are cut into batches, without what is unreadable."""
    ids = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    for first in range(0, len(ids), 5):
        shard = ids[first : first + 5]
        for at in range(0, len(shard), BATCH):
            good = [photos / id for id in shard[at : at + BATCH] if id != "a/12.png"]
            if good:
                yield network.prepare(good)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layer", LAYERS)
def test_an_array_holds_to_the_bit_what_the_network_gives_in_memory(network, photos, written, layer):
    expected = np.concatenate([network.activations(x, layer) for x in batches(network, photos)])
    kept = np.asarray(written[layer])
    assert kept.dtype == np.float32
    assert kept.shape == written[layer].shape == (PHOTOS - 1, *expected.shape[1:])
    assert np.array_equal(kept, expected)


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_pooled_arrays_hold_a_number_of_each_map(network, photos, written, tmp_path, pool):
    write(network, photos, tmp_path, ("conv*", "conv2:3", "fc3"), pool=pool)
    pooled = inspectnet.open_activations(tmp_path)
    assert list(pooled) == ["conv1", "conv2", "conv2:3", "fc3"]
    for name in ("conv1", "conv2", "conv2:3"):
        whole = np.asarray(written[name], np.float64)
        assert np.array_equal(pooled[name], getattr(whole, pool)(axis=(-2, -1)).astype(np.float32))
    assert np.array_equal(pooled["fc3"], written["fc3"])


@pytest.mark.parametrize(
    "index",
    [
        3, -1, slice(2, 17, 3), slice(None, None, -1), slice(9, 9), [21, 0, 0, 7], np.array([4, 5, 6]),
        (slice(4, 12), 3), (slice(None), 2, slice(1, 3), -1), (7, 3), (7, slice(None), 0),
        np.arange(PHOTOS - 1) % 4 == 1,
    ],
)  # fmt: skip
def test_indexing_is_numpy_s(written, index):
    whole = np.asarray(written["conv2"])
    got = written["conv2"][index]
    assert isinstance(got, np.ndarray) or np.isscalar(got)
    assert np.array_equal(got, whole[index])
    assert got.shape == whole[index].shape


@pytest.mark.parametrize("index", [PHOTOS - 1, -PHOTOS, [99], None, ..., (0, [1, 2]), (0, 9)])
def test_an_index_that_is_none_raises_as_numpy_does(written, index):
    with pytest.raises(IndexError):
        written["conv2"][index]


def test_an_array_iterates_over_images_and_maps_few_files(written):
    assert sum(1 for _ in written["conv1"]) == len(written["conv1"]) == PHOTOS - 1
    assert "conv1: (22, 5, 8, 8) float32 on disk" in repr(written)


def test_rows_have_the_ids_and_labels_of_their_images_and_what_is_unreadable_is_named(network, photos, written):
    ids = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    ids.remove("a/12.png")
    assert list(written.ids) == ids
    assert list(written.labels) == [id[0] for id in ids]
    ((lost, reason),) = [(skipped.id, skipped.reason) for skipped in written.seen.skipped]
    assert lost == "a/12.png" and "not an image" in reason


def test_a_layer_goes_by_its_names_and_one_that_is_not_there_is_refused(written):
    with pytest.raises(LayerError, match=r"does not hold 'conv3'.*It holds conv1, "):
        written["conv3"]


def test_a_run_that_was_cut_goes_on_to_the_same_bytes(network, photos, written, tmp_path, monkeypatch):
    values, left = type(network).values, [6]

    def cut(self, x, names):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return values(self, x, names)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(type(network), "values", cut)
        write(network, photos, tmp_path)
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shards/*/*.npy")}
    assert 0 < len(finished) < len(LAYERS) * 5
    with pytest.raises(OptionError, match="are not complete: 3 of 5 shards are there"):
        inspectnet.open_activations(tmp_path)
    write(network, photos, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert contents(tmp_path / "shards") == contents(written.folder / "shards")


def test_what_is_cut_off_is_made_anew_and_refused_till_then(network, photos, written, tmp_path):
    mine = shutil.copytree(written.folder, tmp_path / "mine")
    array = next(mine.glob("shards/000/000002.*.1.npy"))
    array.write_bytes(array.read_bytes()[:-4])
    with pytest.raises(OptionError, match=r"1\.npy is damaged \(it is cut off\)"):
        inspectnet.open_activations(mine)
    write(network, photos, mine)
    assert contents(mine / "shards") == contents(written.folder / "shards")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "{}",
        lambda text: text[:50],
        lambda text: json.dumps({**json.loads(text), "unread": [None] * 5}),
        lambda text: text.replace('"sha256":["', '"sha256":["x'),
        lambda text: json.dumps({**json.loads(text), "ids": []}),
    ],
)
def test_a_damaged_list_of_images_is_refused_in_one_line_and_made_anew(network, photos, written, tmp_path, damage):
    mine = shutil.copytree(written.folder, tmp_path / "mine")
    for path in mine.glob("shards/000/*.json"):
        path.write_text(damage(path.read_text()))
    with pytest.raises(OptionError, match=r"\.json is damaged"):
        inspectnet.open_activations(mine).ids  # noqa: B018
    write(network, photos, mine)
    assert inspectnet.open_activations(mine).ids == inspectnet.open_activations(written.folder).ids


def test_an_array_of_another_kind_is_refused(written, tmp_path):
    mine = shutil.copytree(written.folder, tmp_path / "mine")
    for path in mine.glob("shards/000/*.0.npy"):
        np.save(path, np.load(path).astype(np.float64))
    with pytest.raises(OptionError, match="it holds float64"):
        inspectnet.open_activations(mine)


def test_folders_of_other_models_layers_and_options_are_refused(network, photos, written, tmp_path):
    other = inspectnet.open(write_net(tmp_path / "other.onnx", seed=1), device="cpu")
    for net, layers, options, why in (
        (other, LAYERS, {}, "of the models net.onnx"),
        (network, ("conv1",), {}, "of the layers conv1, conv2, fc3, not conv1"),
        (network, LAYERS, {"shard_size": 6}, r"shard-size \d+ \(here 6\)"),
        (network, ("conv1:1", *LAYERS), {}, "other arrays"),
    ):
        with pytest.raises(OptionError, match=why):
            write(net, photos, written.folder, layers, **options)


def test_what_cannot_be_asked_for_is_refused_before_the_work(network, photos, tmp_path):
    for layers, options, error, why in (
        (("conv9",), {}, LayerError, "conv9"),
        (("conv1:5",), {}, LayerError, "no unit"),
        (("conv1:2@8,0",), {}, LayerError, "no unit"),
        (("conv1:2@4,5",), {"pool": "max"}, OptionError, "nothing to pool"),
        (("conv1",), {"pool": "sum"}, OptionError, "pool"),
        ((), {}, OptionError, "no layer"),
    ):
        with pytest.raises(error, match=why):
            write(network, photos, tmp_path / "none", layers, **options)
    with pytest.raises(OptionError, match="read again"):
        inspectnet.activations(network, "conv1", [np.zeros((20, 20, 3), np.uint8)], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_run_that_finds_no_images_or_no_place_leaves_nothing(network, photos, tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        write(network, tmp_path / "absent", tmp_path / "new" / "kept")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write(network, photos, tmp_path / "file" / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_ends_the_run_in_one_line_and_what_is_done_stays(network, photos, tmp_path, monkeypatch):
    from inspectnet.recording import work

    update, left = work._GrowingArray.update, [20]

    def full(self, keys, answer):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        update(self, keys, answer)

    with monkeypatch.context() as patched, pytest.raises(OutputError, match=r"the disk is full\. Free some space"):
        patched.setattr(work._GrowingArray, "update", full)
        write(network, photos, tmp_path)
    names = [path.name for path in (tmp_path / "shards").rglob("*") if path.is_file()]
    assert names and not any(".part-" in name for name in names)
    assert not list((tmp_path / "leases").iterdir())
    write(network, photos, tmp_path)


def test_a_worker_that_was_taken_for_dead_writes_its_shard_again(network, photos, written, tmp_path, monkeypatch):
    from inspectnet.recording import work

    update, removed = work._GrowingArray.update, []

    def lose(self, keys, answer):
        if not removed:
            removed.extend(tmp_path.rglob("*.part-*"))
            for path in removed:
                path.unlink()
        update(self, keys, answer)

    monkeypatch.setattr(work._GrowingArray, "update", lose)
    write(network, photos, tmp_path)
    assert len(removed) == len(LAYERS)
    assert contents(tmp_path / "shards") == contents(written.folder / "shards")


def test_the_command_says_what_it_wrote_and_the_record_is_whole(network, photos, tmp_path, capsys):
    asked = ("activations", network.path, "-l", "conv2", "-l", "conv1:3", "--images", photos, "-o", tmp_path / "kept")
    out, remarks = done(capsys, *asked, "--shard-size", 5, "--batch-size", 4)
    assert "22 images, 5 files of each, float32" in out and "22x6x6x6" in out and str(tmp_path / "kept") in out
    assert any("skipped a/12.png" in line for line in remarks)
    out, _ = done(capsys, *asked, "--shard-size", 5, "--batch-size", 4, "--json")
    record = json.loads(out)
    assert record["images"]["count"] == 22 and record["images"]["skipped"][0]["image"] == "a/12.png"
    assert record["result"]["arrays"][1] == {"name": "conv1:3", "shape": [22, 8, 8], "bytes": 22 * 64 * 4}
    seen = inspectnet.open_activations(tmp_path / "kept").seen
    assert record["images"]["sha256"] == seen.digest
    assert "not of" not in refused(capsys, *asked)  # without --shard-size: other options


def test_a_result_keeps(network, photos, tmp_path):
    result = write(network, photos, tmp_path / "kept", ("conv2",), pool="max")
    loaded = inspectnet.load(inspectnet.save(result, tmp_path / "result"))
    assert envelope_text(loaded) == envelope_text(result)
    assert loaded.arrays[0].shape == (22, 6)


def test_two_workers_write_the_bytes_of_one(network, photos, written, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    write(network, photos, tmp_path, workers=2, device="cpu")
    assert contents(tmp_path / "shards") == contents(written.folder / "shards")


def test_what_could_not_be_read_is_looked_at_again_if_that_is_asked_for(network, photos, written, tmp_path):
    mine = shutil.copytree(photos, tmp_path / "photos")
    bad, stamp = mine / "a" / "12.png", (mine / "a" / "12.png").stat()
    good = (mine / "a" / "14.png").read_bytes()
    bad.write_bytes(b"x" * len(good))
    os.utime(bad, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    write(network, mine, tmp_path / "kept", ("conv1",))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.npy")}
    bad.write_bytes(good)  # as when a disk answers again
    os.utime(bad, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    write(network, mine, tmp_path / "kept", ("conv1",))
    assert len(inspectnet.open_activations(tmp_path / "kept").ids) == PHOTOS - 1
    write(network, mine, tmp_path / "kept", ("conv1",), retry_failed=True)
    kept = inspectnet.open_activations(tmp_path / "kept")
    assert len(kept.ids) == PHOTOS and "a/12.png" in kept.ids
    assert sum(path.stat().st_mtime_ns != at for path, at in times.items()) == 1
