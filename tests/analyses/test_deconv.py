"""The strongest activations of each map over a data set: against brute force, and the same however they are found."""

import contextlib
import re
from types import SimpleNamespace

import numpy as np
import pytest
from nets import onnx_text
from PIL import Image

import inspectnet
from inspectnet.analyses.deconv import deconv
from inspectnet.analyses.selection import draw_maps
from inspectnet.errors import ImageError, ModelError, RuleError
from inspectnet.geometry import Unit
from inspectnet.images import Preparation, Reader, find_images, tile_boxes
from inspectnet.inverse import field_box
from inspectnet.report.deconv import print_result
from inspectnet.rules import Policy
from inspectnet.scanning import find_strongest, project_winners

SIDE, MAPS = 20, 6
NET = """
a = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (image, k1, b1)
r1 = Relu (a)
p = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (r1)
c = Conv (p, k2, b2)
r2 = Relu (c)
f = Flatten (r2)
y = Gemm (f, m)
"""
POOLED = """
a = Conv (image, k1)
r1 = Relu (a)
c = Conv (r1, k2, b2)
r2 = Relu (c)
p = GlobalAveragePool (r2)
f = Flatten (p)
y = Gemm (f, m)
"""
PREPARATION = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
DEAD = 4  # a map of conv2 that nothing activates


