"""Sanity checks shown: curves to look at, and a table."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from inspectnet.analyses.likeness import MEASURES
from inspectnet.analyses.sanity import MethodSanity, Sanity
from inspectnet.errors import counted
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show, show_left_out
from inspectnet.report.signals import heat_pictures, show_signals
from inspectnet.report.tables import Cells, Column, Columns, print_table

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
        yield "explanations", _draw_strip(result, drawn, display)


def _draw_strip(result: Sanity, methods: Mapping[str, MethodSanity], display: Display) -> Figure:
    """The first image's explanations: a row for each method, a column for each step of the cascade that is kept."""
    model, whole = result.about.models[0], replace(display, zoom=False)
    rows = [
        Row(
            name,
            [
                result.photo,
                *(
                    show_signals(model, whole, [method.strip]).signals[0]
                    if method.strip.ndim == 4
                    else heat_pictures(method.strip, np.stack([result.photo] * len(method.strip)))
                ),
            ],
        )
        for name, method in methods.items()
    ]
    names = ["trained", *result.layers]
    headings = ["photo", *(f"down to {names[step]}" if step else "trained" for step in result.shown)]
    title = f"explanations of one photo while {model.name} is randomised"
    return draw_comparison(
        rows, headings, title=title, footer=f"{whole.words('picture')}; heat: over the photo in grey"
    )


def print_result(result: Sanity) -> None:
    """Print a row for each method: what is left of it when all is shuffled, and what it says of classes and edges."""
    titles = [*(f"{measure} at the end" for measure in MEASURES), "class distance", "edges"]
    columns: Columns = ["method", *(Column(title, ".3f") for title in titles), "blank"]
    rows = [(name, *_ends_of_curves(method), method.class_distance, method.edge_likeness, method.blank)
            for name, method in result.methods.items()]  # fmt: skip
    show_left_out(result.left_out)
    if blank := [name for name, method in result.methods.items() if not method.explained.any()]:
        show(f"not in the pictures, for nothing came down in any image: {', '.join(blank)}")
    count, times = len(next(iter(result.methods.values())).explained), result.repeats
    often = f", {len(result.layers)} for each of {times} times" if times > 1 else ""
    layers = counted(len(result.layers) * times, "layers")
    print_table(f"{counted(count, 'images')}, {layers} shuffled{often}", columns, rows)
    for name, method in result.methods.items():
        if blank_at_end := method.blank_at_end:
            show(
                f"{name}: blank in {blank_at_end} of {counted(count, 'images')} once all is shuffled, which counts as 0"
            )


def _ends_of_curves(method: MethodSanity) -> Cells:
    """By measure what is left when all is shuffled."""
    return [None if curve is None else curve[-1] for curve in (method.rank, method.rank_abs, method.ssim)]
