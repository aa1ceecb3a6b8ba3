"""Features shown: for each layer a picture in the manner of Fig. 2, or what one photo activates in it."""

from collections.abc import Iterator

import numpy as np

from inspectnet.analyses.deconv import Features
from inspectnet.analyses.layer_features import LayerFeatures, MapFeatures
from inspectnet.figures.gallery import Block, draw_gallery
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show
from inspectnet.report.names import file_names
from inspectnet.report.signals import grey_picture


def figures(result: Features) -> Iterator[tuple[str, Figure]]:
    """The page of each layer, by the name of its file."""
    names, policy = file_names(features.layer for features in result.layers), result.about.options["policy"]
    assert isinstance(policy, dict)
    footer = "{method}; unpool {unpool}; LRN {lrn}; zero is mid-grey, each tile has its own scale".format(**policy)
    for features in result.layers:
        blocks = [_block(features, *each, result) for each in features.by_map()]
        pictures = []
        if features.whole is not None and result.pixels is not None:
            pictures = [
                ("the photo as the network sees it", result.pixels),
                ("the whole layer, projected at once", grey_picture(features.whole, result)),
            ]
        nothing = "no map of this layer is active on this photo" if pictures else ""
        page = draw_gallery(blocks, pictures, title=_title(result, features), footer=footer, nothing=nothing)
        yield names[features.layer], page


def print_result(result: Features) -> None:
    """Print which layers were shown, over how many images."""
    assert result.about.images is not None
    show(f"{', '.join(features.layer for features in result.layers)}: {result.about.images.count} images")


def _title(result: Features, features: LayerFeatures) -> str:
    model, images = result.about.models[0].name, result.about.images
    assert images is not None
    if result.photo is not None:
        return f"{features.layer}: the maps that {result.photo} activates most - {model}"
    words = f"{images.count} {'tiles' if result.about.options['tile'] else 'images'}"
    return f"{features.layer}: the strongest activations of each map, projected - {model}, {words}"


def _block(
    layer: LayerFeatures, features: MapFeatures, projections: np.ndarray, patches: np.ndarray, result: Features
) -> Block:
    """A map: its address, its class if it has one, and its strongest activation; of a single one the place too."""
    first, name = features.top[0], features.class_name
    place = f"@{first.y},{first.x}" if len(features.top) == 1 and layer.spatial else ""
    caption = f"{layer.layer}:{features.map}{place}{name and ' '}{name}  {_number(first.value)}"
    return Block(caption, list(grey_picture(projections, result)), list(patches))


def _number(value: float) -> str:
    """Three digits or more, without an exponent up to 99999."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 99999.5 else f"{value:.3g}"
