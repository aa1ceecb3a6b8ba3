"""Invariance shown: a picture in the manner of Fig. 5, and tables."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.invariance import Invariance
from inspectnet.analyses.sweeps import LayerSweep, Sweep
from inspectnet.errors import counted
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.figures.sweeps import Curves, Row, draw_sweeps, nice_top
from inspectnet.report.lines import show
from inspectnet.report.tables import Cells, Column, Columns, ends, print_table

AXES = {
    "translate": "{direction} translation (pixels)", "scale": "scale (ratio)", "rotate": "rotation (degrees)",
    "zoom": "zoom (ratio)",
}  # fmt: skip
HEADINGS = {"relative": "distance / length", "raw": "Euclidean distance", "cosine": "1 - cosine"}
SLOPES = ("transform", "layer", "initial slope", "slope", "sharpness", "first layer's more", "linearity", "jump",
          "beyond it", "roughness")  # fmt: skip
ANSWERS: Columns = (
    "transform",
    *(Column(f"{of}, %", ".1f", 100) for of in ("as untouched", "of any two", "of neighbours")),
)
COMPARED = ("", Column("answer kept more often, points", ".1f", 100), "p", "Holm")


def figures(result: Invariance, display: Display) -> Iterator[tuple[str, Figure]]:
    """The page: a row for each transform, with samples, distances by layer and the class's probability."""
    sweeps = result.sweeps.values()
    layers, distance = list(next(iter(sweeps)).distances), HEADINGS[result.distance]
    tops = {layer: nice_top([sweep.distances[layer] for sweep in sweeps]) for layer in layers}
    rows = [
        Row(
            [list(photo) for photo in result.samples[name]],
            [f"{amount:g}" for amount in result.sampled[name]],
            _panels(sweep, tops, result.direction),
        )
        for name, sweep in result.sweeps.items()
    ]
    probability = "probability of the true class" if result.labelled else "probability of its class untouched"
    headings = ["samples", *(f"{layer}: {distance}" for layer in layers), probability]
    title = f"how far features move with the photo - {result.about.models[0].name}"
    footer = f"border: {result.border}; each distance is from the features of the untouched photo"
    yield "invariance", draw_sweeps(rows, headings, _names(result), title=title, footer=footer)


def _names(result: Invariance) -> list[str]:
    """What each curve is called: the photo's class, and its file too where photos share a class."""
    classes = [photo.class_name for photo in result.photos]
    return [
        photo.class_name if classes.count(photo.class_name) == 1 else f"{photo.class_name} ({photo.name})"
        for photo in result.photos
    ]


def _panels(sweep: Sweep, tops: dict[str, float], direction: str) -> list[Curves]:
    label, order = AXES[sweep.transform].format(direction=direction), np.argsort(sweep.amounts, kind="stable")
    curves = [*((lines, tops[layer]) for layer, lines in sweep.distances.items()), (sweep.probability, 1.0)]
    return [Curves(label, sweep.amounts[order], lines[:, order], top) for lines, top in curves]


def print_result(result: Invariance) -> None:
    """Print a row for each transform and layer, how it begins to change, and how straight; then the answers."""
    rows = [[name, layer.layer, *_cells(layer)] for name, sweep in result.sweeps.items() for layer in sweep.layers]
    count = len(result.photos) * sum(len(sweep.amounts) for sweep in result.sweeps.values())
    title = f"{counted(count, 'changed photos')}, of {len(result.photos)}; {result.distance} distance"
    print_table(title, SLOPES, rows)
    show()
    answers = [
        (sweep.transform, sweep.kept_mean, sweep.consistency, sweep.neighbour_consistency)
        for sweep in result.sweeps.values()
    ]
    print_table("the same answer", ANSWERS, answers)
    if result.comparisons:
        show()
        pairs = [(" than ".join(pair.transforms), pair.more, pair.p, pair.p_corrected) for pair in result.comparisons]
        print_table("changes that move pixels equally far", COMPARED, pairs)


def _cells(layer: LayerSweep) -> Cells:
    """A layer's numbers."""
    slope, interval = layer.slope, layer.intervals.get
    if slope is None:
        return (*[None] * len(SLOPES[3:]), layer.roughness)
    sharpness, linearity = interval("sharpness", slope.sharpness), interval("linearity", slope.linearity)
    sharper = ends(interval("first_layer_sharper"))
    return (slope.initial, slope.overall, sharpness, sharper, linearity, slope.jump,
            interval("beyond", slope.beyond), layer.roughness)  # fmt: skip