def open_net(folder, threads=0, **weights):
    rng = np.random.default_rng(5)
    shapes = {"k1": (MAPS, 3, 5, 5), "b1": (MAPS,), "k2": (MAPS, MAPS, 2, 2), "b2": (MAPS,), "m": (54, 5)}
    drawn = {name: rng.normal(size=shape) / max(1, np.prod(shape[1:])) ** 0.5 for name, shape in shapes.items()}
    for name in ("k1", "k2"):  # without a mean, so that each map answers to some photos
        drawn[name] -= drawn[name].mean((1, 2, 3), keepdims=True)
    drawn["m"] -= drawn["m"].mean(0)
    drawn["b2"] = np.abs(drawn["b2"])
    drawn["k2"][DEAD], drawn["b2"][DEAD] = -np.abs(drawn["k2"][DEAD]), -1.0
    path = folder / "net.onnx"
    path.write_bytes(onnx_text(NET, drawn | weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=PREPARATION, threads=threads)


def photos(count, seed=0):
    """Generated photos of several sizes by name: noise, blurred so that neighbours agree."""
    rng = np.random.default_rng(seed)
    made = {}
    for i in range(count):
        size = (int(rng.integers(12, 40)), int(rng.integers(12, 40)))
        noise = rng.integers(0, 256, (6, 5, 3), np.uint8)
        made[f"{chr(97 + i % 3)}/{i:03}.png"] = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    return made


def write(folder, images, order=1):
    for name in list(images)[::order]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images[name].save(folder / name)
    return find_images(folder)


@pytest.fixture
def network(tmp_path):
    return open_net(tmp_path)


@pytest.fixture
def collection(tmp_path):
    return write(tmp_path / "photos", photos(40))


def scan(network, collection, layers, top=9, **how):
    """The rankings of layers, and what was read."""
    rankings, seen = find_strongest(network, collection, [network.layer(name) for name in layers], top, **how)
    return SimpleNamespace(rankings=rankings, seen=seen)


def brute_force(network, images, layer):
    """Values (N, K) and places (N, K, 2) of each map's strongest unit, image by image."""
    values, places = [], []
    for pixels in images:
        maps = network.activations(network.preparation.apply(np.asarray(pixels))[None], layer)[0]
        rows = maps.reshape(len(maps), -1)
        values.append(rows.max(1))
        width = maps.shape[2] if maps.ndim == 3 else 1
        places.append(np.stack(np.divmod(rows.argmax(1), width), axis=1))
    return np.array(values), np.array(places)


def check_ranking(ranking, values, places, sources):
    """The ranking holds, map by map, the largest values, strongest first, equal ones in the order of the images.

    sources (N, 3): where each image comes from.
    """
    for m in range(values.shape[1]):
        order = sorted(np.flatnonzero(values[:, m] > 0), key=lambda row: (-values[row, m], row))
        order = order[: ranking.keys.shape[1]]
        n = len(order)
        assert ranking.keys[m, :n].tolist() == [list(sources[row]) for row in order]
        assert (ranking.keys[m, n:] == -1).all()
        np.testing.assert_allclose(ranking.values[m, :n], values[order, m], rtol=1e-6)
        assert (ranking.values[m, n:] == 0).all()
        np.testing.assert_array_equal(ranking.places[m, :n], places[order, m])


def same(one, two, rtol=0.0):
    assert one.seen.ids == two.seen.ids
    for a, b in zip(one.rankings, two.rankings, strict=True):
        np.testing.assert_array_equal(a.keys, b.keys)
        np.testing.assert_array_equal(a.places, b.places)
        np.testing.assert_allclose(a.values, b.values, rtol=rtol)


# The scan --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1, 5, 60])
def test_the_strongest_activations_are_those_of_brute_force(top, network, collection):
    found = scan(network, collection, ["conv1", "conv2", "fc3"], top=top)
    assert found.seen.ids == tuple(sorted(photos(40)))
    images = [image for _, image in sorted(photos(40).items())]
    for ranking, layer in zip(found.rankings, ["conv1", "conv2", "fc3"], strict=True):
        assert ranking.values.shape == (ranking.layer.maps, top)
        check_ranking(ranking, *brute_force(network, images, layer), [(at, 0, 0) for at in range(40)])


@pytest.mark.parametrize("batch_size", [1, 7, 32])
@pytest.mark.parametrize("threads", [1, 2])
def test_batches_and_threads_do_not_matter(batch_size, threads, tmp_path, collection):
    layers = ["conv1", "conv2"]
    wanted = scan(open_net(tmp_path), collection, layers, batch_size=16)
    found = scan(open_net(tmp_path, threads), collection, layers, batch_size=batch_size, threads=threads)
    same(found, wanted)
    assert found.seen.digest == wanted.seen.digest


def test_the_order_in_which_files_were_made_does_not_matter(network, collection, tmp_path):
    other = write(tmp_path / "again", photos(40), order=-1)
    one, two = (scan(network, c, ["conv1", "conv2"]) for c in (collection, other))
    same(one, two)
    assert one.seen.digest == two.seen.digest


def test_equal_activations_go_to_the_earlier_image(network, tmp_path):
    """Three copies of each photo: they win side by side, in the order of their names, for any batch."""
    copies = {f"{c}{name[2:]}": image for name, image in photos(8).items() for c in "zam"}
    collection = write(tmp_path / "copies", copies)
    for batch_size in (1, 5, 24):
        found = scan(network, collection, ["conv2"], top=9, batch_size=batch_size)
        (ranking,) = found.rankings
        for m in ranking.active():
            rows, values = ranking.keys[m, :, 0], ranking.values[m]
            held = rows[rows >= 0]
            assert len(held) % 3 == 0
            for first in range(0, len(held), 3):
                names = [found.seen.ids[row] for row in held[first : first + 3]]
                assert [name[0] for name in names] == ["a", "m", "z"]
                assert len({name[1:] for name in names}) == 1
                assert len(set(values[first : first + 3])) == 1


def test_one_pass_for_all_layers_gives_what_each_alone_gives(network, collection):
    together = scan(network, collection, ["fc3", "conv1", "conv2"])
    for i, layer in enumerate(["fc3", "conv1", "conv2"]):
        (alone,) = scan(network, collection, [layer]).rankings
        np.testing.assert_array_equal(together.rankings[i].keys, alone.keys)


def test_progress_counts_every_file_once(network, collection):
    calls = []

    @contextlib.contextmanager
    def progress(description, total, unit="images"):
        assert total == 40
        yield calls.append

    scan(network, collection, ["conv1"], progress=progress)
    assert calls == [1] * 40


def test_a_map_that_nothing_activates_has_no_winners(network, collection):
    found = scan(network, collection, ["conv2"])
    (ranking,) = found.rankings
    assert DEAD not in ranking.active()
    assert (ranking.keys[DEAD] == -1).all() and (ranking.values[DEAD] == 0).all()
    made = project_winners(network, Reader(collection, PREPARATION), ranking, [DEAD, 0], Policy())
    assert made[DEAD] == () and len(made[0]) == 9


def test_what_cannot_be_read_is_left_out_and_named(network, collection, tmp_path):
    wanted = scan(network, collection, ["conv2"])
    folder = tmp_path / "photos"
    (folder / "a" / "0000.png").write_text("I am no image")
    (folder / "c" / "empty.jpg").write_bytes(b"")
    whole = (folder / "b" / "001.png").read_bytes()
    (folder / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    found = scan(network, find_images(folder), ["conv2"], batch_size=7)
    assert [skipped.id for skipped in found.seen.skipped] == ["a/0000.png", "b/cut.png", "c/empty.jpg"]
    assert "empty (0 bytes)" in found.seen.skipped[2].reason
    for one, other in zip(found.rankings, wanted.rankings, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.places, other.places)
        names, others = ([c.entries[row].id for row in ranking.keys[:DEAD, :, 0].ravel()]
                         for c, ranking in ((find_images(folder), one), (collection, other)))  # fmt: skip
        assert names == others
    reader = Reader(find_images(folder), PREPARATION)
    made = project_winners(network, reader, found.rankings[0], [0], Policy())
    assert [f.activation.image for f in made[0]] == names[:9]


def test_if_nothing_can_be_read_the_first_reason_is_told(network, tmp_path):
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(ImageError, match=r"none of the 2 images could be read; the first, a\.png: cannot read a\.png"):
        scan(network, find_images(tmp_path), ["conv1"])


def test_an_activation_that_is_no_number_names_layer_and_image(tmp_path, collection):
    network = open_net(tmp_path, k1=np.full((MAPS, 3, 5, 5), 3e38))  # all maps are infinite, with weights of both signs
    with pytest.raises(ModelError, match=r"conv2 of .* is not a number \(NaN\) for the image a/000\.png"):
        scan(network, collection, ["conv2"])


# Tiles -----------------------------------------------------------------------------------------------------


@pytest.fixture
def landscapes(tmp_path):
    """Two large photos and one that is smaller than a tile."""
    rng = np.random.default_rng(2)
    sizes = {"big.png": (70, 50), "flat.png": (90, 20), "small.png": (15, 30)}
    images = {name: Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)) for name, (w, h) in sizes.items()}
    return images, write(tmp_path / "landscapes", images)


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_tiles_rank_as_photos_of_their_own(batch_size, network, landscapes):
    images, collection = landscapes
    found = scan(network, collection, ["conv2"], tile=True, batch_size=batch_size)
    names, cut, sources = [], [], []
    for entry, (name, image) in enumerate(images.items()):
        pixels = np.asarray(image)
        for box in tile_boxes(*pixels.shape[:2], SIDE, SIDE):
            names.append(f"{name}#{box.y0},{box.x0}")
            sources.append((entry, box.y0, box.x0))
            cut.append(pixels[box.slices])
    assert found.seen.ids == tuple(names)
    check_ranking(found.rankings[0], *brute_force(network, cut, "conv2"), sources)


