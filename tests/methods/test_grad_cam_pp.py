"""Grad-CAM++ against its formula in torch, float64, with the derivatives of exp(S) by torch's autograd."""

import copy

import numpy as np
import pytest
from nets import SIDES, onnx_text

import inspectnet

LAYERS = {"vgg": ("conv8", "features.19"), "resnet": ("add4", "layer3.1.relu"), "squeezenet": ("concat3", "features.6")}
CLASSES = np.array([3, 0, 7])


def by_torch(net, x, classes, module):
    """Sec. 3 of the paper, for Y = exp(S); of the score S less a constant, which changes no proportion."""
    import torch

    twin, kept = copy.deepcopy(net).double().eval(), []
    twin.get_submodule(module).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    pixels = torch.from_numpy(x).double().requires_grad_(True)
    scores = twin(pixels)[torch.arange(len(x)), torch.from_numpy(classes)]
    y = torch.exp(scores - scores.detach())
    (slope,) = torch.autograd.grad(y.sum(), kept[-1])
    maps, second, third = kept[-1].detach(), slope**2, slope**3  # of exp(S), whose S is linear about every point
    below = 2 * second + maps.sum(dim=(2, 3), keepdim=True) * third
    alpha = torch.where(below == 0, 0.0, second / torch.where(below == 0, 1.0, below))
    weights = (alpha * torch.relu(slope)).sum(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(dim=1)).numpy()


@pytest.mark.parametrize("name", LAYERS)
def test_it_equals_the_papers_formula_in_float64(name, exported):
    net, _, path = exported(name, "torchscript")
    layer, module = LAYERS[name]
    x = np.random.default_rng(7).normal(size=(3, 3, SIDES[name], SIDES[name])).astype(np.float32)
    found = inspectnet.GradCamPlusPlus(inspectnet.open(path, device="cpu"), layer=layer).attribute(x, CLASSES)
    wanted = by_torch(net, x, CLASSES, module)
    assert (found.shape, found.dtype) == (wanted.shape, np.float32) and wanted.max() > 0
    assert np.abs(found - wanted).max() <= 1e-4 * wanted.max()


@pytest.fixture
def by_hand(tmp_path):
    """Maps x and 2 x, of one place more than the score looks at: S = 3 a + b of the first place."""
    body = "a = Conv (image, k)\nr = Relu (a)\nf = Flatten (r)\ny = Gemm (f, w)"
    weights = {"k": np.array([1.0, 2.0]).reshape(2, 1, 1, 1), "w": [[3.0, -1.0], [0, 0], [1.0, -1.0], [0, 0]]}
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", 1, 1, 2)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation={"mean": (0,), "std": (1,)})


def test_places_weigh_by_what_it_takes_to_reach_the_score(by_hand):
    """Of x = (2, 1): maps (2, 1), (4, 2), g = 3 and 1: shares 9 / (18 + 3 * 27), 1 / (2 + 6), weights 3/11, 1/8."""
    x = np.array([[[[2.0, 1.0]]]], np.float32)
    found = inspectnet.GradCamPlusPlus(by_hand, layer="conv1").attribute(x, 0)
    np.testing.assert_allclose(found, [[[3 / 11 * 2 + 1 / 8 * 4, 3 / 11 * 1 + 1 / 8 * 2]]], rtol=1e-6)


def test_a_class_that_only_loses_by_a_layer_has_no_map(by_hand):
    found = inspectnet.GradCamPlusPlus(by_hand, layer="conv1").attribute(np.ones((1, 1, 1, 2)), 1)
    assert not found.any()
