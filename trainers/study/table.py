"""Table 3 trained row by row under one budget, with the paper's numbers beside ours.

A row that is finished leaves result.json in its directory and is not trained again; a stopped one goes on.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from trainers.architectures.ablations import BASES, TABLE_3, Ablation
from trainers.errors import ResumeError, TrainerError
from trainers.evaluation.outcome import measure_graph
from trainers.export.card import read_notes
from trainers.files.atomic import write_whole
from trainers.job import Job
from trainers.training.checkpoint import differences
from trainers.training.loop import train


@dataclass(frozen=True)
class Result:
    """One row as trained here: errors in percent of the centre crop, without dropout or augmentation."""

    network: str
    parameters: int
    epochs: int
    train_top1: float
    val_top1: float
    val_top5: float


def tabulate(jobs: Callable[[str], Job], scale: str, out: Path, only: list[str] | None = None) -> bool:
    """Train what is missing, rewriting table.md and table.csv after each row; False when asked to stop."""
    if scale not in BASES:
        raise TrainerError(f"no scale {scale!r}; there are {', '.join(BASES)}")
    rows = [row.name(scale) for row in TABLE_3]
    if strange := [name for name in only or () if name not in rows]:
        raise TrainerError(f"{strange[0]} is no row of Table 3 at the scale {scale}: those are {', '.join(rows)}")
    for name in only or rows:
        job = replace(jobs(name), run=out / name, cache=out / "cache", snapshots=())
        if (out / name / "result.json").exists():
            check_same_budget(job)
        else:
            graph = train(job)
            if graph is None:
                return False
            notes = json.dumps(asdict(measure_row(job, graph)), indent=1)
            write_whole(out / name / "result.json", notes.encode())
        write_tables(scale, out)
    return True


def check_same_budget(job: Job) -> None:
    """Refuse to show a finished row beside rows that are trained in another way."""
    about, _ = read_notes(job.run / f"{job.architecture.name}.onnx")
    changed = differences(about, {"recipe": job.recipe.as_dict(), "seed": job.seed})
    if changed:
        raise ResumeError(f"{job.run} was trained in another way: {'; '.join(changed)}. Give another --out")


def measure_row(job: Job, graph: Path) -> Result:
    """Errors of a finished graph, as onnxruntime sees them."""
    outcome = measure_graph(job, graph)
    return Result(
        network=job.architecture.name,
        parameters=outcome.parameters,
        epochs=job.recipe.epochs,
        train_top1=round(100 * (1 - outcome.train.top1), 2),
        val_top1=round(100 * (1 - outcome.val.top1), 2),
        val_top5=round(100 * (1 - outcome.val.top5), 2),
    )


def results(scale: str, out: Path) -> list[tuple[Ablation, Result | None]]:
    """Every row with its result, or None where it is not trained yet."""
    return [(row, read_result(out / row.name(scale) / "result.json")) for row in TABLE_3]


def read_result(path: Path) -> Result | None:
    """What `measure_row` found, or None before it has. Raises TrainerError for a damaged file."""
    if not path.exists():
        return None
    try:
        result = Result(**json.loads(path.read_text("utf-8")))
        for field in fields(Result):
            if field.name != "network" and not isinstance(getattr(result, field.name), (int, float)):
                raise ValueError(f"{field.name} is no number")
    except (ValueError, TypeError) as error:
        raise TrainerError(f"{path} is damaged ({error}); remove it, and its row is measured again") from None
    return result


def write_tables(scale: str, out: Path) -> None:
    """Write table.md and table.csv."""
    rows = results(scale, out)
    write_whole(out / "table.md", markdown(rows).encode())
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow([f.name for f in fields(Result)] + ["paper_train_top1", "paper_val_top1", "paper_val_top5"])
    for row, ours in rows:
        if ours:
            sheet.writerow([*asdict(ours).values(), *row.paper])
    write_whole(out / "table.csv", text.getvalue().encode())


def markdown(rows: list[tuple[Ablation, Result | None]]) -> str:
    """The table for people: errors in percent, the paper's in brackets."""
    lines = [
        "| network | change | parameters | train top-1 | val top-1 | val top-5 |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row, ours in rows:
        name, size = (ours.network, f"{ours.parameters:,}") if ours else (row.base + row.suffix, "")
        numbers = (ours.train_top1, ours.val_top1, ours.val_top5) if ours else ("-",) * 3
        cells = [f"{number} ({paper})" for number, paper in zip(numbers, row.paper, strict=True)]
        lines.append(f"| {name} | {row.label} | {size} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
