"""Occlusion: against a plain loop, by hand, and on a network that is trained."""

import numpy as np
import pytest
from nets import SIDES, onnx_text

import inspectnet
from inspectnet.analyses import hidden_places
from inspectnet.analyses.occluded_photo import occlude_photo
from inspectnet.analyses.occlusion_setup import Setup
from inspectnet.analyses.occlusion_summary import compare_with_box, correlate
from inspectnet.errors import LayerError, ModelError, OptionError
from inspectnet.geometry import Box
from inspectnet.images.decode import decode
from inspectnet.images.occluder import FILLS, cover_of, slide

LAYERS = {"zfnet": "conv5", "alexnet": "conv5", "vgg": "conv8", "squeezenet": "concat3", "resnet": "add4"}


@pytest.fixture(scope="module", params=LAYERS)
def case(request, exported):
    _, _, path = exported(request.param, "torchscript")
    side = SIDES[request.param]
    x = np.random.default_rng(7).normal(size=(3, side, side)).astype(np.float32)
    return inspectnet.open(path, device="cpu", threads=1), x, LAYERS[request.param]


def occlude(network, layers, x, *, target=None, advance=lambda n: None, **options):
    """One prepared photo, whose classes are called by their numbers."""
    names = [str(i) for i in range(network.class_scores().classes)]
    return occlude_photo(Setup(network, layers, **options), x, names, target=target, advance=advance)


