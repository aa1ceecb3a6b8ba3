"""Selectivity: of units whose projections are known by hand, and of maps that follow colours."""

from dataclasses import replace

import numpy as np
import pytest
from nets import onnx_text
from PIL import Image
from records import about

import inspectnet
from inspectnet.analyses.class_selectivity import class_selectivity
from inspectnet.analyses.selectivity import (
    Selectivity,
    UnitSelectivity,
    find_neighbours,
    projection_selectivity,
    selectivity,
)
from inspectnet.errors import LayerError, OptionError
from inspectnet.geometry import Unit
from inspectnet.images import Targets, find_images
from inspectnet.rules import Policy

PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1), "crop_pct": 1.0}


def open_filters(tmp_path, filters, side=4):
    """A network of one layer: y = ReLU of 1 x 1 filters (K, 3)."""
    path = tmp_path / "filters.onnx"
    weights = {"k": np.asarray(filters, float)[:, :, None, None]}
    file = onnx_text("a = Conv (image, k)\ny = Relu (a)", weights, image=("N", 3, side, side))
    path.write_bytes(file.SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=PLAIN)


def test_a_unit_is_compared_with_others_that_are_active_at_its_place(tmp_path):
    network = open_filters(tmp_path, [(1, 0, 0), (0, 2, 0), (0, 0, 1), (-1, 0, 0)])
    x = np.zeros((1, 3, 4, 4), np.float32)
    x[0, :, 1, 2] = (1, 2, 0)  # red 1 and green 2 meet here: maps 0 and 1 are active, 2 and 3 are not
    (first, second) = find_neighbours(network, x, "conv1", units=4, others=8)
    assert first == (Unit(0, 1, 1, 2, 4.0), Unit(0, 0, 1, 2, 1.0))
    assert second == first[::-1]
    assert find_neighbours(network, x, "conv1", units=1) == [first]


def test_the_others_are_drawn_by_the_seed(tmp_path, rng):
    network = open_filters(tmp_path, rng.random((20, 3)))
    x = rng.random((2, 3, 4, 4)).astype(np.float32)
    (one, *_), (same, *_), (other, *_) = (find_neighbours(network, x, "conv1", others=3, seed=s) for s in (1, 1, 2))
    assert one == same and one[0] == other[0]
    assert len(one) == 4 and set(one) != set(other)


def test_the_selectivity_of_projections_by_hand(tmp_path):
    """Each projection is its filter at one pixel: of 1 x 1 images the correlation is that of the filters."""
    filters = np.array([(1.0, 0, 0), (2.0, 0, 0), (0, 1.0, 0), (1.0, 1.0, 1.0)])
    network = open_filters(tmp_path, filters, side=1)
    x = np.ones((1, 3, 1, 1), np.float32)

    def score(*maps):
        units = tuple(Unit(0, m) for m in maps)
        return projection_selectivity(network, x, "conv1", [units], Policy())[0]

    assert score(0, 1) == pytest.approx(0)
    assert score(0, 2) == pytest.approx(1.5)  # (1, 0, 0) and (0, 1, 0), less their means, correlate by -1/2
    assert score(0, 1, 2) == pytest.approx(0.75)
    assert np.isnan(score(0, 3))  # a projection without contrast is like nothing
    assert score(0, 1, 3) == pytest.approx(0)


def test_units_without_a_score_do_not_count_in_the_mean_whose_interval_is_over_images():
    """Two units of the first image, one of the second that has a score: all of one image go together."""
    scores = (("a", 0.4), ("a", 0.5), ("b", 0.9), ("b", None))
    units = tuple(UnitSelectivity(image, 0, 0, 0, (1,), {"some": score, "none": None}) for image, score in scores)
    found = Selectivity(about(), "conv1", True, units, None, None).means
    assert found["none"] is None
    some = found["some"]
    assert (some.value, some.low, some.high) == pytest.approx((0.6, 0.45, 0.9))  # the first twice, the second twice


def test_a_layer_in_which_no_two_units_meet_is_refused(tmp_path):
    network = open_filters(tmp_path, [(1, 0, 0), (-1, 0, 0)])
    with pytest.raises(LayerError, match="in conv1 no two units are active at one place"):
        find_neighbours(network, np.ones((1, 3, 4, 4), np.float32), "conv1")


@pytest.fixture
def colours(tmp_path):
    """Red images of brightness 1 and 1/2, and green ones of 1, with their labels."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i, colour in enumerate([(255, 0, 0), (127, 0, 0), (0, 255, 0), (0, 255, 0)]):
        Image.new("RGB", (4, 4), colour).save(folder / f"{i}.png")
    return Targets(find_images(folder), np.array([5, 5, 9, 9]), tuple(map(str, range(10))), False, {})


def test_the_class_selectivity_of_maps_by_hand(tmp_path, colours):
    network = open_filters(tmp_path, [(1, 0, 0), (1, 1, 0), (0, 0, 1)])
    found = class_selectivity(network, colours, network.layer("conv1"), batch_size=3)
    red = (1 + 127 / 255) / 2
    np.testing.assert_allclose(found.index, [1, (1 - red) / (1 + red), 0], rtol=1e-5)
    assert found.best[:2].tolist() == [5, 9]
    assert found.best_names[:2] == ("5", "9")
    assert found.images.count == 4 and len(found.images.sha256) == 64
    apart = found.index - found.chance
    assert found.beyond_chance.value == pytest.approx(apart.mean())
    assert apart.min() <= found.beyond_chance.low <= found.beyond_chance.high <= apart.max()


def test_shuffled_labels_tell_what_chance_would_give(tmp_path, colours):
    network = open_filters(tmp_path, [(1, 0, 0)])
    chances = [class_selectivity(network, colours, network.layer("conv1"), seed=s).chance[0] for s in range(8)]
    together, apart = 1, (255 - 127) / (255 + 127)  # both red images in one class, or one in each
    assert {round(float(c), 5) for c in chances} == {together, round(apart, 5)}


def test_images_of_one_class_are_refused(tmp_path, colours):
    network = open_filters(tmp_path, [(1, 0, 0)])
    with pytest.raises(OptionError, match="all of one class"):
        class_selectivity(network, replace(colours, classes=np.zeros(4, int)), network.layer("conv1"))


def test_the_result_of_photos_in_memory_with_labels(tmp_path, colours):
    body = "a = Conv (image, k)\nr = Relu (a)\nf = Flatten (r)\ny = Gemm (f, w)"
    weights = {"k": np.array([(1, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1.0)])[:, :, None, None], "w": np.ones((64, 10))}
    (tmp_path / "net.onnx").write_bytes(onnx_text(body, weights, image=("N", 3, 4, 4)).SerializeToString())
    network = inspectnet.open(tmp_path / "net.onnx", device="cpu", preparation=PLAIN)
    pixels = [np.asarray(Image.open(entry.path)) for entry in colours.collection]
    result = selectivity(network, "conv1", pixels, labels=colours.classes.tolist(), others=2, units=1)
    wanted = class_selectivity(network, colours, network.layer("conv1"))
    np.testing.assert_array_equal(result.classes.index, wanted.index)
    assert result.classes.best_names == wanted.best_names
    assert [unit.image for unit in result.units] == ["0", "1", "2", "3"]
    assert result.shown.patch.shape == (1, 1, 3)
    assert result.shown.projections["gradient"].shape == (1 + len(result.units[result.shown.unit].others), 3, 1, 1)
    with pytest.raises(OptionError, match="labels are for photos in memory"):
        selectivity(network, "conv1", tmp_path / "images", labels=[0])
