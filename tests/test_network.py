"""An opened network: what it answers, and projections that are right in every crop, at the borders too."""

import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
from nets import onnx_text
from onnx import numpy_helper
from small import session

import inspectnet
from inspectnet.analyses.verification import check_all
from inspectnet.errors import LayerError, ModelError, OptionError
from inspectnet.geometry import Unit
from inspectnet.inverse import invert_split
from inspectnet.inverse.operators import operators_below
from inspectnet.inverse.unit_crops import crop_of
from inspectnet.reading.reader import open_graph, read
from inspectnet.rules import METHODS, Policy

CROPPED = {  # layers of the small networks whose units see less than the whole image
    "alexnet": ["conv1", "pool1", "conv2", "pool2"],
    "zfnet": ["conv1", "norm1", "conv2", "norm2", "conv3"],
    "squeezenet": ["pool1", "concat1", "conv7", "pool2", "concat3"],
    "resnet": ["pool1", "add1", "conv4"],
}
ALL = [(name, layer) for name, layers in CROPPED.items() for layer in layers]
HIGHEST = [(name, layers[-1], method) for name, layers in CROPPED.items() for method in METHODS[1:]]


@pytest.fixture(scope="module")
def opened(exported):
    """opened(name) gives one of the small networks and two images for it."""
    made = {}

    def get(name):
        if name not in made:
            network = inspectnet.open(exported(name, "torchscript")[2], device="cpu")
            made[name] = network, np.random.default_rng(1).normal(size=(2, *network.input_shape)).astype(np.float32)
        return made[name]

    return get


