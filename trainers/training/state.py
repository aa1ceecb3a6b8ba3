"""Everything a run carries from step to step, as one thing that can be saved and restored."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainers.architectures.modules import build
from trainers.data.augment import Preparation
from trainers.devices import Place
from trainers.job import Job, Pictures, identity
from trainers.recipe.initialise import initialise, standardise
from trainers.recipe.schedule import Plateau
from trainers.training import checkpoint


def seed_of(*numbers: int | str) -> int:
    """A seed that depends on all numbers, so that step 7 of a run draws the same after an interruption."""
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:8], "big") >> 1


class State:
    """Weights, momentum, rate, position, and the history of epochs."""

    def __init__(self, job: Job, pictures: Pictures, place: Place) -> None:
        self.identity = identity(job, pictures)
        self.classes, self.prepare = pictures.classes, pictures.prepare
        torch.manual_seed(seed_of(job.seed, "weights"))
        self.net = build(job.architecture, job.recipe.dropout)
        initialise(self.net, job.recipe)
        if job.recipe.init == "standard":
            standardise(self.net, pictures.sample(job.architecture.side))
        self.net.to(place.device).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.SGD(
            decayed(self.net, job.recipe.weight_decay), lr=job.recipe.rate, momentum=job.recipe.momentum
        )
        self.scaler = torch.amp.GradScaler(place.device.type, enabled=place.half == torch.float16)
        self.plateau = Plateau(job.recipe)
        self.epoch = 0
        self.step = 0  # in this epoch
        self.seconds = 0.0  # spent in this epoch
        self.tally = torch.zeros(3, dtype=torch.float64, device=place.device)  # loss, hits, pictures in this epoch
        self.history: list[dict[str, Any]] = []
        self.bad: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "identity": self.identity,
            "classes": self.classes,
            "mean": self.prepare.mean,
            "std": self.prepare.std,
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "plateau": self.plateau.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "tally": self.tally,
            "history": self.history,
            "bad": self.bad,
            "commit": checkpoint.commit(),
            "torch": str(torch.__version__),
        }

    def save(self, run: Path) -> None:
        """Write the checkpoint."""
        checkpoint.save(run / checkpoint.LAST, self.as_dict())

    def resume(self, run: Path, place: Place) -> bool:
        """Go on from the run's checkpoint if it has one."""
        if not (run / checkpoint.LAST).exists():
            return False
        state = checkpoint.load(run)
        checkpoint.check_same_run(state, self.identity, run)
        with checkpoint.restoring(run / checkpoint.LAST):
            self.restore(state, place)
        return True

    def restore(self, state: dict[str, Any], place: Place) -> None:
        """Take over what `as_dict` gave."""
        self.prepare = Preparation(state["mean"], state["std"])
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.plateau.load_state_dict(state["plateau"])
        if place.first:  # whose tally the checkpoint is
            self.tally.copy_(state["tally"])
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.history, self.bad = state["history"], state["bad"]


def decayed(net: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: weights decay, biases do not."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    biases = [p for p in net.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]
