"""The diagnosis of first layers shown: filters, spectra, projections of the next layer; a table of numbers."""

from collections.abc import Iterator, Sequence

import numpy as np

from inspectnet.analyses.diagnose import Diagnosis, NetworkDiagnosis
from inspectnet.analyses.layer_features import LayerFeatures
from inspectnet.errors import counted
from inspectnet.figures.colour import GREY, grey_centred
from inspectnet.figures.columns import Column, Picture, Sheet, Spectrum, draw_columns
from inspectnet.figures.display import Display
from inspectnet.figures.page import Figure
from inspectnet.report.lines import show
from inspectnet.report.signals import Shown, drawn_words, in_rgb, show_signals
from inspectnet.report.tables import Cells, print_table
from inspectnet.results import Model

WIDTH = 460  # of a column, px
WORDS = {
    "dead": "dead maps, share",
    "dead_above": "dead maps of the layers above, share",
    "faint": "faint filters, share",
    "dominance": "largest RMS / median",
    "at_ceiling": "at the largest RMS, share",
    "duplicates": "duplicates, share",
    "low": "energy at low frequencies",
    "middle": "at middle frequencies",
    "high": "at high frequencies",
    "peaks_in_middle": "filters of middle frequency, share",
    "aliased": "energy beyond the stride's limit",
    "aliased_of_noise": "in parts of what noise loses",
    "aliased_on_images": "the same of the response to images",
    "aliased_of_images": "in parts of what pixels lose",
}

CONTRAST = {"p": "p", "Holm": "p_corrected", "better": "better"}  # columns, and what of a contrast they show


def figures(result: Diagnosis, display: Display) -> Iterator[tuple[str, Figure]]:
    """The page: a column for each network; the pictures of a single one stand side by side."""
    both = list(zip(result.networks, result.about.models, strict=True))
    shown = [[_show(features, model, display) for features in network.features] for network, model in both]
    columns = [
        Column(network.name, _pictures(network, result, model, above))
        for (network, model), above in zip(both, shown, strict=True)
    ]
    title = "what the first layer sees"
    if len(columns) == 1:
        headings = ("filters", "frequencies", *(features.layer for features in result.networks[0].features))
        pictures = zip(headings, columns[0].pictures, strict=True)
        title, columns = f"{title} - {columns[0].heading}", [Column(name, [picture]) for name, picture in pictures]
    low, middle = result.bands
    footer = (
        "filters: zero is mid-grey, one scale for all; orange frames: dead or faint",
        f"projections: {drawn_words(display, [tiles for above in shown for tiles in above])}",
        f"spectra: white circles end low ({low:g}) and middle frequencies ({middle:g} cycles per pixel)",
        "blue square: what the stride can carry",
    )
    yield "diagnosis", draw_columns(columns, WIDTH, title=title, footer=footer)


def print_result(result: Diagnosis) -> None:
    """Print all measures of each network, which does better, and the dead maps of each layer."""
    contrasts, rows = result.contrasts, list[Cells]()
    columns = CONTRAST if contrasts else {}
    for name, words in WORDS.items():
        measured = [network.intervals.get(name, network.measures[name]) for network in result.networks]
        compared = [getattr(contrasts.get(name), member, None) for member in columns.values()]
        rows.append([words, *measured, *compared])
    print_table("", ["first layer", *(network.name for network in result.networks), *columns], rows)
    images = result.about.images
    for network in result.networks if images else ():
        listed = ", ".join(
            f"{layer} {len(maps)} of {len(network.dead[layer])}" for layer, maps in network.dead_maps.items() if maps
        )
        show(f"{network.name}: dead over {counted(images.count if images else 0, 'images')}: {listed or 'none'}")
    if contrasts:
        counts = ", ".join(f"{name} in {count}" for name, count in result.better_in.items())
        show(f"better by the paper's measures beyond chance, of {len(contrasts)}: {counts}")


def _pictures(network: NetworkDiagnosis, result: Diagnosis, model: Model, above: Sequence[Shown]) -> list[Picture]:
    """One network's column, from the top down."""
    filters, numbers, images = network.filters, network.measures, result.about.images
    largest = float(np.abs(filters.weights).max()) or 1.0
    many, _, height, width = filters.weights.shape
    stride = "x".join(map(str, dict.fromkeys(filters.stride)))
    lines = (
        f"{filters.layer}: {counted(many, 'filters')} of {height}x{width}, stride {stride}",
        f"dead {_per_cent(numbers['dead'])}, faint {_per_cent(numbers['faint'])}, "
        f"duplicates {_per_cent(numbers['duplicates'])}, largest RMS {numbers['dominance'] or 0:.1f} x median",
    )
    tiles = list(grey_centred(in_rgb(filters.weights, model), largest))
    spectrum = filters.spectrum[filters.rms > 0].mean(axis=0) if filters.rms.any() else filters.spectrum[0]
    shares = [_per_cent(numbers[name]) for name in ("low", "middle", "high", "aliased", "aliased_on_images")]
    energy = (
        f"their energy: low {shares[0]}, middle {shares[1]}, high {shares[2]}",
        f"beyond the stride's limit {shares[3]}, of the response to images {shares[4]}",
    )
    nyquist = (0.5 / filters.stride[0], 0.5 / filters.stride[1])
    seen = counted(images.count if images else 0, "images")
    return [
        Picture(lines, Sheet(tiles, network.weak_filters)),
        Picture(energy, Spectrum(spectrum, result.bands, nyquist)),
        *(_projections(*both, seen) for both in zip(network.features, above, strict=True)),
    ]


def _show(features: LayerFeatures, model: Model, display: Display) -> Shown:
    boxes = [[top.box for features in features.maps for top in features.top]]
    return show_signals(model, display, [features.projections], boxes=boxes)


def _projections(features: LayerFeatures, shown: Shown, images: str) -> Picture:
    """The strongest projection of each map of a layer above."""
    count = len(features.projections)
    lines = (
        f"{features.layer}: {counted(count, 'maps')}, each projected from",
        f"its strongest activation in {images}{shown.zoom and f'; {shown.zoom}'}",
    )
    return Picture(lines, Sheet(shown.signals[0] if count else [np.full((8, 8, 3), GREY, np.uint8)]))


def _per_cent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"
