"""Explanations as files: a page to compare methods on, a picture of each, and the arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from inspectnet.figures.colour import grey_centred
from inspectnet.figures.comparison import Row, draw_comparison
from inspectnet.figures.heat import heat_over
from inspectnet.figures.page import Pixels
from inspectnet.methods import Cam, Method, enlarge
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.names import file_names

SIGNED = "zero is mid-grey, each picture has its own scale"
HEAT = "heat over the photo in grey: from 0 to the largest value of each map"


@dataclass(frozen=True)
class Explained:
    """Some images, the class that was asked for in each, and what each method found."""

    ids: Sequence[str]
    x: np.ndarray
    """(N, C, H, W): the prepared images."""
    classes: np.ndarray
    """(N,) int64: the class that is explained."""
    probabilities: np.ndarray
    """(N, K) of all classes."""
    found: Mapping[str, np.ndarray]
    """By method: (N, C, H, W), or (N, h, w)."""

    def describe(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """For each image the class, its probability, and the most likely class, ready for JSON."""
        best = self.probabilities.argmax(axis=1)
        return [
            {
                "image": id,
                **_class("class", self.classes[i], self.probabilities[i], names),
                **_class("top1", best[i], self.probabilities[i], names),
                "blank": [method for method, found in self.found.items() if not found[i].any()],
            }
            for i, id in enumerate(self.ids)
        ]


def write_explanations(
    folder: OutputFolder, made: Explained, network: Network, names: Sequence[str], methods: Mapping[str, Method]
) -> None:
    """Write explain.png, explain.npz, and IMAGE-METHOD.png for each of both.

    names: of the classes. Raises OutputError.
    """
    photos = [network.preparation.restore(x) for x in made.x]
    pictures = {method: _pictures(found, photos, network) for method, found in made.found.items()}
    for i, name in enumerate(_file_names(made.ids)):
        for method, drawn in pictures.items():
            folder.write_png(f"{name}-{method}.png", Image.fromarray(drawn[i]))
    rows = [
        Row(_caption(about), [photo, *(drawn[i] for drawn in pictures.values())])
        for i, (about, photo) in enumerate(zip(made.describe(names), photos, strict=True))
    ]
    maps = [method for method, found in made.found.items() if found.ndim == 3]
    headings = ["photo", *(f"{name} at {m.layer}" if isinstance(m, Cam) else name for name, m in methods.items())]
    page = draw_comparison(
        rows,
        headings,
        title=f"what speaks for a class - {network.path.name}",
        footer=SIGNED if len(maps) < len(made.found) else "",
        heat=HEAT if maps else "",
    )
    folder.write_figure("explain", page)
    folder.write_npz("explain.npz", _arrays(made, photos))


def _pictures(found: np.ndarray, photos: Sequence[Pixels], network: Network) -> list[Pixels]:
    """Signals in pixels with zero as mid-grey, colours in the order that a screen has; maps as heat over the photo."""
    if found.ndim == 4:
        in_order = found[:, ::-1] if network.preparation.channel_order == "bgr" else found
        return list(grey_centred(in_order))
    large = enlarge(found, photos[0].shape[:2])
    return [heat_over(photo, heat) for photo, heat in zip(photos, large, strict=True)]


def _caption(about: Mapping[str, Any]) -> str:
    """The image, the class and how likely it is; the likeliest one, if another; what gave nothing."""
    text = f"{about['image']}: {_called(about, 'class')}"
    text += "" if about["class"] == about["top1"] else f"; most likely {_called(about, 'top1')}"
    return text + (f"; nothing came down by {', '.join(about['blank'])}" if about["blank"] else "")


def _called(about: Mapping[str, Any], key: str) -> str:
    name, number, share = (about[f"{key}{what}"] for what in ("_name", "", "_probability"))
    return f"{name} ({number}) {_percent(share)}" if name != str(number) else f"class {number} {_percent(share)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"


def _class(key: str, number: int, probabilities: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    return {key: int(number), f"{key}_name": names[number], f"{key}_probability": float(probabilities[number])}


def _file_names(ids: Sequence[str]) -> list[str]:
    """A name for the files of each image: without its ending, if that tells them apart."""
    stems = [str(PurePosixPath(id).with_suffix("")) for id in ids]
    chosen = stems if len(set(stems)) == len(stems) else list(ids)
    return [file_names(chosen)[name] for name in chosen]


def _arrays(made: Explained, photos: Sequence[Pixels]) -> dict[str, np.ndarray]:
    """By image (N, ...): id, class, probabilities (N, K), photo (N, H, W, 3); what each method found under its name."""
    return {
        "image": np.array(made.ids, np.str_),
        "class": made.classes,
        "probabilities": made.probabilities.astype(np.float32),
        "photo": np.stack(photos),
        **made.found,
    }
