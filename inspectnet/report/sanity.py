"""Sanity checks shown: curves to look at, and a table."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.sanity import MEASURES, Sanity
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.tables import print_table

HEADINGS = {
    "rank": "rank correlation, with signs",
    "rank_abs": "rank correlation, of absolute values",
    "ssim": "structural similarity (SSIM)",
}
FOOTER = "to the right more and more layers are shuffled, from the top down; a method that stays high ignores them"


def figures(result: Sanity, display: Display) -> Iterator[tuple[str, Figure]]:
    """The curves of the methods whose explanations are not all blank; no figure if there is none."""
    drawn = {name: method for name, method in result.methods.items() if method.explained.any()}
    if drawn:
        panels = [
            Panel(HEADINGS[m], {name: np.array(getattr(method, m)) for name, method in drawn.items()}) for m in MEASURES
        ]
        title = f"explanations while {result.about.models[0].name} is randomised"
        yield "sanity", draw_chart(panels, ["trained", *result.layers], title=title, footer=FOOTER)


def print_result(result: Sanity) -> None:
    """Print a row for each method: what is left of it when all is shuffled, and what it says of classes and edges."""
    columns = ["method", *(f"{measure} at the end" for measure in MEASURES), "class distance", "edges", "blank"]
    rows = [
        [
            name,
            *(None if (curve := getattr(method, measure)) is None else f"{curve[-1]:.3f}" for measure in MEASURES),
            *(None if v is None else f"{v:.3f}" for v in (method.class_distance, method.edge_likeness)),
            method.blank,
        ]
        for name, method in result.methods.items()
    ]
    count, times = len(next(iter(result.methods.values())).explained), result.repeats
    often = f", {times} times" if times > 1 else ""
    print_table(f"{count} images, {len(result.layers)} layers shuffled{often}", columns, rows)
