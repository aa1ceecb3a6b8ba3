"""Activations that were written, shown: their names, shapes and sizes."""

from inspectnet.analyses.activations import Activations
from inspectnet.recording import bytes_text
from inspectnet.report.lines import show
from inspectnet.report.tables import print_table


def print_result(result: Activations) -> None:
    """Print a row for each array, and where they are."""
    rows = [(array.name, "x".join(map(str, array.shape)), bytes_text(array.bytes)) for array in result.arrays]
    files = f"{result.shards} file{'s' * (result.shards > 1)} of each"
    print_table(f"{result.arrays[0].shape[0]} images, {files}, float32", ("array", "shape", "size"), rows)
    show(f"-> {result.folder}")
