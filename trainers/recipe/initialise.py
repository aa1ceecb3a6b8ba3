"""The first weights: random, or scaled so that every unit has mean 0 and deviation 1 over pictures."""

import torch
from torch import Tensor, nn

from trainers.recipe.recipe import Recipe


def initialise(net: nn.Module, recipe: Recipe) -> None:
    """Set every weight as the recipe says, every bias to 0."""
    for name, module in net.named_modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        if name == "conv1" and recipe.first_std is not None:
            nn.init.normal_(module.weight, std=recipe.first_std)
        elif recipe.init == "normal" or (recipe.init == "standard" and name == "fc8"):
            nn.init.normal_(module.weight, std=0.01)
        else:
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if name == "fc8" else "relu")


@torch.no_grad()
def standardise(net: nn.Sequential, pictures: Tensor) -> None:
    """Shift and scale each map's sums in place, from the bottom up, over prepared pictures (N, 3, H, W).

    Plain rectified networks pass on mostly what all pictures have in common, the more the deeper (a fourth of the
    signal tells pictures apart at fc7), and learn nothing until that is unlearnt. After Mishkin & Matas (2016),
    "All you need is a good init", and Kraehenbuehl et al. (2016). conv1 is only shifted: its filters keep their size,
    for what is not learnt of them stays as noise. The last layer is left alone.
    """
    net.eval()
    layers = [name for name, module in net.named_children() if isinstance(module, (nn.Conv2d, nn.Linear))]
    x = pictures
    for name, module in net.named_children():
        if name == layers[-1]:
            break
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            if name != layers[0]:
                deviation = module(x).transpose(0, 1).flatten(1).std(1).clamp_min(1e-6)
                module.weight /= deviation.view(-1, *[1] * (module.weight.ndim - 1))
            module.bias -= module(x).transpose(0, 1).flatten(1).mean(1)
        x = module(x)
    net.train()
