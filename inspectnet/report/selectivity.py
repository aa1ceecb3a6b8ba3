"""Selectivity as files and as a table: projections of a unit and its neighbours side by side, curves, numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inspectnet.analyses.selectivity import ClassSelectivity, Neighbours, project, summarise
from inspectnet.analyses.statistics import Interval
from inspectnet.figures.chart import Panel, draw_chart
from inspectnet.figures.colour import GREY, grey_centred
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.page import Pixels
from inspectnet.geometry import Box
from inspectnet.graph.layers import Layer
from inspectnet.inverse import field_box
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.tables import ends, print_table
from inspectnet.rules import Policy

SHOWN = 5  # neighbours in the picture
SHARES = tuple(range(0, 101, 5))  # per cent of the maps, at which their sorted indices are drawn
MOST_SELECTIVE = 10  # maps in the table


def describe_means(means: Mapping[str, Interval | None]) -> dict[str, Any]:
    """By method the mean selectivity and its interval over images, for JSON."""
    return {
        "projection_selectivity": {name: each and each.value for name, each in means.items()},
        "intervals": {name: each and each.to_json() for name, each in means.items()},
    }


def describe_units(
    found: Sequence[Neighbours], scores: Mapping[str, np.ndarray], ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Each unit with its neighbours and its selectivity by method (None where nothing came down), for JSON."""
    return [
        {
            "image": ids[unit.image],
            "map": unit.map,
            "y": unit.y,
            "x": unit.x,
            "others": [other.map for other in others],
            "selectivity": {name: float(s[i]) if np.isfinite(s[i]) else None for name, s in scores.items()},
        }
        for i, (unit, *others) in enumerate(found)
    ]


def describe_classes(found: ClassSelectivity, names: Sequence[str]) -> dict[str, Any]:
    """The index of each map, its chance level and the class that excites it most, for JSON."""
    return {
        "images": found.images,
        "sha256": found.digest,
        "mean": float(found.index.mean()),
        "chance": float(found.chance.mean()),
        "beyond_chance": found.beyond_chance.value,
        "interval": found.beyond_chance.to_json(),
        "maps": [
            {"map": m, "index": float(found.index[m]), "class": int(best), "name": names[best]}
            for m, best in enumerate(found.best)
        ],
    }


def write_units(
    folder: OutputFolder, network: Network, layer: Layer, x: np.ndarray, found: Sequence[Neighbours],
    scores: Mapping[str, np.ndarray],
) -> None:  # fmt: skip
    """Write units.png, the unit of median selectivity beside its neighbours, and units.npz. Raises OutputError."""
    units = found[_median(next(iter(scores.values())))]
    unit = units[0]
    box = field_box(layer, unit.y, unit.x, network.input_shape[1:])
    patch = box.cut(network.preparation.restore(x[unit.image]).transpose(2, 0, 1), GREY).transpose(1, 2, 0)
    means = summarise(found, scores)
    rows = [
        Row(
            f"{method}: selectivity {_number(means[method])} over {len(found)} units",
            [patch, *_pictures(network, x, layer, units, Policy(method), box)],
        )
        for method in scores
    ]
    place = f"@{unit.y},{unit.x}" if layer.spatial else ""
    headings = ["image patch", *(f"{layer.name}:{shown.map}{place}" for shown in units[: SHOWN + 1])]
    title = f"one unit of {layer.name}, then others active at the same place - {network.path.name}"
    footer = "selectivity is 1 - the mean correlation with the others; zero is mid-grey, each picture has its own scale"
    folder.write_figure("units", draw_comparison(rows, headings, title=title, footer=footer))
    arrays = {name: [getattr(first, name) for first, *_ in found] for name in ("image", "map", "y", "x")}
    folder.write_npz("units.npz", {**{k: np.array(v, np.int64) for k, v in arrays.items()}, **scores})


def write_classes(folder: OutputFolder, found: ClassSelectivity, layer: str, model: str) -> None:
    """Write classes.png, the sorted indices of all maps, and classes.npz. Raises OutputError."""
    lines = {
        "by label": np.percentile(found.index, SHARES),
        "labels shuffled": np.percentile(found.chance, SHARES),
    }
    title = f"{layer}: class selectivity - {model}"
    footer = "of the maps, sorted, so many per cent have an index no higher than this"
    panel = Panel("(a - b) / (a + b)", lines)
    folder.write_figure("classes", draw_chart([panel], [f"{s} %" for s in SHARES], title=title, footer=footer))
    folder.write_npz("classes.npz", {"index": found.index, "chance": found.chance, "best": found.best})


def print_selectivity(record: dict[str, Any]) -> None:
    """Print the projection selectivity of each method, and the maps that stand most for one class."""
    rows = [[name, value, ends(record["intervals"][name])] for name, value in record["projection_selectivity"].items()]
    title = f"{record['layer']}: {len(record['units'])} units in {record['images']['count']} images"
    print_table(title, ["method", "projection selectivity", "95 %"], rows)
    if classes := record.get("class_selectivity"):
        best = sorted(classes["maps"], key=lambda each: -each["index"])[:MOST_SELECTIVE]
        title = f"\nclass selectivity, {classes['images']} images: mean {classes['mean']:.3f}, by chance"
        rows = [[each["map"], each["index"], each["name"]] for each in best]
        low, high = classes["interval"]
        more = f"{classes['beyond_chance']:.3f} more ({low:.3f} to {high:.3f})"
        print_table(f"{title} {classes['chance']:.3f}, {more}", ["map", "index", "class"], rows)


def _pictures(
    network: Network, x: np.ndarray, layer: Layer, units: Neighbours, policy: Policy, box: Box
) -> list[Pixels]:
    projections = project(network, x, layer.output, units, policy)[: SHOWN + 1]
    step = -1 if network.preparation.channel_order == "bgr" else 1
    return [grey_centred(p.window(box)[::step]) for p in projections]


def _median(scores: np.ndarray) -> int:
    """The place of the score in the middle."""
    known = np.flatnonzero(np.isfinite(scores))
    return int(known[np.argsort(scores[known], kind="stable")[len(known) // 2]]) if len(known) else 0


def _number(mean: Interval | None) -> str:
    return "unknown" if mean is None else f"{mean.value:.2f}"
