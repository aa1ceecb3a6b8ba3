"""The loop. Read `train` downwards: place, pictures, state, then epochs, each ended by a checkpoint.

Step k of a run depends on the seed and on k alone, so a run that was stopped ends in the very same weights.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers import devices
from trainers.data.augment import augment
from trainers.data.loader import load
from trainers.data.pixels import Batch, evenly_spaced
from trainers.devices import Place
from trainers.errors import DivergedError
from trainers.evaluation.accuracy import hits, measure
from trainers.export.onnx_file import export_state
from trainers.files.lock import hold
from trainers.job import Job, Pictures, open_pictures
from trainers.progress import Progress, say
from trainers.recipe.filter_clip import clip_filters
from trainers.recipe.schedule import rate_at
from trainers.training.checkpoint import LAST
from trainers.training.metrics import epoch_line, epoch_row, write_metrics
from trainers.training.state import State, seed_of
from trainers.training.stop import Stop

CHECK_LOSS = 20  # steps between two looks at the loss; each look makes a GPU wait


@dataclass(frozen=True)
class Run:
    """What the loop works with."""

    job: Job
    place: Place
    pictures: Pictures
    state: State
    net: nn.Module  # the state's network, spread over processes

    @property
    def steps(self) -> int:
        """Batches in an epoch; the few pictures that fill no batch wait for another shuffle."""
        return max(1, len(self.pictures.train) // self.job.recipe.batch)

    @property
    def progress(self) -> float:
        """What part of the run's steps is done."""
        return (self.state.epoch * self.steps + self.state.step) / (self.job.recipe.epochs * self.steps)


def train(job: Job) -> Path | None:
    """Train, or go on training; the finished graph's path, or None when asked to stop before the end."""
    place = devices.join(job.device, job.threads, job.precision)
    try:
        with hold(job.run) if place.first else nullcontext():
            return train_in(place, job)
    finally:
        devices.leave(place)


def train_in(place: Place, job: Job) -> Path | None:
    """The same in a place that is joined; what holds on to the place is gone when this returns."""
    pictures = open_pictures(job, place)  # may take long, and a signal just ends it: there is nothing to save yet
    state = State(job, pictures, place)
    resumed = state.resume(job.run, place)
    run = Run(job, place, pictures, state, place.spread(state.net))
    announce(run, resumed)
    with Stop(job.stop_after) as stop:
        while state.epoch < job.recipe.epochs:
            if not train_epoch(run, stop):
                return None
            end_epoch(run)
        graph = job.run / f"{job.architecture.name}.onnx"
        if place.first:
            export_state(state.as_dict(), graph)
        return graph


def announce(run: Run, resumed: bool) -> None:
    """Say what is about to happen, and which pictures are left out."""
    if not run.place.first:
        return
    pictures, state = run.pictures, run.state
    sizes = f"{len(pictures.train)} + {len(pictures.val)} pictures, {len(pictures.classes)} classes"
    say(f"{run.job.architecture.name}: {sizes}, {run.place.device} x {run.place.world}")
    note_bad(run, [*getattr(pictures.train, "bad", []), *getattr(pictures.val, "bad", [])])
    if resumed:
        say(f"going on at epoch {state.epoch + 1}, step {state.step}")


def note_bad(run: Run, bad: list[str]) -> None:
    """Name pictures that cannot be read, once; metadata counts them."""
    new = [line for line in dict.fromkeys(bad) if line not in run.state.bad]
    run.state.bad += new
    if new and run.place.first:
        say(f"{len(run.state.bad)} pictures skipped so far: " + "; ".join(new[:5]) + " ..." * (len(new) > 5))


def train_epoch(run: Run, stop: Stop) -> bool:
    """Run the rest of the state's epoch; False, early and with the checkpoint written, when asked to stop."""
    job, state, size = run.job, run.state, run.job.recipe.batch
    title = f"epoch {state.epoch + 1}/{job.recipe.epochs}"
    progress = Progress(title, run.steps * size, state.step * size, silent=not run.place.first)
    later = (job.recipe.epochs - state.epoch - 1) * run.steps * size
    saved, before = time.monotonic(), state.seconds
    run.net.train()
    for images, labels, bad in batches(run):
        note_bad(run, bad)
        train_step(run, images, labels)
        state.step += 1
        state.seconds = before + time.monotonic() - progress.started
        stop.step_ended()

        if state.step % CHECK_LOSS == 0 or progress.due():
            check_finite(run)
            loss, right, seen = state.tally.tolist()
            progress.show(state.step * size, f"loss {loss / seen:.3f}  top-1 {right / seen:.1%}", later)
        leaving = asked_to_stop(run, stop)
        if run.place.first and (leaving or time.monotonic() - saved > 60 * job.checkpoint_minutes):
            check_finite(run)
            state.save(job.run)
            saved = time.monotonic()
        if leaving:
            progress.end(f"stopped at epoch {state.epoch + 1}, step {state.step}; the same command goes on from there")
            return False
    return True


