"""From stored pictures to what the network sees, a whole batch at a time, on the batch's device.

Random numbers are drawn on the CPU from a generator seeded by the step, so a resumed run sees the same crops.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.recipe.recipe import Recipe

ASPECT = 0.25  # log of the largest ratio of width to height of a resized box, about 4:3 over 1:1


class Preparation:
    """Pixels in 0..255 to network units: x / 255, minus each colour's mean, over its standard deviation."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self.mean, self.std = mean, std

    def __call__(self, pixels: Tensor) -> Tensor:
        """(N, H, W, 3) -> (N, 3, H, W) float32."""
        mean = torch.tensor(self.mean, device=pixels.device)
        std = torch.tensor(self.std, device=pixels.device)
        return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def centre(pictures: Tensor, side: int) -> Tensor:
    """The middle square of (N, H, W, 3); an odd margin leaves the larger part right and below."""
    top, left = (pictures.shape[1] - side) // 2, (pictures.shape[2] - side) // 2
    return pictures[:, top : top + side, left : left + side]


def augment(pictures: Tensor, side: int, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Training crops (N, side, side, 3), still in 0..255, of pictures (N, S, S, 3) uint8."""
    if recipe.crop == "resized":
        crops = resized_boxes(pictures, side, recipe.smallest_area, generator)
    else:
        crops = whole_pixel_crops(pictures, side, recipe.crop == "corners", generator)
    return jitter(crops, recipe.colour_jitter, generator) if recipe.colour_jitter else crops


def whole_pixel_crops(pictures: Tensor, side: int, corners: bool, generator: torch.Generator) -> Tensor:
    """Squares cut out at one of five places (corners, centre) or anywhere, half of them mirrored."""
    count, margin = len(pictures), pictures.shape[1] - side
    if corners:
        places = torch.tensor([[0, 0], [0, margin], [margin, 0], [margin, margin], [margin // 2, margin // 2]])
        start = places[torch.randint(5, (count,), generator=generator)]
    else:
        start = torch.randint(margin + 1, (count, 2), generator=generator)
    taps = torch.arange(side)
    columns = torch.where(torch.rand(count, 1, generator=generator) < 0.5, taps.flip(0), taps)
    rows = (start[:, :1] + taps)[:, :, None].to(pictures.device)
    columns = (start[:, 1:] + columns)[:, None, :].to(pictures.device)
    crops = pictures[torch.arange(count, device=pictures.device)[:, None, None], rows, columns]
    return crops


def resized_boxes(pictures: Tensor, side: int, smallest_area: float, generator: torch.Generator) -> Tensor:
    """Boxes of random area, shape and place, resized bilinearly, half of them mirrored."""
    count = len(pictures)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(count).uniform_(low, high, generator=generator)

    area, ratio = uniform(smallest_area, 1), uniform(-ASPECT, ASPECT).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    box = torch.zeros(count, 2, 3)
    box[:, 0, 0] = torch.where(uniform(0, 1) < 0.5, -width, width)
    box[:, 1, 1] = height
    box[:, 0, 2] = uniform(-1, 1) * (1 - width)
    box[:, 1, 2] = uniform(-1, 1) * (1 - height)
    grid = F.affine_grid(box.to(pictures.device), [count, 3, side, side], align_corners=False)
    pixels = pictures.permute(0, 3, 1, 2).float()
    crops = F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return crops.permute(0, 2, 3, 1)


def jitter(pixels: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Saturation, contrast and brightness changed by up to `amount`, each picture by its own."""
    factors = torch.empty(3, len(pixels), 1, 1, 1).uniform_(-amount, amount, generator=generator)
    saturation, contrast, brightness = factors.to(pixels.device)
    pixels = pixels.float()
    grey = pixels.mean(dim=3, keepdim=True)
    pixels = torch.lerp(grey, pixels, 1 + saturation)
    level = grey.mean(dim=(1, 2), keepdim=True)
    jittered: Tensor = torch.lerp(level, pixels, 1 + contrast) + brightness * 128
    return jittered
