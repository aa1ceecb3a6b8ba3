"""An evolution shown: a picture in the manner of Fig. 4, curves of convergence, and tables."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.evolve import Evolution, LayerEvolution
from inspectnet.errors import counted
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.display import Display
from inspectnet.figures.evolve import Block, draw_evolution
from inspectnet.figures.page import Figure
from inspectnet.geometry import Box
from inspectnet.report.signals import Shown, drawn_words, show_signals
from inspectnet.report.tables import Cells, Column, Columns, ends, print_table

JUMP = "a jump: another image than before wins"
TITLE = "the strongest activation of each map as training goes on, projected"
CURVES_TITLE = "how near layers are to their last state"
CURVES_FOOTER = "to the right the epochs; a layer that has settled stays near 1"


def figures(result: Evolution, display: Display) -> Iterator[tuple[str, Figure]]:
    """The projections of each map over the epochs, if anything activates one, and how near layers are to their end."""
    epochs = [str(epoch) for epoch in result.epochs]
    if layers := [(layer, _show(result, layer, display)) for layer in result.layers if layer.maps]:
        blocks = [
            Block(f"{layer.layer}  {shown.zoom}", [str(m) for m in layer.maps], shown.signals, layer.jumps())
            for layer, shown in layers
        ]
        footer = f"{JUMP}; {drawn_words(display, [shown for _, shown in layers])}"
        about = f"{TITLE} - {result.about.models[-1].name}, {_images(result)}"
        yield "evolution", draw_evolution(blocks, epochs, title=about, footer=footer)
    yield "convergence", draw_chart(_panels(result), epochs, title=CURVES_TITLE, footer=CURVES_FOOTER)


def _images(result: Evolution) -> str:
    images = result.about.images
    return counted(images.count if images else 0, "images")


def _show(result: Evolution, layer: LayerEvolution, display: Display) -> Shown:
    boxes = [[Box(*box) for box in row] for row in layer.boxes.tolist()]
    return show_signals(result.about.models[-1], display, list(layer.projections), boxes=boxes, nothing="not active")


def _panels(result: Evolution) -> list[Panel]:
    """Layers with filters first, so that each has one colour in both panels."""
    layers = sorted(result.layers, key=lambda layer: layer.filter_cosine is None)
    panels = [Panel("activations: debiased linear CKA", {layer.layer: np.array(layer.cka) for layer in layers})]
    filters = {layer.layer: np.array(layer.filter_cosine) for layer in layers if layer.filter_cosine is not None}
    return [*panels, Panel("filters: mean cosine", filters)] if filters else panels


def print_result(result: Evolution) -> None:
    """Print a row for each layer: when it settled, and how near its last state it was at each epoch."""
    epochs = [str(epoch) for epoch in result.epochs]
    title = f"{_images(result)}, epochs {', '.join(epochs)}; settled is {result.near:g} or above"
    rows = [
        [layer.layer, settled.filters, settled.activations, sum(layer.jump_counts)]
        for layer, settled in zip(result.layers, result.settled, strict=True)
    ]
    print_table(title, ["layer", "filters settled", "activations settled", "jumps"], rows)
    curves: dict[str, list[Cells]] = {
        "filters: mean cosine with the last": [(layer.layer, *(layer.filter_cosine or ())) for layer in result.layers],
        "activations: debiased linear CKA": [(layer.layer, *layer.cka) for layer in result.layers],
        "its 95 % interval over images": [
            (layer.layer, *(ends(interval, form=".2f") for interval in layer.cka_intervals)) for layer in result.layers
        ],
    }
    columns: Columns = ["layer", *(Column(epoch, ".3f") for epoch in epochs)]
    for words, lines in curves.items():
        if known := [line for line in lines if len(line) > 1]:  # without filters there is no curve of theirs
            print_table(f"\n{words}", columns, known, drop=epochs[1:-1])
