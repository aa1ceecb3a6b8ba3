"""Maps of few images are chosen by how alike their strongest activations are: against the definition in float64."""

from itertools import combinations

import numpy as np
import pytest
from nets import onnx_text

import inspectnet
from inspectnet.analyses.coherence import measure_coherence, most_alike
from inspectnet.images import Preparation
from inspectnet.images.collection import hold_images
from inspectnet.progress import silent
from inspectnet.scanning import find_strongest

MAPS, TOP = 6, 3
NET = "a = Conv (image, k)\nr = Relu (a)\np = GlobalAveragePool (r)\nf = Flatten (p)\ny = Gemm (f, m)\ns = Relu (y)"


@pytest.fixture
def network(tmp_path):
    rng = np.random.default_rng(2)
    weights = {"k": rng.normal(size=(MAPS, 3, 2, 2)), "m": rng.normal(size=(MAPS, MAPS))}
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(NET, weights, image=("N", 3, 8, 8)).SerializeToString())
    return inspectnet.open(
        path, device="cpu", preparation=Preparation((3, 8, 8), (0.5,) * 3, (0.25,) * 3, crop_pct=1.0)
    )


@pytest.fixture
def images():
    return hold_images(list(np.random.default_rng(3).integers(0, 256, (7, 12, 20, 3), np.uint8)))


def by_hand(network, ranking, x_of):
    """By map, the mean cosine over pairs of centred activations of the other maps at its strongest places."""
    layer, at = ranking.layer.name, {}
    for m in ranking.active().tolist():
        for (entry, top, left), (y, x) in zip(ranking.keys[m].tolist(), ranking.places[m].tolist(), strict=True):
            if entry >= 0:
                maps = network.activations(x_of(entry, top, left)[None], layer)[0].reshape(ranking.layer.maps, -1)
                at[m, entry, top, left, y, x] = np.maximum(maps[:, y * ranking.layer.extent[1] + x].astype(float), 0)
    mean = np.mean(list({place[1:]: vector for place, vector in at.items()}.values()), axis=0)
    found = np.zeros(ranking.layer.maps)
    for m in ranking.active().tolist():
        own = [np.delete(vector - mean, m) for place, vector in at.items() if place[0] == m]
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in combinations(own, 2)]
        found[m] = np.mean(cosines) if cosines else 0
    return found


@pytest.mark.parametrize("tile", [False, True])
def test_it_is_the_mean_cosine_of_what_the_other_maps_say(tile, network, images):
    layers = [network.layer("conv1"), network.layers[-1]]
    run = {"tile": tile, "batch_size": 2, "threads": 1, "progress": silent}
    rankings, _ = find_strongest(network, images, layers, TOP, **run)
    reader = inspectnet.images.Reader(images, network.preparation, tile)
    for ranking, found in zip(rankings, measure_coherence(network, images, rankings, **run), strict=True):
        wanted = by_hand(network, ranking, lambda entry, *origin: reader.load(entry, origin))
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_maps_that_are_most_alike_come_first_but_for_weak_ones(network, images):
    (ranking,), _ = find_strongest(network, images, [network.layer("conv1")], TOP)
    alike, values = np.array([0.1, 0.9, 0.3, 0.8, 0.5, 0.2]), np.ones((MAPS, TOP), np.float32)
    values[1, -1] = 0.4  # less than half of its strongest
    even = type(ranking)(ranking.layer, values, ranking.keys, ranking.places)
    assert [most_alike(even, alike, count) for count in (2, 5, 6)] == [[3, 4], [0, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]


def test_of_few_images_those_maps_are_shown_unless_their_number_is_said(network, images, monkeypatch):
    monkeypatch.setattr("inspectnet.analyses.selection.DRAWN", 2)
    (ranking,), _ = find_strongest(network, images, [network.layer("conv1")], TOP)
    run = {"tile": False, "batch_size": 2, "threads": 1, "progress": silent}
    (alike,) = measure_coherence(network, images, [ranking], **run)
    (layer,) = inspectnet.deconv(network, "conv1", images, top=TOP).layers
    assert [features.map for features in layer.maps] == most_alike(ranking, alike, 2)
    assert [features.coherence for features in layer.maps] == alike[most_alike(ranking, alike, 2)].tolist()
    texts = [
        text.get_text() for text in inspectnet.plot(inspectnet.deconv(network, "conv1", images, top=TOP)).axes[0].texts
    ]
    assert any("most alike" in text for text in texts)
    monkeypatch.setattr("inspectnet.analyses.deconv.FEW", len(images) - 1)
    for how in ({}, {"maps": 2}):
        (layer,) = inspectnet.deconv(network, "conv1", images, top=TOP, **how).layers
        assert [features.coherence for features in layer.maps] == [None, None]


def test_of_a_large_layer_maps_that_see_another_image_take_turns(network, images):
    (ranking,), _ = find_strongest(network, images, [network.layer("conv1")], TOP)
    count = 48  # of which the best eighth, 42 to 47, see most of image 1, but 43
    keys = np.zeros((count, TOP, 3), np.int64)
    keys[42:, 1:, 0] = 1
    keys[43, 1:, 0] = 2
    values, places = np.ones((count, TOP), np.float32), np.zeros((count, TOP, 2), np.int64)
    large = type(ranking)(ranking.layer, values, keys, places)
    assert most_alike(large, np.arange(count) / count, 2) == [43, 47]
    values[47] = 0.4  # less than half of the median map's
    assert most_alike(large, np.arange(count) / count, 2) == [43, 46]
