"""The deconvnet in the page computes what Python computes, from a file, and says so before it is trusted."""

import json
from pathlib import Path

import numpy as np
import pytest
from nets import export, randomise, torch_net
from reports import live_report, values_of

import inspectnet
from inspectnet.rules import Policy

pytestmark = pytest.mark.browser

# in the page: the projection of the strongest place of a map of a layer, with all that Python needs to make it anew
PROJECT = """async ([image, layer, method]) => {
    const engine = await inspectnet.engine()
    const run = await engine.run(new Float32Array(image))
    const told = run.layers.find(row => row.layer === layer)
    const unit = told.values.indexOf(Math.max(...told.values))
    const seed = { layer, unit, y: told.ys[unit], x: told.xs[unit], value: told.values[unit], method }
    return { ...seed, pixels: [...await run.project(seed)], probabilities: run.probabilities }
}"""


def check_network(tab, site, network, methods=("deconvnet", "guided_backprop", "gradient")):
    """Hold projections of the network's first, middle and last maps in the page against those of Python."""
    x = np.random.default_rng(0).normal(size=(1, *network.input_shape)).astype(np.float32)
    index, part = live_report(site, network, x)
    tab.open(index, "#/live")
    tab.page.locator(".trust").filter(has_text="gave the recorded projection again").wait_for()
    for layer in part.describe().layers:
        for method in methods:
            told = tab.page.evaluate(PROJECT, [x.ravel().tolist(), layer, method])
            seed = np.zeros((1, *network.layers[layer].shape[1:]), np.float32)
            seed[0, told["unit"], told["y"], told["x"]] = told["value"]
            name = network.layers[layer].output
            wanted = network.inverse(Policy(method)).project_seeds(x, name, seed)
            pixels = np.array(told["pixels"]).reshape(wanted.shape)
            assert np.abs(pixels - wanted).max() <= 1e-5 * np.abs(wanted).max()
            assert told["value"] == pytest.approx(network.activations(x, name).max(), rel=1e-4)
    if told["probabilities"] is not None:
        assert told["probabilities"] == pytest.approx(network.probabilities(x)[0], abs=1e-5)


def test_zfnet_tiny(tab, tmp_path):
    model = Path(__file__).parents[2] / "models/zfnet-tiny.onnx"  # part of the project: never skipped for its lack
    check_network(tab, tmp_path / "site", inspectnet.open(model, device="cpu"))


@pytest.mark.parametrize("name", ["squeezenet", "resnet", "mobilenet"])
def test_networks_of_every_kind(tab, tmp_path, name):
    net, x = mobilenet() if name == "mobilenet" else torch_net(name)
    model = export(net, x, tmp_path / "net.onnx", exporter="torchscript")
    check_network(tab, tmp_path / "site", inspectnet.open(model, device="cpu"), methods=("deconvnet", "gradient"))


def mobilenet():
    """Two inverted residual blocks: filters of one channel each, ReLU6, a sum."""
    import torch
    from torch import nn

    def block(channels, stride):
        middle = 4 * channels
        return nn.Sequential(
            *(nn.Conv2d(channels, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU6()),
            *(nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False), nn.BatchNorm2d(middle), nn.ReLU6()),
            *(nn.Conv2d(middle, channels, 1, bias=False), nn.BatchNorm2d(channels)),
        )

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.below = block(8, 1)

        def forward(self, x):
            return x + self.below(x)

    top = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), Sum(), block(8, 2), *top)
    return randomise(net, 0), torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_page_that_computes_something_else_is_not_trusted(tab, tmp_path):
    net, x = torch_net("squeezenet")
    network = inspectnet.open(export(net, x, tmp_path / "net.onnx", exporter="torchscript"), device="cpu")
    index, _ = live_report(tmp_path / "site", network, x.numpy())
    proof = json.loads(values_of(index.parent)["live/proof"]) | {"y": 0, "x": 0}
    text = f'report("live/proof",{json.dumps(proof)});'
    (index.parent / "data" / "live-proof.js").write_text(text, "utf-8")
    tab.open(index, "#/live")
    tab.page.get_by_role("alert").filter(has_text="computes the recorded projection differently").wait_for()
    assert tab.page.locator(".projection").count() == 0
