"""Evaluation: how often networks are right, by class and in all, and by how much they differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.accuracy import TOP, Accuracy, Answers, ClassErrorRate, Difference, class_count, measure
from inspectnet.analyses.labelled_photos import label_targets
from inspectnet.analyses.provenance import images_of, model_names, provenance
from inspectnet.analyses.sources import collection_of
from inspectnet.analyses.statistics import Interval
from inspectnet.arguments import checks_arguments
from inspectnet.classes import find_targets
from inspectnet.errors import OptionError
from inspectnet.images import Reader, Sources, Targets
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.results import Axes, Below, Result, derived

PAIRS, PHOTOS = 8, 5  # confused pairs that are kept, and photos of each


@dataclass(frozen=True)
class ErrorRate:
    """How often one network, or all together, were wrong."""

    model: str
    images: int
    top1_error: Interval
    """Per cent."""
    top5_error: Interval
    loss: float | None
    """The mean of -log of the true class's probability; None where float32 rounded one to zero."""
    classes: tuple[ClassErrorRate, ...]
    """Of which there are images."""
    confusion: tuple[tuple[int, int, int], ...]
    """The cells that are not zero: the true class, the answer, how many images."""


@dataclass(frozen=True)
class ConfusedPair:
    """A class that is often taken for another one."""

    true: Annotated[int, Below("classes")]
    taken_for: Annotated[int, Below("classes")]
    count: int
    """How many images of the one are taken for the other."""
    images: Annotated[tuple[str, ...], Axes("shown")]
    """Those that are shown."""
    photos: Annotated[np.ndarray, Axes("shown height+ width+ 3", "uint8")]
    """(n, H, W, 3) uint8: as the first network sees them."""


@dataclass(frozen=True, repr=False, eq=False)
class Evaluation(Result):
    """The errors of networks over labelled images."""

    command: ClassVar[str] = "evaluate"
    crops: int
    models: Annotated[tuple[str, ...], Axes("answers+")]
    """The networks, and all together if they are several."""
    classes: Annotated[tuple[str, ...], Axes("classes+")]
    """What the classes are called."""
    left_out: Mapping[str, int]
    """How many images were left out of each label that means no class; "" is no label at all."""
    accuracy: Accuracy
    confused: tuple[ConfusedPair, ...]
    """The pairs that the last of `models` confuses most."""

    @derived
    def errors(self) -> tuple[ErrorRate, ...]:
        """Of each of `models`."""
        pairs = zip(self.models, self.accuracy.answers, strict=True)
        return tuple(self._error_rate(model, answers) for model, answers in pairs)

    @derived
    def differences(self) -> tuple[Difference, ...]:
        """Of the top-1 errors of every two of `models`."""
        return self.accuracy.differences()

    def _error_rate(self, model: str, answers: Answers) -> ErrorRate:
        loss, cells = float(answers.loss.mean()), self.accuracy.cells(answers)
        return ErrorRate(
            model,
            len(self.accuracy.images),
            answers.error_interval(),
            answers.error_interval(TOP),
            loss if math.isfinite(loss) else None,
            self.accuracy.by_class(answers, self.classes),
            tuple((int(true), int(taken), int(count)) for true, taken, count in cells),
        )


@checks_arguments
def evaluate(
    networks: Network | Sequence[Network],
    images: Sources,
    *,
    labels: Sequence[int] | None = None,
    classes: str | Path | None = None,
    scores: str = "",
    crops: int = 1,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Top-1 and top-5 error on labelled images, of each network and of all together.

    labels: the classes of photos in memory.
    classes: a file that names them. scores: the layer or output that holds the class scores. crops: 1, the one that the
    preparation says, or 10. Raises OptionError for labels that mean no class and networks of other classes, LayerError,
    ModelError, ImageError if no image could be read or has a label.
    """
    networks = [networks] if isinstance(networks, Network) else list(networks)
    if not networks:
        raise OptionError("there is no network. Give one or more.")
    targets = (
        _targets(networks, images, scores, classes)
        if labels is None
        else label_targets(networks[0], collection_of(images), labels, classes, scores)
    )
    with progress("evaluating", len(targets.collection)) as advance:
        accuracy, seen = measure(
            networks, targets.collection, targets.classes, layer=scores, crops=crops, batch_size=batch_size,
            threads=threads, advance=advance,
        )  # fmt: skip
    options = {"crops": crops, "scores": [network.class_scores(scores).value for network in networks]}
    return Evaluation(
        provenance(networks, images_of(seen), options),
        crops,
        _names(networks),
        targets.names,
        targets.left_out,
        accuracy,
        tuple(_confused(accuracy, Reader(targets.collection, networks[0].preparation))),
    )


def _confused(accuracy: Accuracy, reader: Reader) -> Iterator[ConfusedPair]:
    """The pairs of classes that the last answers confuse most, with photos of each."""
    entries = {entry.id: number for number, entry in enumerate(reader.collection)}
    for true, taken_for, rows in accuracy.confused(accuracy.answers[-1], PAIRS):
        images = tuple(accuracy.images[row] for row in rows[:PHOTOS])
        photos = [reader.tiler.restore(reader.load(entries[image])) for image in images]
        yield ConfusedPair(true, taken_for, len(rows), images, np.stack(photos))


def _targets(networks: Sequence[Network], images: Sources, scores: str, classes: str | Path | None) -> Targets:
    """The images whose label means a class, and which; notes what was taken for granted, and what is left out."""
    count = class_count(networks, scores)
    targets, where = find_targets(networks, count, collection_of(images), classes)
    if targets.guessed:
        where = f"a guess: the {count} labels, sorted (say it with --classes, or inspectnet annotate)"
    note(f"classes: {where}", quiet=not targets.guessed)
    return targets


def _names(networks: Sequence[Network]) -> tuple[str, ...]:
    """The files, with their folders if two have one name, and all together."""
    names = model_names(networks)
    return (*names, *[f"ensemble of {len(names)}"] * (len(names) > 1))
