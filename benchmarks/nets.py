"""ZFNet and AlexNet at the paper's size, in torch and as ONNX, with random weights: speed does not depend on them."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import inspectnet
from benchmarks.rounds import THREADS
from inspectnet.network import Network

LRN = (5, 5e-4, 0.75, 2.0)


@dataclass(frozen=True)
class Net:
    """One network, twice."""

    name: str
    torch: nn.Sequential
    """The modules in their order; a cut at a layer is a slice."""
    onnx: Network
    side: int
    """Of the image, px."""

    def end_of(self, layer: str) -> int:
        """The index of the ReLU that ends `layer`, conv1 to conv5."""
        rectifiers = [i for i, module in enumerate(self.torch) if isinstance(module, nn.ReLU)]
        return rectifiers[int(layer.removeprefix("conv")) - 1]

    def images(self, count: int, seed: int = 0) -> torch.Tensor:
        """Random prepared images (count, 3, side, side)."""
        return torch.randn(count, 3, self.side, self.side, generator=torch.Generator().manual_seed(seed))


def zfnet() -> nn.Sequential:
    """224 px -> 110, 55, 26, 13, 13, 13, 13, 6; pools round up and come before the norms."""
    return nn.Sequential(
        *(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 96, 7, 2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(*LRN)),
        *(nn.Conv2d(96, 256, 5, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(*LRN)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *_head(),
    )


def alexnet() -> nn.Sequential:
    """227 px -> 55, 27, 27, 13, 13, 13, 13, 6; filters in two groups as published, norms before the pools."""
    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(*LRN), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(*LRN), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *_head(),
    )


NETS = {"zfnet": (zfnet, 224), "alexnet": (alexnet, 227)}


def make(name: str, folder: Path) -> Net:
    """The network `name`, its ONNX file written to `folder`."""
    build, side = NETS[name]
    torch.set_num_threads(THREADS)
    module = _he(build())
    path = folder / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter gives many
        torch.onnx.export(
            module, (torch.zeros(2, 3, side, side),), str(path), dynamo=True, external_data=False, verbose=False,
            opset_version=18, dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
    return Net(name, module, inspectnet.open(path, device="cpu", threads=THREADS), side)


def _head() -> list[nn.Module]:
    hidden = [nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return [nn.Flatten(), *hidden, nn.Linear(4096, 1000)]


def _he(net: nn.Sequential) -> nn.Sequential:
    """Weights as He et al. draw them, so that signals neither die nor grow."""
    draw = torch.Generator().manual_seed(0)
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=draw)
            module.bias.data.zero_()
    return net.eval().requires_grad_(False)
