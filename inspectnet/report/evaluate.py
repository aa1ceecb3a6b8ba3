"""An evaluation shown: tables of errors, and the confusion of classes as a picture and as CSV."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.evaluate import ConfusedPair, Evaluation
from inspectnet.classes import short_names
from inspectnet.errors import counted
from inspectnet.figures.confusion import MOST_NAMES, Pair, draw_confusion, draw_pairs
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.tables import Column, Table, print_table

WORST = 10  # classes in the table
MOST = 2000  # classes in a matrix that is written out
ERRORS = ("model", Column("top-1 error %", ".2f"), Column("top-5 error %", ".2f"), "loss", "images")
DIFFERENCES = ("top-1 error", Column("points", ".2f"), "p", "Holm")
WRONG = ("image", "true class", "taken for", "rank of the true class", "loss")
CLASSES = ("class", Column("top-1 %", ".2f"), Column("top-5 %", ".2f"), "images", "most often taken for")


def figures(result: Evaluation, display: Display) -> Iterator[tuple[str, Figure]]:
    """What the last model, or all together, confuse: the matrix, or of classes too many for it the worst pairs."""
    last = result.errors[-1]
    if len(result.classes) > MOST_NAMES and result.confused:
        title = f"{last.model}: the pairs of classes that are confused most"
        pairs = [Pair(_caption(result, pair), list(pair.photos)) for pair in result.confused]
        yield "confusion", draw_pairs(pairs, title=title, footer="photos as the network sees them")
    elif len(result.classes) <= MOST:
        footer = "true classes downwards, answers to the right; of each class's images, white is none, black all"
        title = (
            f"{last.model}: {last.top1_error.value:.2f} % of {counted(last.images, 'images')} taken for another class"
        )
        counts = result.accuracy.confusion(result.accuracy.answers[-1])
        yield "confusion", draw_confusion(counts, result.classes, title=title, footer=footer)


def _caption(result: Evaluation, pair: ConfusedPair) -> str:
    names, images = short_names(result.classes), int((result.accuracy.labels == pair.true).sum())
    return f"{names[pair.true]} taken for {names[pair.taken_for]}: {pair.count} of {images}"


def tables(result: Evaluation) -> Iterator[Table]:
    """The same matrix, and a row for each image that the last model, or all together, took for another class."""
    accuracy, names = result.accuracy, result.classes
    answers = accuracy.answers[-1]
    if len(names) <= MOST:
        counts = accuracy.confusion(answers).tolist()
        rows = [[name, *row] for name, row in zip(names, counts, strict=True)]
        yield "confusion.csv", ["true class", *names], rows
    wrong = np.flatnonzero(answers.rank).tolist()
    pairs = ((accuracy.images[i], names[accuracy.labels[i]], names[answers.predicted[i]], i) for i in wrong)
    yield "wrong.csv", WRONG, [[*told, int(answers.rank[i]), float(answers.loss[i])] for *told, i in pairs]


def print_result(result: Evaluation) -> None:
    """Print a row for each network and for all together, their differences, and the classes with the largest errors."""
    title = f"{counted(len(result.accuracy.images), 'images')}, {counted(result.crops, 'crops')}"
    rates = [(rate.model, rate.top1_error, rate.top5_error, rate.loss, rate.images) for rate in result.errors]
    print_table(title, ERRORS, rates)
    if result.differences:
        compared = [
            (" less ".join(result.models[i] for i in pair.pair), pair.points, pair.p, pair.p_corrected)
            for pair in result.differences
        ]
        print_table("\nthe same images, one by one", DIFFERENCES, compared)
    last = result.errors[-1]
    wrong = [rate for rate in last.classes if rate.top1_error > 0]
    if worst := sorted(wrong, key=lambda rate: (-rate.top1_error, -rate.images))[:WORST]:
        short = short_names(result.classes)
        rows = [(short[rate.number], rate.top1_error, rate.top5_error, rate.images, rate.taken_for) for rate in worst]
        print_table(f"\nthe largest errors by class, {last.model}", CLASSES, rows, drop=("images",))
