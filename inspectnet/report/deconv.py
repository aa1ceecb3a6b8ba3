"""Features shown: for each layer a picture in the manner of Fig. 2, or what one photo activates in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from inspectnet.analyses.deconv import Features
from inspectnet.analyses.layer_features import LayerFeatures, MapFeatures
from inspectnet.analyses.selection import DRAWN
from inspectnet.errors import counted
from inspectnet.figures.display import Display
from inspectnet.figures.gallery import Block, draw_gallery
from inspectnet.figures.page import Figure, Pixels, Worded
from inspectnet.geometry import Box
from inspectnet.report.lines import show
from inspectnet.report.names import file_names
from inspectnet.report.signals import Shown, drawn_words, policy_words, show_signals
from inspectnet.report.tables import Cell, Table
from inspectnet.results import Model

SPREAD, RECTIFIED = "the pool spread it evenly", "rectified away below"  # say tiles
SPREADS = "as a pool over all places spreads signals evenly and rectifiers leave little"
MORE = "a lower layer or --method gradient shows more"
COLUMNS = ("layer", "map", "class", "rank", "image", "value", "y", "x", "x0", "y0", "x1", "y1")


def figures(result: Features, display: Display) -> Iterator[tuple[str, Figure]]:
    """The page of each layer, by the name of its file."""
    names, model = file_names(features.layer for features in result.layers), result.about.models[0]
    for features in result.layers:
        by_map = list(features.by_map())
        boxes = [[top.box for top in about.top] for about, _, _ in by_map]
        shown = show_signals(
            model, display, [signals for _, signals, _ in by_map], boxes=boxes, patches=[own for _, _, own in by_map],
            why=_why(result, features),
        )  # fmt: skip
        blocks = [
            _block(features, about, signals, patches, display)
            for (about, _, _), signals, patches in zip(by_map, shown.signals, shown.patches, strict=True)
        ]
        pictures = []
        if features.whole is not None and result.pixels is not None:
            pictures = [
                (_seen(features, result.pixels), result.pixels),
                ("the whole layer, projected at once", _whole(features.whole, model, display, _why(result, features))),
            ]
        fields = [(str(about.map), about.top[0].box) for about, _, _ in by_map if features.spatial] if pictures else []
        nothing = "no map of this layer is active on this photo" if pictures else ""
        page = draw_gallery(
            blocks,
            pictures,
            title=_title(result, features),
            footer=_footer(result, features, display, shown),
            fields=fields,
            nothing=nothing,
        )
        yield names[features.layer], page


def tables(result: Features) -> Iterator[Table]:
    """A row for each activation, to sort and to look up: top.csv."""
    rows: list[list[Cell]] = [
        [layer.layer, features.map, features.class_name, rank, top.image, top.value, top.y, top.x, *top.box]
        for layer in result.layers
        for features in layer.maps
        for rank, top in enumerate(features.top)
    ]
    yield "top.csv", COLUMNS, rows


def print_result(result: Features) -> None:
    """Print which layers were shown, over how many images or tiles of them."""
    show(f"{', '.join(features.layer for features in result.layers)}: {_counted(result)}")
    for features in result.layers:
        if blank := sum(not projection.any() for projection in features.projections):
            are, of = "is" if blank == 1 else "are", counted(len(features.projections), "projections")
            show(f"{features.layer}: {blank} of {of} {are} blank: nothing came down")
        if whole_blank := features.whole is not None and not features.whole.any():
            show(f"{features.layer}: the whole layer, projected at once, is blank: nothing came down")
        if blank or whole_blank:
            if why := _why(result, features):
                show(f"  {SPREADS if why == SPREAD else why}")
            show(f"  {MORE}")


def _why(result: Features, features: LayerFeatures) -> str:
    """Why nothing may have come down; under the deconvnet only a pool and rectifiers leave less of a signal."""
    policy = result.about.options["policy"]
    assert isinstance(policy, Mapping)
    if policy["method"] != "deconvnet":
        return ""
    return SPREAD if features.pooled else RECTIFIED


def _title(result: Features, features: LayerFeatures) -> str:
    model = result.about.models[0].name
    if result.photo is not None:
        return f"{features.layer}: the maps that {result.photo} activates most - {model}"
    return f"{features.layer}: the strongest activations of each map, projected - {model}, {_counted(result)}"


def _counted(result: Features) -> str:
    """How many images were looked at, which are tiles of photos where these were cut."""
    images = result.about.images
    assert images is not None
    if result.about.options["tile"]:
        return f"{counted(images.count, 'tiles')} of {counted(result.photo_count, 'photos')}"
    label = result.about.options.get("label")
    return counted(images.count, "images") + (f" of {label}" if label else "")


def _footer(result: Features, features: LayerFeatures, display: Display, shown: Shown) -> list[str]:
    """What is shown, how it is drawn, and why it may be little."""
    how = drawn_words(display, [shown]) + (f"; tiles show {shown.zoom}" if shown.zoom else "")
    made = policy_words(result.about.options["policy"], result.operators)
    lines = [f"{_chosen(result, features.layer)}; {made}", how]
    return (
        [*lines, f"projections may be faint or blank, {SPREADS}: {MORE}"] if _why(result, features) == SPREAD else lines
    )


def _chosen(result: Features, layer: str) -> str:
    """How the maps of a layer were chosen."""
    options = result.about.options
    layers, maps = options["layers"], options["maps"] or DRAWN
    assert isinstance(layers, list | tuple)
    if layer not in layers:  # but its maps are
        return "maps: those asked for, by their numbers"
    if maps == "all":
        return "maps: all"
    if alike := [
        m.coherence for one in result.layers if one.layer == layer for m in one.maps if m.coherence is not None
    ]:
        how = f"mean cosine of the layer's activations there, {min(alike):.2f} to {max(alike):.2f}"
        which = f"{len(alike)} among those whose strongest activations are most alike ({how})"
        return f"maps: {which}; --maps {maps} draws any"
    drawn = f"{maps} drawn of the active ones, seed {options['seed']}"
    if result.photo:
        compared = any(features.highest is not None for layer in result.layers for features in layer.maps)
        return f"maps: the {maps} strongest" + ", relative to the highest activation of each in an index (%)" * compared
    at_most = options.get("at_most")
    upto = f"; activations up to {at_most:.0%} of each map's highest" if isinstance(at_most, float) else ""
    return f"maps: {drawn}{upto}"


def _seen(features: LayerFeatures, photo: Pixels) -> str:
    """What is said of the photo, in which fields that are all of it are not outlined."""
    size = photo.shape[:2]
    whole = all(about.top[0].box.clipped(size) == Box.at(0, 0, size) for about, _, _ in features.by_map())
    return "the photo as the network sees it" + "; each unit sees all of it" * (features.spatial and whole)


def _whole(signal: np.ndarray, model: Model, display: Display, why: str) -> Pixels | Worded:
    """A layer's whole activity, projected: beside the photo, so not zoomed."""
    return show_signals(model, replace(display, zoom=False), [signal[None]], why=why).signals[0][0]


def _block(
    layer: LayerFeatures,
    features: MapFeatures,
    signals: Sequence[Pixels | Worded],
    patches: Sequence[Pixels],
    display: Display,
) -> Block:
    """A map: its address, its class if it has one, and its strongest activation; of a single one the place too."""
    first, name = features.top[0], features.class_name
    place = f"@{first.y},{first.x}" if len(features.top) == 1 and layer.spatial else ""
    caption = f"{layer.layer}:{features.map}{place}{name and ' '}{name}  {_number(first.value)}"
    if features.highest:
        caption += f" ({first.value / features.highest:.0%})"
    return Block(caption, signals, patches, [top.image for top in features.top] if display.names else ())


def _number(value: float) -> str:
    """Three digits or more, without an exponent up to 99999."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 99999.5 else f"{value:.3g}"
