"""Selectivity shown: projections of a unit and its neighbours side by side, curves, tables."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.class_selectivity import ClassSelectivity
from inspectnet.analyses.selectivity import Selectivity
from inspectnet.errors import counted
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.signals import drawn_words, joint, show_signals
from inspectnet.report.tables import Table, ends, print_table

SHOWN = 5  # neighbours in the picture
SHARES = tuple(range(0, 101, 5))  # per cent of the maps, at which their sorted indices are drawn
MOST_SELECTIVE = 10  # maps in the table


def figures(result: Selectivity, display: Display) -> Iterator[tuple[str, Figure]]:
    """`units`, the unit of median selectivity beside its neighbours; `classes`, the sorted indices of all maps."""
    unit, model = result.units[result.shown.unit], result.about.models[0]
    groups = [projections[: SHOWN + 1] for projections in result.shown.projections.values()]
    count, places = len(groups[0]), len(groups) * len(groups[0])
    window = display.windows(joint([signal[None] for group in groups for signal in group]))[0]
    shown = show_signals(
        model, display, groups, boxes=[[result.shown.box] * count] * len(groups), windows=[window] * places,
        patches=[np.stack([result.shown.patch] * count)] * len(groups),
    )  # fmt: skip
    rows = []
    for method, pictures, patches in zip(result.means, shown.signals, shown.patches, strict=True):
        mean = result.means[method]
        caption = f"{method}: selectivity {'unknown' if mean is None else f'{mean.value:.2f}'}"
        rows.append(Row(f"{caption} over {counted(len(result.units), 'units')}", [patches[0], *pictures]))
    place = f"@{unit.y},{unit.x}" if result.spatial else ""
    maps = (unit.map, *unit.others)[: SHOWN + 1]
    headings = ["image patch", *(f"{result.layer}:{m}{place}" for m in maps)]
    title = f"one unit of {result.layer}, then others active at the same place - {model.name}"
    how = drawn_words(display, [shown], "picture") + (f"; {shown.zoom}" if shown.zoom else "")
    footer = f"selectivity is 1 - the mean correlation with the others; {how}"
    yield "units", draw_comparison(rows, headings, title=title, footer=footer)
    if result.classes:
        yield "classes", _draw_classes(result.classes, f"{result.layer}: class selectivity - {model.name}")


def _draw_classes(classes: ClassSelectivity, title: str) -> Figure:
    lines = {
        "by label": np.percentile(classes.index, SHARES),
        "labels shuffled": np.percentile(classes.chance, SHARES),
    }
    footer = "of the maps, sorted, so many per cent have an index no higher than this"
    panel = Panel("(a - b) / (a + b)", lines)
    return draw_chart([panel], [f"{share} %" for share in SHARES], title=title, footer=footer)


def tables(result: Selectivity) -> Iterator[Table]:
    """A row for each map, if the images have labels: maps.csv."""
    if classes := result.classes:
        columns = zip(classes.index.tolist(), classes.chance.tolist(), classes.best_names, strict=True)
        rows = [[m, *numbers] for m, numbers in enumerate(columns)]
        yield "maps.csv", ["map", "class selectivity", "labels shuffled", "class"], rows


def print_result(result: Selectivity) -> None:
    """Print the projection selectivity of each method, and the maps that stand most for one class."""
    images = result.about.images
    count = len(result.means) * sum(1 + len(unit.others) for unit in result.units)
    units, photos = counted(len(result.units), "units"), counted(images.count if images else 0, "images")
    of = f"of {units} and their neighbours in {photos}"
    title = f"{result.layer}: {count} projections, {of}"
    print_table(title, ["method", "projection selectivity"], list(result.means.items()))
    if classes := result.classes:
        beyond, best = classes.beyond_chance, np.argsort(-classes.index, kind="stable")[:MOST_SELECTIVE].tolist()
        more = f"{beyond.value:.3f} more ({ends(beyond, form='.3f')})"
        title = f"\nclass selectivity, {counted(classes.images.count, 'images')}: mean {classes.mean:.3f}, by chance"
        maps = [[m, float(classes.index[m]), classes.best_names[m]] for m in best]
        print_table(f"{title} {classes.mean_by_chance:.3f}, {more}", ["map", "index", "class"], maps)
