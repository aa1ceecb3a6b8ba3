"""Activations on disk against PyTorch's hooks.

`PYTHONPATH=.:tests python tests/recording/test_activations_hooks.py NAME ...` says how far both are apart in networks
of torchvision.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import noisy_photos
from nets import export, silence

import inspectnet

NAMES = ("squeezenet1_1", "resnet18", "mobilenet_v2")
SIDE, PHOTOS = 96, 5


def hooked(net, x):
    """What every module gives that is called once, in float64."""
    outputs, calls = {}, {}

    def keep(name):
        def hook(module, taken, given):
            calls[name] = calls.get(name, 0) + 1
            if isinstance(given, torch.Tensor):
                outputs[name] = given.clone()  # before what follows changes it in place

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in net.named_modules() if name]
    with torch.no_grad():
        net.double()(torch.from_numpy(x).double())
    for handle in handles:
        handle.remove()
    return {name: output.numpy() for name, output in outputs.items() if calls[name] == 1}


def distances(name, folder, side=SIDE):
    """By layer of a network, how far its activations on disk are from those of its modules, relative to the maximum."""
    import torchvision

    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None).eval()
    photos = noisy_photos(folder / "photos", {f"{i}.png": (side + 9 * i, side + 20 - 3 * i) for i in range(PHOTOS)})
    path = export(net, torch.zeros(1, 3, side, side), folder / f"{name}.onnx", "torchscript")
    network = inspectnet.open(path, device="cpu", preparation={"input_size": (side, side)})
    layers = [layer for layer in network.layers if layer.modules]
    inspectnet.activations(network, [layer.name for layer in layers], photos, folder / "kept", shard_size=3)
    kept = inspectnet.open_activations(folder / "kept")
    theirs = hooked(net, network.prepare(photos))
    return {
        f"{layer.name} {module}": float(np.abs(kept[layer.name] - theirs[module]).max() / np.abs(theirs[module]).max())
        for layer in layers
        for module in layer.modules
        if module in theirs and theirs[module].shape == kept[layer.name].shape
    }


@pytest.mark.parametrize("name", NAMES)
def test_activations_equal_those_of_hooks(name, tmp_path):
    pytest.importorskip("torchvision")
    with silence():
        apart = distances(name, tmp_path)
    assert len(apart) >= 8
    assert max(apart.values()) < 1e-6, apart


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with silence(), tempfile.TemporaryDirectory() as folder:
            apart = distances(name, Path(folder))
        print(f"{name}: {len(apart)} layers, at most {max(apart.values()):.1e} apart")
