"""Sanity checks: measures by hand and by slower definitions, and cascades whose outcome is known beforehand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from commands import noisy_photos
from nets import onnx_text

import inspectnet
from inspectnet.analyses.likeness import MEASURES, class_distance, edge_likeness, spearman, ssim
from inspectnet.analyses.sanity import MethodSanity, other_classes, randomise, steps_shown, weights_by_layer
from inspectnet.errors import ModelError, OptionError
from inspectnet.methods import Gradient, Method


@pytest.fixture(scope="module")
def vgg(exported):
    _, _, path = exported("vgg", "torchscript")
    x = np.random.default_rng(7).normal(size=(2, 3, 64, 64)).astype(np.float32)
    return inspectnet.open(path, device="cpu", threads=1), x, np.array([3, 0])


@dataclass(frozen=True, eq=False)
class Giving(Method):
    """A method that gives what a function makes of network, images and classes."""

    name = "giving"
    function: Callable = None

    def explain(self, x, units):
        return self.function(self.net, x, units.seed.argmax(axis=1))


def giving(network, **functions):
    return {name: Giving(network, function) for name, function in functions.items()}


def cascade(network, x, classes, methods, **options):
    """What `sanity` says of each method, but of classes and edges."""
    trained = {name: method.attribute(x, classes) for name, method in methods.items()}
    similarity, strips = randomise(network, x, classes, methods, trained, **options)
    return {
        name: MethodSanity("giving", {}, found, strips[name], np.full(len(x), np.nan), None)
        for name, found in similarity.items()
    }


def image_alone(network, x, classes):
    return x


# The measures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ([1, 2, 3, 4], [10, 20, 25, 1000], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 3, 4], [1, 3, 2, 4], 1 - 6 * 2 / (4 * 15)),
        ([1, 1, 2, 3], [1, 2, 3, 3], 4 / 4.5),
        ([0, 0, 0, 0], [1, 2, 3, 4], 0),
    ],
)
def test_the_rank_correlation_by_hand(a, b, wanted):
    """Without ties 1 - 6 sum d^2 / (n^3 - n); with ties the correlation of ranks 1.5 1.5 3 4 and 1 2 3.5 3.5."""
    assert spearman(np.array(a, float), np.array(b, float)) == pytest.approx(wanted)


def slow_ssim(a, b):
    """Wang et al. 2004, eq. 13, window by window, with weighted means and deviations as the paper writes them."""
    height, width = a.shape
    sides = [min(11, n if n % 2 else n - 1) for n in a.shape]
    y, x = (np.arange(n) - n // 2 for n in sides)
    w = np.exp(-(y[:, None] ** 2 + x**2) / (2 * 1.5**2))
    w /= w.sum()
    found = []
    for i in range(height - sides[0] + 1):
        for j in range(width - sides[1] + 1):
            p, q = (each[i : i + sides[0], j : j + sides[1]] for each in (a, b))
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum()
            both = (w * (p - mp) * (q - mq)).sum()
            found.append((2 * mp * mq + 1e-4) * (2 * both + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return np.mean(found)


@pytest.mark.parametrize("shape", [(20, 17), (11, 30), (6, 7)], ids=str)
def test_the_structural_similarity_equals_its_definition(shape, rng):
    a, b = rng.random(shape), rng.random(shape)
    assert ssim(a, (a + b) / 2) == pytest.approx(slow_ssim(a, (a + b) / 2), rel=1e-9)
    assert ssim(a, a) == pytest.approx(1)


def test_the_edges_of_a_single_row_lie_along_it(rng):
    row = np.zeros((1, 1, 1, 9))
    row[..., 4:] = 1
    edges = np.abs(np.gradient(row, axis=3))
    assert edge_likeness(row, edges)[0] == pytest.approx(1)


def test_the_edges_of_an_image_are_most_like_themselves(rng):
    x = np.zeros((1, 3, 16, 16), np.float32)
    x[:, :, :, 8:] = 1
    edges = np.zeros_like(x)
    edges[:, :, :, 7:9] = [-1, 1]
    assert edge_likeness(x, edges)[0] == pytest.approx(1)
    assert abs(edge_likeness(x, rng.normal(size=x.shape))[0]) < 0.2


# The cascade -----------------------------------------------------------------------------------------------


def test_layers_are_shuffled_from_the_top_down_each_step_one_more(vgg, monkeypatch):
    network, x, classes = vgg
    changed = []

    def watch(twin, x, classes):
        own = [name for layer in network.layers for name in network.weights(layer.output)]
        now = {name: w for layer in twin.layers for name, w in twin.weights(layer.output).items()}
        before = {name: w for layer in network.layers for name, w in network.weights(layer.output).items()}
        changed.append([name for name in own if not np.array_equal(now[name], before[name])])
        assert all(np.array_equal(np.sort(now[name].ravel()), np.sort(before[name].ravel())) for name in own)
        return x

    cascade(network, x, classes, giving(network, watch=watch))
    convolutions = [f"conv{i}" for i in range(8, 0, -1)]
    assert list(weights_by_layer(network)) == ["fc11", "fc10", "fc9", *convolutions]
    assert [len(names) for names in changed] == [2 * i for i in range(12)]
    assert changed[1] == ["classifier.6.weight", "classifier.6.bias"]
    assert set(changed[4]) - set(changed[3]) == {"features.18.weight", "features.18.bias"}


def test_what_looks_at_the_image_alone_stays_the_same_and_noise_is_lost_at_once(vgg):
    network, x, classes = vgg
    draw = np.random.default_rng(0)
    methods = giving(network, image=image_alone, noise=lambda network, x, classes: draw.normal(size=x.shape))
    found = cascade(network, x, classes, methods)
    for measure in MEASURES:
        np.testing.assert_allclose(getattr(found["image"], measure), 1)
        assert getattr(found["noise"], measure)[0] == pytest.approx(1)
    assert np.abs(found["noise"].rank[1:]).max() < 0.05


def test_the_gradient_forgets_and_the_cascade_repeats_by_its_seed(vgg):
    network, x, classes = vgg
    found, again = (
        cascade(network, x, classes, {"gradient": Gradient(network)}, repeats=repeats, seed=3)["gradient"]
        for repeats in (2, 1)
    )
    assert found.similarity.shape == (3, 2, 12, 2)
    assert abs(found.rank[-1]) < 0.1
    np.testing.assert_array_equal(again.similarity[:, 0], found.similarity[:, 0])
    first, second = found.similarity[0, :, 1]
    assert np.abs(first - second).max() > 0


def test_explanations_of_two_classes_are_told_apart(vgg):
    network, x, classes = vgg

    def one_pixel_a_class(network, x, classes):
        out = np.zeros_like(x)
        out[np.arange(len(x)), 0, 0, classes] = 5
        return out

    def opposite(network, x, classes, own=classes):
        return np.where((classes == own)[:, None, None, None], x, -2 * x)

    others = other_classes(classes, 10, seed=0)
    assert (others != classes).all() and set(others) <= set(range(10))
    methods = giving(network, one=one_pixel_a_class, same=image_alone, other=opposite)
    found = {name: class_distance(m.attribute(x, classes), m.attribute(x, others)) for name, m in methods.items()}
    np.testing.assert_allclose([found["one"], found["same"], found["other"]], [[1, 1], [0, 0], [2, 2]], atol=1e-6)


def test_images_of_which_nothing_is_explained_do_not_count(vgg):
    """Of two images the first is blank; the mean is the second's alone."""
    network, x, classes = vgg

    def half_blank(network, x, classes):
        return x * np.array([0, 1], np.float32)[:, None, None, None]

    methods = giving(network, half=half_blank, blank=lambda network, x, classes: np.zeros_like(x))
    found = cascade(network, x, classes, methods)
    assert found["half"].explained.tolist() == [False, True] and not found["blank"].explained.any()
    assert (found["half"].blank, found["blank"].blank) == (1, 2)
    np.testing.assert_allclose(found["half"].rank, 1)
    assert found["blank"].rank is None and found["blank"].class_distance is None
    half = half_blank(network, x, classes)
    assert np.isnan(class_distance(half, half)).tolist() == [True, False]
    assert np.isnan(edge_likeness(x, half_blank(network, x, classes))).tolist() == [True, False]


