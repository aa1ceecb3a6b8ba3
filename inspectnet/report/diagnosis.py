"""The diagnosis of first layers as files and as a table: filters, spectra, projections of the next layer, numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspectnet.analyses.diagnosis import Diagnosis, compare, intervals, measures
from inspectnet.analyses.features import LayerFeatures
from inspectnet.analyses.statistics import Interval
from inspectnet.figures.colour import GREY, grey_centred
from inspectnet.figures.columns import Column, Picture, Sheet, Spectrum, draw_columns
from inspectnet.network import Network
from inspectnet.report.folder import OutputFolder
from inspectnet.report.lines import show
from inspectnet.report.names import file_names
from inspectnet.report.run import describe_network
from inspectnet.report.tables import ends, print_table

WIDTH = 460  # of a column, px
FAINT, DUPLICATE = 0.1, 0.9  # of the median RMS; |cosine|
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


@dataclass(frozen=True)
class Diagnosed:
    """One network, what was found, and projections of layers above."""

    name: str
    network: Network
    found: Diagnosis
    features: Sequence[LayerFeatures]
    faint: float = FAINT
    duplicate: float = DUPLICATE

    @property
    def measures(self) -> dict[str, float | None]:
        """The diagnosis in numbers."""
        return measures(self.found, faint=self.faint, duplicate=self.duplicate)

    @property
    def intervals(self) -> dict[str, Interval]:
        """Those of the numbers that are means over filters, with their intervals."""
        return intervals(self.found, faint=self.faint, duplicate=self.duplicate)

    @property
    def weak(self) -> list[int]:
        """The first layer's maps that are dead or faint."""
        filters = self.found.filters
        faint = filters.rms < self.faint * np.median(filters.rms)
        return [int(m) for m in np.flatnonzero(faint | self.found.dead[filters.layer.name])]


def describe_diagnosis(each: Diagnosed) -> dict[str, Any]:
    """One network's numbers, of all filters together and of each, for JSON."""
    found, filters = each.found, each.found.filters
    return {
        **describe_network(each.network),
        "layer": filters.layer.name,
        "filters": filters.weights.shape,
        "stride": filters.stride,
        "measures": each.measures,
        "intervals": {name: interval.to_json() for name, interval in each.intervals.items()},
        "dead": {
            layer: {"maps": len(dead), "dead": [int(m) for m in np.flatnonzero(dead)]}
            for layer, dead in found.dead.items()
        },
        "projected": [features.layer.name for features in each.features],
        "by_filter": {
            "rms": filters.rms,
            "peak": filters.peak,
            "bands": filters.bands,
            "aliased": filters.aliased,
            "response_aliased_and_all": found.response,
            "alike": filters.alike,
            "twin": filters.twin,
        },
    }


def describe_verdict(diagnosed: Sequence[Diagnosed]) -> dict[str, Any] | None:
    """Which of two networks is better by each measure, where that is beyond chance, for JSON; None for one alone."""
    if len(diagnosed) != 2:
        return None
    first, second = diagnosed
    found = compare(first.found, second.found, faint=first.faint, duplicate=first.duplicate)
    names = {name: None if each.better is None else diagnosed[each.better].name for name, each in found.items()}
    return {
        "better": names,
        "p": {name: each.p for name, each in found.items()},
        "p_holm": {name: each.p_corrected for name, each in found.items()},
        "counts": {each.name: list(names.values()).count(each.name) for each in diagnosed},
    }


def write_diagnosis(folder: OutputFolder, diagnosed: Sequence[Diagnosed], bands: tuple[float, float]) -> None:
    """Write diagnosis.png and for each network MODEL.npz. Raises OutputError."""
    columns = [Column(each.name, _pictures(each, bands)) for each in diagnosed]
    title = "what the first layer sees"
    if len(columns) == 1:  # its pictures stand side by side
        headings = ("filters", "frequencies", *(features.layer.name for features in diagnosed[0].features))
        pictures = zip(headings, columns[0].pictures, strict=True)
        title, columns = f"{title} - {columns[0].heading}", [Column(name, [each]) for name, each in pictures]
    footer = (
        "filters and projections: zero is mid-grey; filters share one scale; orange frames: dead or faint",
        f"spectra: white circles end low ({bands[0]:g}) and middle frequencies ({bands[1]:g} cycles per pixel)",
        "blue square: what the stride can carry",
    )
    folder.write_figure("diagnosis", draw_columns(columns, WIDTH, title=title, footer=footer))
    files = file_names(each.name.removesuffix(".onnx") for each in diagnosed)
    for each in diagnosed:
        names = ("weights", "rms", "alike", "twin", "spectrum", "bands", "peak", "aliased")
        arrays = {name: getattr(each.found.filters, name) for name in names}
        arrays |= {} if each.found.response is None else {"response_aliased_and_all": each.found.response}
        arrays |= {f"dead_{layer}": dead for layer, dead in each.found.dead.items()}
        folder.write_npz(f"{files[each.name.removesuffix('.onnx')]}.npz", arrays)