def places(layer):
    """Corners, edges and the middle of a layer's maps."""
    h, w = layer.shape[2:]
    return [(y, x) for y in sorted({0, 1, h // 2, h - 2, h - 1}) for x in sorted({0, w // 2, w - 1})]


def laid_out(projection, shape):
    """The projection on the whole image."""
    image = np.zeros(shape, np.float32)
    image[:, *projection.box.slices] = projection.pixels
    return image


def whole(network, x, layer, units, **policy):
    return [p.pixels for p in network.inverse(Policy(**policy)).project(x, layer, units, crop=False)]


# Answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CROPPED)
def test_activations_are_those_of_the_file(name, opened, exported):
    network, x = opened(name)
    wanted = onnxruntime.InferenceSession(exported(name, "torchscript")[2]).run(None, {"input": x})[0]
    last = network.layers[-1]
    found = network.activations(x, last.name)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)


def test_a_layer_gives_its_rectified_map_or_its_raw_sum(opened):
    network, x = opened("alexnet")
    rectified, raw = (network.activations(x, "conv1", pre=pre) for pre in (False, True))
    assert rectified.shape == (2, *network.layer("conv1").shape[1:])
    assert raw.min() < 0
    np.testing.assert_array_equal(rectified, np.maximum(raw, 0))


@pytest.mark.parametrize(
    ("net", "layers"), [("zfnet", ["conv1", "norm2", "fc7", "conv1"]), ("resnet", ["add2", "fc1"])]
)
def test_maxima_are_the_largest_values_of_the_maps_and_their_first_places(net, layers, opened):
    network, x = opened(net)
    found = network.maxima(x, layers)
    assert list(found) == list(dict.fromkeys(layers))
    for name in layers:
        rows = network.activations(x, name).reshape(2, network.layer(name).maps, -1)
        np.testing.assert_allclose(found[name].values, rows.max(2), rtol=1e-6)
        places = np.unravel_index(rows.argmax(2), network.layer(name).extent)
        np.testing.assert_array_equal(found[name].places, np.stack(places, axis=-1))


def test_a_layer_is_found_by_all_its_names(opened, exported):
    network, _ = opened("alexnet")
    assert network.layer("features.12").output == network.layer("conv5").output
    aliased = inspectnet.open(exported("alexnet", "torchscript")[2], aliases={"top": "conv5"})
    assert aliased.layer("top").output == network.layer("conv5").output
    with pytest.raises(LayerError, match=r"no layer 'conv6'\. Did you mean .*It has: conv1 norm1"):
        network.layer("conv6")


def test_the_hash_is_that_of_the_file(opened, exported):
    assert opened("zfnet")[0].sha256 == hashlib.sha256(exported("zfnet", "torchscript")[2].read_bytes()).hexdigest()


@pytest.mark.parametrize("shape", [(2, 3, 99, 98), (99, 99, 3), (0, 3, 99, 99), (2, 1, 99, 99)])
def test_images_of_another_shape_are_refused(shape, opened):
    network, _ = opened("alexnet")
    with pytest.raises(OptionError, match=r"but .* wants \(N, 3, 99, 99\)"):
        network.activations(np.zeros(shape), "conv1")


@pytest.mark.parametrize(
    ("unit", "match"),
    [
        (Unit(0, 8), r"conv1 has 8 maps of 23x23; there is no unit 8@0,0"),
        (Unit(0, -1), "there is no unit"),
        (Unit(0, 0, 23, 0), "there is no unit 0@23,0"),
        (Unit(0, 0, 0, 23), "there is no unit 0@0,23"),
        (Unit(2, 0), "there is no image 2 in a batch of 2"),
    ],
)
def test_units_that_do_not_exist_are_refused(unit, match, opened):
    network, x = opened("alexnet")
    with pytest.raises(LayerError, match=match):
        network.inverse().project(x, "conv1", [unit])


# Crops -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "layer", "method"), [(*one, METHODS[0]) for one in ALL] + HIGHEST)
def test_a_crop_gives_what_the_whole_image_gives_at_the_borders_too(name, layer, method, opened):
    network, x = opened(name)
    layer = network.layer(layer)
    assert not crop_of(layer, network.input_shape[1:]).whole
    units = [Unit(i % 2, (3 * i) % layer.maps, *place) for i, place in enumerate(places(layer))]
    wanted = whole(network, x, layer.name, units, method=method)
    scale = max(np.abs(pixels).max() for pixels in wanted)
    assert scale > 0
    for made, pixels in zip(network.inverse(Policy(method)).project(x, layer.name, units), wanted, strict=True):
        assert made.pixels[0].size < pixels[0].size
        np.testing.assert_allclose(laid_out(made, pixels.shape), pixels, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("policy", [{"unpool": "centre"}, {"unpool": "overwrite"}, {"lrn": "gradient"}])
@pytest.mark.parametrize("layer", ["conv2", "norm2"])
def test_a_crop_gives_what_the_whole_image_gives_under_every_policy(layer, policy, opened):
    network, x = opened("zfnet")
    units = [Unit(1, i, *place) for i, place in enumerate(places(network.layer(layer)))]
    wanted = whole(network, x, layer, units, **policy)
    scale = max(np.abs(pixels).max() for pixels in wanted)
    for made, pixels in zip(network.inverse(Policy(**policy)).project(x, layer, units), wanted, strict=True):
        np.testing.assert_allclose(laid_out(made, pixels.shape), pixels, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(("name", "layer"), ALL)
def test_a_projection_is_exactly_zero_outside_the_field_of_its_unit(name, layer, opened):
    network, x = opened(name)
    layer = network.layer(layer)
    units = [Unit(0, i % layer.maps, *place) for i, place in enumerate(places(layer))]
    for unit, pixels in zip(units, whole(network, x, layer.name, units), strict=True):
        inside = np.zeros(pixels.shape[1:], bool)
        (top, bottom), (left, right) = (a.span(p) for a, p in zip(layer.field, (unit.y, unit.x), strict=True))
        inside[max(top, 0) : bottom, max(left, 0) : right] = True
        assert (pixels[:, ~inside] == 0).all()


def test_a_mean_image_in_the_graph_is_projected_through_the_whole_image(rng, tmp_path):
    """As in the paper, the mean is subtracted pixel by pixel: no crop fits it."""
    weights = {"mean": rng.normal(size=(3, 16, 16)), "k": rng.normal(size=(4, 3, 3, 3))}
    file = onnx_text("a = Sub (image, mean)\nb = Conv (a, k)\ny = Relu (b)", weights, image=("N", 3, 16, 16))
    (tmp_path / "model.onnx").write_bytes(file.SerializeToString())
    network, x = inspectnet.open(tmp_path / "model.onnx"), rng.normal(size=(1, 3, 16, 16))
    (made,) = network.inverse().project(x, "conv1", [Unit(0, 2, 5, 6)])
    wanted = np.zeros((3, 16, 16), np.float32)
    wanted[:, 5:8, 6:9] = weights["k"][2]
    np.testing.assert_allclose(laid_out(made, wanted.shape), wanted, rtol=1e-6)


def test_projections_come_in_the_order_of_their_spots(opened):
    network, x = opened("alexnet")
    units = [Unit(image, map_) for image, map_ in [(1, 3), (0, 2), (1, 0), (0, 2), (0, 7)]]
    for layer in ("conv2", "conv5", "fc7"):
        together = list(network.inverse().project(x, layer, units))
        for unit, made in zip(units, together, strict=True):
            (alone,) = network.inverse().project(x, layer, [unit])
            np.testing.assert_allclose(made.pixels, alone.pixels, rtol=1e-5, atol=1e-7)


def test_the_seeds_of_all_units_together_are_the_sum_of_the_units_for_a_linear_method(opened):
    """Gradients add up; each unit alone, weighted by its seed, gives what the whole seed gives."""
    network, x = opened("zfnet")
    shape = network.layer("conv5").shape[1:]
    seed = np.zeros((2, *shape), np.float32)
    units = [Unit(1, 3, 1, 2, 0.5), Unit(1, 4, 4, 4, -2.0), Unit(1, 3, 0, 0, 1.5)]
    for unit in units:
        seed[1, unit.map, unit.y, unit.x] = unit.value
    found = network.inverse(Policy("gradient")).project_seeds(x, "conv5", seed)
    wanted = sum(p.pixels for p in network.inverse(Policy("gradient")).project(x, "conv5", units))
    assert (found[0] == 0).all()
    np.testing.assert_allclose(found[1], wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_a_seed_of_another_shape_is_refused(opened):
    network, x = opened("zfnet")
    with pytest.raises(OptionError, match=r"the seed has the shape \(2, 16, 5\), but conv5 wants \(2, 16, 5, 5\)"):
        network.inverse().project_seeds(x, "conv5", np.zeros((2, 16, 5)))


# What the paper says of the deconvnet ----------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv5", "pool3", "fc7"])
def test_the_deconvnet_is_homogeneous(layer, opened):
    """A signal twice as strong gives pixels twice as strong: no bias comes down."""
    network, x = opened("zfnet")
    one, half, seven = (
        next(network.inverse().project(x, layer, [Unit(0, 3, value=value)])).pixels for value in (1.0, 0.5, 7.0)
    )
    assert np.abs(one).max() > 0
    np.testing.assert_array_equal(half, one / 2)
    np.testing.assert_allclose(seven, 7 * one, rtol=1e-4, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
@pytest.mark.parametrize(
    ("name", "layer"), [("alexnet", "conv2"), ("squeezenet", "concat2"), ("resnet", "add2"), ("zfnet", "fc6")]
)
def test_a_negative_signal_does_not_pass_a_rectified_layer(name, layer, method, opened):
    network, x = opened(name)
    (made,) = network.inverse(Policy(method)).project(x, layer, [Unit(0, 3, value=-1.0)])
    assert (made.pixels == 0).all()


@pytest.mark.parametrize("name", ["alexnet", "zfnet", "squeezenet"])
def test_biases_have_no_part_in_the_way_down(name, exported, rng, tmp_path):
    """With switches and seed frozen, another constant on every bias changes nothing, to the last bit."""
    path = exported(name, "torchscript")[2]
    file = onnx.load(path)
    biases = [t for t in file.graph.initializer if t.name.endswith(".bias")]
    assert len(biases) > 7
    for tensor in biases:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(0.3), tensor.name))
    (tmp_path / "other.onnx").write_bytes(file.SerializeToString())
    layer = inspectnet.open(path).layers[-4].output
    models = [open_graph(read(p), None) for p in (path, tmp_path / "other.onnx")]
    first, second = (invert_split(model, layer, Policy()) for model in models)
    x = rng.normal(size=(1, *list(models[0].graph.inputs[0].shape)[1:])).astype(np.float32)
    recorded = session(first.forward).run({"input": x})
    assert recorded[layer].max() > 0
    assert np.abs(session(second.forward).run({"input": x})[layer] - recorded[layer]).max() > 0.01
    feeds = {"seed": recorded[layer], "image_of_seed": np.zeros(1, np.int64), **recorded}
    pixels = [
        down.run({n: feeds[n] for n in down.inputs})["pixels"]
        for down in (session(first.backward), session(second.backward))
    ]
    assert np.abs(pixels[0]).max() > 0
    np.testing.assert_array_equal(pixels[0], pixels[1])


# Graphs that insist on one image ---------------------------------------------------------------------------


@pytest.fixture
def stubborn(rng, tmp_path):
    """A network that takes one image at a time, and the same one free."""
    weights = {"k": rng.normal(size=(4, 3, 3, 3)), "m": rng.normal(size=(144, 5)), "rows": [-1, 144]}
    body = """
        a = Conv (image, k)
        b = Relu (a)
        t = Transpose <perm = [2, 3, 0, 1]> (b)
        u = Reshape (t, places)
        v = Transpose <perm = [1, 0, 2]> (u)
        c = Reshape (v, rows)
        y = MatMul (c, m)
    """
    networks = []
    for name, images in (("fixed", 1), ("free", -1)):
        file = onnx_text(body, weights | {"places": [36, images, 4]}, image=(1, 3, 8, 8))
        (tmp_path / f"{name}.onnx").write_bytes(file.SerializeToString())
        networks.append(inspectnet.open(tmp_path / f"{name}.onnx"))
    return networks


def test_a_network_that_insists_on_one_image_gives_the_same_answers(stubborn, rng):
    fixed, free = stubborn
    assert (fixed.fixed_batch, free.fixed_batch) == (1, None)
    x = rng.normal(size=(3, 3, 8, 8)).astype(np.float32)
    for layer in ("conv1", "fc2"):
        np.testing.assert_allclose(fixed.activations(x, layer), free.activations(x, layer), rtol=1e-5, atol=1e-6)
        places = [n.maxima(x, [layer])[layer].places for n in stubborn]
        np.testing.assert_array_equal(*places)
        units = [Unit(2, 1), Unit(0, 3), Unit(2, 0)]
        for a, b in zip(
            fixed.inverse().project(x, layer, units),
            free.inverse().project(x, layer, units),
            strict=True,
        ):
            np.testing.assert_allclose(laid_out(a, x[0].shape), laid_out(b, x[0].shape), rtol=1e-5, atol=1e-6)
        seeds = rng.normal(size=(3, *free.layer(layer).shape[1:]))
        a, b = (network.inverse().project_seeds(x, layer, seeds) for network in stubborn)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# Saving ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_saved_inverse_gives_what_the_network_gives(method, opened, tmp_path):
    network, x = opened("zfnet")
    policy, out = Policy(method), tmp_path / "inverse.onnx"
    about = network.inverse(policy).save("conv5", out)
    assert list(about) == [out]
    seed = network.activations(x, "conv5")
    saved = onnxruntime.InferenceSession(out)
    assert about[out] == ([i.name for i in saved.get_inputs()], ["pixels"])
    (pixels,) = saved.run(["pixels"], {"input": x, "seed": seed})
    wanted = network.inverse(policy).project_seeds(x, "conv5", seed)
    np.testing.assert_allclose(pixels, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_a_saved_inverse_says_where_it_came_from(opened, tmp_path):
    network, _ = opened("zfnet")
    network.inverse(Policy("gradient", lrn="identity")).save("conv5", tmp_path / "i.onnx", split=True, pre=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["i.backward.onnx", "i.forward.onnx"]
    for path in tmp_path.iterdir():
        notes = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        assert notes["inspectnet.layer"] == "conv5:pre"
        assert notes["inspectnet.source_sha256"] == network.sha256
        policy = json.loads(notes["inspectnet.policy"])
        assert (policy["method"], policy["unpool"], policy["lrn"]) == ("gradient", "sum", "identity")
        assert set(policy["ops"]) >= {"Conv", "Relu", "MaxPool", "LRN"}
        onnx.checker.check_model(str(path), full_check=True)


def test_a_model_that_gives_no_number_is_refused_where_it_is_opened(rng, tmp_path):
    file = onnx_text("a = Conv (image, k)\ny = Relu (a)", {"k": np.full((2, 3, 1, 1), np.nan)}, image=(1, 3, 4, 4))
    (tmp_path / "nan.onnx").write_bytes(file.SerializeToString())
    with pytest.raises(ModelError, match="the weight 'k' holds NaN"):
        inspectnet.open(tmp_path / "nan.onnx")


def test_probabilities_are_the_softmax_of_scores_of_any_size_if_they_are_numbers(opened):
    network, _ = opened("zfnet")
    scores = np.array([[1000.0, 998.0], [-3.0, -3.0]], np.float32)[:, :, None, None]
    likely = 1 / (1 + np.exp(-2))
    np.testing.assert_allclose(network.softmax(scores), [[likely, 1 - likely], [0.5, 0.5]], rtol=1e-12)
    with pytest.raises(ModelError, match="answers an image with NaN or infinity"):
        network.softmax(np.array([[0, np.inf]]))


@pytest.mark.parametrize("method", METHODS)
def test_what_a_choice_is_made_of_needs_no_rule(method, rng, tmp_path):
    """No signal comes to a comparison, which has no rule: all that stands on rules does without one."""
    body = "a = Conv (image, k1)\ng = Greater (a, zero)\ns = Mul (a, less)\nw = Where (g, a, s)\nb = Conv (w, k2)"
    weights = {"k1": rng.normal(size=(4, 3, 3, 3)), "k2": rng.normal(size=(5, 4, 3, 3)), "zero": [0.0], "less": [-0.1]}
    path, policy = tmp_path / "model.onnx", Policy(method)
    path.write_bytes(onnx_text(f"{body}\ny = Relu (b)", weights, image=("N", 3, 16, 16)).SerializeToString())
    network, x = inspectnet.open(path), rng.normal(size=(1, 3, 16, 16)).astype(np.float32)
    assert network.inverse(policy).obstacle("conv2") is None
    assert set(network.inverse(policy).policy_of_ops("conv2")) == {"Conv", "Mul", "Where", "Relu"}
    assert "Greater" in {operator.op_type for operator in operators_below(network.model, network.layer("conv2").output)}
    checks = list(check_all(network, x, ["conv2"], policy))
    assert {check.subject.split()[0] for check in checks if "adjoint" in check.claim} == {
        "Conv",
        "Mul",
        "Where",
        "Relu",
    }
    assert [check for check in checks if not check.passed] == []


def test_a_closed_network_answers_as_before(opened):
    network, x = opened("zfnet")

    def answers():
        (cropped,), (whole,) = (network.inverse().project(x, layer, [Unit(0, 3)]) for layer in ("conv3", "fc7"))
        return network.activations(x, "conv3"), network.maxima(x, ["fc7"])["fc7"].values, cropped.pixels, whole.pixels

    before = answers()
    network.close()
    for one, other in zip(before, answers(), strict=True):
        np.testing.assert_array_equal(one, other)
