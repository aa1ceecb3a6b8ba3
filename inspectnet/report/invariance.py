"""Sweeps as files and as tables: a picture in the manner of Fig. 5, numbers, arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inspectnet.analyses.sweeps import Slope, Sweep, compare_alike
from inspectnet.figures.sweeps import Curves, Row, draw_sweeps, nice_top
from inspectnet.images.fit import Pixels
from inspectnet.report.folder import OutputFolder
from inspectnet.report.lines import show
from inspectnet.report.tables import ends, print_table

AXES = {
    "translate": "{direction} translation (pixels)", "scale": "scale (ratio)", "rotate": "rotation (degrees)",
    "zoom": "zoom (ratio)",
}  # fmt: skip
HEADINGS = {"relative": "distance / length", "raw": "Euclidean distance", "cosine": "1 - cosine"}


def describe_sweeps(sweeps: Sequence[Sweep]) -> list[dict[str, Any]]:
    """The numbers of each sweep, for JSON: means over photos, slopes, consistency; None for what cannot be told."""
    return [
        {
            "transform": sweep.transform,
            "amounts": sweep.amounts,
            "displacement": sweep.displacement,
            "layers": [
                {
                    "layer": layer,
                    "distance": distance.mean(axis=0),
                    **_describe_slope(sweep.slope(layer)),
                    "intervals": _describe_intervals(sweep, layer),
                    "roughness": sweep.roughness(distance),
                }
                for layer, distance in sweep.distances.items()
            ],
            "probability": sweep.probability.mean(axis=0),
            "probability_roughness": sweep.roughness(sweep.probability),
            "kept": sweep.kept.mean(axis=0),
            "kept_mean": sweep.keeping().value,
            "kept_interval": sweep.keeping().to_json(),
            "consistency": sweep.consistency().value,
            "consistency_interval": sweep.consistency().to_json(),
            "neighbour_consistency": sweep.neighbour_consistency(),
        }
        for sweep in sweeps
    ]


def describe_comparisons(sweeps: Sequence[Sweep]) -> list[dict[str, Any]]:
    """How often answers are kept under transforms that move pixels equally far, two by two, for JSON."""
    return [
        {
            "transforms": each.transforms,
            "displacements": each.displacements,
            "kept_more": each.more.value,
            "interval": each.more.to_json(),
            "p": each.p,
            "p_holm": each.p_corrected,
        }
        for each in compare_alike(sweeps)
    ]


def _describe_intervals(sweep: Sweep, layer: str) -> dict[str, list[float | None]]:
    """Over photos; also by how much the first layer is sharper."""
    if (slope := sweep.slope(layer)) is None:
        return {}
    named = {"sharpness": "sharpness", "linearity": "linearity", "beyond": "linearity_beyond_jump"}
    known = {name: words for name, words in named.items() if getattr(slope, name) is not None}
    found = {words: sweep.interval(layer, name).to_json() for name, words in known.items()}
    first = next(iter(sweep.distances))
    return found if layer == first else {**found, "first_layer_sharper": sweep.sharper(first, layer).to_json()}


def _describe_slope(slope: Slope | None) -> dict[str, float | None]:
    names = ("initial", "overall", "linearity", "sharpness", "jump", "beyond")
    named = {"initial": "initial_slope", "overall": "slope", "beyond": "linearity_beyond_jump"}
    return {named.get(name, name): None if slope is None else getattr(slope, name) for name in names}


def write_invariance(
    folder: OutputFolder,
    record: dict[str, Any],
    sweeps: Sequence[Sweep],
    samples: Sequence[Sequence[Sequence[Pixels]]],
    shown: Sequence[np.ndarray],
) -> None:
    """Write invariance.png, .json and .npz.

    samples: by sweep and photo the changed pictures [H, W, 3] that are shown, at the amounts in `shown`. Raises
    OutputError.
    """
    layers, distance = list(sweeps[0].distances), HEADINGS[record["distance"]]
    tops = {layer: nice_top([sweep.distances[layer] for sweep in sweeps]) for layer in layers}
    rows = [
        Row(pictures, [f"{amount:g}" for amount in at], _panels(sweep, tops, record["direction"]))
        for sweep, pictures, at in zip(sweeps, samples, shown, strict=True)
    ]
    headings = ["samples", *(f"{layer}: {distance}" for layer in layers), _probability_of(record)]
    title = f"how far features move with the photo - {record['model']}"
    footer = f"border: {record['border']}; each distance is from the features of the untouched photo"
    folder.write_figure("invariance", draw_sweeps(rows, headings, _names(record), title=title, footer=footer))
    arrays = {"image": np.array([each["image"] for each in record["photos"]], np.str_)}
    arrays["layer"] = np.array(layers, np.str_)
    for sweep in sweeps:
        found = {
            "amount": sweep.amounts,
            "distance": np.stack(list(sweep.distances.values())),
            "probability": sweep.probability,
            "predicted": sweep.predicted,
        }
        arrays |= {f"{sweep.transform}_{name}": array for name, array in found.items()}
    folder.write_npz("invariance.npz", arrays)
    folder.write_json("invariance.json", record)


def _names(record: dict[str, Any]) -> list[str]:
    """What each curve is called: the photo's class, and its file too where photos share a class."""
    classes = [each["class_name"] for each in record["photos"]]
    return [
        c if classes.count(c) == 1 else f"{c} ({each['name']})"
        for c, each in zip(classes, record["photos"], strict=True)
    ]


