"""Whether the exported graph answers as torch does, picture by picture."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.architectures.architecture import Architecture
from trainers.architectures.modules import build
from trainers.data.augment import Preparation, centre
from trainers.data.loader import load
from trainers.devices import join
from trainers.errors import DataError
from trainers.evaluation.accuracy import BATCH
from trainers.export.onnx_file import graph_network
from trainers.job import Job, open_pictures
from trainers.recipe.recipe import Recipe


def compare(state: dict[str, Any], graph: Path, job_data: str, cache: Path) -> str:
    """One line: top-1 of both on the validation pictures, and on how many their five best classes are the same."""
    architecture = Architecture.from_dict(state["identity"]["architecture"])
    recipe = Recipe(**state["identity"]["recipe"])
    place = join("cpu")
    pictures = open_pictures(Job(architecture, recipe, job_data, cache, cache=cache), place)
    if pictures.classes != state["classes"]:
        raise DataError(f"{job_data} has other classes than the network was trained on")
    prepare = Preparation(state["mean"], state["std"])
    net: nn.Module = build(architecture).eval()
    net.load_state_dict(state["net"])
    exported = graph_network(graph)

    answers: list[Tensor] = []
    count = len(pictures.val)
    batches = [list(range(i, min(i + BATCH, count))) for i in range(0, count, BATCH)]
    for images, labels, _ in load(pictures.val, batches, place, workers=None):
        x = prepare(centre(images, architecture.side))
        with torch.no_grad():
            five = [logits.topk(min(5, logits.shape[1])).indices for logits in (net(x), exported(x))]
        right = [best[:, 0] == labels for best in five]
        answers.append(torch.stack([*right, (five[0] == five[1]).all(dim=1)]).sum(dim=1))
    torch_right, graph_right, same = torch.stack(answers).sum(dim=0).tolist()
    return f"top-1 right: torch {torch_right}, onnxruntime {graph_right} of {count}; same five best classes on {same}"
