"""The evolution of layers as files and as a table: a picture in the manner of Fig. 4, curves, numbers, arrays."""

from typing import Any

import numpy as np

from inspectnet.analyses.evolution import Evolution, LayerEvolution
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.colour import grey_centred
from inspectnet.figures.evolution import Block, draw_evolution
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.lines import show
from inspectnet.report.names import file_names
from inspectnet.report.tables import ends, print_table

FOOTER = "a jump: another image than before wins; zero is mid-grey, each tile has its own scale"
TITLE = "the strongest activation of each map as training goes on, projected"
CURVES_FOOTER = "to the right the epochs; a layer that has settled stays near 1"


def describe_evolution(found: Evolution, near: float) -> list[dict[str, Any]]:
    """The numbers of each layer, for JSON; `near` is how alike a settled layer is to its last state."""
    return [
        {
            "layer": each.layer.name,
            "filter_cosine": each.filters,
            "cka": each.alikeness,
            "cka_intervals": [ends.tolist() if np.isfinite(ends).all() else None for ends in each.intervals],
            "filters_settled": None if each.filters is None else found.settled(each.filters, near),
            "activations_settled": found.settled(each.alikeness, near),
            "jumps": each.jumps().sum(axis=0),
            "maps": [
                {
                    "map": int(number),
                    "value": each.values[m],
                    "image": [found.images[row] if row >= 0 else None for row in each.rows[m]],
                    "place": each.places[m],
                    "jumps": [found.epochs[e] for e in np.flatnonzero(each.jumps()[m])],
                }
                for m, number in enumerate(each.maps)
            ],
        }
        for each in found.layers
    ]


def write_evolution(folder: OutputFolder, record: dict[str, Any], found: Evolution, network: Network) -> None:
    """Write evolution.png, convergence.png, evolution.json, and LAYER.npz for each layer. Raises OutputError."""
    epochs = [str(epoch) for epoch in found.epochs]
    blocks = [_block(each, network) for each in found.layers if len(each.maps)]
    if blocks:
        about = f"{TITLE} - {record['checkpoints'][-1]['model']}, {len(found.images)} images"
        folder.write_figure("evolution", draw_evolution(blocks, epochs, title=about, footer=FOOTER))
    title = "how near layers are to their last state"
    folder.write_figure("convergence", draw_chart(_panels(found), epochs, title=title, footer=CURVES_FOOTER))
    names = file_names(each.layer.name for each in found.layers)
    for each in found.layers:
        folder.write_npz(f"{names[each.layer.name]}.npz", _arrays(each, found))
    folder.write_json("evolution.json", record)


def _block(found: LayerEvolution, network: Network) -> Block:
    """The tiles of a layer, colours in the order that a screen has them."""
    shown = found.projections[:, :, ::-1] if network.preparation.channel_order == "bgr" else found.projections
    tiles = [grey_centred(row) for row in shown]
    return Block(found.layer.name, [str(m) for m in found.maps], [list(row) for row in tiles], found.jumps())


def _panels(found: Evolution) -> list[Panel]:
    """Layers with filters first, so that each has one colour in both panels."""
    layers = sorted(found.layers, key=lambda each: each.filters is None)
    panels = [Panel("activations: debiased linear CKA", {each.layer.name: each.alikeness for each in layers})]
    filters = {each.layer.name: each.filters for each in layers if each.filters is not None}
    return [*panels, Panel("filters: mean cosine", filters)] if filters else panels


def _arrays(each: LayerEvolution, found: Evolution) -> dict[str, np.ndarray]:
    images = [[found.images[row] if row >= 0 else "" for row in rows] for rows in each.rows]
    return {
        "epoch": np.array(found.epochs, np.int64),
        "map": each.maps,
        "value": each.values,
        "image": np.array(images, np.str_).reshape(each.rows.shape),
        "place": each.places,
        "projection": each.projections,
        "jump": each.jumps(),
        "cka": each.alikeness,
        "cka_intervals": each.intervals,
    } | ({} if each.filters is None else {"filter_cosine": each.filters})


def print_evolution(record: dict[str, Any]) -> None:
    """Print a row for each layer: when it settled, and how near its last state it was at each epoch."""
    epochs = record["epochs"]
    settled = [
        [each["layer"], each["filters_settled"], each["activations_settled"], int(np.sum(each["jumps"]))]
        for each in record["layers"]
    ]
    near = record["near"]
    title = f"{record['images']['count']} images, epochs {', '.join(map(str, epochs))}; settled is {near:g} or above"
    print_table(title, ["layer", "filters settled", "activations settled", "jumps"], settled)
    for key, words in (
        ("filter_cosine", "filters: mean cosine with the last"),
        ("cka", "activations: debiased linear CKA"),
    ):
        rows = [[e["layer"], *(f"{n:.3f}" for n in e[key])] for e in record["layers"] if e[key] is not None]
        if rows:
            show()
            print_table(words, ["layer", *map(str, epochs)], rows)
    rows = [[each["layer"], *(ends(each, form=".2f") for each in each["cka_intervals"])] for each in record["layers"]]
    show()
    print_table("its 95 % interval over images", ["layer", *map(str, epochs)], rows)
