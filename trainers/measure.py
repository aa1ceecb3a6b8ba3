"""Top-1 and top-5 accuracy of the centre crop."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.augment import Preparation, centre
from trainers.devices import Place
from trainers.loader import load
from trainers.pixels import Pixels

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

    def as_dict(self) -> dict[str, float | int]:
        """Percent and counts, for metadata."""
        return {"top1": round(100 * self.top1, 3), "top5": round(100 * self.top5, 3), "images": self.count}


def hits(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """How many labels are among the k largest logits."""
    k = min(k, logits.shape[1])
    return (logits.topk(k, dim=1).indices == labels[:, None]).any(dim=1).sum()


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
    sums = torch.zeros(4, dtype=torch.float64, device=place.device)
    unread: list[str] = []
    for pictures, labels, bad in load(pixels, batches, place, workers):
        unread += bad
        labels = labels.to(place.device)
        logits = net(prepare(centre(pictures.to(place.device), side))).float()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        count = torch.tensor(len(labels), device=place.device)
        sums += torch.stack([hits(logits, labels, 1), hits(logits, labels, 5), loss, count])
    top1, top5, total_loss, count = place.total(sums).tolist()
    return Accuracy(top1 / count, top5 / count, total_loss / count, int(count), tuple(unread))
