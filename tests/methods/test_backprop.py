"""Units of layers: their targets, shapes and errors; and the gradient as torch's autograd has it, in float64."""

import numpy as np
import pytest
from nets import torch_project

import inspectnet
from inspectnet import Deconvnet, Gradient, GuidedBackprop
from inspectnet.errors import LayerError, OptionError

METHODS = {"deconvnet": Deconvnet, "guided_backprop": GuidedBackprop, "gradient": Gradient}


@pytest.fixture(scope="module")
def zfnet(exported):
    """The small ZFNet in torch, as an opened network, and three images for it."""
    net, _, path = exported("zfnet", "torchscript")
    x = np.random.default_rng(3).normal(size=(3, 3, 96, 96)).astype(np.float32)
    return net, inspectnet.open(path, device="cpu"), x


def strongest(network, x, layer, map_):
    """The place of the map's strongest unit in each image."""
    rows = network.activations(x, layer)[:, map_]
    return [np.unravel_index(row.argmax(), row.shape) for row in rows]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["conv1", "conv3", "pool3", "fc7", "fc8"])
def test_an_attribution_has_the_shape_of_the_images(method, layer, zfnet):
    _, network, x = zfnet
    found = METHODS[method](network, layer=layer).attribute(x, target=3)
    assert (found.shape, found.dtype) == (x.shape, np.float32)
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0


@pytest.mark.parametrize("layer", ["conv2", "conv5"])
def test_a_map_means_its_strongest_unit_in_each_image(layer, zfnet):
    _, network, x = zfnet
    method = Deconvnet(network, layer)
    places = strongest(network, x, layer, 5)
    by_unit = method.attribute(x, [(5, int(row), int(column)) for row, column in places])
    np.testing.assert_array_equal(method.attribute(x, 5), by_unit)


def test_one_target_serves_all_images_or_each_has_its_own(zfnet):
    _, network, x = zfnet
    method = Deconvnet(network, "conv4")
    alone = [method.attribute(x[i : i + 1], t)[0] for i, t in enumerate([7, (2, 1, 3), 0])]
    together = method.attribute(x, [7, (2, 1, 3), 0])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)
    same = method.attribute(x, (2, 1, 3))
    np.testing.assert_allclose(same[1], alone[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("target", [np.int64(4), [4, 4, 4], np.array([4, 4, 4])], ids=["int64", "list", "array"])
def test_targets_may_be_numpys_numbers(target, zfnet):
    _, network, x = zfnet
    method = Gradient(network, "conv5")
    np.testing.assert_array_equal(method.attribute(x, target), method.attribute(x, 4))
    unit = (np.int64(4), np.int32(1), 2)
    np.testing.assert_array_equal(method.attribute(x, unit), method.attribute(x, (4, 1, 2)))


def test_a_tuple_of_three_is_a_unit_and_not_three_targets(zfnet):
    """(map, y, x) for every image, also where there are three images."""
    _, network, x = zfnet
    found = Deconvnet(network, "conv5").attribute(x, (1, 0, 2))
    np.testing.assert_array_equal(found, Deconvnet(network, "conv5").attribute(x, [(1, 0, 2)] * 3))


def test_a_list_or_an_array_of_units_serves_as_tuples_do(zfnet):
    _, network, x = zfnet
    method, units = Deconvnet(network, "conv5"), [(0, 1, 1), (3, 2, 0), (5, 4, 4)]
    wanted = method.attribute(x, units)
    for same in ([list(u) for u in units], np.array(units), [units[0], list(units[1]), np.array(units[2])]):
        np.testing.assert_array_equal(method.attribute(x, same), wanted)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, "a"])
def test_images_that_are_not_numbers_are_refused(wrong, zfnet):
    _, network, x = zfnet
    spoilt = x.astype(object) if wrong == "a" else x.copy()
    spoilt[1, 2, 3, 4] = wrong
    with pytest.raises(OptionError, match=r"the images hold NaN or infinity|arrays of numbers"):
        Deconvnet(network, "conv5").attribute(spoilt, 2)


def test_a_fully_connected_unit_is_a_target_too(zfnet):
    _, network, x = zfnet
    number, unit = (Gradient(network, "fc8").attribute(x, t) for t in (9, (9, 0, 0)))
    np.testing.assert_array_equal(number, unit)


