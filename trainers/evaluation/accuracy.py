"""Top-1 and top-5 accuracy of the centre crop."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.data.augment import Preparation, centre
from trainers.data.loader import load
from trainers.data.pixels import Pixels
from trainers.devices import Place

BATCH = 250


@dataclass(frozen=True)
class Accuracy:
    """What part of `count` pictures is right, and the mean loss."""

    top1: float
    top5: float
    loss: float
    count: int
    bad: tuple[str, ...] = ()
    """Pictures that could not be read, and why; of this process."""
    right: np.ndarray = field(default_factory=lambda: np.zeros((2, 0), bool), compare=False, repr=False)
    """(2, N): whether the label of each picture is the best answer, and among the five best; of this process."""

    def as_dict(self) -> dict[str, float | int]:
        """Percent and counts, for metadata."""
        return {"top1": round(100 * self.top1, 3), "top5": round(100 * self.top5, 3), "images": self.count}


def hits(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """Whether each label (N,) is among the k largest of its logits (N, classes): bool (N,)."""
    k = min(k, logits.shape[1])
    return (logits.topk(k, dim=1).indices == labels[:, None]).any(dim=1)


@torch.no_grad()
def measure(
    net: Callable[[Tensor], Tensor],
    pixels: Pixels,
    side: int,
    prepare: Preparation,
    place: Place,
    numbers: list[int] | None = None,
    workers: int | None = None,
) -> Accuracy:
    """Accuracy of `net` (prepared batch -> logits) on the pictures `numbers`, all by default; in float32."""
    numbers = list(range(len(pixels))) if numbers is None else numbers
    mine = numbers[place.rank :: place.world]
    batches = [mine[i : i + BATCH] for i in range(0, len(mine), BATCH)]
    if isinstance(net, nn.Module):
        net.eval()
    loss = torch.zeros((), dtype=torch.float64, device=place.device)
    answers = [torch.zeros(2, 0, dtype=torch.bool, device=place.device)]
    unread: list[str] = []
    for pictures, labels, bad in load(pixels, batches, place, workers):
        unread += bad
        labels = labels.to(place.device)
        logits = net(prepare(centre(pictures.to(place.device), side))).float()
        loss += F.cross_entropy(logits, labels, reduction="sum")
        answers.append(torch.stack([hits(logits, labels, 1), hits(logits, labels, 5)]))
    right = torch.cat(answers, dim=1)
    count = torch.full((1,), right.shape[1], device=place.device)
    top1, top5, total_loss, total = place.total(torch.cat([right.sum(dim=1), loss[None], count]).double()).tolist()
    return Accuracy(top1 / total, top5 / total, total_loss / total, int(total), tuple(unread), right.cpu().numpy())