def test_a_network_without_weights_and_no_repeats_are_refused(tmp_path, vgg):
    with pytest.raises(OptionError, match="repeats is a whole number of 1 to 1000000, not 0"):
        inspectnet.sanity(vgg[0], tmp_path, repeats=0)
    file = onnx_text("p = GlobalAveragePool (image)\ny = Flatten (p)", image=("N", 3, 4, 4))
    path = tmp_path / "bare.onnx"
    path.write_bytes(file.SerializeToString())
    with pytest.raises(ModelError, match="has no weights below its class scores"):
        weights_by_layer(inspectnet.open(path, device="cpu"))


def test_layers_that_keep_their_channels_last_and_weights_of_no_layer_are_shuffled_too(rng, tmp_path):
    """A norm and a matrix on channels that are last, and a scale that stands by itself behind a pool."""
    body = """c = Conv (image, k)\nl = Transpose <perm = [0, 2, 3, 1]> (c)
    n = LayerNormalization <axis = -1> (l, g, b)\nm = MatMul (n, w)\nr = Relu (m)
    f = Transpose <perm = [0, 3, 1, 2]> (r)\np = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (f)
    s = Mul (p, loose)\na = GlobalAveragePool (s)\nv = Flatten (a)\ny = Gemm (v, u)"""
    shapes = {"k": (4, 3, 3, 3), "g": (4,), "b": (4,), "w": (4, 6), "loose": (1, 6, 1, 1), "u": (6, 5)}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    (tmp_path / "net.onnx").write_bytes(onnx_text(body, weights, image=("N", 3, 10, 10)).SerializeToString())
    network = inspectnet.open(tmp_path / "net.onnx", device="cpu")
    changed = []

    def watch(twin, x, classes):
        now, before = twin.weights(), network.weights()
        changed.append({name for name in shapes if not np.array_equal(now[name], before[name])})
        return x

    x = rng.normal(size=(1, 3, 10, 10)).astype(np.float32)
    cascade(network, x, np.array([0]), giving(network, watch=watch))
    assert changed[1] == {"u"} and changed[-2] == {"u", "w", "g", "b"} and changed[-1] == set(shapes)
    maps = inspectnet.GradCam(network, layer="fc1").attribute(x, 0)
    slope = network.weights()["loose"][0, :, 0, 0] * network.weights()["u"][:, 0] / 16
    mean = slope * 16 / 64  # each of 16 squares hands the slope to one of its places
    wanted = np.maximum(np.tensordot(mean, network.activations(x, "fc1")[0], 1), 0)
    np.testing.assert_allclose(maps[0], wanted, rtol=1e-4, atol=1e-6)