def _probability_of(record: dict[str, Any]) -> str:
    return "probability of the true class" if record["labelled"] else "probability of its class untouched"


def _panels(sweep: Sweep, tops: dict[str, float], direction: str) -> list[Curves]:
    label, order = AXES[sweep.transform].format(direction=direction), np.argsort(sweep.amounts, kind="stable")
    curves = [
        *((lines, tops[layer]) for layer, lines in sweep.distances.items()),
        (sweep.probability, 1.0),
    ]
    return [Curves(label, sweep.amounts[order], lines[:, order], top) for lines, top in curves]


def print_invariance(record: dict[str, Any]) -> None:
    """Print a row for each transform and layer: how it begins to change, and how straight."""
    columns = [
        "transform",
        "layer",
        "initial slope",
        "slope",
        "sharpness",
        "95 %",
        "first layer's more",
        "linearity",
        "95 %",
        "jump",
        "beyond it",
        "95 %",
        "roughness",
    ]
    rows = [
        [sweep["transform"], layer["layer"], *_cells(layer)] for sweep in record["sweeps"] for layer in sweep["layers"]
    ]
    print_table(f"{len(record['photos'])} photos, {record['distance']} distance", columns, rows)
    answers = [
        [sweep["transform"], f"{100 * sweep['kept_mean']:.1f}", ends(sweep["kept_interval"], 100),
         f"{100 * sweep['consistency']:.1f}", ends(sweep["consistency_interval"], 100),
         f"{100 * sweep['neighbour_consistency']:.1f}"]
        for sweep in record["sweeps"]
    ]  # fmt: skip
    show()
    print_table(
        "the same answer",
        ["transform", "as untouched, %", "95 %", "of any two, %", "95 %", "of neighbours, %"],
        answers,
    )
    if record["alike"]:
        columns = ["", "answer kept more often, points", "95 %", "p", "Holm"]
        rows = [
            [" than ".join(each["transforms"]), f"{100 * each['kept_more']:.1f}", ends(each["interval"], 100),
             each["p"], each["p_holm"]]
            for each in record["alike"]
        ]  # fmt: skip
        show()
        print_table("changes that move pixels equally far", columns, rows)


def _cells(layer: dict[str, Any]) -> list[float | str | None]:
    """A layer's numbers, intervals after those that have them."""
    cells = list[float | str | None]()
    for key in ("initial_slope", "slope", "sharpness", "linearity", "jump", "linearity_beyond_jump"):
        cells.append(layer[key])
        if key in ("sharpness", "linearity", "linearity_beyond_jump"):
            cells.append(ends(layer["intervals"].get(key)))
        if key == "sharpness":
            cells.append(ends(layer["intervals"].get("first_layer_sharper")))
    return [*cells, layer["roughness"]]
