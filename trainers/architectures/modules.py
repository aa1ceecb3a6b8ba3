"""A row of the table becomes modules named after the paper's layers: conv1, relu1, pool1, norm1, ... fc8."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from trainers.architectures.architecture import Architecture, Conv
from trainers.architectures.lrn import LocalResponseNorm


class PaddedConv(nn.Conv2d):
    """A convolution whose four pads may differ: (top, left, bottom, right)."""

    def __init__(self, maps_below: int, conv: Conv) -> None:
        super().__init__(maps_below, conv.maps, conv.kernel, stride=conv.stride, groups=conv.groups)
        self.pads = conv.pads
        if len(set(conv.pads)) == 1:
            self.padding = (conv.pads[0], conv.pads[0])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, K, H', W')."""
        top, left, bottom, right = self.pads
        return super().forward(x if self.padding[0] else F.pad(x, (left, right, top, bottom)))


def conv_stage(architecture: Architecture, conv: Conv, maps_below: int) -> "OrderedDict[str, nn.Module]":
    """Modules of one convolutional layer, in the order in which they run."""
    n = conv.number
    after: list[tuple[str, nn.Module]] = []
    if conv.pool:
        p = conv.pool
        after.append((f"pool{n}", nn.MaxPool2d(p.kernel, p.stride, p.pad, ceil_mode=p.ceil)))
    if conv.norm:
        k = architecture.norm
        norm = (f"norm{n}", LocalResponseNorm(k.size, k.alpha, k.beta, k.bias))
        after.insert(0 if architecture.norm_first else len(after), norm)
    return OrderedDict([(f"conv{n}", PaddedConv(maps_below, conv)), (f"relu{n}", nn.ReLU(inplace=True)), *after])


def build(architecture: Architecture, dropout: float = 0.5) -> nn.Sequential:
    """The network, giving logits (N, classes); weights are torch's until `recipe.initialise` sets them."""
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    maps = 3
    for conv in architecture.convs:
        stages.update(conv_stage(architecture, conv, maps))
        maps = conv.maps

    stages["flatten"] = nn.Flatten()
    width = architecture.features()
    for n, units in architecture.hidden:
        stages[f"fc{n}"] = nn.Linear(width, units)
        stages[f"relu{n}"] = nn.ReLU(inplace=True)
        stages[f"drop{n}"] = nn.Dropout(dropout)
        width = units
    stages["fc8"] = nn.Linear(width, architecture.classes)

    net = nn.Sequential(stages)
    if architecture.parameters is not None:
        assert parameter_count(net) == architecture.parameters, architecture.name
    return net


def parameter_count(net: nn.Module) -> int:
    """Numbers that are learnt."""
    return sum(p.numel() for p in net.parameters())
