"""Invariance: sweeps against networks run by hand, and numbers of curves worked out on paper."""

from pathlib import Path

import numpy as np
import pytest
from nets import CONV_AND_DENSE, onnx_text, random_weights

import inspectnet
from inspectnet.analyses.invariance import Sweep, ends, invariance, paper_amounts
from inspectnet.errors import LayerError, ModelError, OptionError
from inspectnet.images import Preparation, decode, find_images

SIDE = 12


def open_net(folder, text=CONV_AND_DENSE, **weights):
    drawn = random_weights(1, k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 5)) | weights
    drawn = {name: numbers for name, numbers in drawn.items() if name in text}
    path = folder / "net.onnx"
    path.write_bytes(onnx_text(text, drawn, image=("N", 3, SIDE, SIDE)).SerializeToString())
    preparation = Preparation((3, SIDE, SIDE), (0.5,) * 3, (0.25,) * 3, crop_pct=0.5)
    return inspectnet.open(path, device="cpu", preparation=preparation, threads=1)


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 2 * SIDE, 2 * SIDE, 3), dtype=np.uint8)


# The sweep -------------------------------------------------------------------------------------------------


def test_a_sweep_holds_what_the_network_says_of_each_window_of_the_photo(tmp_path):
    """Nothing is resized, so that a shift is another slice of the photo."""
    network, photos, shifts = open_net(tmp_path), noise(3), np.array([-6, -1, 0, 2, 5])
    classes = np.array([4, 0, 2])
    (found,) = invariance(network, photos, classes, ["conv1", "fc2"], amounts={"translate": shifts}, batch_size=2)
    normalise = network.preparation.normalise
    for n, photo in enumerate(photos):
        x = np.stack([normalise(np.ascontiguousarray(photo[6 - d : 18 - d, 6:18])) for d in (*shifts, 0)])
        for layer in ("conv1", "fc2"):
            *maps, untouched = network.activations(x, layer).astype(np.float64)
            wanted = [np.sqrt(np.square(m - untouched).sum() / np.square(untouched).sum()) for m in maps]
            np.testing.assert_allclose(found.distances[layer][n], wanted, rtol=1e-5, atol=1e-7)
        scores = network.values(x[:-1], ["y"])["y"].astype(np.float64)
        np.testing.assert_array_equal(found.predicted[n], scores.argmax(axis=1))
        likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found.probability[n], likely[:, classes[n]], rtol=1e-5)


