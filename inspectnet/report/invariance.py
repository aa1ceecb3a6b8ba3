"""Sweeps as files and as tables: a picture in the manner of Fig. 5, numbers, arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inspectnet.analyses.invariance import Slope, Sweep
from inspectnet.images.fit import Pixels
from inspectnet.pictures.curves import Curves, nice_top
from inspectnet.pictures.sweeps import Row, draw_sweeps
from inspectnet.report.folder import OutputFolder
from inspectnet.report.tables import print_table

AXES = {"translate": "{direction} translation (pixels)", "scale": "scale (ratio)", "rotate": "rotation (degrees)"}
HEADINGS = {"relative": "distance / length", "raw": "Euclidean distance", "cosine": "1 - cosine"}


def describe_sweeps(sweeps: Sequence[Sweep]) -> list[dict[str, Any]]:
    """The numbers of each sweep, for JSON: means over photos, slopes, consistency; None for what cannot be told."""
    return [
        {
            "transform": sweep.transform,
            "amounts": sweep.amounts,
            "layers": [
                {
                    "layer": layer,
                    "distance": distance.mean(axis=0),
                    **_describe_slope(sweep.slope(layer)),
                    "roughness": sweep.roughness(distance),
                }
                for layer, distance in sweep.distances.items()
            ],
            "probability": sweep.probability.mean(axis=0),
            "probability_roughness": sweep.roughness(sweep.probability),
            "consistency": sweep.consistency(),
            "neighbour_consistency": sweep.neighbour_consistency(),
        }
        for sweep in sweeps
    ]


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
    folder.write_png("invariance.png", draw_sweeps(rows, headings, _names(record), title=title, footer=footer))
    folder.write_json("invariance.json", record)
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
        "linearity",
        "jump",
        "beyond it",
        "roughness",
    ]
    keys = ("initial_slope", "slope", "sharpness", "linearity", "jump", "linearity_beyond_jump", "roughness")
    rows = [
        [sweep["transform"], layer["layer"], *(layer[key] for key in keys)]
        for sweep in record["sweeps"]
        for layer in sweep["layers"]
    ]
    print_table(f"{len(record['photos'])} photos, {record['distance']} distance", columns, rows)
    answers = [
        [sweep["transform"], *(f"{100 * sweep[key]:.1f}" for key in ("consistency", "neighbour_consistency"))]
        for sweep in record["sweeps"]
    ]
    print()
    print_table("the same answer", ["transform", "of any two, %", "of neighbours, %"], answers)
