"""The paper's guard against dominating filters (Zeiler & Fergus 2014, sections 3 and 4.1)."""

import torch
from torch import Tensor, nn

from trainers.recipe.recipe import Recipe


def filter_rms(weight: Tensor) -> Tensor:
    """Root mean square of each filter of weight (K, C, h, w), over maps and taps: shape (K, 1, 1, 1)."""
    return weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


@torch.no_grad()
def clip_filters(net: nn.Module, recipe: Recipe) -> None:
    """Scale every convolution filter whose RMS exceeds the recipe's radius back to it; biases stay."""
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            radius = recipe.filter_rms
            if name.endswith("conv1") and recipe.first_filter_rms is not None:
                radius = recipe.first_filter_rms
            if radius is not None:
                module.weight.mul_((radius / filter_rms(module.weight)).clamp(max=1))
