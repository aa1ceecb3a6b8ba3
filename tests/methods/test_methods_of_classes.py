"""Explanations of a class: against torch's autograd in float64, against the papers' axioms, and by hand."""

import copy
import re

import numpy as np
import pytest
from nets import NETS, SIDES, onnx_text

import inspectnet
from inspectnet.errors import LayerError, OptionError, RuleError
from inspectnet.methods import METHODS, Cam, cam_layer, enlarge, suited_methods
from inspectnet.rules import Policy

LAYERS = {"vgg": ("conv8", "features.19"), "resnet": ("add4", "layer3.1.relu"), "squeezenet": ("concat3", "features.6")}
CLASSES = np.array([3, 0, 7])


@pytest.fixture(scope="module", params=LAYERS)
def case(request, exported):
    """A network in torch and opened, three images for it, and the layer where its maps are taken, in both tongues."""
    net, _, path = exported(request.param, "torchscript")
    side = SIDES[request.param]
    x = np.random.default_rng(7).normal(size=(3, 3, side, side)).astype(np.float32)
    return net, inspectnet.open(path, device="cpu", threads=1), x, *LAYERS[request.param]


@pytest.fixture(scope="module")
def vgg(exported):
    _, _, path = exported("vgg", "torchscript")
    x = np.random.default_rng(7).normal(size=(3, 3, 64, 64)).astype(np.float32)
    return inspectnet.open(path, device="cpu", threads=1), x


def explain(network, x, target, method, **options):
    return METHODS[method](network, **options).attribute(x, target)


def torch_gradients(net, x, classes, module):
    """By torch in float64: the derivative of each image's score by its pixels, a module's maps, and that by them."""
    import torch

    twin, kept = copy.deepcopy(net).double().eval(), []
    twin.get_submodule(module).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    pixels = torch.from_numpy(np.asarray(x)).double().requires_grad_(True)
    scores = twin(pixels)[torch.arange(len(x)), torch.from_numpy(classes)]
    by_pixels, by_maps = torch.autograd.grad(scores.sum(), [pixels, kept[-1]])
    return by_pixels.numpy(), kept[-1].detach().numpy(), by_maps.numpy()


def assert_near(found, wanted, tolerance=1e-4):
    assert (found.shape, found.dtype) == (wanted.shape, np.float32)
    assert np.abs(wanted).max() > 0
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


def open_text(tmp_path, body, weights, shape, **options):
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", *shape), **options).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation={"mean": (0,) * shape[0], "std": (1,) * shape[0]})


# Against torch in float64 ----------------------------------------------------------------------------------


def test_the_gradient_and_its_product_with_the_input_equal_torchs(case):
    net, network, x, _, module = case
    by_pixels, _, _ = torch_gradients(net, x, CLASSES, module)
    assert_near(explain(network, x, CLASSES, "gradient"), by_pixels)
    assert_near(explain(network, x, CLASSES, "input_x_gradient"), by_pixels * x)


def test_grad_cam_equals_torchs(case):
    net, network, x, layer, module = case
    _, maps, slope = torch_gradients(net, x, CLASSES, module)
    wanted = np.maximum((slope.mean(axis=(2, 3), keepdims=True) * maps).sum(axis=1), 0)
    assert_near(explain(network, x, CLASSES, "grad_cam", layer=layer), wanted)


def test_layer_cam_equals_torchs(case):
    net, network, x, layer, module = case
    _, maps, slope = torch_gradients(net, x, CLASSES, module)
    wanted = np.maximum((np.maximum(slope, 0) * maps).sum(axis=1), 0)
    assert_near(explain(network, x, CLASSES, "layer_cam", layer=layer), wanted)


def test_integrated_gradients_equal_torchs_with_the_same_steps(case):
    net, network, x, _, module = case
    steps, baseline = 5, np.full((3, 1, 1), 0.25, np.float32)
    way = x - baseline
    points = [baseline + (i + 0.5) / steps * way for i in range(steps)]
    wanted = way * np.mean([torch_gradients(net, p, CLASSES, module)[0] for p in points], axis=0)
    found = explain(network, x, CLASSES, "integrated_gradients", steps=steps, baseline=baseline)
    assert_near(found, wanted, 1e-3)  # a rectifier near its kink may tip over between float32 and float64


