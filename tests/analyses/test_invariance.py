"""Invariance: sweeps against networks run by hand."""

from pathlib import Path

import numpy as np
import pytest
from nets import CONV_AND_DENSE, onnx_text, random_weights

import inspectnet
from inspectnet.analyses.invariance import ends, invariance
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


def one_sweep(network, photos, layers=(), **how):
    (sweep,) = invariance(network, layers, photos, **how).sweeps.values()
    return sweep


# The sweep -------------------------------------------------------------------------------------------------


def test_a_sweep_holds_what_the_network_says_of_each_window_of_the_photo(tmp_path):
    """Nothing is resized, so that a shift is another slice of the photo."""
    network, photos, shifts = open_net(tmp_path), noise(3), np.array([-6, -1, 0, 2, 5])
    classes = np.array([4, 0, 2])
    found = one_sweep(network, photos, ["conv1", "fc2"], labels=classes, transforms={"translate": shifts}, batch_size=2)
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
        return one_sweep(network, photos, ["conv1"], transforms=amounts, **how).distances["conv1"][0]

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
    found = invariance(network, images=photos).sweeps.values()
    assert [sweep.transform for sweep in found] == ["translate", "scale", "rotate"]
    assert all(list(sweep.distances) == ["conv1", "fc2"] for sweep in found)
    for sweep in found:
        untouched = int(sweep.size.argmin())
        assert (sweep.distances["conv1"][:, untouched] == 0).all()
        assert (sweep.probability[:, untouched] >= 1 / 5).all()  # the most likely of five


def test_a_softmax_in_the_graph_is_not_taken_twice(tmp_path):
    amounts = {"translate": np.array([0.0, 3])}
    softmax = CONV_AND_DENSE.replace("y = Gemm", "z = Gemm") + "\ny = Softmax (z)"
    plain = one_sweep(open_net(tmp_path), noise(2), transforms=amounts)
    ended = one_sweep(open_net(tmp_path, softmax), noise(2), transforms=amounts)
    np.testing.assert_allclose(ended.probability, plain.probability, rtol=1e-6)


def test_a_network_that_takes_each_second_pixel_changes_its_mind_with_each_pixel(tmp_path):
    """Stripes of one pixel: with stride 2 all of a map is black or white, with stride 1 half of it always is."""
    stripes = np.zeros((1, 2 * SIDE, 2 * SIDE, 3), np.uint8)
    stripes[:, ::2] = 255
    kernel = np.zeros((2, 3, 1, 1))
    kernel[0, 0], kernel[1, 0] = 1, -1
    text = "a = Conv <strides = [{0}, {0}]> (image, k)\nr = Relu (a)\ng = GlobalAveragePool (r)\ny = Flatten (g)"
    amounts = {"translate": np.arange(5)}
    aliased = one_sweep(open_net(tmp_path, text.format(2), k=kernel), stripes, ["conv1"], transforms=amounts)
    assert aliased.consistency.value == pytest.approx((3 * 2 + 2 * 1) / (5 * 4))
    assert aliased.neighbour_consistency == 0
    assert aliased.layers[0].roughness > 1
    steady = one_sweep(open_net(tmp_path, text.format(1), k=kernel), stripes, ["pool1"], transforms=amounts)
    assert (steady.consistency.value, steady.neighbour_consistency) == (1, 1)
    np.testing.assert_allclose(steady.distances["pool1"], 0, atol=1e-6)


def test_pixels_in_between_are_softer_and_whole_ones_are_not(tmp_path):
    """Lines of one pixel: half a pixel further they are a grey, two pixels further they are themselves."""
    photo = np.zeros((1, 2 * SIDE, 2 * SIDE, 3), np.uint8)
    photo[:, ::2] = 200
    text = "a = Conv (image, k)\ng = GlobalAveragePool (a)\ny = Flatten (g)"
    network = open_net(tmp_path, text, k=np.ones((2, 3, 1, 1)))
    found = one_sweep(network, photo, ["conv1"], transforms={"translate": [0, 0.5, 2, 4]})
    none, half, *whole = found.distances["conv1"][0]
    assert half > 0.5 and none == max(whole) == 0


@pytest.mark.parametrize(("name", "wanted"), [("zfnet", ["conv1", "fc7"]), ("squeezenet", ["conv1", "concat3"])])
def test_the_last_hidden_layer_is_the_one_below_the_classifier(exported, name, wanted):
    _, _, path = exported(name, "torchscript")
    assert ends(inspectnet.open(path, device="cpu")) == wanted


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"transforms": {"turn": np.arange(3)}}, OptionError, "no transform 'turn'"),
        ({"transforms": {"scale": np.ones(1)}}, OptionError, "needs two amounts or more"),
        ({"transforms": {"scale": np.array([0.1, 1])}}, OptionError, "cannot be scaled by 0.1"),
        ({"distance": "cosin"}, OptionError, r"no distance 'cosin'. Did you mean cosine\?"),
        ({"direction": "up"}, OptionError, "There are: vertical, horizontal, diagonal"),
        ({"border": "sky"}, OptionError, "no border 'sky'"),
        ({"layers": ["conv9"]}, LayerError, "conv9"),
        ({"labels": np.array([5])}, OptionError, "there is no class 5: there are 5, 0 to 4"),
        ({"labels": np.array([-1])}, OptionError, "there is no class -1"),
        ({"labels": np.array([1, 2])}, OptionError, "2 labels are not one for each of 1 photos"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(tmp_path, how, error, message):
    with pytest.raises(error, match=message):
        invariance(open_net(tmp_path), images=noise(1), **how)


def test_features_that_are_zero_and_answers_that_are_no_numbers_are_refused(tmp_path):
    dead = open_net(tmp_path, k=np.zeros((4, 3, 3, 3)))
    with pytest.raises(OptionError, match=r"conv1 is zero for an untouched photo.*Say --distance raw"):
        invariance(dead, images=noise(1))
    with pytest.raises(ModelError, match="NaN or infinity"):
        invariance(open_net(tmp_path, w2=np.full((6, 5), 3e38)), images=noise(1))
    lonely = open_net(tmp_path, "a = Conv (image, k)\ng = GlobalAveragePool (a)\ny = Flatten (g)")
    with pytest.raises(ModelError, match=r"has no hidden layer below its class scores. Say --layer"):
        invariance(lonely, images=noise(1))


# The real thing --------------------------------------------------------------------------------------------


def test_the_first_layer_of_squeezenet_changes_more_sharply_than_its_last_hidden_one(squeezenet_file, photos):
    """As the paper says of its network; four shifts of two photos."""
    network = inspectnet.open(squeezenet_file, device="cpu", preparation={"crop_pct": 227 / 256}, threads=2)
    names = ("n02119789_kit_fox.jpg", "n02666196_abacus.jpg")
    pixels = [decode((photos / name).read_bytes(), name) for name in names]
    found = one_sweep(network, pixels, transforms={"translate": [-60, -5, 5, 30, 60]}, batch_size=5)
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
    found = one_sweep(network, pixels, transforms={"translate": range(-15, 16, 3)})
    first, last = (found.slope(layer) for layer in ("conv1", "fc7"))
    assert last.linearity > 0.7 > 0.5 > first.linearity
    assert last.sharpness < first.sharpness
