"""Occlusion as files: the page in the manner of Fig. 7, and for each photo its numbers and arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspectnet.analyses.occlusion import Occlusion, WatchedMap
from inspectnet.analyses.occlusion_summary import Agreement, BoxDrops, compare_with_box, correlate
from inspectnet.classes import short_names
from inspectnet.figures.colour import grey_centred
from inspectnet.figures.occlusion import MapRow, Measure, Places, Strip, draw_occlusion
from inspectnet.figures.page import Pixels
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.lines import show
from inspectnet.report.tables import ends
from inspectnet.scan import Feature

PERCENT = 100


@dataclass(frozen=True)
class Occluded:
    """One photo, and what hiding its places does."""

    id: str
    photo: Pixels
    """(H, W, 3) uint8: as the network saw it."""
    found: Occlusion
    source: str
    """Where its class comes from: option, label or prediction."""
    elsewhere: Sequence[Sequence[Feature]] = ()
    """By watched map what it sees in other images, strongest first; empty if it was not looked for."""
    inside: np.ndarray | None = None
    """(h, w) of bool: the places where the square's middle is in the object's box."""

    def maps(self) -> Iterator[tuple[WatchedMap, Sequence[Feature]]]:
        """Each watched map, and what it sees in other images."""
        return zip(self.found.watched, self.elsewhere or [()] * len(self.found.watched), strict=True)

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Classes, maps and numbers, ready for JSON; None for what is not defined."""
        found, whole = self.found, self.found.whole
        top, (y, x) = int(whole.argmax()), _deepest(found)
        return {
            "image": self.id,
            "class": found.target,
            "class_name": names[found.target],
            "class_from": self.source,
            "class_probability": float(whole[found.target]),
            "top1": top,
            "top1_name": names[top],
            "top1_probability": float(whole[top]),
            "least_probability": float(found.probability[y, x]),
            "least_at": [int(found.grid.tops[y]), int(found.grid.lefts[x])],
            "maps": [self._describe_map(watched, elsewhere) for watched, elsewhere in self.maps()],
            **self._describe_box(),
        }

    def _describe_map(self, watched: WatchedMap, elsewhere: Sequence[Feature]) -> dict[str, Any]:
        return {
            "layer": watched.layer.name,
            "unit": {"map": watched.map, "y": watched.unit.y, "x": watched.unit.x, "value": watched.unit.value},
            "map_activity": float(watched.whole[watched.map]),
            "map_activity_range": [float(watched.activity.min()), float(watched.activity.max())],
            "correlation_with_energy": {
                "activity_drop": _number(correlate(watched.activity_drop, watched.energy)),
                "probability_drop": _number(correlate(self.found.probability_drop, watched.energy)),
            },
            "elsewhere": [
                {name: getattr(each.activation, name) for name in ("image", "value", "y", "x")} for each in elsewhere
            ],
        }

    def _describe_box(self) -> dict[str, Any]:
        """The drop of the class's probability inside and outside of the box; nothing without a box."""
        if self.inside is None:
            return {}
        drops = compare_with_box(self.found.probability_drop, self.inside)
        return {"drop": dict(zip(("inside", "outside"), map(_number, drops), strict=True))}


def write_page(
    folder: OutputFolder, made: Sequence[Occluded], network: Network, names: Sequence[str], how: str
) -> None:
    """Write the figure `occlude`, rows for each photo; how: the square and the policy, in words. Raises OutputError."""
    layers = ", ".join(dict.fromkeys(each.layer.name for each in made[0].found.watched))
    title = f"what hiding a square costs: {layers} and the classes - {network.path.name}"
    footer = f"{how}; tick: nothing hidden; outlined: where the class loses most; projections: zero is mid-grey"
    strips = [_strip(each, network, names) for each in made]
    folder.write_figure("occlude", draw_occlusion(strips, title=title, footer=footer))


def write_arrays(folder: OutputFolder, files: Sequence[str], made: Occluded) -> None:
    """Write a .npz for each watched map of one photo, each with all that was found. Raises OutputError."""
    found = made.found
    shared: dict[str, np.ndarray] = {
        "photo": made.photo,
        "tops": found.grid.tops,
        "lefts": found.grid.lefts,
        "patch": np.array(found.grid.patch),
        "probability": found.probability,
        "label": found.label,
        "label_probability": found.label_probability,
        "cover": found.cover,
        "whole_probabilities": found.whole,
    }
    for file, (watched, elsewhere) in zip(files, made.maps(), strict=True):
        own: dict[str, np.ndarray] = {
            "map": np.array(watched.map),
            "activity": watched.activity,
            "energy": watched.energy,
            "projection": watched.projection,
            "whole_activity": watched.whole,
            "elsewhere": np.array([each.projection for each in elsewhere], np.float32),
            "elsewhere_patch": np.array([each.patch for each in elsewhere], np.uint8),
        }
        folder.write_npz(f"{file}.npz", shared | own)


def describe_boxes(found: BoxDrops | None) -> dict[str, Any]:
    """The drops inside and outside of boxes, ready for JSON; nothing without boxes."""
    if found is None:
        return {}
    names = ("inside", "outside", "ratio", "beyond_others")
    own = {name: _number(getattr(found, name).value) for name in names}
    others = {
        "inside": _number(found.others_inside),
        "outside": _number(found.others_outside),
        "ratio": _number(found.others_ratio),
    }
    return {
        "boxes": {
            "photos": found.photos,
            **own,
            "larger_inside": found.larger_inside,
            "with_others_boxes": others,
            "p": _number(found.p),
            "intervals": {name: getattr(found, name).to_json() for name in names},
        }
    }