@pytest.mark.parametrize("size", [(7, 7), (64, 50), (5, 3), (1, 2)], ids=str)
def test_maps_are_enlarged_as_torch_does_it(size, rng):
    import torch

    maps = rng.normal(size=(2, 5, 6)).astype(np.float32)
    wanted = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], size=size, mode="bilinear")[0]
    np.testing.assert_allclose(enlarge(maps, size), wanted.numpy(), atol=1e-6)


# Axioms and definitions ------------------------------------------------------------------------------------


def logits_of(network, x):
    name = network.class_scores().logits
    return network.values(x, [name])[name]


def score(network, x, classes):
    return logits_of(network, x).reshape(len(x), -1)[np.arange(len(x)), classes]


@pytest.mark.parametrize("baseline", [0.0, -1.5])
def test_integrated_gradients_add_up_to_the_change_of_the_score(baseline, vgg):
    """Completeness, Sundararajan et al. 2017, proposition 1."""
    network, x = vgg
    change = score(network, x, CLASSES) - score(network, np.full_like(x, baseline), CLASSES)
    found = explain(network, x, CLASSES, "integrated_gradients", steps=200, baseline=baseline)
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), change, atol=0.03 * np.abs(change).max())


def test_integrated_gradients_of_a_hinge_by_hand(tmp_path):
    """The score max(2 x - 1, 0) rises from 0 at x = 0 to 3 at x = 2: with 4 steps 3 of 4 midpoints are on the slope."""
    body = "a = Conv (image, k, b)\nr = Relu (a)\ny = Flatten (r)"
    weights = {"k": np.array([2.0, 1.0]).reshape(2, 1, 1, 1), "b": np.array([-1.0, 0.0])}
    network = open_text(tmp_path, body, weights, (1, 1, 1))
    x = np.full((1, 1, 1, 1), 2, np.float32)
    assert explain(network, x, 0, "integrated_gradients", steps=4).item() == 3
    assert explain(network, x, 0, "input_x_gradient").item() == 4


def test_smoothgrad_is_the_mean_gradient_of_the_same_noise(vgg):
    network, x = vgg
    draw, deviation = np.random.default_rng(5), 0.2 * (x.max(axis=(1, 2, 3)) - x.min(axis=(1, 2, 3)))
    noise = [draw.standard_normal((3, 64, 64), np.float32) for _ in range(4)]
    noisy = [x + deviation.astype(np.float32)[:, None, None, None] * n for n in noise]
    wanted = np.mean([explain(network, n, CLASSES, "gradient") for n in noisy], axis=0)
    found = explain(network, x, CLASSES, "smoothgrad", samples=4, noise=0.2, seed=5)
    assert_near(found, wanted, 1e-3)


def test_smoothgrad_repeats_by_its_seed_whatever_images_are_beside_it(vgg):
    network, x = vgg
    options = {"samples": 3, "seed": 1}
    found = explain(network, x, CLASSES, "smoothgrad", **options)
    np.testing.assert_array_equal(explain(network, x, CLASSES, "smoothgrad", **options), found)
    alone = explain(network, x[1:2], CLASSES[1:2], "smoothgrad", **options)
    assert_near(alone, found[1:2], 1e-3)
    other = explain(network, x, CLASSES, "smoothgrad", samples=3, seed=2)
    assert np.abs(other - found).max() > 0.01 * np.abs(found).max()


def test_smoothgrad_without_noise_is_the_gradient(vgg):
    network, x = vgg
    assert_near(
        explain(network, x, CLASSES, "smoothgrad", samples=2, noise=0), explain(network, x, CLASSES, "gradient"), 1e-6
    )