@pytest.mark.parametrize(
    ("target", "error", "match"),
    [
        (16, LayerError, r"conv5 has 16 maps; there is no map 16"),
        (-1, LayerError, r"there is no map -1"),
        ((16, 0, 0), LayerError, r"conv5 has 16 maps of 5x5; there is no unit 16@0,0"),
        ((0, 5, 0), LayerError, r"there is no unit 0@5,0"),
        ((0, 0, -1), LayerError, r"there is no unit 0@0,-1"),
        ([1, 2], OptionError, r"2 targets for 3 images"),
        ([], OptionError, r"0 targets for 3 images"),
        ([1, 2, 16], LayerError, r"there is no map 16"),
        (
            1.5,
            OptionError,
            r"1\.5 is no target\. Give a class by number or name, a map by number, \(map, y, x\), an address",
        ),
        ("a", OptionError, r"'a' is no target"),
        ("conv5", OptionError, r"'conv5' is no target"),
        ("conv5:16", LayerError, r"conv5 has 16 maps; there is no map 16"),
        ("conv9:1", LayerError, r"no layer 'conv9'"),
        (["conv5:1", "conv4:1", "conv5:2"], OptionError, r"conv5:1, conv4:1, conv5:2 are not all of one layer"),
        (["conv5:1", 1, 2], OptionError, r"are not all of one layer"),
        ("conv5:pre:1", OptionError, r"are not all of one layer"),
        (None, OptionError, r"None is no target"),
        (True, OptionError, r"True is no target"),
        ([1, 2, 1.5], OptionError, r"1\.5 is no target"),
        ([1, 2, (0, 1)], OptionError, r"\(0, 1\) is no target"),
        ([[0, 1, 1], [0, 1, 1]], OptionError, r"2 targets for 3 images"),
        (np.zeros((3, 2), int), OptionError, r"\[0, 0\] is no target"),
        (np.ones(3), OptionError, r"1\.0 is no target"),
    ],
)
def test_a_target_that_does_not_exist_is_refused(target, error, match, zfnet):
    _, network, x = zfnet
    with pytest.raises(error, match=match):
        Deconvnet(network, "conv5").attribute(x, target)


def test_an_address_names_a_unit_of_any_layer_for_any_method(zfnet):
    _, network, x = zfnet
    wanted = Deconvnet(network, "conv4").attribute(x, [2, 2, 2])
    np.testing.assert_array_equal(Deconvnet(network).attribute(x, "conv4:2"), wanted)
    units = ["conv4:2@0,1", "conv4:3@1,1", "conv4:2@4,4"]
    wanted = Deconvnet(network, "conv4").attribute(x, [(2, 0, 1), (3, 1, 1), (2, 4, 4)])
    np.testing.assert_array_equal(Deconvnet(network, "conv5").attribute(x, units), wanted)


def test_a_layer_and_a_class_are_explained_alike(zfnet):
    """The class scores are the units of the last layer, which has no softmax behind it."""
    _, network, x = zfnet
    for method in METHODS.values():
        of_layer, of_class = (method(network, layer).attribute(x, [3, 0, 7]) for layer in ("fc8", ""))
        np.testing.assert_allclose(of_layer, of_class, rtol=1e-4, atol=1e-6 * np.abs(of_class).max())


def test_images_of_another_shape_are_refused(zfnet):
    _, network, _ = zfnet
    for shape in ((1, 3, 95, 96), (96, 96, 3), (0, 3, 96, 96)):
        with pytest.raises(OptionError, match=r"wants \(N, 3, 96, 96\)"):
            Deconvnet(network, "conv5").attribute(np.zeros(shape, np.float32), (0, 0, 0))


def test_a_layer_and_a_policy_that_do_not_exist_are_refused(zfnet):
    _, network, _ = zfnet
    with pytest.raises(LayerError, match="no layer 'conv9'"):
        Deconvnet(network, "conv9")
    for options, words in (({"unpool": "mean"}, "sum, overwrite, centre"), ({"lrn": "none"}, "identity, gradient")):
        with pytest.raises(OptionError, match=rf"cannot be '.*'\. Choose one of {words}\."):
            Deconvnet(network, "conv5", **options)


def test_images_in_float64_and_views_are_taken_as_they_are(zfnet):
    _, network, x = zfnet
    wanted = Deconvnet(network, "conv5").attribute(x, 2)
    np.testing.assert_array_equal(Deconvnet(network, "conv5").attribute(x.astype(np.float64), 2), wanted)
    strided = np.repeat(x, 2, axis=0)[::2]
    np.testing.assert_array_equal(Deconvnet(network, "conv5").attribute(strided, 2), wanted)


def test_the_methods_differ(zfnet):
    _, network, x = zfnet
    found = [method(network, "conv5").attribute(x, 2) for method in METHODS.values()]
    assert all(np.abs(a - b).max() > 1e-3 for a, b in [found[:2], found[1:], found[::2]])


@pytest.mark.parametrize(
    ("name", "layer", "module", "options"),
    [
        ("zfnet", "conv5", "features.14", {}),
        ("zfnet", "fc7", "classifier.5", {}),
        ("zfnet", "conv5", "features.14", {"method": "guided_backprop", "lrn": "identity"}),
        ("alexnet", "conv5", "features.13", {}),
        ("alexnet", "conv2", "features.5", {"method": "deconvnet"}),
        ("squeezenet", "concat3", "features.6", {}),
        ("resnet", "add3", "layer3.0.relu", {}),
    ],
)
def test_each_method_equals_torch_in_float64(name, layer, module, options, exported):
    """One unit at its strongest place, against hooks written from the definitions."""
    import torch

    net, _, path = exported(name, "torchscript")
    network, method = inspectnet.open(path, device="cpu"), options.get("method", "gradient")
    x = np.random.default_rng(5).normal(size=(1, *network.input_shape)).astype(np.float32)
    map_ = int(network.maxima(x, [layer])[layer].values[0].argmax())
    seed = np.zeros((1, *network.layer(layer).shape[1:]))
    seed[(0, map_, *(strongest(network, x, layer, map_)[0] if seed.ndim == 4 else ()))] = 1
    wanted = torch_project(net, torch.from_numpy(x), module, torch.from_numpy(seed), method).numpy()
    lrn = {"lrn": options["lrn"]} if "lrn" in options else {}
    found = METHODS[method](network, layer, **lrn).attribute(x, map_)
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