def by_hand(network, x, layers, patch, stride, cover):
    """A plain loop over the places of the square: by place, scores and for each layer sums, each run on its own."""
    rest = [(n - patch) % stride // 2 for n in x.shape[1:]]
    name, found = network.class_scores().logits, []
    for top in range(rest[0], x.shape[1] - patch + 1, stride):
        for left in range(rest[1], x.shape[2] - patch + 1, stride):
            hidden = x.copy()
            for row in range(top, top + patch):
                for column in range(left, left + patch):
                    hidden[:, row, column] = cover[:, row, column]
            scores = network.values(hidden[None], [name])[name].ravel().astype(np.float64)
            powers = np.exp(scores - scores.max())
            maps = [network.activations(hidden[None], layer)[0].astype(np.float64) for layer in layers]
            found.append((powers / powers.sum(), *(each.sum(axis=(1, 2)) for each in maps)))
    return found


def assert_equal_to_loop(found, loop, tolerance=0.0):
    probabilities, *activities = (np.array(each) for each in zip(*loop, strict=True))
    assert len(loop) == found.probability.size and len(activities) == len(found.maps)
    wanted = [
        (found.probability, probabilities[:, found.target]),
        (found.label_probability, probabilities.max(axis=1)),
        *((each.activity, sums[:, each.map]) for each, sums in zip(found.maps, activities, strict=True)),
    ]
    for panel, values in wanted:
        assert np.ptp(panel) > 0
        np.testing.assert_allclose(panel, values.reshape(found.label.shape), rtol=tolerance)
    np.testing.assert_array_equal(found.label, probabilities.argmax(axis=1).reshape(found.label.shape))


def test_occlusion_equals_a_plain_loop_at_several_layers_at_once(case):
    network, x, layer = case
    patch, stride = x.shape[1] // 3, x.shape[1] // 5
    for fill in FILLS:
        cover = cover_of(fill, x, network.preparation, patch)
        found = occlude(network, ["conv1", "pool1", layer], x, patch=patch, stride=stride, fill=fill)
        loop = by_hand(network, x, ["conv1", "pool1", layer], patch, stride, cover)
        assert len(loop) > 4
        assert_equal_to_loop(found, loop, 1e-5)  # a sum's last bits depend on the size of the batch


# Integers, and weights of 16ths: every sum is exact in float32, whatever its order.
TAIL = "r = Relu (a)\np = GlobalMaxPool (r)\nf = Flatten (p)\ny = Gemm (f, w)"
WHOLE = f"a = Conv <pads = [1, 1, 1, 1]> (image, k)\n{TAIL}"


@pytest.fixture
def whole(tmp_path):
    draw = np.random.default_rng(3)
    weights = {"k": draw.integers(-3, 4, (5, 3, 3, 3)), "w": draw.integers(-2, 3, (5, 4)) / 16}
    network = open_text(tmp_path, WHOLE, {name: 1.0 * w for name, w in weights.items()}, (3, 9, 11))
    return network, draw.integers(0, 5, (3, 9, 11)).astype(np.float32)


def open_text(tmp_path, body, weights, shape, **options):
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", *shape), **options).SerializeToString())
    told = {"mean": (0,) * shape[0], "std": (1,) * shape[0]}
    return inspectnet.open(path, device="cpu", threads=1, preparation=told)


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_occlusion_equals_a_plain_loop_to_the_last_bit_whatever_the_batch(whole, batch_size):
    network, x = whole
    for fill in ("mean", "noise"):
        found = occlude(network, ["conv1", "pool1"], x, patch=3, stride=2, fill=fill, batch_size=batch_size)
        cover = cover_of(fill, x, network.preparation, 3)
        assert (found.label.shape, len(np.unique(found.probability)) > 3) == ((4, 5), True)
        assert_equal_to_loop(found, by_hand(network, x, ["conv1", "pool1"], 3, 2, cover))


def test_all_layers_are_served_by_one_pass_and_each_as_if_alone(whole, monkeypatch):
    network, x = whole
    alone = [occlude(network, [layer], x, patch=3, stride=2, fill="mean") for layer in ("conv1", "pool1")]
    runs, values = [], network.values
    monkeypatch.setattr(network, "values", lambda x, names: runs.append(len(x)) or values(x, names))
    found = occlude(network, ["conv1", "pool1"], x, patch=3, stride=2, fill="mean", batch_size=8)
    assert runs == [1, 8, 8, 4]
    for one, watched in zip(alone, found.maps, strict=True):
        for name in ("map", "whole", "activity", "projection", "energy", "y", "x", "value"):
            np.testing.assert_equal(getattr(watched, name), getattr(one.maps[0], name), err_msg=name)
        for name in ("target", "cover", "whole", "probability", "label", "label_probability"):
            np.testing.assert_equal(getattr(found, name), getattr(one, name), err_msg=name)


def test_several_maps_of_a_layer_can_be_asked_for(whole):
    network, x = whole
    found = occlude(network, ["conv1:3", "pool1", "conv1:0"], x, patch=3, stride=2, fill="mean")
    assert [(each.layer, each.map) for each in found.maps[:2]] == [("conv1", 3), ("conv1", 0)]
    pool, free = found.maps[2:], occlude(network, ["pool1"], x, patch=3, stride=2, fill="mean").maps
    assert [(each.layer, each.map) for each in pool] == [("pool1", free[0].map)]


BRIGHT = f"a = Conv (image, k)\n{TAIL}"
BRIGHT_WEIGHTS = {"k": np.array([1.0, -1.0]).reshape(2, 1, 1, 1), "w": [[1.0, 0.0], [0.0, 1.0]]}
LIGHT = np.array([[[0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, -1], [0, 0, -1, 0]]], np.float32)


@pytest.fixture
def bright(tmp_path):
    """Map 0 is the positive part of the image, map 1 the negative one; class scores are their maxima."""
    return open_text(tmp_path, BRIGHT, BRIGHT_WEIGHTS, (1, 4, 4))


def test_hiding_the_one_bright_pixel_costs_all_of_the_map_and_turns_the_answer(bright):
    found = occlude(bright, ["conv1"], LIGHT, patch=2, stride=1, fill="mean")
    (watched,) = found.maps
    assert (watched.map, found.target, watched.y, watched.x, watched.value) == (0, 0, 1, 1, 5)
    there = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    np.testing.assert_array_equal(watched.drop, np.where(there, 5, 0))
    scores = np.array([5.0, 1.0])
    whole = 1 / (1 + np.exp(scores[1] - scores[0]))
    np.testing.assert_allclose(found.whole, [whole, 1 - whole], rtol=1e-12)
    # where both dark pixels are hidden, too, the class wins by 5; where only the bright one is, it loses by 1
    np.testing.assert_allclose(found.probability[there], 1 / (1 + np.e), rtol=1e-12)
    np.testing.assert_array_equal(found.label, there)
    np.testing.assert_allclose(found.label_probability, np.maximum(found.probability, 1 - found.probability))
    assert found.probability[2, 2] == pytest.approx(1 / (1 + np.exp(-5)), rel=1e-12)
    np.testing.assert_array_equal(watched.projection[0], np.where(LIGHT[0] == 5, 5, 0))
    np.testing.assert_array_equal(watched.energy, np.where(there, 25, 0))
    assert watched.activity_correlation == correlate(watched.drop, watched.energy) == pytest.approx(1)
    assert watched.probability_correlation == correlate(found.drop, watched.energy) > 0.9
    assert (watched.whole_activity, watched.activity_range) == (5, (0, 5))
    assert [(w.label, w.name, w.places) for w in found.winners] == [(0, "0", 5), (1, "1", 4)]
    assert found.least_at == (0, 0) and found.least_probability == found.probability[0, 0]


def test_the_strongest_map_is_that_of_the_largest_sum_or_of_the_largest_unit(bright):
    dim = np.where(LIGHT == 0, -1, LIGHT).astype(np.float32)
    assert occlude(bright, ["conv1"], dim, patch=2).maps[0].map == 1
    assert occlude(bright, ["conv1"], dim, patch=2, by="max").maps[0].map == 0
    assert occlude(bright, ["conv1:0"], dim, patch=2).maps[0].map == 0
    assert occlude(bright, ["conv1"], dim, patch=2, target=1).target == 1


def test_the_drop_inside_a_box_is_that_of_squares_whose_middle_is_in_it(bright):
    found = occlude(bright, ["conv1"], LIGHT, patch=2, stride=1, fill="mean")
    inside = np.zeros((4, 4), bool)
    inside[1:3, 1:3] = True  # the middles of the four squares over the bright pixel
    within, without = compare_with_box(found.drop, slide((4, 4), 2, 1).middles(inside))
    assert within == pytest.approx(found.drop[:2, :2].mean())
    assert without == pytest.approx(found.drop[[0, 1, 2, 2, 2], [2, 2, 0, 1, 2]].mean())
    assert within > 0.5 and -0.1 < without <= 0
    assert compare_with_box(found.drop, np.zeros((3, 3), bool))[0] is None


def test_a_map_that_nothing_excites_is_shown_as_nothing(bright):
    found = occlude(bright, ["conv1:0"], -np.ones((1, 4, 4), np.float32), patch=2, fill="mean")
    assert not found.maps[0].projection.any() and not found.maps[0].activity.any()


def test_a_network_that_insists_on_its_batch_gives_the_same(tmp_path):
    weights = BRIGHT_WEIGHTS
    free = open_text(tmp_path, BRIGHT, weights, (1, 4, 4))
    path = tmp_path / "fixed.onnx"
    path.write_bytes(onnx_text(BRIGHT, weights, image=(3, 1, 4, 4)).SerializeToString())
    fixed = inspectnet.open(path, device="cpu", threads=1, preparation={"mean": (0,), "std": (1,)})
    one, other = (occlude(network, ["conv1"], LIGHT, patch=2, stride=1) for network in (free, fixed))
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.maps[0].activity, other.maps[0].activity)