def asked_to_stop(run: Run, stop: Stop) -> bool:
    """Whether all processes leave after this step; a signal reaches them at different steps, so they have to agree."""
    looking = run.place.world == 1 or run.state.step % CHECK_LOSS == 0 or run.state.step == run.steps
    return looking and run.place.any(stop.asked)


def batches(run: Run) -> Iterator[Batch]:
    """What is left of the epoch's batches, this process' share of each."""
    job, state = run.job, run.state
    shuffle = torch.Generator().manual_seed(seed_of(job.seed, "order", state.epoch))
    order = torch.randperm(len(run.pictures.train), generator=shuffle).tolist()
    size, rank, world = job.recipe.batch, run.place.rank, run.place.world
    mine = [order[k * size : (k + 1) * size][rank::world] for k in range(state.step, run.steps)]
    return load(run.pictures.train, mine, run.place, job.workers)


def train_step(run: Run, images: Tensor, labels: Tensor) -> None:
    """One batch: crops, forward, backward, update, filter clip."""
    recipe, state, device = run.job.recipe, run.state, run.place.device
    seed = seed_of(run.job.seed, "step", state.epoch, state.step, run.place.rank)
    torch.manual_seed(seed)  # dropout
    crops = torch.Generator().manual_seed(seed)
    images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
    x = state.prepare(augment(images, run.job.architecture.side, recipe, crops))

    with run.place.autocast():
        logits = run.net(x)
        loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
    for group in state.optimiser.param_groups:
        group["lr"] = rate_at(recipe, state.plateau, run.progress)
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(state.scaler.scale(loss))
    state.scaler.step(state.optimiser)
    state.scaler.update()
    clip_filters(state.net, recipe)

    with torch.no_grad():
        count = torch.tensor(len(labels), device=device)
        state.tally += torch.stack([loss.double() * count, hits(logits, labels, 1).sum(), count])


def check_finite(run: Run) -> None:
    """Stop before a good checkpoint is overwritten with weights that are no numbers."""
    state = run.state
    finite = torch.stack([state.tally.isfinite().all(), *(p.isfinite().all() for p in state.net.parameters())])
    if not finite.all():
        where = run.job.run / LAST
        kept = f"the last good checkpoint stays in {where}" if where.exists() else "there is no checkpoint yet"
        raise DivergedError(
            f"loss or weights are not finite at epoch {state.epoch + 1}, step {state.step} or shortly before; {kept}. "
            f"Lower the rate ({run.job.recipe.rate}) or lengthen the warm-up, in a new run directory"
        )


def end_epoch(run: Run) -> None:
    """Measure, note, lower the rate at a plateau, write checkpoint, metrics and snapshot."""
    job, state, place = run.job, run.state, run.place
    check_finite(run)
    side = job.architecture.side
    accuracy = measure(state.net, run.pictures.val, side, state.prepare, place, workers=job.workers)
    seen = None
    if run.pictures.seen is not None and job.train_sample:
        sample = evenly_spaced(len(run.pictures.seen), job.train_sample)
        seen = measure(state.net, run.pictures.seen, side, state.prepare, place, sample, job.workers)
    note_bad(run, [*accuracy.bad, *(seen.bad if seen else ())])
    tally = place.total(state.tally).tolist()
    state.plateau.epoch_ended(1 - accuracy.top1)
    state.epoch += 1
    state.history.append(epoch_row(state, tally, accuracy, seen))
    state.step, state.seconds = 0, 0.0
    state.tally.zero_()
    if not place.first:
        return
    state.save(job.run)
    write_metrics(job.run, state.history)
    if state.epoch in job.snapshots:
        export_state(state.as_dict(), job.run / "snapshots" / f"epoch-{state.epoch:03}.onnx")
    say(epoch_line(state.history[-1], job.recipe.epochs))