def describe_agreement(found: Mapping[str, Agreement | None]) -> list[dict[str, Any]]:
    """By layer, or map, how its drops go with its projections in the mean of photos, ready for JSON."""
    names = ("own", "others", "beyond_others")
    return [
        {
            "of": name,
            "photos": each.photos,
            **{key: _number(getattr(each, key).value) for key in names},
            "p": _number(each.p),
            "intervals": {key: getattr(each, key).to_json() for key in names},
        }
        for name, each in found.items()
        if each is not None
    ]


def print_occlusion(record: Mapping[str, Any]) -> None:
    """Print a line for each photo, and what the boxes and the projections say of all together."""
    for each in record["photos"]:
        was, least, (y, x) = each["class_probability"], each["least_probability"], each["least_at"]
        what = f"{each['image']}: {_called(each['class_name'], each['class'])}"
        maps = ", ".join(f"{one['layer']}:{one['unit']['map']}" for one in each["maps"])
        show(f"{what} {_percent(was)}, with the square at {y},{x} {_percent(least)}; map {maps}")
    if boxes := record.get("boxes"):
        known = boxes["intervals"]
        drops = f"{_percent(boxes['inside'])} inside, {_percent(boxes['outside'])} outside"
        more = f"more inside in {boxes['larger_inside']}"
        ratio = f"{_ratio(boxes)}{_within(known['ratio'])}"
        show(f"boxes of {boxes['photos']} photos: the class loses {drops}, {ratio}; {more}")
        show(f"with the boxes of the other photos: {_ratio(boxes['with_others_boxes'])}")
        if boxes["p"] is not None:
            points = f"{PERCENT * boxes['beyond_others']:.2f} points{_within(known['beyond_others'], PERCENT)}"
            show(f"inside less outside, beyond what others' boxes give: {points}, p {boxes['p']:.2g}")
    for each in (each for each in record["agreement"] if each["photos"] > 1):
        own, others = (f"{each[key]:.3f}{_within(each['intervals'][key])}" for key in ("own", "others"))
        show(f"{each['of']}: drop and projection of {each['photos']} photos correlate by {own};")
        show(f"  with the projections of the other photos by {others}, p {each['p']:.2g}")


def _within(interval: Sequence[float | None], times: float = 1) -> str:
    """A 95 % interval in brackets, if there is one."""
    return f" ({words})" if (words := ends(interval, times)) else ""


def _ratio(drops: Mapping[str, Any]) -> str:
    return "no ratio" if drops["ratio"] is None else f"ratio {drops['ratio']:.3g}"


def _strip(made: Occluded, network: Network, names: Sequence[str]) -> Strip:
    found, about = made.found, made.describe(names)
    order, short = _by_share(found), short_names(names)
    whole = float(found.whole[found.target])
    caption = f"{made.id}: {_called(about['class_name'], about['class'])} {_percent(whole)}"
    if about["top1"] != about["class"]:
        caption += f", taken for {_called(about['top1_name'], about['top1'])} {_percent(about['top1_probability'])}"
    return Strip(
        caption=caption,
        photo=made.photo,
        places=Places(found.grid.patch, found.grid.stride, found.grid.tops, found.grid.lefts),
        marked=_deepest(found),
        maps=[_row(watched, elsewhere, network) for watched, elsewhere in made.maps()],
        probability=Measure(PERCENT * found.probability, PERCENT * whole, " %"),
        labels=_numbers(found, order),
        names=[short[number] for number in order],
    )


def _row(watched: WatchedMap, elsewhere: Sequence[Feature], network: Network) -> MapRow:
    return MapRow(
        caption=f"{watched.layer.name}:{watched.map}",
        activity=Measure(watched.activity, float(watched.whole[watched.map])),
        projection=_shown(watched.projection, network),
        elsewhere=[(_shown(each.projection, network), each.patch) for each in elsewhere],
    )


def _by_share(found: Occlusion) -> list[int]:
    """The classes that win somewhere: the watched one first, then by the number of places, so do their colours."""
    classes, counts = np.unique(found.label, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return sorted((int(classes[i]) for i in order), key=lambda number: number != found.target)


def _numbers(found: Occlusion, order: Sequence[int]) -> np.ndarray:
    """(h, w): where in `order` the most probable class stands."""
    at = {number: i for i, number in enumerate(order)}
    return np.array([at[int(number)] for number in found.label.flat]).reshape(found.label.shape)


def _shown(signal: np.ndarray, network: Network) -> Pixels:
    """A signal as a picture: zero is mid-grey, colours in the order that a screen has them."""
    return grey_centred(signal[::-1] if network.preparation.channel_order == "bgr" else signal)


def _deepest(found: Occlusion) -> tuple[int, int]:
    """The place where the class is least probable, the first of equals."""
    row, column = np.unravel_index(int(found.probability.argmin()), found.grid.shape)
    return int(row), int(column)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _called(name: str, number: int) -> str:
    return f"{name} ({number})" if name != str(number) else f"class {number}"


def _percent(share: float) -> str:
    return f"{PERCENT * share:.0f} %" if abs(share) >= 0.095 else f"{PERCENT * share:.2g} %"
