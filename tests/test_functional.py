"""Functional, reused and in-place activations: a graph cannot miss them, hooks do."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nets import EXPORTERS, export, randomise
from torch_reference import project

import inspectnet
from inspectnet.rules import Policy


class Functional(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (torch.nn.Conv2d(c, 6, 3, padding=1) for c in (3, 6, 6))

    def forward(self, x):
        return F.relu(self.three(F.relu(self.two(F.relu(self.one(x))))))


class Reused(Functional):
    """One module for all its activations, as torchvision's ResNet has it."""

    def __init__(self):
        super().__init__()
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        return self.relu(self.three(self.relu(self.two(self.relu(self.one(x))))))


class InPlace(Functional):
    def forward(self, x):
        for layer in (self.one, self.two, self.three):
            x = layer(x).relu_()
        return x


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
@pytest.mark.parametrize("kind", [Functional, Reused, InPlace])
def test_every_activation_is_rectified_however_it_is_written(kind, method, exporter, tmp_path):
    net, x, seed = randomise(kind(), 0), torch.randn(1, 3, 9, 9), torch.randn(1, 6, 9, 9)
    network = inspectnet.open(export(net, x, tmp_path / "net.onnx", exporter), device="cpu")
    ours = network.inverse(Policy(method)).project_seeds(x.numpy(), "conv3", seed.numpy())
    theirs = project(net.double(), x.double(), "", 0, seed.double(), method).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_captums_hooks_miss_functional_activations_where_the_graph_does_not(tmp_path):
    """Captum gives the plain gradient for guided backpropagation, without a word in its result."""
    captum = pytest.importorskip("captum.attr")

    net, x = randomise(Functional(), 0), torch.randn(1, 3, 9, 9, requires_grad=True)
    target = tuple(int(i) for i in np.unravel_index(int(net(x).argmax()), (6, 9, 9)))  # its strongest unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guided = captum.GuidedBackprop(net).attribute(x, target=target).detach().numpy()
        gradient = captum.Saliency(net).attribute(x, target=target, abs=False).detach().numpy()
    np.testing.assert_array_equal(guided, gradient)
    network = inspectnet.open(export(net, x.detach(), tmp_path / "net.onnx", "dynamo"), device="cpu")
    ours = inspectnet.GuidedBackprop(network, layer="conv3").attribute(x.detach().numpy(), target=target)
    seed = torch.zeros(1, 6, 9, 9, dtype=torch.float64)
    seed[(0, *target)] = 1
    right = project(net.double(), x.detach().double(), "", 0, seed, "guided_backprop").numpy()
    np.testing.assert_allclose(ours, right, atol=1e-5 * np.abs(right).max())
    assert np.abs(right - gradient).max() > 0.1 * np.abs(gradient).max()
