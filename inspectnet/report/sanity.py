"""Sanity checks as files and as a table: curves to look at, numbers to go on with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from inspectnet.analyses.sanity import MEASURES, Cascade
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.report.folder import OutputFolder
from inspectnet.report.tables import print_table

HEADINGS = {
    "rank": "rank correlation, with signs",
    "rank_abs": "rank correlation, of absolute values",
    "ssim": "structural similarity (SSIM)",
}
FOOTER = "to the right more and more layers are shuffled, from the top down; a method that stays high ignores them"


def describe_cascade(
    found: Cascade, distance: Mapping[str, np.ndarray], edges: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """The curves of each method, its distance between classes and likeness to edges, for JSON.

    None for what cannot be told: edges of maps, and all of a method whose explanations are blank.
    """
    return [
        {
            "method": method,
            "blank": int((~found.explained(method)).sum()),
            **{m: found.curve(method, m) if found.explained(method).any() else None for m in MEASURES},
            "class_distance": _mean(distance[method]),
            "edge_likeness": _mean(edges[method]) if method in edges else None,
        }
        for method in found.similarity
    ]


def write_sanity(folder: OutputFolder, record: dict[str, Any], found: Cascade, model: str) -> None:
    """Write sanity.png with the curves, sanity.json, and sanity.npz with each image's numbers. Raises OutputError."""
    drawn = [method for method in found.similarity if found.explained(method).any()]
    panels = [Panel(HEADINGS[m], {method: found.curve(method, m) for method in drawn}) for m in MEASURES]
    if drawn:
        title = f"explanations while {model} is randomised"
        folder.write_figure("sanity", draw_chart(panels, ["trained", *found.layers], title=title, footer=FOOTER))
    arrays = {"layer": np.array(found.layers, np.str_), "measure": np.array(MEASURES, np.str_)}
    folder.write_npz("sanity.npz", {**arrays, **found.similarity})
    folder.write_json("sanity.json", record)


def print_sanity(record: dict[str, Any]) -> None:
    """Print a row for each method: what is left of it when all is shuffled, and what it says of classes and edges."""
    columns = ["method", *(f"{measure} at the end" for measure in MEASURES), "class distance", "edges", "blank"]
    rows = [
        [
            each["method"],
            *(None if each[measure] is None else f"{each[measure][-1]:.3f}" for measure in MEASURES),
            *(None if each[key] is None else f"{each[key]:.3f}" for key in ("class_distance", "edge_likeness")),
            each["blank"],
        ]
        for each in record["methods"]
    ]
    images, repeats = record["images"]["count"], record["repeats"]
    times = f", {repeats} times" if repeats > 1 else ""
    print_table(f"{images} images, {len(record['layers'])} layers shuffled{times}", columns, rows)


def _mean(values: np.ndarray) -> float | None:
    """The mean of what is known; None if nothing is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
