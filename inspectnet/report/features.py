"""The features of a layer as files: a picture in the manner of Fig. 2, a JSON to read, an NPZ to go on with."""

import itertools
from typing import Any

import numpy as np

from inspectnet.analyses.features import LayerFeatures, PhotoFeatures
from inspectnet.figures.colour import grey_centred
from inspectnet.figures.gallery import Block, draw_gallery
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.scan import Feature


def write_features(folder: OutputFolder, name: str, found: LayerFeatures, network: Network, images: str) -> None:
    """Write the figure `name`, .npz and .json for the strongest features of some maps of a layer.

    images says in words what was searched. Raises OutputError.
    """
    title = f"{found.layer.name}: the strongest activations of each map, projected - {network.path.name}, {images}"
    page = draw_gallery(_blocks(found, network), title=title, footer=_footer(found))
    folder.write_figure(name, page)
    _write_numbers(folder, name, found, network, {})


def write_photo(folder: OutputFolder, name: str, found: PhotoFeatures, network: Network, photo: str) -> None:
    """Write the figure `name`, .npz and .json for what one photo activates in a layer. Raises OutputError."""
    features = found.features
    title = f"{features.layer.name}: the maps that {photo} activates most - {network.path.name}"
    pictures = [
        ("the photo as the network sees it", found.photo),
        ("the whole layer, projected at once", _shown(found.whole, network)),
    ]
    nothing = "no map of this layer is active on this photo"
    blocks, footer = _blocks(features, network), _footer(features)
    folder.write_figure(name, draw_gallery(blocks, pictures, title=title, footer=footer, nothing=nothing))
    _write_numbers(folder, name, features, network, {"whole": found.whole, "photo": found.photo})


def _blocks(found: LayerFeatures, network: Network) -> list[Block]:
    """One block for each map that anything activates."""
    return [
        Block(
            _caption(found, map_, features, network),
            [_shown(f.projection, network) for f in features],
            [f.patch for f in features],
        )
        for map_, features in found.maps.items()
        if features
    ]


def _caption(found: LayerFeatures, map_: int, features: tuple[Feature, ...], network: Network) -> str:
    """The unit's address, and its class if it has one; its strongest activation.

    Its place too where there is one unit only.
    """
    first, name = features[0], _class_name(found.layer, map_, network)
    place = f"@{first.y},{first.x}" if len(features) == 1 and found.layer.spatial else ""
    return f"{found.layer.name}:{map_}{place}{name and ' '}{name}  {_number(first.value)}"


def _class_name(layer: Layer, map_: int, network: Network) -> str:
    """What the unit stands for, if the layer is one of the last ones, which hold a map for each class."""
    count = len(network.classes)
    last = itertools.takewhile(lambda each: each.maps == count, reversed(network.layers))
    return network.classes[map_] if any(each.output == layer.output for each in last) else ""


def _number(value: float) -> str:
    """Three digits or more, without an exponent up to 99999."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 99999.5 else f"{value:.3g}"


def _shown(signal: np.ndarray, network: Network) -> np.ndarray:
    """A signal as a picture: zero is mid-grey, colours in the order that a screen has them."""
    in_order = signal[::-1] if network.preparation.channel_order == "bgr" else signal
    return grey_centred(in_order)


def _footer(found: LayerFeatures) -> str:
    policy = found.policy
    return f"{policy.method}; unpool {policy.unpool}; LRN {policy.lrn}; zero is mid-grey, each tile has its own scale"


def _write_numbers(
    folder: OutputFolder, name: str, found: LayerFeatures, network: Network, more: dict[str, np.ndarray]
) -> None:
    maps = [
        {"map": m, "top": [{"image": f.image, "value": f.value, "y": f.y, "x": f.x, "box": f.box} for f in features]}
        for m, features in found.maps.items()
    ]
    about = {"layer": found.layer.name, "method": found.policy.method, "policy": found.policy}
    about |= {"model_sha256": network.sha256, "images": _images(found), "maps": maps}
    folder.write_json(f"{name}.json", about)
    folder.write_npz(f"{name}.npz", {**_arrays(found), **more})


def _images(found: LayerFeatures) -> list[str]:
    """The ids of the images that won, each once."""
    return sorted({f.image for features in found.maps.values() for f in features})


def _arrays(found: LayerFeatures) -> dict[str, np.ndarray]:
    """All features in rows (F, ...): which map and rank, value, place, box, projection, patch, image."""
    rows: list[tuple[int, int, Feature]] = [(m, i, f) for m, fs in found.maps.items() for i, f in enumerate(fs)]

    def column(values: list[Any], kind: type | np.dtype[Any]) -> np.ndarray:
        return np.array(values, dtype=kind)

    return {
        "map": column([m for m, _, _ in rows], np.int64),
        "rank": column([i for _, i, _ in rows], np.int64),
        "value": column([f.value for _, _, f in rows], np.float32),
        "place": column([(f.y, f.x) for _, _, f in rows], np.int64),
        "box": column([f.box for _, _, f in rows], np.int64),
        "image": column([f.image for _, _, f in rows], np.str_),
        "projection": column([f.projection for _, _, f in rows], np.float32),
        "patch": column([f.patch for _, _, f in rows], np.uint8),
    }