def test_an_explanation_of_which_nothing_is_left_is_like_none(vgg):
    network, x, classes = vgg
    calls = []

    def fading(network, x, classes):
        calls.append(0)
        return x if len(calls) == 1 else np.zeros_like(x)

    found = cascade(network, x, classes, giving(network, fading=fading))["fading"]
    for measure in MEASURES:
        first, *others = getattr(found, measure)
        assert first == pytest.approx(1) and not any(others)


def test_the_trained_network_is_explained_once_for_its_own_classes(vgg, tmp_path):
    """And once for others; then the shuffled ones, of 11 layers."""
    network, asked = vgg[0], []

    def watch(twin, x, classes):
        asked.append((twin is network, tuple(classes)))
        return x

    folder = noisy_photos(tmp_path / "photos", {"a.png": (70, 70), "b.png": (64, 80)})
    found = inspectnet.sanity(network, folder, methods=[Giving(network, watch)], seed=2)
    own = asked[0][1]
    assert asked[:12] == [(True, own), *[(False, own)] * 11] and len(asked) == 13
    assert asked[12][0] and all(a != b for a, b in zip(asked[12][1], own, strict=True))
    assert found.layers == tuple(weights_by_layer(network)) and found.methods["giving"].class_distance < 1e-6
    assert found.methods["giving"].rank == pytest.approx([1] * 12)


def test_the_first_photos_explanations_are_kept_from_the_trained_network_to_all_layers_shuffled(vgg):
    network, x, classes = vgg
    method = {"gradient": Gradient(network)}
    trained = {"gradient": method["gradient"].attribute(x, classes)}
    similarity, strips = randomise(network, x, classes, method, trained)
    steps = steps_shown(len(weights_by_layer(network)))
    assert steps[0] == 0 and steps[-1] == len(weights_by_layer(network)) and len(strips["gradient"]) == len(steps)
    assert np.array_equal(strips["gradient"][0], trained["gradient"][0])
    again = [spearman(trained["gradient"][0], strip) for strip in strips["gradient"]]
    assert np.allclose(again, similarity["gradient"][0, 0, list(steps), 0])


def test_a_cascade_that_is_stopped_says_what_it_has_so_far(vgg, caplog):
    network, x, classes = vgg
    steps = iter(range(3))

    def stop(n):
        if next(steps) == 2:
            raise KeyboardInterrupt

    methods = giving(network, image=image_alone)
    trained = {"image": methods["image"].attribute(x, classes)}
    with caplog.at_level("WARNING", "inspectnet"), pytest.raises(KeyboardInterrupt):
        randomise(network, x, classes, methods, trained, advance=stop)
    assert "so far, 3 of" in caplog.text and "image 1.000" in caplog.text