def print_diagnosis(diagnosed: Sequence[Diagnosed], verdict: dict[str, Any] | None) -> None:
    """Print all measures of each network, which does better, and the dead maps of each layer."""
    numbers, intervals = [each.measures for each in diagnosed], [each.intervals for each in diagnosed]
    rows = []
    for name, words in WORDS.items():
        cells = [cell for n, known in zip(numbers, intervals, strict=True)
                 for cell in (n[name], ends(known[name].to_json() if name in known else None))]  # fmt: skip
        verdict_cells = [verdict[key].get(name) for key in ("p", "p_holm", "better")] if verdict else []
        rows.append([words, *cells, *verdict_cells])
    named = [cell for each in diagnosed for cell in (each.name, "95 %")]
    print_table("", ["first layer", *named, *(["p", "Holm", "better"] if verdict else [])], rows)
    for each in diagnosed:
        found = {layer: int(dead.sum()) for layer, dead in each.found.dead.items() if dead.any()}
        listed = ", ".join(f"{layer} {count} of {len(each.found.dead[layer])}" for layer, count in found.items())
        show(f"{each.name}: dead over {each.found.images} images: {listed or 'none'}")
    if verdict:
        counts = ", ".join(f"{name} in {count}" for name, count in verdict["counts"].items())
        show(f"better by the paper's measures beyond chance, of {len(verdict['better'])}: {counts}")


def _pictures(each: Diagnosed, bands: tuple[float, float]) -> list[Picture]:
    """One network's column, from the top down."""
    filters, numbers = each.found.filters, each.measures
    step = -1 if each.network.preparation.channel_order == "bgr" else 1
    largest = float(np.abs(filters.weights).max()) or 1.0
    tiles = [grey_centred(weights[::step], largest) for weights in filters.weights]
    count, _, height, width = filters.weights.shape
    stride = "x".join(map(str, dict.fromkeys(filters.stride)))
    made = [
        Picture(
            (
                f"{filters.layer.name}: {count} filters of {height}x{width}, stride {stride}",
                f"dead {_per_cent(numbers['dead'])}, faint {_per_cent(numbers['faint'])}, "
                f"duplicates {_per_cent(numbers['duplicates'])}, largest RMS {numbers['dominance'] or 0:.1f} x median",
            ),
            Sheet(tiles, each.weak),
        )
    ]
    spectrum = filters.spectrum[filters.rms > 0].mean(axis=0) if filters.rms.any() else filters.spectrum[0]
    shares = [_per_cent(numbers[name]) for name in ("low", "middle", "high", "aliased", "aliased_on_images")]
    lines = (
        f"their energy: low {shares[0]}, middle {shares[1]}, high {shares[2]}",
        f"beyond the stride's limit {shares[3]}, of the response to images {shares[4]}",
    )
    nyquist = (0.5 / filters.stride[0], 0.5 / filters.stride[1])
    made.append(Picture(lines, Spectrum(spectrum, bands, nyquist)))
    return made + [_projections(features, step, each.found) for features in each.features]


def _projections(features: LayerFeatures, step: int, found: Diagnosis) -> Picture:
    """The strongest projection of each map of a layer above."""
    strongest = [top[0].projection for top in features.maps.values() if top]
    tiles = [grey_centred(pixels[::step]) for pixels in strongest] or [np.full((8, 8, 3), GREY, np.uint8)]
    lines = (
        f"{features.layer.name}: {len(strongest)} maps, each projected from",
        f"its strongest activation in {found.images} images",
    )
    return Picture(lines, Sheet(tiles))


def _per_cent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.0f} %"