CAM = "a = Conv (image, k)\nr = Relu (a)\np = GlobalAveragePool (r)\nf = Flatten (p)\ny = Gemm (f, w)"
CAM_WEIGHTS = {"k": np.array([1.0, -1.0]).reshape(2, 1, 1, 1), "w": [[3.0, -1.0], [-2.0, 1.0]]}
CAM_IMAGE = np.array([[[[1.0, -2.0], [0.0, 4.0]]]], np.float32)


def test_grad_cam_and_guided_grad_cam_by_hand(tmp_path):
    """Maps [[1, 0], [0, 4]] and [[0, 2], [0, 0]]; class 0 weighs them 3/4 and -2/4, class 1 -1/4 and 1/4."""
    network = open_text(tmp_path, CAM, CAM_WEIGHTS, (1, 2, 2))
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 0, "grad_cam"), [[[0.75, 0], [0, 3]]])
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 1, "grad_cam"), [[[0, 0.5], [0, 0]]])
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 0, "gradient"), [[[[0.75, 0.5], [0, 0.75]]]])
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 0, "guided_backprop"), [[[[0.75, 0], [0, 0.75]]]])
    # the map has the image's size, so nothing is enlarged: the product place by place
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 0, "guided_grad_cam"), [[[[0.5625, 0], [0, 2.25]]]])


def test_guided_grad_cam_enlarges_the_map_to_the_image(vgg):
    network, x = vgg
    places = enlarge(explain(network, x, CLASSES, "grad_cam", layer="conv4"), (64, 64))
    wanted = explain(network, x, CLASSES, "guided_backprop") * places[:, None]
    np.testing.assert_array_equal(explain(network, x, CLASSES, "guided_grad_cam", layer="conv4"), wanted)


# What is explained -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "tail",
    ["y = Softmax (s)", "y = LogSoftmax (s)", "t = Softmax (s)\ny = Identity (t)", "y = Identity (s)"],
    ids=["softmax", "log-softmax", "softmax-identity", "identity"],
)
def test_a_softmax_at_the_end_changes_no_explanation(method, tail, tmp_path):
    plain = explain(open_text(tmp_path, CAM, CAM_WEIGHTS, (1, 2, 2)), CAM_IMAGE, 0, method)
    body = CAM.replace("y = ", "s = ") + "\n" + tail
    network = open_text(tmp_path, body, CAM_WEIGHTS, (1, 2, 2))
    np.testing.assert_allclose(explain(network, CAM_IMAGE, 0, method), plain, rtol=1e-6)


def test_scores_may_keep_the_extent_of_one_place(tmp_path):
    body = "a = Conv (image, k)\nr = Relu (a)\np = GlobalAveragePool (r)\ny = Softmax <axis = 1> (p)"
    network = open_text(tmp_path, body, {"k": CAM_WEIGHTS["k"]}, (1, 2, 2))
    assert network.class_scores().shape == (2, 1, 1)
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 1, "gradient"), [[[[0, -0.25], [0, 0]]]])