def test_distances_can_be_raw_or_cosines_and_shifts_go_sideways_too(tmp_path):
    network, photos, amounts = open_net(tmp_path), noise(1), {"translate": np.array([0, 3])}

    def at(**how):
        return invariance(network, photos, None, ["conv1"], amounts=amounts, **how)[0].distances["conv1"][0]

    x = [network.preparation.normalise(np.ascontiguousarray(photos[0, 6:18, 6 - d : 18 - d])) for d in (0, 3)]
    first, second = network.activations(np.stack(x), "conv1").reshape(2, -1).astype(np.float64)
    raw = np.linalg.norm(second - first)
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    sideways = {"direction": "horizontal"}
    np.testing.assert_allclose(at(distance="raw", **sideways), [0, raw], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(at(distance="cosine", **sideways), [0, 1 - cosine], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(at(**sideways), [0, raw / np.linalg.norm(first)], rtol=1e-5, atol=1e-6)
    assert at(direction="diagonal")[1] != at()[1] != at(**sideways)[1]


def test_by_default_it_is_the_papers_figure_for_the_class_that_the_network_sees(tmp_path):
    network, photos = open_net(tmp_path), noise(2)
    found = invariance(network, photos)
    assert [sweep.transform for sweep in found] == ["translate", "scale", "rotate"]
    assert all(list(sweep.distances) == ["conv1", "fc2"] for sweep in found)
    for sweep in found:
        untouched = int(sweep.size.argmin())
        assert (sweep.distances["conv1"][:, untouched] == 0).all()
        assert (sweep.probability[:, untouched] >= 1 / 5).all()  # the most likely of five


def test_a_softmax_in_the_graph_is_not_taken_twice(tmp_path):
    amounts = {"translate": np.array([0.0, 3])}
    softmax = CONV_AND_DENSE.replace("y = Gemm", "z = Gemm") + "\ny = Softmax (z)"
    (plain,) = invariance(open_net(tmp_path), noise(2), amounts=amounts)
    (ended,) = invariance(open_net(tmp_path, softmax), noise(2), amounts=amounts)
    np.testing.assert_allclose(ended.probability, plain.probability, rtol=1e-6)


def test_a_network_that_takes_each_second_pixel_changes_its_mind_with_each_pixel(tmp_path):
    """Stripes of one pixel: with stride 2 all of a map is black or white, with stride 1 half of it always is."""
    stripes = np.zeros((1, 2 * SIDE, 2 * SIDE, 3), np.uint8)
    stripes[:, ::2] = 255
    kernel = np.zeros((2, 3, 1, 1))
    kernel[0, 0], kernel[1, 0] = 1, -1
    text = "a = Conv <strides = [{0}, {0}]> (image, k)\nr = Relu (a)\ng = GlobalAveragePool (r)\ny = Flatten (g)"
    amounts = {"translate": np.arange(5)}
    (aliased,) = invariance(open_net(tmp_path, text.format(2), k=kernel), stripes, layers=["conv1"], amounts=amounts)
    assert aliased.consistency() == pytest.approx((3 * 2 + 2 * 1) / (5 * 4))
    assert aliased.neighbour_consistency() == 0
    assert aliased.roughness(aliased.distances["conv1"]) > 1
    (steady,) = invariance(open_net(tmp_path, text.format(1), k=kernel), stripes, layers=["pool1"], amounts=amounts)
    assert (steady.consistency(), steady.neighbour_consistency()) == (1, 1)
    np.testing.assert_allclose(steady.distances["pool1"], 0, atol=1e-6)


# Its numbers -----------------------------------------------------------------------------------------------


def sweep(transform, amounts, distance, predicted=None):
    rows = np.atleast_2d(np.asarray(distance, float))
    answers = np.zeros(rows.shape, np.int64) if predicted is None else np.atleast_2d(predicted)
    return Sweep(transform, np.asarray(amounts, float), {"a": rows}, rows, answers)


def test_a_straight_curve_has_one_slope_and_a_sharp_one_begins_steeper():
    straight = sweep("translate", [-12, -6, -1, 0, 1, 6, 12], [24, 12, 2, 0, 2, 12, 24]).slope("a")
    assert (straight.initial, straight.overall, straight.sharpness) == pytest.approx((2, 2, 1))
    assert straight.linearity == pytest.approx(1)
    # 1 at once, from the smallest step on: the line that fits best has the slope sum(u d) / sum(u u) = 13 / 145
    sharp = sweep("scale", [1, 2, 13], [0, 1, 1]).slope("a")
    assert (sharp.initial, sharp.overall) == pytest.approx((1, 13 / 145))
    assert sharp.sharpness == pytest.approx(145 / 13)
    missed = (1 - 13 / 145) ** 2 + (1 - 12 * 13 / 145) ** 2
    assert sharp.linearity == pytest.approx(1 - missed / (2 / 3))
    assert sweep("scale", [1, 2], [0, 0]).slope("a") is None
    assert sharp.jump is sharp.beyond is None


def test_a_line_that_begins_with_a_jump_is_straight_beyond_it():
    found = sweep("scale", [1, 1.25, 1.5, 2], [0, 0.75, 1, 1.5]).slope("a")
    assert (found.jump, found.beyond) == pytest.approx((0.5, 1))
    assert found.sharpness > 1.5 and found.linearity < 0.9
    bent = sweep("scale", [1, 2, 3, 4], [0, 1, 1, 4]).slope("a")
    assert (bent.jump, bent.beyond) == pytest.approx((-1, 0.75))
    assert sweep("rotate", [0, 5, 10, 15], [0, 1, 1, 1]).slope("a").beyond == pytest.approx(1)


def test_pixels_in_between_are_softer_and_whole_ones_are_not(tmp_path):
    """Lines of one pixel: half a pixel further they are a grey, two pixels further they are themselves."""
    photo = np.zeros((1, 2 * SIDE, 2 * SIDE, 3), np.uint8)
    photo[:, ::2] = 200
    text = "a = Conv (image, k)\ng = GlobalAveragePool (a)\ny = Flatten (g)"
    network = open_net(tmp_path, text, k=np.ones((2, 3, 1, 1)))
    (found,) = invariance(network, photo, layers=["conv1"], amounts={"translate": np.array([0, 0.5, 2, 4])})
    none, half, *whole = found.distances["conv1"][0]
    assert half > 0.5 and none == max(whole) == 0


def test_the_slope_is_that_of_the_mean_of_both_directions_and_photos():
    found = sweep("translate", [-12, -1, 0, 1, 12], [[24, 2, 0, 4, 24], [0, 0, 0, 2, 48]]).slope("a")
    assert (found.initial, found.overall) == pytest.approx((2, 2))


def test_a_rotation_is_as_large_as_the_shorter_way_back():
    assert sweep("rotate", [0, 90, 180, 350, -20, 365], [0] * 6).size.tolist() == [0, 90, 180, 10, 20, 5]


def test_two_changes_agree_as_often_as_counting_pairs_says():
    found = sweep("translate", range(4), np.zeros((2, 4)), [[1, 1, 2, 1], [5, 5, 5, 5]])
    assert found.consistency() == pytest.approx((3 / 6 + 6 / 6) / 2)
    assert found.neighbour_consistency() == pytest.approx((1 / 3 + 3 / 3) / 2)


def test_a_zigzag_is_rough_and_a_line_is_not():
    found = sweep("translate", range(5), [0] * 5)
    assert found.roughness(np.array([[0.0, 1, 2, 3, 4]])) == pytest.approx(0)
    assert found.roughness(np.array([[0.0, 1, 0, 1, 0]])) == pytest.approx(1 / 0.4)
    assert found.roughness(np.zeros((1, 5))) is None


def test_the_papers_amounts_grow_with_the_input():
    np.testing.assert_array_equal(paper_amounts("translate", (224, 224)), np.arange(-60, 61, 5))
    np.testing.assert_array_equal(paper_amounts("translate", (56, 56)), np.arange(-15, 16))
    assert paper_amounts("translate", (448, 600))[[0, 1, -1]].tolist() == [-120, -110, 120]
    np.testing.assert_array_equal(paper_amounts("translate", (224, 224), by_pixel=True), np.arange(-60, 61))
    np.testing.assert_allclose(paper_amounts("scale", (9, 9))[[0, 1, -1]], [1, 1.05, 1.8])
    assert paper_amounts("rotate", (9, 9))[[0, 1, -1]].tolist() == [0, 5, 355]


@pytest.mark.parametrize(("name", "wanted"), [("zfnet", ["conv1", "fc7"]), ("squeezenet", ["conv1", "concat3"])])
def test_the_last_hidden_layer_is_the_one_below_the_classifier(exported, name, wanted):
    _, _, path = exported(name, "torchscript")
    assert ends(inspectnet.open(path, device="cpu")) == wanted


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"amounts": {"turn": np.arange(3)}}, OptionError, "no transform 'turn'"),
        ({"amounts": {"scale": np.ones(1)}}, OptionError, "needs two amounts or more"),
        ({"amounts": {"scale": np.array([0.1, 1])}}, OptionError, "cannot be scaled by 0.1"),
        ({"distance": "cosin"}, OptionError, r"no distance 'cosin'. Did you mean cosine\?"),
        ({"direction": "up"}, OptionError, "Choose vertical, horizontal, diagonal"),
        ({"border": "sky"}, OptionError, "no border 'sky'"),
        ({"layers": ["conv9"]}, LayerError, "conv9"),
        ({"classes": np.array([5])}, OptionError, "there is no class 5: there are 5, 0 to 4"),
        ({"classes": np.array([-1])}, OptionError, "there is no class -1"),
        ({"classes": np.array([1, 2])}, OptionError, "2 classes are not one for each of 1 photos"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(tmp_path, how, error, message):
    with pytest.raises(error, match=message):
        invariance(open_net(tmp_path), noise(1), **how)


def test_features_that_are_zero_and_answers_that_are_no_numbers_are_refused(tmp_path):
    dead = open_net(tmp_path, k=np.zeros((4, 3, 3, 3)))
    with pytest.raises(OptionError, match=r"conv1 is zero for an untouched photo.*Say --distance raw"):
        invariance(dead, noise(1))
    with pytest.raises(ModelError, match="NaN or infinity"):
        invariance(open_net(tmp_path, w2=np.full((6, 5), 3e38)), noise(1))
    lonely = open_net(tmp_path, "a = Conv (image, k)\ng = GlobalAveragePool (a)\ny = Flatten (g)")
    with pytest.raises(ModelError, match=r"has no hidden layer below its class scores. Say --layer"):
        invariance(lonely, noise(1))


# The real thing --------------------------------------------------------------------------------------------


def test_the_first_layer_of_squeezenet_changes_more_sharply_than_its_last_hidden_one(squeezenet_file, photos):
    """As the paper says of its network; four shifts of two photos."""
    network = inspectnet.open(squeezenet_file, device="cpu", preparation={"crop_pct": 227 / 256}, threads=2)
    names = ("n02119789_kit_fox.jpg", "n02666196_abacus.jpg")
    pixels = [decode((photos / name).read_bytes(), name) for name in names]
    (found,) = invariance(network, pixels, amounts={"translate": np.array([-60, -5, 5, 30, 60])}, batch_size=5)
    first, last = (found.slope(layer) for layer in ("conv1", "concat8"))
    assert first.sharpness > 1.3 * last.sharpness > 1.3
    assert first.linearity < last.linearity


def test_the_last_hidden_layer_of_zfnet_tiny_is_nearly_linear_in_the_shift_and_the_first_is_not(photos):
    """As the paper says of its network, whose layer 7 keeps no places either; 8 photos it was not trained on."""
    file = Path(__file__).parents[2] / "models" / "zfnet-tiny.onnx"  # part of the project: never skipped for its lack
    tar = photos.parent / "tiny-imagenet-100" / "val.tar"
    if not tar.exists():
        pytest.skip("the shared validation pictures are not here")
    network, collection = inspectnet.open(file, device="cpu", threads=2), find_images(tar)
    entries = range(0, len(collection), len(collection) // 8)
    pixels = [decode(collection.read(i), collection.entries[i].id) for i in list(entries)[:8]]
    (found,) = invariance(network, pixels, amounts={"translate": np.arange(-15, 16, 3)})
    first, last = (found.slope(layer) for layer in ("conv1", "fc7"))
    assert last.linearity > 0.7 > 0.5 > first.linearity
    assert last.sharpness < first.sharpness
