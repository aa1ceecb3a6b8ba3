"""Correspondence as files and as a table: what was hidden, as in Fig. 8; how consistent it is, as in Table 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inspectnet.analyses.correspondence import Consistency, Correspondence
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.dots import Group, Line, draw_dots
from inspectnet.images.parts import MarkedPhotos
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.tables import print_table

MOST_PHOTOS = 8  # in the picture
RANDOMS = 2  # random places in the picture
COLUMNS = (
    "part", "sign change", "+-", "random", "+-", "p", "Holm", "of chance", "random of chance", "p of chance", "Holm",
    "changed %", "random changed %",
)  # fmt: skip


def describe_layers(found: Correspondence, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Every layer with Table 1's numbers for each part and for its random places, for JSON."""
    return [
        {"layer": layer.layer, "parts": [_describe_part(layer, part, name) for part, name in enumerate(parts)]}
        for layer in found.layers
    ]


def write_correspondence(
    folder: OutputFolder, found: Correspondence, marked: MarkedPhotos, network: Network, fill: np.ndarray
) -> None:
    """Write hidden.png, consistency.png and correspondence.npz. Raises OutputError."""
    folder.write_figure("hidden", _draw_hidden(found, marked, network, fill))
    folder.write_figure("consistency", _draw_consistency(found, marked, network))
    arrays = {"masks": found.hidden.masks, "ways": found.hidden.ways, "parts": np.array(marked.parts)}
    for number, layer in enumerate(found.layers):
        names = ("distance", "among_touched", "chance", "changed", "others", "p", "p_corrected")
        arrays |= {f"layer{number}_{name}": getattr(layer, name) for name in names}
    arrays |= {"layers": np.array([layer.layer for layer in found.layers])}
    folder.write_npz("correspondence.npz", arrays)


def print_correspondence(record: dict[str, Any]) -> None:
    """Print for each layer what Table 1 tells, and how much of it chance would give."""
    for number, layer in enumerate(record["layers"]):
        rows = []
        for part in layer["parts"]:
            own, other = part["hidden"], part["random"]
            changed = [f"{100 * each['changed']:.2f}" for each in (own, other)]
            raw = (own["mean"], own["deviation"], other["mean"], other["deviation"], part["p"], part["p_holm"])
            relative = (own["of_chance"], other["of_chance"], part["p_of_chance"], part["p_of_chance_holm"])
            rows.append([part["part"], *raw, *relative, *changed])
        title = f"{layer['layer']}: mean sign change over {record['images']['pairs']} pairs of photos"
        print_table("\n" * bool(number) + title, COLUMNS, rows)


def _describe_part(layer: Consistency, part: int, name: str) -> dict[str, Any]:
    others = float(layer.others[part])
    return {
        "part": name,
        "hidden": _describe_places(layer, part, slice(0, 1)),
        "random": _describe_places(layer, part, slice(1, None)),
        "other_parts": others if np.isfinite(others) else None,
        **dict(zip(("p", "p_of_chance"), layer.p[part].tolist(), strict=True)),
        **dict(zip(("p_holm", "p_of_chance_holm"), layer.p_corrected[part].tolist(), strict=True)),
    }


def _describe_places(layer: Consistency, part: int, places: slice) -> dict[str, Any]:
    distance, chance = layer.distance[part, places], layer.chance[part, places]
    touched = layer.among_touched[part, places]
    return {
        "mean": float(distance.mean()),
        "deviation": float(distance.std()),
        "of_touched": float(np.nanmean(touched)) if np.isfinite(touched).any() else None,
        "chance": float(chance.mean()),
        "of_chance": float(distance.mean() / chance.mean()) if chance.any() else None,
        "changed": float(layer.changed[part, places].mean()),
    }


def _draw_hidden(found: Correspondence, marked: MarkedPhotos, network: Network, fill: np.ndarray) -> Any:
    """Fig. 8: each photo, then with each of its parts hidden, then random places."""
    shown = min(RANDOMS, len(found.hidden.ways))
    places = [(part, 0) for part in range(len(marked.parts))]
    places += [(r % len(marked.parts), 1 + r // len(marked.parts)) for r in range(shown)]
    rows, masks = [], [found.hidden.at(part, place) for part, place in places]
    for row, name in enumerate(marked.ids[:MOST_PHOTOS]):
        x = marked.x[row]
        hidden = [np.where(mask[row], fill.reshape(-1, 1, 1), x) for mask in masks]
        pictures = [network.preparation.restore(each.astype(np.float32)) for each in (x, *hidden)]
        rows.append(Row(name, pictures))
    headings = ["photo", *marked.parts, *["random"] * shown]
    title = f"what is hidden - {network.path.name}"
    footer = "the same parts of different photos, and places of equal shape that touch no part (Fig. 8 of the paper)"
    return draw_comparison(rows, headings, title=title, footer=footer)


def _draw_consistency(found: Correspondence, marked: MarkedPhotos, network: Network) -> Any:
    groups = []
    for layer in found.layers:
        lines = [_line(layer, part, name) for part, name in enumerate(marked.parts)]
        groups.append(Group(layer.layer, lines))
    title = f"{len(marked.ids)} photos: do features change alike when the same part is hidden? - {network.path.name}"
    footer = "mean and deviation over pairs of photos; p: how likely random places are as consistent, by permutation"
    columns = ("mean feature sign change", "its share of chance")
    return draw_dots(groups, columns, ("part", "random places"), title=title, footer=footer)


def _line(layer: Consistency, part: int, name: str) -> Line:
    own, others = layer.distance[part, :1], layer.distance[part, 1:]
    chance = np.where(layer.chance[part] > 0, layer.chance[part], 1)
    relative = np.where(layer.chance[part] > 0, layer.distance[part] / chance, 1)
    values = [[_spread(own), _spread(others)], [_spread(relative[:1]), _spread(relative[1:])]]
    return Line(name, values, [f"p {p:.4f}" for p in layer.p[part]])


def _spread(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std())
