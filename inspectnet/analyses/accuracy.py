"""How often networks are right: top-1 and top-5 error over labelled images, of each network and of all together.

Zeiler & Fergus 2014, sec. 5.1, Tables 2 and 3. Of ten crops of an image, and of several networks, the probabilities
are averaged (Krizhevsky et al. 2012, sec. 4.1). Among equal scores the class that comes first goes first.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from inspectnet.analyses.statistics import Interval, bootstrap, holm, share, sign_p
from inspectnet.errors import ModelError, OptionError
from inspectnet.graph.scores import ClassScores
from inspectnet.images import Collection, Preparation, Seen, TenCrops
from inspectnet.network import Network
from inspectnet.results import Axes, Below
from inspectnet.scanning import Gather, Rows, scan

TOP = 5


@dataclass(frozen=True)
class Answers:
    """What one network, or several together, answered to each image."""

    predicted: Annotated[np.ndarray, Axes("images", "int64"), Below("classes")]
    """(N,) int64: the class it takes the image for."""
    rank: Annotated[np.ndarray, Axes("images", "int64"), Below("classes")]
    """(N,) int64: how many classes it finds more likely than the true one; 0 is a right answer."""
    loss: Annotated[np.ndarray, Axes("images", "float64", nan=True)]
    """(N,) float64: -log of the true class's probability."""

    def error(self, top: int = 1) -> float:
        """Percent of the images whose class is not among the `top` most likely ones."""
        return 100 * float(np.mean(self.rank >= top))

    def error_interval(self, top: int = 1) -> Interval:
        """The same with its 95 % interval: what other images would give."""
        part = share(self.rank >= top)
        return Interval(self.error(top), 100 * (part.low or 0.0), 100 * (part.high or 0.0))


@dataclass(frozen=True)
class Difference:
    """By how much the error of one result exceeds that of another, of the same images."""

    pair: tuple[int, int]
    """Which results."""
    top: int
    points: Interval
    """Of per cent, over images, pair by pair."""
    p: float
    """Of a permutation test of signs."""
    p_corrected: float
    """By Holm for all differences."""


@dataclass(frozen=True)
class ClassErrorRate:
    """What became of the images of one class."""

    name: str
    number: int
    images: int
    top1_error: float
    """Per cent."""
    top5_error: float
    taken_for: str | None
    """The most frequent wrong answer, the first of equals."""


@dataclass(frozen=True)
class Accuracy:
    """The answers of each network, and after them those of all together if they are several."""

    images: Annotated[tuple[str, ...], Axes("images+")]
    """Id of each image that was read, in the order of the collection."""
    labels: Annotated[np.ndarray, Axes("images", "int64"), Below("classes")]
    """(N,) int64: its class."""
    classes: Annotated[int, Axes("classes")]
    """K."""
    answers: Annotated[tuple[Answers, ...], Axes("answers+")]

    def differences(self, top: int = 1) -> tuple[Difference, ...]:
        """Of every two results."""
        wrong = [100.0 * (answers.rank >= top) for answers in self.answers]
        pairs = [
            Difference((i, j), top, bootstrap(wrong[i] - wrong[j]), sign_p(wrong[i] - wrong[j]), 1.0)
            for i, j in itertools.combinations(range(len(wrong)), 2)
        ]
        return tuple(replace(d, p_corrected=p) for d, p in zip(pairs, holm([d.p for d in pairs]), strict=True))

    def cells(self, answers: Answers) -> np.ndarray:
        """The cells of the confusion matrix that are not zero: (M, 3) int64 of true class, answer, images."""
        cells, counts = np.unique(self.labels * self.classes + answers.predicted, return_counts=True)
        return np.column_stack([*np.divmod(cells, self.classes), counts])

    def confusion(self, answers: Answers) -> np.ndarray:
        """(K, K) int64: how many images of each class, the row, were taken for each class, the column."""
        true, predicted, counts = self.cells(answers).T
        matrix = np.zeros((self.classes, self.classes), np.int64)
        matrix[true, predicted] = counts
        return matrix

    def confused(self, answers: Answers, most: int) -> list[tuple[int, int, list[int]]]:
        """At most so many pairs of true class and answer, the most frequent first, with the rows of their images.

        Of pairs that are equally frequent the one whose true classes were found least likely goes first.
        """
        rows: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero(answers.predicted != self.labels).tolist():
            rows.setdefault((int(self.labels[row]), int(answers.predicted[row])), []).append(row)
        ranked = sorted(rows, key=lambda pair: (-len(rows[pair]), -float(answers.loss[rows[pair]].sum()), pair))
        return [(*pair, rows[pair]) for pair in ranked[:most]]

    def by_class(self, answers: Answers, names: Sequence[str]) -> tuple[ClassErrorRate, ...]:
        """The errors of each class of which there are images; names: of all classes."""
        order, rates = np.argsort(self.labels, kind="stable"), list[ClassErrorRate]()
        classes, first = np.unique(self.labels[order], return_index=True)
        for k, rows in zip(classes.tolist(), np.split(order, first[1:]), strict=True):
            wrong = answers.predicted[rows][answers.predicted[rows] != k]
            top1, top5 = len(wrong) / len(rows), float(np.mean(answers.rank[rows] >= TOP))
            taken_for = names[int(np.bincount(wrong).argmax())] if len(wrong) else None
            rates.append(ClassErrorRate(names[k], k, len(rows), 100 * top1, 100 * top5, taken_for))
        return tuple(rates)


