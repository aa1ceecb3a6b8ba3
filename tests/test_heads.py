"""Heads of many kinds, exported for any batch, for one image and for three: layers, and the inverse in both forms."""

import copy
import warnings

import numpy as np
import pytest
import torch
from heads import HEADS, SIDE, headed

import inspectnet
from inspectnet.geometry import Unit
from inspectnet.rules import Policy

BATCHES = {"any": 2, "one": 1, "three": 3}
ALONE = ("a reshape", "all places as rows", "time first", "attention")  # heads that are exported for one image, too
EXPORTS = [(name, batch) for name in HEADS for batch in BATCHES if batch != "one" or name in ALONE]


@pytest.fixture(scope="module", params=EXPORTS, ids="-".join)
def opened(request, tmp_path_factory):
    """The network in torch, opened, and how many fully connected layers it has."""
    name, batch = request.param
    net, count = headed(name)
    path = tmp_path_factory.mktemp("heads") / "net.onnx"
    free = {"x": {0: "b"}} if batch == "any" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.zeros(BATCHES[batch], 3, SIDE, SIDE)
        torch.onnx.export(net, (x,), path, dynamo=False, opset_version=12, input_names=["x"], dynamic_axes=free)
    return net, inspectnet.open(path, device="cpu"), count


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)


def spots_of(layer):
    """Two units of each of two images."""
    middle = tuple(int(n) // 2 for n in layer.shape[2:])
    return [Unit(image, unit, *middle) for image in (0, 1) for unit in (0, layer.maps - 1)]


def test_all_layers_are_listed(opened):
    _, network, count = opened
    assert sum("fc" in layer.name for layer in network.layers) == count
    assert network.unknown is None


def test_the_gradient_is_that_of_torch(opened, images):
    net, network, _ = opened
    x = torch.tensor(images, dtype=torch.float64, requires_grad=True)
    y = copy.deepcopy(net).double()(x)
    (wanted,) = torch.autograd.grad(y[:, 1].sum(), x)
    seed = np.zeros(tuple(y.shape), np.float32)
    seed[:, 1] = 1
    found = network.inverse(Policy("gradient")).backward(images, network.class_scores().value, seed)
    assert np.abs(found - wanted.numpy()).max() < 1e-5 * np.abs(wanted.numpy()).max()


def test_every_layer_is_inverted_alike_in_both_forms(opened, images):
    _, network, _ = opened
    pairs = [*((layer, "gradient") for layer in network.layers[1:]), (network.layers[-1], "deconvnet")]
    for layer, method in pairs:
        units, policy = spots_of(layer), Policy(method)
        seed = np.zeros((len(units), *layer.shape[1:]), np.float32)
        for i, unit in enumerate(units):
            seed[(i, unit.map, *((unit.y, unit.x) if layer.spatial else ()))] = 1
        fused = network.inverse(policy).project_seeds(images[[s.image for s in units]], layer.name, seed)
        parts = np.stack([p.pixels for p in network.inverse(policy).project(images, layer.name, units, crop=False)])
        np.testing.assert_allclose(parts, fused, rtol=1e-4, atol=1e-5 * np.abs(fused).max(), err_msg=layer.name)
