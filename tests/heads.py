"""Heads of many kinds on one convolution: what networks do between their maps and their classes, with the axes of both.

`HEADS` maps a name to the modules of a head, what it does with them, and how many fully connected layers it has.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

SIDE, MAPS, PLACES = 16, 8, 8  # of the image; of the convolution, PLACES x PLACES each


class Headed(nn.Module):
    """A convolution, its rectifier and a head."""

    def __init__(self, make: Callable[[], Sequence[nn.Module]], head: Callable[..., Tensor]) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, MAPS, 3, stride=2, padding=1), head
        self.parts = nn.ModuleList(make())

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.parts, torch.relu(self.conv(x)))


def attention(parts: Any, x: Tensor) -> Tensor:
    """Of two heads, over all places."""
    tokens = x.flatten(2).transpose(1, 2)
    q, k, v = (part(tokens).reshape(x.size(0), -1, 2, 4).transpose(1, 2) for part in parts[:3])
    mixed = torch.softmax(q @ k.transpose(-1, -2) * 0.7, -1) @ v
    return parts[4](parts[3](mixed.transpose(1, 2).reshape(x.size(0), -1, 8)).mean(1))


def recurrent(parts: Any, x: Tensor) -> Tensor:
    """Three steps of a recurrent network along the columns, unrolled."""
    columns = x.mean(2).permute(2, 0, 1)
    state = torch.zeros_like(columns[0])
    for i in range(3):
        state = torch.tanh(parts[0](columns[i]) + parts[1](state))
    return parts[2](state)


def groups(parts: Any, x: Tensor) -> Tensor:
    """Groups of maps beside the images, as SA-Net has them."""
    x = x.view(x.size(0) * 2, 4, 8, 8)
    x = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
    return parts[1](torch.relu(parts[0](x.view(-1, 8, 8, 8))).mean((2, 3)))


def weighed(x: Tensor) -> Tensor:
    """A sum over tokens (N, T, C), none as another: of a softmax it is not constant."""
    return (x * torch.arange(float(x.size(1)))[:, None].to(x)).sum(1)


def linear(*sizes: int) -> Callable[[], list[nn.Module]]:
    """Fully connected layers, of pairs of sizes."""
    return lambda: [nn.Linear(a, b) for a, b in zip(sizes[::2], sizes[1::2], strict=True)]


HEADS: dict[str, tuple[Callable[[], Sequence[nn.Module]], Callable[..., Tensor], int]] = {
    "a view of the size": (linear(512, 6), lambda p, x: p[0](x.view(x.size(0), -1)), 1),
    "a view of the features": (linear(512, 6), lambda p, x: p[0](x.view(-1, 512)), 1),
    "a product of sizes": (linear(512, 6), lambda p, x: p[0](x.view(x.size(0), x.size(1) * x.size(2) * x.size(3))), 1),
    "a reshape": (linear(512, 6, 6, 4), lambda p, x: p[1](torch.relu(p[0](x.reshape(x.shape[0], -1)))), 2),
    "flat": (linear(512, 6), lambda p, x: p[0](torch.flatten(x, 1)), 1),
    "rows of places": (linear(64, 6), lambda p, x: p[0](x.flatten(2)).mean(1), 1),
    "tokens": (linear(8, 6, 6, 4), lambda p, x: p[1](torch.relu(p[0](x.flatten(2).transpose(1, 2))).mean(1)), 2),
    "channels last": (linear(8, 6, 6, 4), lambda p, x: p[1](torch.relu(p[0](x.permute(0, 2, 3, 1))).mean((1, 2))), 2),
    "all places as rows": (
        linear(8, 6, 384, 4),
        lambda p, x: p[1](torch.relu(p[0](x.permute(0, 2, 3, 1).reshape(-1, 8))).reshape(x.size(0), -1)),
        2,
    ),
    "time first": (linear(8, 6, 6, 4), lambda p, x: p[1](torch.relu(p[0](x.mean(2).permute(2, 0, 1)))[-1]), 2),
    "time first to the end": (
        linear(8, 6, 6, 4),
        lambda p, x: p[1](torch.relu(p[0](x.mean(2).permute(2, 0, 1)))).mean(0),
        2,
    ),
    "time and images as rows": (
        linear(8, 6, 6, 4),
        lambda p, x: p[1](torch.relu(p[0](x.mean(2).permute(2, 0, 1).reshape(-1, 8))).reshape(8, -1, 6)[2]),
        2,
    ),
    "columns of features": (
        linear(64, 6, 6, 4),
        lambda p, x: p[1](torch.relu(p[0](x.permute(3, 0, 1, 2).flatten(2)))[3]),
        2,
    ),
    "a convolution of one axis": (
        lambda: [nn.Conv1d(8, 6, 3), nn.Linear(6, 4)],
        lambda p, x: p[1](torch.relu(p[0](x.mean(2))).mean(2)),
        1,
    ),
    "a recurrent network": (linear(8, 8, 8, 8, 8, 4), recurrent, 6),
    "attention": (linear(8, 8, 8, 8, 8, 8, 8, 8, 8, 4), attention, 5),
    "a softmax along tokens": (
        linear(8, 6, 6, 4),
        lambda p, x: p[1](weighed(torch.softmax(p[0](x.flatten(2).transpose(1, 2)), 1))),
        2,
    ),
    "groups beside the images": (lambda: [nn.Conv2d(8, 6, 3), nn.Linear(6, 4)], groups, 1),
    "squeezed": (linear(8, 4), lambda p, x: p[0](x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(-1)), 1),
}  # fmt: skip


def headed(name: str) -> tuple[Headed, int]:
    """The network with the head of that name, and how many fully connected layers it has."""
    make, head, count = HEADS[name]
    torch.manual_seed(0)
    return Headed(make, head).eval(), count
