"""An index: what a scan says at once, from shards that were made anyhow and merged anyhow."""

import errno
import json
import shutil

import numpy as np
import pytest
from nets import FLAT, onnx_text, random_weights
from PIL import Image

import inspectnet
from inspectnet.engines import work_here
from inspectnet.errors import ImageError, InspectError, LayerError, OptionError, OutputError, SourceError
from inspectnet.files.npz import read_npz, write_npz
from inspectnet.geometry import Maxima
from inspectnet.images import Preparation, find_images
from inspectnet.index import SCAN, Request, ScanWork, Statistics, merging, open_index, read_manifest, shard_file
from inspectnet.manifest import entries_path, list_images, requested_model, signature_of, signature_of_request
from inspectnet.progress import silent
from inspectnet.scanning import find_strongest
from inspectnet.shards import WHOLE, Share

SIDE, PHOTOS, TOP = 12, 34, 5
PREPARATION = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3, crop_pct=0.8)


def write_net(path, seed=3):
    weights = random_weights(seed, k1=(5, 3, 3, 3), k2=(4, 5, 2, 2), m=(100, 3))
    path.write_bytes(onnx_text(FLAT, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = write_net(tmp_path_factory.mktemp("net") / "net.onnx")
    return inspectnet.open(path, device="cpu", preparation=PREPARATION, threads=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """34 photos in three folders; every third twice, so that activations tie; every sixth cannot be read."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    drawn = [rng.integers(0, 256, (*rng.integers(SIDE - 4, 3 * SIDE, 2), 3), np.uint8) for _ in range(PHOTOS)]
    for at in range(PHOTOS):
        path = folder / "abc"[at % 3] / f"{at:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(drawn[at - (at % 3 == 1)]).save(path)
        if at % 6 == 5:
            path.write_bytes(b"no image")
    return folder


def request_of(network, **options):
    usual = {"top": TOP, "tile": False, "by_class": True, "each_image": True, "shard_size": 5, "batch_size": 4}
    return Request((requested_model(network, network.layers),), **usual | options)


def make(folder, network, photos, share=WHOLE, **options):
    sources = [str(photos)]
    manifest = list_images(folder, request_of(network, **options), lambda: find_images(photos), sources)
    work_here(SCAN, folder, manifest, [network], share, 1, silent)
    return open_index(folder)


@pytest.fixture(scope="module")
def index(network, photos, tmp_path_factory):
    return make(tmp_path_factory.mktemp("index"), network, photos)


def merged_bytes(index):
    return merging.merged_file(index.folder, index.manifest).read_bytes()


def direct(network, photos, tile=False):
    return find_strongest(network, find_images(photos), network.layers, TOP, tile=tile, batch_size=4, threads=1)


@pytest.mark.parametrize("tile", [False, True])
def test_an_index_says_what_a_scan_says(network, photos, tmp_path, tile):
    index, (rankings, seen) = make(tmp_path, network, photos, tile=tile), direct(network, photos, tile)
    for ranking in rankings:
        kept = index.ranking(network, ranking.layer, TOP)
        for name in ("values", "keys", "places"):
            assert np.array_equal(getattr(kept, name), getattr(ranking, name)), (ranking.layer.name, name)
    assert index.seen.digest == seen.digest
    assert index.seen.ids == seen.ids
    assert index.seen.skipped == seen.skipped
    assert index.entries[-1] == find_images(photos).entries[-1]


def test_sums_counts_and_means_by_class_are_those_of_all_maxima(network, photos, index):
    lost = {skipped.id for skipped in index.seen.skipped}
    good = [entry for entry in index if entry.id not in lost]
    values = network.maxima(network.prepare([entry.path for entry in good]), [network.layers[0].name])
    values = values[network.layers[0].name].values
    statistics = index.statistics(network, network.layers[0])
    assert statistics.rows == len(good)
    assert np.allclose(statistics.sum.total(), values.sum(axis=0, dtype=np.float64), rtol=1e-6)
    assert np.allclose(statistics.highest, values.max(axis=0), rtol=1e-6)
    assert np.array_equal(statistics.histogram.counts.sum(axis=0), (values > 0).sum(axis=0))
    assert sorted(statistics.by_class) == ["a", "b", "c"]
    for label, (rows, total) in statistics.by_class.items():
        of_class = values[[entry.label == label for entry in good]]
        assert rows == len(of_class)
        assert np.allclose(total.total(), of_class.sum(axis=0, dtype=np.float64), rtol=1e-6)


def test_the_maxima_of_each_image_are_a_lazy_array_of_its_rows(network, photos, index, tmp_path):
    layer = network.layers[0]
    lost = {skipped.id for skipped in index.seen.skipped}
    good = [entry.path for entry in index if entry.id not in lost]
    values = network.maxima(network.prepare(good), [layer.name])[layer.name].values
    maxima = index.maxima(network, "conv1")
    assert (maxima.shape, maxima.dtype) == (values.shape, np.float16)
    assert np.allclose(maxima[:], values, rtol=2**-10, atol=1e-6)
    assert np.array_equal(maxima[3:17, 2], np.asarray(maxima)[3:17, 2])
    without = make(tmp_path, network, photos, each_image=False)
    with pytest.raises(OptionError, match="Scan with --each-image"):
        without.maxima(network, layer)
    mine = shutil.copytree(index.folder, tmp_path / "cut")
    lazy = open_index(mine).maxima(network, layer)
    cut(mine / "shards", "000002")
    assert len(lazy[:5]) == 5
    with pytest.raises(OptionError, match="is damaged"):
        lazy[:]


@pytest.mark.parametrize("tile", [False, True])
def test_the_strongest_among_all_are_those_of_the_scan(network, photos, tmp_path, tile):
    index = make(tmp_path, network, photos, tile=tile)
    part, everything = index.among(), [range(layer.maps) for layer in network.layers]
    assert (part.seen.ids, part.seen.digest, part.seen.skipped) == (
        index.seen.ids,
        index.seen.digest,
        index.seen.skipped,
    )
    for layer, among in zip(network.layers, part.strongest(network, network.layers, everything, TOP), strict=True):
        kept = index.ranking(network, layer, TOP)
        assert np.array_equal(part.active(network, layer), kept.active())
        assert np.array_equal(among.keys, kept.keys) and np.array_equal(among.places, kept.places)
        assert np.allclose(among.values, kept.values, rtol=1e-6)


def test_what_is_strongest_among_some_is_not_told_without_an_image_that_is_gone(network, photos, tmp_path):
    mine = shutil.copytree(photos, tmp_path / "photos")
    part = make(tmp_path / "index", network, mine).among("a")
    (mine / part.entries[0].id).unlink()
    with pytest.raises(SourceError, match=f"{part.entries[0].id} has changed since it was scanned"):
        part.strongest(network, network.layers, [range(layer.maps) for layer in network.layers], len(part))


def test_names_that_lead_outside_on_another_system_only_are_names_like_others(network, photos, tmp_path):
    inside = tmp_path / "photos" / "C:owl" / "a\\..\\1.png"
    inside.parent.mkdir(parents=True)
    shutil.copy(next(photos.rglob("00.png")), inside)
    assert make(tmp_path / "index", network, tmp_path / "photos").seen.ids == ("C:owl/a\\..\\1.png",)


@pytest.mark.parametrize("group", [2, 3, 1000])
def test_shards_made_in_any_order_and_merged_in_any_grouping_give_the_same_bits(
    network, photos, index, tmp_path, monkeypatch, group
):
    usual = [arrays_of(index, network, layer) for layer in network.layers]
    monkeypatch.setattr(merging, "GROUP", group)
    other = make(tmp_path, network, photos, Share(2, 3))
    assert [arrays_of(other, network, layer) for layer in network.layers] == usual


def arrays_of(index, network, layer):
    return {name: array.tobytes() for name, array in index.statistics(network, layer).arrays().items()}


def test_a_scan_that_was_cut_goes_on_where_it_was(network, photos, index, tmp_path, monkeypatch):
    do, left = ScanWork.do, [3]

    def cut(self, number, advance):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        do(self, number, advance)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ScanWork, "do", cut)
        make(tmp_path, network, photos)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shards/*/*.npz")}
    assert len(files) == 3
    with pytest.raises(OptionError, match="is not complete: 3 of 7 shards"):
        open_index(tmp_path).statistics(network, network.layers[0])
    again = make(tmp_path, network, photos)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert merged_bytes(again) == merged_bytes(index)


def test_only_shards_whose_images_have_changed_are_made_again(network, photos, tmp_path):
    mine = shutil.copytree(photos, tmp_path / "photos")
    first = make(tmp_path / "index", network, mine)
    before = {path.name: path.stat().st_mtime_ns for path in first.folder.glob("shards/*/*.npz")}
    changed = mine / first.entries[12].id
    Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save(changed)
    second = make(tmp_path / "index", network, mine)
    after = {path.name: path.stat().st_mtime_ns for path in second.folder.glob("shards/*/*.npz")}
    assert {name for name in after if before.get(name) != after[name]} == {
        shard_file(second.folder, second.manifest, 2).name
    }
    assert len(after) == len(before)
    assert merged_bytes(second) == merged_bytes(make(tmp_path / "other", network, mine))


def test_an_image_that_changes_while_it_is_scanned_is_refused(network, photos, tmp_path, monkeypatch):
    mine = shutil.copytree(photos, tmp_path / "photos")
    manifest = list_images(tmp_path / "i", request_of(network), lambda: find_images(mine), ["x"])
    Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save(mine / "a" / "00.png")
    with pytest.raises(ImageError, match=r"a/00\.png has changed since it was listed"):
        work_here(SCAN, tmp_path / "i", manifest, [network], WHOLE, 1, silent)


def test_another_model_layer_or_preprocessing_is_refused(network, index, tmp_path):
    other = inspectnet.open(write_net(tmp_path / "other.onnx", seed=4), device="cpu", preparation=PREPARATION)
    with pytest.raises(OptionError, match=r"is of net\.onnx, not of .*other\.onnx"):
        index.ranking(other, other.layers[0], 1)
    squashed = inspectnet.open(network.path, preparation={**PREPARATION.to_json(), "crop_mode": "squash"})
    with pytest.raises(OptionError, match="another preprocessing"):
        index.ranking(squashed, squashed.layers[0], 1)
    with pytest.raises(OptionError, match=f"keeps {TOP} activations of each map, not 9"):
        index.ranking(network, network.layers[0], 9)
    with pytest.raises(OptionError, match="not of"):  # that it keeps fewer is not what is wrong
        index.ranking(other, other.layers[0], 9)


def test_a_layer_that_was_not_scanned_is_named(network, photos, tmp_path):
    request = Request((requested_model(network, network.layers[:1]),), TOP, False, False, False, 50, 4)
    manifest = list_images(tmp_path, request, lambda: find_images(photos), ["x"])
    work_here(SCAN, tmp_path, manifest, [network], WHOLE, 1, silent)
    with pytest.raises(LayerError, match="does not hold"):
        open_index(tmp_path).statistics(network, network.layers[1])


def test_a_folder_of_another_index_is_refused(network, photos, index):
    for options, why in (({"top": 7}, r"made with top 5 \(here 7\)\."), ({}, "images in")):
        with pytest.raises(OptionError, match=why):
            list_images(index.folder, request_of(network, **options), lambda: None, ["elsewhere"])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("manifest.json", lambda path: path.write_text("{}")),
        ("manifest.json", lambda path: path.write_text(path.read_text().replace('"images": 34', '"images": 340'))),
        ("manifest.json", lambda path: path.write_text(path.read_text()[:200])),
        ("manifest.json", lambda path: path.unlink()),
        ("entries/000/000001.json", lambda path: path.write_text(path.read_text().replace("a/", "../a/"))),
        ("entries/000/000001.json", lambda path: path.unlink()),
        ("shards", lambda path: cut(path, "000002")),
        ("merged", lambda path: cut(path, "000000")),
    ],
)
def test_a_damaged_index_is_refused_in_one_line(network, index, tmp_path, name, damage):
    mine = shutil.copytree(index.folder, tmp_path / "index")
    damage(mine / name)
    with pytest.raises(OptionError) as refused:
        opened = open_index(mine)
        opened.ranking(network, network.layers[0], 1)
        opened.seen.ids  # noqa: B018
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "array", "change"),
    [
        ("shards", "rows", lambda rows: rows + np.array([99, 0, 0])),
        ("shards", "rows", lambda rows: rows[::-1]),
        ("shards", "rows", lambda rows: rows[:, 0]),
        ("shards", "sha256", lambda hashes: hashes[1:]),
        ("merged", "0/0/top_keys", lambda keys: keys + np.array([99, 0, 0], np.uint8)),
        ("merged", "0/0/top_values", lambda values: values[:, 1:]),
        ("merged", "0/0/top_places", lambda places: places + np.uint8(200)),
    ],
)
def test_an_index_that_somebody_has_edited_is_refused_in_one_line(network, index, tmp_path, name, array, change):
    mine = shutil.copytree(index.folder, tmp_path / "index")
    path = next((mine / name).rglob("000000.*.npz"))
    arrays = read_npz(path)
    arrays[array] = change(arrays[array]).astype(arrays[array].dtype)
    with path.open("wb") as file:
        write_npz(file, arrays)
    with pytest.raises(InspectError) as refused:
        inspectnet.deconv(network, network.layers[0].name, open_index(mine), top=1)
    assert "\n" not in str(refused.value)


def test_arrays_that_no_statistics_give_are_refused(network, index):
    layer = network.layers[0]
    arrays = index.statistics(network, layer).arrays()
    for name, array in arrays.items():
        for edited in (array[..., None], array.astype(str), array + 1j, np.full(array.shape, -(2**62))):
            if name not in ("top_keys", "top_places", "sum", "bins", "class_sums") or edited.dtype != np.int64:
                with pytest.raises(ValueError):
                    Statistics.of(layer, {**arrays, name: edited})
    nested = np.frombuffer(b"[" * 5000, np.uint8)
    with pytest.raises(ValueError, match="nested"):
        Statistics.of(layer, {**arrays, "classes": nested})


def test_a_class_that_no_map_answers_to_has_sums_of_zero(network):
    layer = network.layers[0]
    zero = Maxima(np.zeros((2, layer.maps), np.float32), np.zeros((2, layer.maps, 2), np.int64))
    statistics = Statistics(layer, TOP, np.array(["a", "b"]))
    statistics.update(np.array([[0, 0, 0], [1, 0, 0]]), zero)
    again = Statistics.of(layer, statistics.arrays())
    assert {label: rows for label, (rows, _) in again.by_class.items()} == {"a": 1, "b": 1}
    assert not again.by_class["b"][1].total().any()


def cut(folder, number):
    path = next(folder.rglob(f"{number}.*.npz"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_disk_that_is_full_when_shards_are_merged_loses_nothing(network, photos, index, tmp_path, monkeypatch):
    def full(file, arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OutputError, match="the disk is full") as refused:
        patched.setattr(merging, "write_npz", full)
        make(tmp_path, network, photos)
    assert "\n" not in str(refused.value) and not list((tmp_path / "merged").rglob("*.*"))
    shards = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shards/*/*.npz")}
    assert merged_bytes(make(tmp_path, network, photos)) == merged_bytes(index)
    assert {path: path.stat().st_mtime_ns for path in shards} == shards


@pytest.mark.parametrize("name", ["shards", "merged"])
def test_a_scan_that_is_run_again_makes_anew_what_is_cut_off(network, photos, index, tmp_path, name):
    mine = shutil.copytree(index.folder, tmp_path / "index")
    cut(mine / name, "000000")
    again = make(mine, network, photos)
    assert merged_bytes(again) == merged_bytes(index)
    assert again.seen.digest == index.seen.digest


def test_a_manifest_that_points_outside_its_images_is_refused(network, index, tmp_path):
    mine = shutil.copytree(index.folder, tmp_path / "index")
    path = entries_path(mine, 1)
    text = path.read_text().replace(index.entries[5].id, "../../etc/passwd").encode()
    path.write_bytes(text)
    record = json.loads((mine / "manifest.json").read_text())
    signature = signature_of(signature_of_request(index.manifest.request), index.manifest.root, text)
    record["manifest"]["signatures"][1] = signature
    (mine / "manifest.json").write_text(json.dumps(record))
    assert read_manifest(mine).signatures[1] == signature
    with pytest.raises(OptionError, match="lies outside its folder of images"):
        open_index(mine).entries[5]


def test_progress_counts_the_images_of_all_workers(network, photos, tmp_path):
    manifest = list_images(tmp_path, request_of(network), lambda: find_images(photos), ["x"])
    work, watch, told = ScanWork(tmp_path, manifest, [network], 1), SCAN.watch(tmp_path, manifest), []
    watch.advance = told.append
    assert watch.total == 34
    leases = tmp_path / "leases"
    (leases / "000006.lease").write_text('{"done": 99}')  # of a shard of four images
    (leases / "000001.lease").write_text('{"done": 3}')
    (leases / "000002.lease").write_text('{"done": "all"}')
    watch.look()
    assert sum(told) == 4 + 3
    (leases / "000001.lease").unlink()  # its worker has died, and another does all of it
    work.do(1, lambda n: None)
    watch.look()
    assert sum(told) == 4 + 5 and watch.left == {0, 2, 3, 4, 5, 6}
    for number in sorted(watch.left):
        work.do(number, watch.count)
    watch.look()
    assert sum(told) == 34 and watch.left == set()
    assert SCAN.watch(tmp_path, manifest).total == 0
