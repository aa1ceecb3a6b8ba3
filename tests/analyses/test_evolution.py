"""The evolution of layers: winners and projections by brute force, convergence by hand and by other definitions."""

import itertools

import numpy as np
import pytest
from commands import noisy_photos
from nets import onnx_text, random_weights
from PIL import Image

import inspectnet
from inspectnet.analyses.checkpoints import filter_cosine
from inspectnet.analyses.cka import linear_cka
from inspectnet.analyses.evolve import LayerEvolution, evolve, settled
from inspectnet.errors import ImageError, LayerError, ModelError, OptionError
from inspectnet.geometry import Unit
from inspectnet.images import Preparation, find_images
from inspectnet.inverse import field_box
from inspectnet.rules import Policy

SIDE, MAPS = 16, 5
NET = """
a = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (image, k1)
r1 = Relu (a)
p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r1)
c = Conv (p, k2)
r2 = Relu (c)
f = Flatten (r2)
y = Gemm (f, m)
"""
PREPARATION = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
DEAD = 3  # a map of conv2 that no image activates at the first checkpoint


def checkpoint(folder, seed, preparation=PREPARATION, maps=MAPS, **weights):
    drawn = random_weights(seed, k1=(maps, 3, 5, 5), k2=(MAPS, maps, 2, 2), m=(MAPS * 4, 4)) | weights
    if not weights:
        drawn["k2"][DEAD] *= -np.sign(drawn["k2"][DEAD]) if seed == 1 else 1
    path = folder / f"{seed}.onnx"
    path.write_bytes(onnx_text(NET, drawn, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=preparation, threads=1)


@pytest.fixture
def networks(tmp_path):
    return [checkpoint(tmp_path, seed) for seed in (1, 2, 3)]


@pytest.fixture
def collection(tmp_path):
    sizes = {f"{i:02}.png": (SIDE + i, SIDE + 3) for i in range(12)}
    return find_images(noisy_photos(tmp_path / "photos", sizes, cells=(5, 6), seed=9))


def prepared(collection):
    photos = [Image.open(entry.path).convert("RGB") for entry in collection]
    return np.stack([PREPARATION.apply(np.asarray(photo)) for photo in photos])


# The winners -----------------------------------------------------------------------------------------------


def test_each_checkpoints_winners_and_their_projections_are_those_of_brute_force(networks, collection):
    found, x = (
        evolve(networks, ["conv1", "conv2", "fc3"], collection, epochs=[1, 5, 9], maps=MAPS, batch_size=5),
        prepared(collection),
    )
    assert found.epochs == (1, 5, 9) and found.about.images.count == 12
    for each, (e, network) in itertools.product(found.layers, enumerate(networks)):
        layer = network.layer(each.layer)
        maps = network.activations(x, each.layer).reshape(len(x), layer.maps, -1)
        strongest = maps.max(axis=2)
        np.testing.assert_allclose(each.values[:, e], np.maximum(strongest.max(axis=0), 0)[list(each.maps)], rtol=1e-5)
        for m, number in enumerate(each.maps):
            if each.images[m][e] is None:
                assert strongest[:, number].max() <= 0 and not each.projections[m, e].any()
                continue
            row = strongest[:, number].argmax()
            width = layer.extent[1]
            y, x_ = divmod(int(maps[row, number].argmax()), width)
            assert (each.images[m][e], *each.places[m, e]) == (f"{row:02}.png", y, x_)
            unit = Unit(0, int(number), y, x_, float(each.values[m, e]))
            (whole,) = network.inverse(Policy()).project(x[row : row + 1], each.layer, [unit], crop=False)
            box = field_box(layer, y, x_, (SIDE, SIDE))
            np.testing.assert_allclose(each.projections[m, e], whole.window(box), atol=1e-4)


def test_a_map_without_a_winner_is_blank_and_its_awakening_is_no_jump(networks, collection):
    (layer,) = evolve(networks, images=collection, epochs=[1, 5, 9], layers=[f"conv2:{DEAD}", "conv2:0"]).layers
    assert set(layer.maps) == {DEAD, 0}
    dead = layer.maps.index(DEAD)
    assert (layer.images[dead][0], layer.values[dead, 0]) == (None, 0)
    assert layer.images[dead][1] and not layer.jumps()[dead, 1] and not layer.jumps()[:, 0].any()


def test_the_same_comes_out_for_any_batch_size_and_order_of_checkpoints(networks, collection):
    one = evolve(networks, images=collection, epochs=[1, 5, 9], layers=["conv2"], maps=3, batch_size=12, compared=7)
    two = evolve(
        networks[::-1],
        images=collection,
        epochs=[9, 5, 1],
        layers=["conv2"],
        maps=3,
        batch_size=2,
        compared=7,
        threads=1,
    )
    assert (one.epochs, one.about.images) == (two.epochs, two.about.images)
    assert one.layers[0].images == two.layers[0].images
    for name in ("maps", "values", "places", "filter_cosine"):
        np.testing.assert_array_equal(getattr(one.layers[0], name), getattr(two.layers[0], name))
    np.testing.assert_allclose(one.layers[0].cka, two.layers[0].cka, rtol=1e-5)
    np.testing.assert_allclose(one.layers[0].projections, two.layers[0].projections, atol=1e-5)


def test_no_session_outlives_an_evolution_whose_checkpoints_may_be_many(networks, collection):
    evolve(networks, images=collection, epochs=[1, 5, 9], layers=["conv2", "fc3"], maps=1)
    assert [len(network.sessions) for network in networks] == [0, 0, 0]


def test_the_images_that_are_compared_are_spread_over_all_of_them(networks, collection):
    (few,) = evolve(networks, images=collection, epochs=[1, 5, 9], layers=["fc3"], maps=1, compared=4).layers
    last = networks[-1].activations(prepared(collection)[[0, 3, 6, 9]], "fc3")
    for e, network in enumerate(networks):
        alike = linear_cka(network.activations(prepared(collection)[[0, 3, 6, 9]], "fc3"), last)
        np.testing.assert_allclose(few.cka[e], alike, rtol=1e-4)


def test_maps_are_drawn_by_the_seed_among_those_that_are_ever_active(networks, collection):
    drawn = [
        evolve(networks, images=collection, epochs=[1, 2, 3], layers=["fc3"], maps=2, seed=seed).layers[0].maps
        for seed in range(6)
    ]
    assert all(len(maps) == 2 and sorted(maps) == list(maps) for maps in drawn)
    assert len({tuple(maps) for maps in drawn}) > 1
    again = evolve(networks, images=collection, epochs=[1, 2, 3], layers=["fc3"], maps=2, seed=4).layers[0].maps
    np.testing.assert_array_equal(again, drawn[4])


# How near the last state -----------------------------------------------------------------------------------


def test_a_training_that_goes_nowhere_has_settled_at_once_and_a_new_network_has_not(tmp_path, collection):
    still = [checkpoint(tmp_path, 1), checkpoint(tmp_path, 1), checkpoint(tmp_path, 2)]
    found = evolve(still[:2], images=collection, epochs=[3, 4], layers=["conv1", "pool1"])
    conv1, pool1 = found.layers
    np.testing.assert_allclose([conv1.filter_cosine, conv1.cka, pool1.cka], 1)
    assert pool1.filter_cosine is None and not conv1.jumps().any()
    assert settled(found.epochs, conv1.filter_cosine, 0.99) == 3 == found.settled[0].filters
    (other,) = evolve(still[1:], images=collection, epochs=[3, 4], layers=["conv1"]).layers
    assert abs(other.filter_cosine[0]) < 0.5 and other.cka[0] < 0.9


def test_a_layer_settles_where_its_curve_stays_near():
    curves = ([0.95, 0.5, 0.92, 1], [1, 1, 1, 1], [0, 0, 0, 1])
    assert [settled((1, 2, 5, 10), curve, 0.9) for curve in curves] == [5, 1, 10]


def test_the_cosine_is_the_mean_over_filters_along_the_axis_of_the_maps():
    a = np.array([[[1.0, 0]], [[1, 1]], [[0, 0]]])
    b = np.array([[[2.0, 0]], [[1, -1]], [[1, 1]]])
    assert filter_cosine(a, b, 3) == pytest.approx((1 + 0 + 0) / 3)
    # of (in, out) = (2, 3): columns (1, 0), (0, 1), (1, 1) against (1, 0), (0, -1), (1, 0)
    inward, outward = np.array([[1.0, 0, 1], [0, 1, 1]]), np.array([[1.0, 0, 1], [0, -1, 0]])
    assert filter_cosine(inward, outward, 3) == pytest.approx((1 - 1 + np.sqrt(0.5)) / 3)


def test_a_layer_that_is_dead_is_like_itself_and_nothing_is_nearer_than_the_end(tmp_path, collection):
    dead = checkpoint(tmp_path, 7, k1=np.zeros((MAPS, 3, 5, 5)))
    found = evolve([dead, dead], images=collection, epochs=[1, 2], layers=["conv1"])
    (layer,) = found.layers
    assert layer.filter_cosine == layer.cka == (1, 1) and not layer.maps
    assert settled((1, 2), [0.5, 1 - 1e-12], 1.0) == 2  # of rounding, where it is compared with itself
    half = np.stack([np.zeros(4), np.ones(4)])
    assert filter_cosine(half, half, 2) == 1 and filter_cosine(half, half[::-1], 2) == 0


def test_jumps_are_where_one_image_wins_after_another():
    images, nothing = (("e", "e", "h", "h"), (None, "c", "d", None)), np.zeros((2, 4))
    others = (nothing, nothing, nothing, None, (1.0,) * 4, (None,) * 4)
    layer = LayerEvolution("conv1", (0, 1), nothing, images, *others)
    assert layer.jumps().tolist() == [[False, False, True, False], [False, False, True, False]]


# What is refused -------------------------------------------------------------------------------------------


def test_checkpoints_of_different_networks_are_refused_in_one_line(tmp_path, networks, collection):
    wide = checkpoint(tmp_path, 4, maps=7)
    with pytest.raises(OptionError, match=r"4.onnx and \S*3.onnx are different networks"):
        evolve([wide, *networks], images=collection, epochs=[0, 1, 2, 3], layers=["conv1"])
    dark = Preparation((3, SIDE, SIDE), (0.1,) * 3, (0.25,) * 3, crop_pct=1.0)
    with pytest.raises(OptionError, match="prepares photos in another way"):
        evolve([checkpoint(tmp_path, 5, dark), *networks], images=collection, epochs=[0, 1, 2, 3], layers=["conv1"])
    with pytest.raises(OptionError, match=r"are both of epoch 2"):
        evolve(networks, images=collection, epochs=[1, 2, 2], layers=["conv1"])
    with pytest.raises(LayerError, match=r"conv1 has 5 maps, 0 to 4; there is no map 5"):
        evolve(networks, images=collection, epochs=[1, 2, 3], layers=["conv1"], maps=[0, 5])
    with pytest.raises(OptionError, match="is one checkpoint"):
        evolve(networks[:1], images=collection, epochs=[1], layers=["conv1"])


def test_images_that_cannot_be_read_and_activations_that_are_no_numbers_are_refused(tmp_path, networks, collection):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match="none of the 1 images could be read"):
        evolve(networks, images=find_images(broken), epochs=[1, 2, 3], layers=["conv1"])
    sick = checkpoint(
        tmp_path, 6, k1=np.full((MAPS, 3, 5, 5), 3e38)
    )  # all maps are infinite, with weights of both signs
    with pytest.raises(ModelError, match=r"conv2 of \S*6.onnx is not a number \(NaN\) for the image 00.png"):
        evolve([*networks, sick], images=collection, epochs=[1, 2, 3, 4], layers=["conv2"])
