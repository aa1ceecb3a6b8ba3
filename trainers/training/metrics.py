"""What is noted of every epoch: a row, for the log, metrics.csv and TensorBoard."""

import csv
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainers.evaluation.accuracy import Accuracy
from trainers.files.atomic import write_whole
from trainers.training.state import State

Row = dict[str, Any]


def epoch_row(state: State, tally: list[float], accuracy: Accuracy, seen: Accuracy | None = None) -> Row:
    """Numbers of the epoch that ended.

    train_top1 is measured while training, with dropout, on random crops; seen_top1 and seen_top5 are the accuracy
    `seen` on training pictures, measured as the validation pictures are.
    """
    loss, right, count = tally
    row = {
        "epoch": state.epoch,
        "rate": round(state.optimiser.param_groups[0]["lr"], 8),
        "train_loss": round(loss / count, 5),
        "train_top1": round(100 * right / count, 3),
        "val_loss": round(accuracy.loss, 5),
        "val_top1": round(100 * accuracy.top1, 3),
        "val_top5": round(100 * accuracy.top5, 3),
        "seconds": round(state.seconds, 1),
        "images_per_second": round(count / max(state.seconds, 1e-9), 1),
    }
    if seen is not None:
        row |= {"seen_top1": round(100 * seen.top1, 3), "seen_top5": round(100 * seen.top5, 3)}
    return row


def epoch_line(row: Row, epochs: int) -> str:
    """The row for people."""
    return (
        f"epoch {row['epoch']}/{epochs}  loss {row['train_loss']:.3f}  train {row['train_top1']:.1f}%  "
        f"val {row['val_top1']:.2f}% / {row['val_top5']:.2f}%  {row['images_per_second']:.0f}/s  {row['seconds']:.0f} s"
    )


def write_metrics(run: Path, history: list[Row]) -> None:
    """Every epoch as CSV, and the last one in TensorBoard's log."""
    text = io.StringIO()
    names = dict.fromkeys(name for row in history for name in row)  # a run may have gone on with more of them
    sheet = csv.DictWriter(text, list(names), lineterminator="\n")
    sheet.writeheader()
    sheet.writerows(history)
    write_whole(run / "metrics.csv", text.getvalue().encode())
    write_tensorboard(run, history[-1])


def write_tensorboard(run: Path, row: Row) -> None:
    """Append the epoch to TensorBoard's log, where TensorBoard is installed."""
    if (writer := tensorboard(run)) is not None:
        for key, value in row.items():
            writer.add_scalar(key, value, row["epoch"])
        writer.flush()


@lru_cache(maxsize=1)  # a writer begins a file: one for each process that works on a run, and not for each epoch
def tensorboard(run: Path) -> Any:
    """The run's writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(run))
