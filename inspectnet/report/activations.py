"""Activations that were written, shown: their names, shapes and sizes."""

from collections.abc import Iterator

from inspectnet.analyses.activations import Activations
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.recording import bytes_text
from inspectnet.report.lines import show
from inspectnet.report.tables import print_table


def figures(result: Activations, display: Display) -> Iterator[tuple[str, Figure]]:
    """None: arrays are for other programs."""
    return iter(())


def print_result(result: Activations) -> None:
    """Print a row for each array, and where they are."""
    rows = [(array.name, "x".join(map(str, array.shape)), bytes_text(array.bytes)) for array in result.arrays]
    files = f"{result.shards} file{'s' * (result.shards > 1)} of each"
    print_table(f"{result.arrays[0].shape[0]} images, {files}, float32", ("array", "shape", "size"), rows)
    show(f"-> {result.folder}")
