"""How often networks are right, as tables to read, JSON to go on with, and the confusion of classes."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inspectnet.analyses.accuracy import TOP, Answers, Evaluation
from inspectnet.figures.confusion import draw_confusion
from inspectnet.report.folder import OutputFolder
from inspectnet.report.tables import ends, print_table

WORST = 10  # classes in the table
MOST = 2000  # classes in a matrix that is written out


def describe_answers(found: Evaluation, answers: Answers, name: str, classes: Sequence[str]) -> dict[str, Any]:
    """The errors in percent, in all and by class, and the cells of the confusion matrix, ready for JSON."""
    loss = float(answers.loss.mean())
    return {
        "model": name,
        "images": len(found.images),
        "top1_error": answers.error(),
        "top5_error": answers.error(TOP),
        "intervals": {"top1_error": answers.error_interval(), "top5_error": answers.error_interval(TOP)},
        "loss": loss if math.isfinite(loss) else None,  # of a probability that float32 rounded to zero
        "classes": _by_class(found, answers, classes),
        "confusion": found.cells(answers),
    }


def describe_differences(found: Evaluation, names: Sequence[str]) -> list[dict[str, Any]]:
    """By how many points the top-1 errors of every two results differ, ready for JSON."""
    return [
        {
            "models": [names[i] for i in each.pair],
            "top1_error": each.points.value,
            "interval": each.points.to_json(),
            "p": each.p,
            "p_holm": each.p_corrected,
        }
        for each in found.differences()
    ]


def _by_class(found: Evaluation, answers: Answers, classes: Sequence[str]) -> list[dict[str, Any]]:
    errors = found.by_class(answers)
    return [
        {
            "class": classes[k],
            "number": k,
            "images": int(errors.images[k]),
            "top1_error": 100 * float(errors.wrong[k] / errors.images[k]),
            "top5_error": 100 * float(errors.missed[k] / errors.images[k]),
            "taken_for": classes[errors.taken_for[k]] if errors.taken_for[k] >= 0 else None,
        }
        for k in np.flatnonzero(errors.images).tolist()
    ]


def print_results(record: dict[str, Any]) -> None:
    """Print a row for each network and for all together, and the classes with the largest errors."""
    results, crops = record["results"], record["crops"]
    title = f"{record['images']['count']} images, {crops} crop{'s' * (crops > 1)}"
    columns = ["model", "top-1 error %", "95 %", "top-5 error %", "95 %", "loss", "images"]
    rows = []
    for r in results:
        cells = [cell for key, error in zip(r["intervals"], _errors(r), strict=True)
                 for cell in (error, ends(r["intervals"][key], form=".2f"))]  # fmt: skip
        rows.append([r["model"], *cells, r["loss"], r["images"]])
    print_table(title, columns, rows)
    if record["differences"]:
        columns = ["top-1 error", "points", "95 %", "p", "Holm"]
        rows = [
            [" less ".join(d["models"]), f"{d['top1_error']:.2f}", ends(d["interval"], form=".2f"), d["p"], d["p_holm"]]
            for d in record["differences"]
        ]
        print_table("\nthe same images, one by one", columns, rows)
    wrong = [each for each in results[-1]["classes"] if each["top1_error"] > 0]
    worst = sorted(wrong, key=lambda each: (-each["top1_error"], -each["images"]))[:WORST]
    if worst:
        rows = [[each["class"], *_errors(each), each["images"], each["taken_for"]] for each in worst]
        columns = ["class", "top-1 error %", "top-5 error %", "images", "most often taken for"]
        print_table(f"\nthe largest errors by class, {results[-1]['model']}", columns, rows)


def _errors(result: dict[str, Any]) -> list[str]:
    return [f"{result[key]:.2f}" for key in ("top1_error", "top5_error")]


def write_results(folder: OutputFolder, record: dict[str, Any], found: Evaluation) -> None:
    """Write evaluation.json, .npz with the answers to each image, and the last result's confusion as CSV and PNG.

    Raises OutputError.
    """
    classes, last = record["classes"], record["results"][-1]
    if found.classes <= MOST:
        counts = found.confusion(found.answers[-1])
        footer = "true classes downwards, answers to the right; of each class's images, white is none, black all"
        title = f"{last['model']}: {last['top1_error']:.2f} % of {last['images']} images taken for another class"
        folder.write_figure("confusion", draw_confusion(counts, classes, title=title, footer=footer))
        folder.write_text("confusion.csv", _csv(counts, classes))
    folder.write_npz("evaluation.npz", _arrays(found))
    folder.write_json("evaluation.json", record)


def _csv(counts: np.ndarray, classes: Sequence[str]) -> str:
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(["true class", *classes])
    sheet.writerows([name, *row] for name, row in zip(classes, counts.tolist(), strict=True))
    return text.getvalue()


def _arrays(found: Evaluation) -> dict[str, np.ndarray]:
    """By image (N,): its id and class; by result (R, N): prediction, rank of the class, loss."""
    return {
        "image": np.array(found.images, np.str_),
        "label": found.labels,
        **{name: np.stack([getattr(each, name) for each in found.answers]) for name in ("predicted", "rank", "loss")},
    }