def test_batches_are_as_large_as_memory_allows_and_progress_counts_places(case):
    network, x, layer = case
    found = network.layer(layer)
    assert hidden_places.batch_for(network, [found]) == 16
    done = []
    occlude(network, [layer], x, stride=x.shape[1] // 4, batch_size=5, advance=done.append)
    assert set(done[:-1]) <= {5} and sum(done) == 16


def test_a_run_of_the_network_holds_no_more_than_its_share_of_memory(bright, monkeypatch):
    conv, pool = bright.layer("conv1"), bright.layer("pool1")
    for numbers, images in ((10 * 48, 10), (47, 1)):  # an image has 16 numbers, its two maps 32
        monkeypatch.setattr(hidden_places, "NUMBERS_PER_RUN", numbers)
        assert hidden_places.batch_for(bright, [conv]) == images
    monkeypatch.setattr(hidden_places, "NUMBERS_PER_RUN", 10 * 50)
    assert hidden_places.batch_for(bright, [conv, pool]) == 10  # and 2 after the pool


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"target": 2}, OptionError, r"there is no class 2: there are 2, 0 to 1\."),
        ({"target": -1}, OptionError, r"there is no class -1"),
        ({"labels": [0, 1]}, OptionError, r"2 labels are not one for each of 1 photos\."),
        ({"labels": [2]}, OptionError, r"there is no class 2: there are 2, 0 to 1\."),
        (
            {"boxes": {"0": Box(0, 0, 5, 4)}},
            OptionError,
            r"0 in boxes: the box \[0, 0, 5, 4\] does not lie in the photo",
        ),
        ({"layers": ["conv1:2"]}, LayerError, r"conv1 has 2 maps, 0 to 1; there is no map 2\."),
        ({"by": "mean"}, OptionError, r"no strength 'mean'\. .*There are: sum, max\."),
        ({"patch": 5}, OptionError, r"a patch of 5 px does not fit"),
        ({"fill": "red"}, OptionError, r"no fill 'red'"),
        ({"layers": ["conv1", "fc2"]}, LayerError, r"fc2 has no maps, only 2 units\. Choose a layer below it"),
        ({"layers": ["conv7"]}, LayerError, r"no layer 'conv7'"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(options, error, match, bright):
    with pytest.raises(error, match=match) as caught:
        inspectnet.occlude(
            bright, images=[np.zeros((4, 4, 3), np.uint8)], **{"layers": ["conv1"], "patch": 2, **options}
        )
    assert len(str(caught.value).splitlines()) == 1


def test_a_layer_of_one_place_has_a_sum_too(bright):
    assert occlude(bright, ["pool1"], LIGHT, patch=2).maps[0].activity.shape == (3, 3)


def test_a_network_that_answers_nonsense_is_refused(tmp_path):
    network = open_text(tmp_path, BRIGHT, BRIGHT_WEIGHTS | {"w": [[3e38, 0.0], [0.0, 1.0]]}, (1, 4, 4))
    with pytest.raises(ModelError, match=r"answers an image with NaN or infinity"):
        occlude(network, ["conv1"], LIGHT, patch=2)


def test_hiding_the_hounds_head_costs_squeezenet_its_class_and_hiding_its_body_does_not(squeezenet_file, photos):
    network = inspectnet.open(squeezenet_file, device="cpu", threads=2)
    file = photos / "n02088094_Afghan_hound.jpg"
    x = network.preparation.apply(decode(file.read_bytes(), file.name))
    found = occlude(network, ["features.12"], x, patch=60, stride=55)
    assert found.target == 160 and found.whole[160] > 0.9
    assert found.label.shape == (4, 4)
    assert found.probability[0, 3] < 0.5  # the head is in the upper right corner
    assert found.probability[:, :2].min() > 0.9
