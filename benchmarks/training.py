"""Pictures per second of the training loop, the bare forward and backward, and torchvision's reference loader."""

import argparse
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.rounds import RATIO, THREADS, Times, in_turns, print_setting, print_table, ratio
from trainers import devices
from trainers.architectures.ablations import NETWORKS
from trainers.job import Job, open_pictures
from trainers.recipe.recipe import RECIPES
from trainers.training.loop import Run, batches, train_step
from trainers.training.state import State

STEPS = 16  # per turn, four times what waits ready in the loader's workers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with train.tar and val.tar")
    parser.add_argument("--network", default="zfnet-tiny")
    parser.add_argument("--count", type=int, default=20_000, help="pictures to train on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="auto", help="float32 or bfloat16, as trainers take it")
    said = parser.parse_args()
    print_setting(said.rounds)
    with tempfile.TemporaryDirectory() as folder:
        data = unpack(said.data, Path(folder), said.count)
        run = open_run(data, Path(folder, "run"), said.network, said.precision)
        size = STEPS * run.job.recipe.batch
        times = in_turns(contenders(run, data), said.rounds)
    print_table(["", "pictures/s", *RATIO], [row(name, times, size) for name in times])


def row(name: str, times: dict[str, Times], size: int) -> list[str]:
    """A contender, and how its speed compares with what it is measured against."""
    against = {"loop": "bare", "loop, reference loader": "bare", "pictures": "reference loader"}.get(name)
    compared = ratio(times[against], times[name]) if against else [""] * len(RATIO)
    return [name, f"{size / times[name].wall.mean():.0f}", *compared]


def unpack(data: Path, folder: Path, count: int) -> Path:
    """Class folders with about `count` of the training pictures, evenly over the classes, and as few to validate."""
    for split, most in (("train", count), ("val", 500)):
        with tarfile.open(data / f"{split}.tar") as tar:
            members = [m for m in tar.getmembers() if m.isfile()]
            tar.extractall(folder, members[:: max(1, len(members) // most)], filter="data")
    return folder


def open_run(data: Path, folder: Path, network: str, precision: str) -> Run:
    """A run as `python -m trainers train` starts it."""
    job = Job(NETWORKS[network], RECIPES["tiny"], str(data), folder, device="cpu", threads=THREADS)
    place = devices.join(job.device, job.threads, precision)
    pictures = open_pictures(job, place)
    job = replace(job, architecture=job.architecture.for_classes(len(pictures.classes)))
    state = State(job, pictures, place)
    state.net.train()
    return Run(job, place, pictures, state, state.net)


def contenders(run: Run, data: Path) -> dict[str, Callable[[], object]]:
    """Each does STEPS batches per call."""
    own, reference = endless(lambda: own_batches(run)), endless(lambda: reference_batches(run, data))
    alone, reference_alone = endless(lambda: own_batches(run)), endless(lambda: reference_batches(run, data))
    side = run.job.architecture.side
    x = torch.randn(run.job.recipe.batch, 3, side, side).to(memory_format=torch.channels_last)
    y = torch.randint(len(run.pictures.classes), (len(x),))
    state = run.state

    def update(x: Tensor, y: Tensor) -> None:
        state.optimiser.zero_grad(set_to_none=True)
        with run.place.autocast():
            loss = F.cross_entropy(run.net(x), y, label_smoothing=run.job.recipe.label_smoothing)
        loss.backward()

    def reference_step(x: Tensor, y: Tensor) -> None:
        update(x, y)
        state.optimiser.step()

    return {
        "bare": lambda: [update(x, y) for _ in range(STEPS)],
        "loop": lambda: [train_step(run, *batch) for batch in islice(own, STEPS)],
        "loop, reference loader": lambda: [reference_step(*batch) for batch in islice(reference, STEPS)],
        "pictures": lambda: [len(batch) for batch in islice(alone, STEPS)],
        "reference loader": lambda: [len(batch) for batch in islice(reference_alone, STEPS)],
    }


def endless(epoch: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of one epoch after the other."""
    return chain.from_iterable(epoch() for _ in iter(int, 1))


def own_batches(run: Run) -> Iterator[tuple[Tensor, Tensor]]:
    """Stored pictures; crops are part of the step."""
    return ((images, labels) for images, labels, _ in batches(run))


def reference_batches(run: Run, data: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """As torchvision's reference script for classification loads them: decoded and cropped anew in worker processes."""
    recipe, prepare = run.job.recipe, run.state.prepare
    preset = v2.Compose(
        [
            v2.RandomResizedCrop(run.job.architecture.side, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
            v2.ToDtype(torch.float, scale=True),
            v2.Normalize(prepare.mean, prepare.std),
            v2.ToPureTensor(),
        ]
    )
    pictures = ImageFolder(str(data / "train"), preset)
    return iter(DataLoader(pictures, recipe.batch, shuffle=True, num_workers=THREADS, drop_last=True))


if __name__ == "__main__":
    main()
