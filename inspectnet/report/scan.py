"""A scan shown: a table of its layers; maps.csv has a row for each map."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.scan import LayerAnswers, Scan
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show
from inspectnet.report.tables import Column, Table, print_table


def figures(result: Scan, display: Display) -> Iterator[tuple[str, Figure]]:
    """None: what a scan sees, deconv shows."""
    return iter(())


def tables(result: Scan) -> Iterator[Table]:
    """maps.csv, a row for each map."""
    columns = ["model", "layer", "map", "active images", "mean", "median", "strongest"]
    rows = [
        [layer.model, layer.layer, m, *(numbers[m].item() for numbers in _numbers(layer))]
        for layer in result.layers
        for m in range(len(layer.active))
    ]
    yield "maps.csv", columns, rows


def print_result(result: Scan) -> None:
    """Print a row for each layer, and where the index is."""
    images = result.about.images
    count, several = images.count if images else 0, len(result.about.models) > 1
    rows: list[list[str | int | float]] = [
        [
            f"{layer.model} {layer.layer}" if several else layer.layer,
            len(layer.active),
            layer.dead,
            float(np.median(layer.active)) / max(1, count),
            float(layer.strongest.max()),
        ]
        for layer in result.layers
    ]
    shares = Column("active in, median map", ".0f", 100)
    names: list[str | Column] = ["layer", "maps", "dead", shares, Column("strongest", ".4g")]
    print_table(f"{count:,} images, {len(result.layers)} layers (active in: per cent of the images)", names, rows)
    show(f"index: {result.index}")


def _numbers(layer: LayerAnswers) -> tuple[np.ndarray, ...]:
    return layer.active, layer.mean, layer.median, layer.strongest