def test_the_features_of_tiles_are_cut_from_their_photo(network, landscapes):
    images, collection = landscapes
    found = scan(network, collection, ["conv1"], tile=True)
    made = project_winners(network, Reader(collection, PREPARATION, tile=True), found.rankings[0], [1], Policy())
    for feature in made[1]:
        name, _, place = feature.activation.image.partition("#")
        top, left = map(int, place.split(","))
        x0, y0, x1, y1 = feature.activation.box
        inside = min(x0, y0) >= 0 and max(x1, y1) <= SIDE
        if name != "small.png" and inside:
            pixels = np.asarray(images[name])[top + y0 : top + y1, left + x0 : left + x1]
            np.testing.assert_array_equal(feature.patch, pixels)


# Features --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["deconvnet", "gradient"])
@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc3"])
def test_a_feature_is_the_projection_of_its_unit_beside_what_the_unit_sees(layer, method, network, collection):
    found = scan(network, collection, [layer], top=4)
    (ranking,) = found.rankings
    made = project_winners(network, Reader(collection, PREPARATION), ranking, [0, 1], Policy(method))
    assert list(made) == [0, 1]
    originals = photos(40)
    for m, winners in made.items():
        assert [winner.activation.value for winner in winners] == ranking.values[m][ranking.keys[m, :, 0] >= 0].tolist()
        assert winners
        for feature, at in ((winner, winner.activation) for winner in winners):
            x = network.preparation.apply(np.asarray(originals[at.image]))
            unit = Unit(0, m, at.y, at.x, at.value)
            (wanted,) = network.inverse(Policy(method)).project(x[None], layer, [unit], crop=False)
            box = field_box(network.layer(layer), at.y, at.x, (SIDE, SIDE))
            assert at.box == box
            expected = box.cut(wanted.pixels)
            np.testing.assert_allclose(feature.projection, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
            pixels = network.preparation.fit(np.asarray(originals[at.image])).transpose(2, 0, 1)
            grey = np.full((3, SIDE + 40, SIDE + 40), 128, np.uint8)
            grey[:, 20:-20, 20:-20] = pixels
            x0, y0, x1, y1 = (n + 20 for n in box)
            np.testing.assert_array_equal(feature.patch, grey[:, y0:y1, x0:x1].transpose(1, 2, 0))


def test_the_box_of_a_unit_is_its_field_or_the_whole_image(network):
    conv1, conv2 = network.layer("conv1"), network.layer("conv2")
    assert field_box(conv1, 0, 3, (SIDE, SIDE)) == (5, -1, 10, 4)
    assert field_box(conv2, 0, 0, (SIDE, SIDE)) == (-1, -1, 12, 12)
    assert field_box(conv2, 0, 0, (13, 13)) == (0, 0, 13, 13)
    assert field_box(network.layer("fc3"), 0, 0, (SIDE, SIDE)) == (0, 0, SIDE, SIDE)


def test_an_operator_without_a_rule_is_refused(tmp_path, collection):
    net = "a = Conv (image, k)\nb = Round (a)\ny = Conv (b, j)"
    weights = {"k": np.ones((4, 3, 3, 3)), "j": np.ones((2, 4, 3, 3))}
    (tmp_path / "odd.onnx").write_bytes(onnx_text(net, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    network = inspectnet.open(tmp_path / "odd.onnx", preparation=PREPARATION)
    found = scan(network, collection, ["conv2"], top=1)
    with pytest.raises(RuleError, match=r"no deconvnet rule for Round \(output 'b'\)"):
        project_winners(network, Reader(collection, PREPARATION), found.rankings[0], [0, 1], Policy())


def test_a_random_subset_of_the_active_maps_is_chosen_by_the_seed(network, collection):
    (ranking,) = scan(network, collection, ["conv2"]).rankings
    active = ranking.active().tolist()
    assert len(active) == MAPS - 1
    drawn = [draw_maps(ranking.active(), 3, seed) for seed in range(20)]
    assert all(sorted(set(maps)) == maps and set(maps) <= set(active) for maps in drawn)
    assert len({tuple(maps) for maps in drawn}) > 3
    assert draw_maps(ranking.active(), 3, 7) == draw_maps(ranking.active(), 3, 7)
    assert draw_maps(ranking.active(), 99, 0) == active


# The result ------------------------------------------------------------------------------------------------


def test_the_features_of_layers_are_those_of_their_winners(network, collection):
    result = deconv(network, ["conv2", "conv1:3"], collection, maps=2, top=4, seed=1)
    rankings = scan(network, collection, ["conv1", "conv2"], top=4).rankings
    chosen = [[3], draw_maps(rankings[1].active(), 2, 1)]
    assert [layer.layer for layer in result.layers] == ["conv1", "conv2"] and result.photo is None
    for layer, ranking, maps in zip(result.layers, rankings, chosen, strict=True):
        made = project_winners(network, Reader(collection, PREPARATION), ranking, maps, Policy())
        assert [shown.map for shown in layer.maps] == maps
        for (shown, projections, patches), wanted in zip(layer.by_map(), made.values(), strict=True):
            assert shown.top == tuple(feature.activation for feature in wanted)
            np.testing.assert_array_equal(projections, [feature.projection for feature in wanted])
            np.testing.assert_array_equal(patches, [feature.patch for feature in wanted])
    assert result.about.images.count == 40 and result.about.options["layers"] == ["conv1:3", "conv2"]
    assert set(result.operators) == {"Conv", "MaxPool", "Relu"}


@pytest.mark.parametrize("maps", ["0,4-5", [0, DEAD, 5]])
def test_maps_that_nothing_activates_are_told_without_features(maps, network, collection):
    (layer,) = deconv(network, ["conv2"], collection, maps=maps, top=2).layers
    assert [(shown.map, len(shown.top)) for shown in layer.maps] == [(0, 2), (DEAD, 0), (5, 2)]
    assert [shown.map for shown, _, _ in layer.by_map()] == [0, 5] and len(layer.projections) == 4
    (silent,) = deconv(network, ["conv2"], collection, units=[DEAD]).layers
    assert silent.projections.shape == (0, 3, *silent.patches.shape[1:3]) and not list(silent.by_map())


@pytest.mark.parametrize("maps", [None, 2, "all"])
def test_a_layer_that_nothing_activates_has_a_page_that_says_so(maps, network, collection, photo):
    silent = network.with_weights({name: np.zeros_like(weight) for name, weight in network.weights().items()})
    for images in (collection, photo[0]):
        result = deconv(silent, ["conv1", "conv2"], images, maps=maps)
        assert [list(layer.by_map()) for layer in result.layers] == [[], []]
        inspectnet.plot(result, "conv1")


def test_where_a_pool_spreads_signals_so_that_nothing_comes_down_tiles_page_and_terminal_say_so(
    collection, tmp_path, capsys
):
    weights = {"k1": np.ones((2, 3, 1, 1)), "k2": -np.ones((2, 2, 1, 1)), "b2": np.full(2, 99.0), "m": np.eye(2)}
    (tmp_path / "pooled.onnx").write_bytes(onnx_text(POOLED, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    network = inspectnet.open(tmp_path / "pooled.onnx", device="cpu", preparation=PREPARATION)
    result = deconv(network, ["conv2", "pool1"], collection, top=4)
    assert [layer.pooled for layer in result.layers] == [False, True] and not result.layers[1].projections.any()
    print_result(result)
    spread = "  as a pool over all places spreads signals evenly and rectifiers leave little"
    above, below = (lines.splitlines() for lines in capsys.readouterr().out.split("pool1: 8 of")[::-1])
    assert above[0] == " 8 projections are blank: nothing came down" and above[1] == spread
    assert "conv2: 8 of 8 projections are blank: nothing came down" in below and spread not in below
    words = [" ".join(text.get_text() for text in inspectnet.plot(result, f).axes[0].texts) for f in ("conv2", "pool1")]
    assert ["the pool spread it evenly" in text for text in words] == [False, True]
    assert ["may be faint or blank, as a pool" in text for text in words] == [False, True]
    assert ["rectified away below" in text for text in words] == [True, False]
    print_result(deconv(network, ["conv2"], collection, top=4))
    assert "  rectified away below" in capsys.readouterr().out.splitlines()
    photo = deconv(network, ["conv2"], [np.full((SIDE, SIDE, 3), 200, np.uint8)])
    print_result(photo)
    assert "conv2: the whole layer, projected at once, is blank: nothing came down" in capsys.readouterr().out
    gradient = deconv(network, ["pool1"], collection, top=4, method="gradient")
    assert gradient.layers[0].projections.any() and "as a pool" not in str(inspectnet.plot(gradient).axes[0].texts)


def test_photos_in_memory_and_several_sources_are_searched_as_a_folder(network, collection, tmp_path):
    wanted = deconv(network, ["conv2"], collection, maps="all", top=3).layers[0]
    pixels = [np.asarray(image) for _, image in sorted(photos(40).items())]
    arrays = deconv(network, ["conv2"], pixels, maps="all", top=3).layers[0]
    folders = deconv(network, ["conv2"], [tmp_path / "photos" / name for name in "cab"], maps="all", top=3).layers[0]
    for made in (arrays, folders):
        np.testing.assert_array_equal(made.projections, wanted.projections)
        np.testing.assert_array_equal(made.patches, wanted.patches)
    ids = [entry.id for entry in collection]
    assert [ids[int(at.image)] for shown in arrays.maps for at in shown.top] == [
        at.image for shown in wanted.maps for at in shown.top
    ]
    alone = deconv(network, ["conv2"], pixels[:1])
    assert alone.photo == "0" and alone.layers[0].whole is not None


# One photo -------------------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    """A photo in a file, and what the network sees of it."""
    image = photos(1)["a/000.png"]
    image.save(tmp_path / "photo.png")
    return tmp_path / "photo.png", PREPARATION.apply(np.asarray(image)), PREPARATION.fit(np.asarray(image))


def test_one_photo_shows_its_strongest_maps_and_the_whole_layer(network, photo):
    path, x, seen = photo
    result = deconv(network, ["conv2"], path, maps=3)
    (layer,), maps = result.layers, network.activations(x[None], "conv2")
    order = np.argsort(-maps[0].reshape(MAPS, -1).max(1), kind="stable")[:3].tolist()
    assert [shown.map for shown in layer.maps] == order
    for shown in layer.maps:
        (at,) = shown.top
        assert at.image == result.photo == "photo.png"
        assert at.value == maps[0, shown.map].max() == maps[0, shown.map, at.y, at.x]
    np.testing.assert_array_equal(layer.whole, network.inverse().project_seeds(x[None], "conv2", maps)[0])
    np.testing.assert_array_equal(result.pixels, seen)
    one = find_images(path)
    assert result.about.images.sha256 == scan(network, one, ["conv2"]).seen.digest
    with pytest.raises(ImageError, match=r"cannot read photo\.png"):
        path.write_bytes(b"no image")
        deconv(network, ["conv2"], path)


def test_maps_that_are_asked_for_are_listed_and_shown_if_the_photo_activates_them(network, photo):
    path, x, _ = photo
    (layer,) = deconv(network, ["conv2"], path, maps=[DEAD, 5, 0]).layers
    active = network.activations(x[None], "conv2")[0].reshape(MAPS, -1).max(1) > 0
    assert [(shown.map, bool(shown.top)) for shown in layer.maps] == [(m, bool(active[m])) for m in (DEAD, 5, 0)]


@pytest.mark.parametrize(
    ("layers", "how", "told"),
    [
        ("conv2", {}, "16 drawn of the active ones, seed 0"),
        ("conv2", {"maps": 3, "seed": 7}, "3 drawn of the active ones, seed 7"),
        ("conv2", {"maps": "all"}, "all"),
        ("conv2", {"maps": "0,5"}, "those asked for, by their numbers"),
        ("conv2", {"units": [5]}, "those asked for, by their numbers"),
        ("conv2:5", {}, "those asked for, by their numbers"),
    ],
)
def test_a_page_says_how_its_maps_were_chosen(layers, how, told, network, collection, photo):
    page = inspectnet.plot(deconv(network, layers, collection, **how))
    assert f"maps: {told}; deconvnet; unpool sum" in [line.get_text() for line in page.axes[0].texts]
    page = inspectnet.plot(deconv(network, layers, photo[0], **how))
    drawn = re.sub(r"(\d+) drawn.*", r"the \1 strongest", told)
    assert f"maps: {drawn}; deconvnet; unpool sum" in [line.get_text() for line in page.axes[0].texts]


def test_a_photo_in_tiles_is_searched(network, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)).save(tmp_path / "big.png")
    result = deconv(network, ["conv2"], tmp_path / "big.png", tile=True)
    assert result.photo is None and result.about.images.count == 6 and result.layers[0].whole is None