def measure(
    networks: Sequence[Network],
    collection: Collection,
    classes: np.ndarray,
    *,
    layer: str = "",
    crops: int = 1,
    batch_size: int = 16,
    threads: int | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> tuple[Accuracy, Seen]:
    """The answers of networks to a collection whose true `classes` (entries,) are known, and what was read.

    layer: what holds the class scores, if not the output. crops: 1, the one that the preparation says, or 10. Each
    image is read once; memory does not grow with the images, but for a few numbers of each.
    Raises OptionError, ModelError, LayerError, ImageError if no image could be read.
    """
    count, scores = class_count(networks, layer), [network.class_scores(layer) for network in networks]
    if crops not in (1, 10):
        raise OptionError(f"an image is cut into 1 crop or into 10, not {crops}.")
    parts = [network.preparation if crops == 1 else TenCrops(network.preparation) for network in networks]
    judged = Gather()
    asked = [(_Judge(networks, scores, tuple(parts), classes), {"judged": judged})]
    seen = scan(collection, asked, batch_size=max(1, batch_size // crops), threads=threads, advance=advance)
    answers = tuple(
        Answers(predicted.astype(np.int64), rank.astype(np.int64), loss)
        for predicted, rank, loss in judged.result().transpose(1, 2, 0)
    )
    return Accuracy(seen.ids, classes[seen.keys[:, 0]], count, answers), seen


@dataclass(frozen=True, eq=False)
class _Judge:
    """Asks what networks, and all of them together, say of an image whose class is known."""

    networks: Sequence[Network]
    scores: Sequence[ClassScores]
    preparations: tuple[Preparation | TenCrops, ...]
    """Of each network."""
    classes: np.ndarray
    """(entries,)."""

    def __call__(self, rows: Rows) -> dict[str, np.ndarray]:
        """(n, results, 3): what is predicted, the rank of the true class, and its loss."""
        likely = [
            _log_probabilities(network, scores, part, rows.inputs[part], rows.ids)
            for network, scores, part in zip(self.networks, self.scores, self.preparations, strict=True)
        ]
        likely += [_log_mean(np.stack(likely))] if len(likely) > 1 else []
        own = self.classes[rows.keys[:, 0]]
        return {"judged": np.stack([_judge(logs, own) for logs in likely], axis=1)}


def class_count(networks: Sequence[Network], layer: str = "") -> int:
    """How many classes the networks tell apart. Raises OptionError if not all the same, ModelError, LayerError."""
    counts = [network.class_scores(layer).classes for network in networks]
    for network, count in zip(networks, counts, strict=True):
        if count != counts[0]:
            what = f"{networks[0].path} tells {counts[0]} classes apart, but {network.path} {count}"
            raise OptionError(f"{what}. Evaluate them one by one.")
    return counts[0]


def _log_probabilities(
    network: Network, scores: ClassScores, part: Preparation | TenCrops, x: np.ndarray, ids: Sequence[str]
) -> np.ndarray:
    """(N, K) float64 for N prepared images, each one row of x or a frame of ten crops.

    In logarithms nothing becomes zero, and so equal, that is not.
    """
    rows = part.cut(x) if isinstance(part, TenCrops) else x
    raw = scores.of_each_class(network.values(rows, [scores.value])[scores.value])
    if not (sound := np.isfinite(raw).all(axis=1)).all():
        image = ids[int(sound.argmin()) // (len(rows) // len(ids))]
        what = f"{network.path} answers the image {image} with NaN or infinity"
        raise ModelError(f"{what}. Check the model's weights.")
    if scores.normalised:
        with np.errstate(divide="ignore"):
            logs = np.log(raw)
    else:
        shifted = raw - raw.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return _log_mean(logs.reshape(len(ids), -1, raw.shape[1]).swapaxes(0, 1))


def _log_mean(logs: np.ndarray) -> np.ndarray:
    """The logarithm of the mean over the first axis of what `logs` are the logarithms of."""
    total: np.ndarray = np.logaddexp.reduce(logs, axis=0)
    return total - math.log(len(logs))


def _judge(likely: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N, 3): what is predicted, the rank of the true class, and its loss, of log-probabilities (N, K)."""
    own = np.take_along_axis(likely, classes[:, None], axis=1)
    earlier = np.arange(likely.shape[1]) < classes[:, None]
    rank = ((likely > own) | ((likely == own) & earlier)).sum(axis=1)
    return np.stack([likely.argmax(axis=1), rank, -own[:, 0]], axis=1)