def test_probabilities_are_the_softmax_of_the_scores_whether_or_not_the_graph_has_one(tmp_path):
    scores = np.array([15 / 4 - 1, -5 / 4 + 2 / 4])
    wanted = [np.exp(scores) / np.exp(scores).sum()]
    plain = open_text(tmp_path, CAM, CAM_WEIGHTS, (1, 2, 2))
    np.testing.assert_allclose(plain.probabilities(CAM_IMAGE), wanted, rtol=1e-6)
    body = CAM.replace("y = ", "s = ") + "\ny = Softmax (s)"
    ended = open_text(tmp_path, body, CAM_WEIGHTS, (1, 2, 2))
    np.testing.assert_allclose(ended.probabilities(CAM_IMAGE), wanted, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_shape_and_explains_each_images_own_class(method, vgg):
    network, x = vgg
    options = {"integrated_gradients": {"steps": 2}, "smoothgrad": {"samples": 2}}.get(method, {})
    found = explain(network, x, CLASSES, method, **options)
    maps = issubclass(METHODS[method], Cam) and method != "guided_grad_cam"
    assert (found.shape, found.dtype) == ((3, 4, 4) if maps else x.shape, np.float32)
    one = explain(network, x, 7, method, **options)
    np.testing.assert_allclose(one[2], found[2], rtol=1e-4, atol=1e-6)
    assert np.abs(one[0] - found[0]).max() > 0


@pytest.mark.parametrize("name", NETS)
def test_the_layer_of_a_cam_is_the_last_one_with_filters_below_the_classes(name, exported):
    network = inspectnet.open(exported(name, "torchscript")[2], device="cpu", threads=1)
    last = {"alexnet": "conv5", "zfnet": "conv5", "vgg": "conv8", "squeezenet": "concat3", "resnet": "add4"}
    assert cam_layer(network).name == last[name]


# The way down to a layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
def test_a_signal_may_rest_at_a_layer_on_its_way_down(method, case):
    """From the scores to a layer, and from there to the pixels, is from the scores to the pixels."""
    _, network, x, layer, _ = case
    inverse, scores = network.inverse(Policy(method)), network.class_scores()
    name, shape = scores.logits, scores.shape
    seed = np.random.default_rng(2).normal(size=(3, *shape)).astype(np.float32)
    there = inverse.backward(x, name, seed, down_to=layer)
    assert there.shape == (3, *network.layer(layer).shape[1:])
    assert_near(inverse.project_seeds(x, layer, there), inverse.backward(x, name, seed))


def test_no_rule_is_needed_below_the_layer_where_the_way_ends(tmp_path):
    body = CAM.replace("(image, k)", "(odd, k)")
    network = open_text(tmp_path, f"odd = Round (image)\n{body}", CAM_WEIGHTS, (1, 2, 2))
    with pytest.raises(RuleError, match="no gradient rule for Round"):
        explain(network, CAM_IMAGE, 0, "gradient")
    np.testing.assert_array_equal(explain(network, CAM_IMAGE, 0, "grad_cam"), [[[0.75, 0], [0, 3]]])


def test_a_layer_that_does_not_lead_to_the_scores_is_refused(tmp_path):
    body = CAM + "\nz = Conv (r, q)"
    weights = {**CAM_WEIGHTS, "q": np.ones((1, 2, 1, 1))}
    network = open_text(tmp_path, body, weights, (1, 2, 2), outputs=["y", "z"])
    with pytest.raises(RuleError, match=r"no signal from 'y' reaches 'z'\. Choose a layer below it."):
        explain(network, CAM_IMAGE, 0, "grad_cam", layer="conv2")


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "method", "options", "error", "match"),
    [
        (10, "gradient", {}, OptionError, r"there is no class 10: .* tells 10 apart, 0 to 9"),
        ([0, -1, 2], "gradient", {}, OptionError, r"there is no class -1"),
        ([0, 1], "gradient", {}, OptionError, r"2 targets for 3 images"),
        (1.5, "gradient", {}, OptionError, r"1\.5 is no target\. Give a class by number or name"),
        ((3, 0, 0), "gradient", {}, OptionError, r"\(3, 0, 0\) is no class, which has no place"),
        (
            0,
            "integrated_gradients",
            {"steps": 0},
            OptionError,
            r"the steps of integrated_gradients cannot be 0. Choose a whole number, 1 to 10000",
        ),
        (0, "integrated_gradients", {"steps": 2.5}, OptionError, r"the steps of integrated_gradients cannot be 2.5"),
        (0, "integrated_gradients", {"baseline": float("nan")}, OptionError, r"the baseline \(\) is no finite image"),
        (0, "integrated_gradients", {"baseline": "a"}, OptionError, r"the baseline 'a' is no number, nor an image"),
        (0, "integrated_gradients", {"baseline": np.zeros((7, 5))}, OptionError, r"the baseline \(7, 5\) is no"),
        (0, "smoothgrad", {"seed": -1}, OptionError, r"the seed of smoothgrad cannot be -1"),
        (0, "smoothgrad", {"samples": 0}, OptionError, r"the samples of smoothgrad cannot be 0"),
        (
            0,
            "smoothgrad",
            {"noise": -0.1},
            OptionError,
            r"the noise of smoothgrad cannot be -0.1. Choose a number, 0 or more",
        ),
        (0, "smoothgrad", {"noise": float("nan")}, OptionError, r"the noise of smoothgrad cannot be nan"),
        (0, "grad_cam", {"layer": "conv9"}, LayerError, r"no layer 'conv9'"),
        (0, "grad_cam", {"layer": "fc9"}, LayerError, r"fc9 has no extent"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(target, method, options, error, match, vgg):
    network, x = vgg
    with pytest.raises(error, match=match) as caught:
        explain(network, x, target, method, **options)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("method", ["gradient", "smoothgrad", "grad_cam"])
def test_images_of_another_shape_are_refused_before_anything_runs(method, vgg):
    network, x = vgg
    with pytest.raises(OptionError, match=r"images have the shape \(1, 3, 64, 63\), but"):
        explain(network, x[:1, :, :, 1:], 0, method)


def test_a_network_without_maps_below_its_classes_has_no_cam(tmp_path):
    network = open_text(tmp_path, "f = Flatten (image)\ny = Gemm (f, w)", {"w": np.ones((4, 2))}, (1, 2, 2))
    with pytest.raises(LayerError, match=re.escape("has no convolution with extent below its class scores")):
        explain(network, CAM_IMAGE, 0, "grad_cam")
    assert explain(network, CAM_IMAGE, 0, "gradient").shape == CAM_IMAGE.shape


# Weights ---------------------------------------------------------------------------------------------------


def test_a_twin_with_other_weights_answers_as_torch_does_with_them(exported):
    import torch

    net, x, path = exported("vgg", "torchscript")
    network, x = inspectnet.open(path, device="cpu", threads=1), x.numpy()
    before = logits_of(network, x)
    names = network.weights("conv3")
    assert {name.rpartition(".")[2]: w.shape for name, w in names.items()} == {
        "weight": (24, 16, 3, 3), "bias": (24,)
    }  # fmt: skip
    twin = network.with_weights({name: w[::-1] for name, w in names.items()})
    changed = copy.deepcopy(net)
    module = changed.features[6]
    module.weight.data, module.bias.data = module.weight.data.flip(0), module.bias.data.flip(0)
    wanted = changed(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(logits_of(twin, x), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(logits_of(network, x), before)
    assert np.abs(wanted - before).max() > 0.01
    assert [layer.name for layer in twin.layers] == [layer.name for layer in network.layers]
    back = twin.with_weights(names)
    np.testing.assert_array_equal(logits_of(back, x), before)


def test_the_deconvnet_takes_a_class_from_its_own_map_below_a_global_pool(exported):
    _, _, path = exported("squeezenet", "torchscript")
    network, x = inspectnet.open(path, device="cpu", threads=1), np.random.default_rng(7).normal(size=(3, 3, 64, 64))
    maps = network.class_maps()
    assert maps.spatial and maps.maps == network.class_scores().classes and min(maps.extent) > 1
    own = inspectnet.Deconvnet(network).attribute(x.astype(np.float32), CLASSES)
    assert np.array_equal(own, inspectnet.Deconvnet(network, layer=maps.name).attribute(x.astype(np.float32), CLASSES))
    assert own.any() and inspectnet.GuidedBackprop(network).start == ""


@pytest.mark.parametrize(
    "name, pooled, left", [("vgg", False, []), ("resnet", True, ["deconvnet"]), ("squeezenet", True, [])]
)
def test_the_deconvnet_is_no_default_where_a_pool_stands_above_the_features_and_below_the_classes(
    exported, name, pooled, left
):
    _, _, path = exported(name, "torchscript")
    network = inspectnet.open(path, device="cpu", threads=1)
    methods, left_out = suited_methods(network, "deconvnet,gradient")
    assert (network.score_pool() is not None) is pooled and list(left_out) == left
    assert list(methods) == [name for name in ("deconvnet", "gradient") if name not in left]
    _, not_to_be_read = suited_methods(network, "deconvnet,gradient", read=True)
    assert list(not_to_be_read) == ["deconvnet"] * pooled
    assert ("ring around the unit" in str(not_to_be_read)) is (pooled and not left)
