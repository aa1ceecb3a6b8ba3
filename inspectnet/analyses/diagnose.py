"""Diagnosis: what the filters of the first layer are like, and which units nothing excites.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 6, found by eye that 11 x 11 filters at stride 4 are of very high and very low
frequencies, that their stride causes aliasing in layer 2, and that single filters dominate; 7 x 7 at stride 2 do not.
The paper gives no numbers: those here are this project's. Frequencies are in cycles per pixel of the prepared image.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.filters import (
    Filters,
    first_filters,
    noise_aliased,
    power_of,
    response_energies,
    second_layer,
)
from inspectnet.analyses.layer_features import LayerFeatures, project_layers, refuse_beforehand
from inspectnet.analyses.provenance import images_of, model_names, provenance
from inspectnet.analyses.selection import draw_maps
from inspectnet.analyses.sources import collection_of
from inspectnet.analyses.statistics import Interval, bootstrap, exchange_p, holm, ratio, share
from inspectnet.arguments import Share, checks_arguments
from inspectnet.errors import OptionError
from inspectnet.images import Collection, Reader, Sources
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Result, derived
from inspectnet.rules import Policy
from inspectnet.scanning import NetworkQuestion, Peaks, Rows, Sum, Top, ask

# What the paper wants of a first layer (sec. 4.2): no dead or dominating filters, middle frequencies, no aliasing.
WANTED = {
    "dead": "less", "dead_above": "less", "faint": "less", "dominance": "less", "duplicates": "less", "middle": "more",
    "peaks_in_middle": "more", "aliased": "less", "aliased_of_noise": "less", "aliased_on_images": "less",
    "aliased_of_images": "less",
}  # fmt: skip
SURE = 0.05  # the corrected p below which two networks differ
MEASURES = (
    "dead", "dead_above", "faint", "dominance", "at_ceiling", "duplicates", "low", "middle", "high", "peaks_in_middle",
    "aliased", "aliased_of_noise", "aliased_on_images", "aliased_of_images",
)  # fmt: skip


@dataclass(frozen=True)
class NetworkDiagnosis:
    """The filters of a network, and what its layers do over images."""

    name: str
    filters: Filters
    faint: float = 0.1
    """Filters below this part of the median RMS are faint."""
    duplicate: float = 0.9
    """|Cosine| from which filters are duplicates."""
    dead: Mapping[str, Annotated[np.ndarray, Axes("maps+", "bool")]] = field(default_factory=dict)
    """By layer (K,) bool: maps that were never above 0."""
    response: Annotated[np.ndarray, Axes("filters 2", "float64")] | None = None
    """(K, 2) float64: each filter's energy of response to the images above what the stride can carry, and in all."""
    beyond: float | None = None
    """The share of the images' own energy above that: what the response of a filter of one pixel would lose."""
    features: tuple[LayerFeatures, ...] = ()
    """Of each layer that was asked for, the strongest activation of some maps, projected."""

    def __post_init__(self) -> None:
        """Raise ValueError where what is dead is not told of the filters."""
        if self.dead and len(self.dead.get(self.filters.layer, ())) != len(self.filters.rms):
            raise ValueError(f"dead does not tell of the {len(self.filters.rms)} filters of {self.filters.layer}")

    @derived
    def measures(self) -> Mapping[str, float | None]:
        """The diagnosis in numbers, None for what only images tell.

        dead: share of maps never above 0; dead_above: of those of the other layers together. faint: share of filters
        with less than `faint` of the median RMS. dominance: largest RMS / median. at_ceiling: share of filters within
        1 % of the largest RMS, where a training with clipping collects them. duplicates: share of filters with
        |cosine| of `duplicate` or more with another. low, middle, high: mean share of energy; peaks_in_middle: share
        of filters that are strongest there. aliased: mean share of a filter's energy that the stride cannot carry;
        aliased_of_noise: the same in parts of what filters of noise lose. aliased_on_images: share of all response
        energy to the images; aliased_of_images: in parts of what the images' pixels lose themselves.
        """
        rms = self.filters.rms
        median = float(np.median(rms))
        known = {name: interval.value for name, interval in self.intervals.items()}
        known["at_ceiling"] = float((rms >= 0.99 * rms.max()).mean())
        if median:
            known["dominance"] = float(rms.max() / median)
        return {name: known.get(name) for name in MEASURES}

    @derived
    def intervals(self) -> Mapping[str, Interval]:
        """The measures that are means over filters, or maps, with their intervals over these."""
        return {
            name: share(rows) if rows.dtype == bool else bootstrap(rows, ratio) for name, rows in self.samples().items()
        }

    @derived
    def dead_maps(self) -> Mapping[str, tuple[int, ...]]:
        """By layer, the maps that were never above 0."""
        return {layer: tuple(np.flatnonzero(dead).tolist()) for layer, dead in self.dead.items()}

    @derived
    def weak_filters(self) -> tuple[int, ...]:
        """The first layer's maps that are dead or faint."""
        weak = self.filters.rms < self.faint * np.median(self.filters.rms)
        return tuple(np.flatnonzero(weak | self.dead.get(self.filters.layer, False)).tolist())

    def samples(self) -> dict[str, np.ndarray]:
        """By measure flags (K,), whose share it is, or rows (K, 2), the ratio of whose means it is."""
        filters = self.filters
        live = filters.rms > 0 if (filters.rms > 0).any() else np.ones(len(filters.rms), bool)
        noise = noise_aliased(filters)
        above = [dead for layer, dead in self.dead.items() if layer != filters.layer]
        flags = {
            **({"dead": self.dead[filters.layer]} if self.dead else {}),
            **({"dead_above": np.concatenate(above)} if above else {}),
            "faint": filters.rms < self.faint * np.median(filters.rms),
            "duplicates": filters.alike >= self.duplicate,
            "peaks_in_middle": (filters.bands.argmax(axis=1) == 1)[live],
        }
        shares = dict(zip(("low", "middle", "high"), filters.bands[live].T, strict=True))
        shares["aliased"] = filters.aliased[live]
        shares |= {"aliased_of_noise": filters.aliased[live] / noise} if noise else {}
        rows = {measure: _rows(numbers) for measure, numbers in shares.items()}
        if self.response is not None and self.response[:, 1].any():
            rows["aliased_on_images"] = self.response / self.response[:, 1].mean()  # which networks scale as they like
            if self.beyond:
                rows["aliased_of_images"] = rows["aliased_on_images"] / [self.beyond, 1]
        return {**flags, **rows}


@dataclass(frozen=True)
class Contrast:
    """Two networks by one measure."""

    better: str | None
    """Which of them is what the paper wants of a first layer, if they differ beyond chance."""
    p: float
    """How likely two networks differ so much whose filters, or maps, might have been in either."""
    p_corrected: float
    """By Holm for all measures."""


@dataclass(frozen=True, repr=False, eq=False)
class Diagnosis(Result):
    """What the first layers of one network or two are like, and which units nothing excites."""

    command: ClassVar[str] = "diagnose"
    bands: tuple[float, float]
    """Where middle frequencies begin and end, cycles per pixel."""
    networks: Annotated[tuple[NetworkDiagnosis, ...], Axes("models+")]

    @derived
    def contrasts(self) -> Mapping[str, Contrast]:
        """Two networks by each measure that is a mean over filters and that the paper argues with; none for one alone.

        They tell whether the filters of these two trainings differ, not whether two other trainings' would.
        """
        if len(self.networks) != 2:
            return {}
        one, other = (network.samples() for network in self.networks)
        pairs = {name: (_rows(one[name]), _rows(other[name])) for name in WANTED if name in one and name in other}
        p = [exchange_p(a, b, ratio) for a, b in pairs.values()]
        contrasts = {}
        for (name, (a, b)), single, corrected in zip(pairs.items(), p, holm(p), strict=True):
            more = int(ratio(b.mean(axis=0)[None])[0] > ratio(a.mean(axis=0)[None])[0])
            better = self.networks[more if WANTED[name] == "more" else 1 - more].name
            contrasts[name] = Contrast(better if corrected < SURE else None, single, corrected)
        return contrasts

    @derived
    def better_in(self) -> Mapping[str, int]:
        """By network, in how many of the contrasts it is better beyond chance."""
        better = [contrast.better for contrast in self.contrasts.values()]
        return {network.name: better.count(network.name) for network in self.networks} if better else {}


@checks_arguments
def diagnose(
    networks: Network | Sequence[Network],
    layers: str | Sequence[str] | None = None,
    images: Sources | None = None,
    *,
    maps: int = 36,
    bands: tuple[float, float] = (0.15, 0.35),
    faint: Share = 0.1,
    duplicate: Share = 0.9,
    seed: int = 0,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Diagnosis:
    """What the first layer's filters are like, of one network or of two compared (Zeiler & Fergus 2014, sec. 4.2).

    Over images also its aliasing, the maps that nothing takes above 0, of all layers with weights but the last, whose
    scores have signs, and the strongest projections of `maps` of `layers`, drawn by the seed, by default of the second
    layer with filters. bands: where middle frequencies begin and end, cycles per pixel; the paper has none (0.5 is
    the finest pattern along an axis). Filters with less than `faint` of the median RMS are faint; |cosine| of
    `duplicate` or more makes duplicates. Each image is decoded once. Raises LayerError for a network without filters
    over pixels, ImageError if no image could be read, OptionError, RuleError, ModelError.
    """
    networks = [networks] if isinstance(networks, Network) else list(networks)
    if not 1 <= len(networks) <= 2:
        raise OptionError(f"diagnose compares one or two models, not {len(networks)}.")
    if not 0 < bands[0] < bands[1] < 0.75:
        raise OptionError(f"the bands {bands} are not two rising frequencies of 0..0.7 cycles per pixel.")
    if layers is not None and len(layers) and images is None:
        raise OptionError("layers are shown by what images excite in them. Give images, or leave the layers out.")
    firsts = [first_filters(network, bands) for network in networks]
    options = {"layers": layers, "maps": maps, "bands": bands, "faint": faint, "duplicate": duplicate,
               "seed": seed}  # fmt: skip
    names, seen = model_names(networks), None
    if images is None:
        diagnosed = [NetworkDiagnosis(*pair, faint, duplicate) for pair in zip(names, firsts, strict=True)]
    else:
        collection = collection_of(images)
        watches = [_Watch(*pair, layers, maps) for pair in zip(networks, firsts, strict=True)]
        asked = [question for watch in watches for question in watch.questions]
        seen = ask(collection, asked, batch_size=batch_size, threads=threads, progress=progress)
        diagnosed = [
            NetworkDiagnosis(name, watch.filters, faint, duplicate, *watch.result(collection, maps, seed, progress))
            for name, watch in zip(names, watches, strict=True)
        ]
    return Diagnosis(provenance(networks, images_of(seen) if seen else None, options), bands, tuple(diagnosed))


class _Watch:
    """What is asked of the images for one network."""

    def __init__(self, network: Network, filters: Filters, layers: Sequence[str] | None, maps: int) -> None:
        self.network, self.filters = network, filters
        self._above = [second_layer(network)] if layers is None else network.match(layers)
        for layer in self._above:
            refuse_beforehand(network.inverse(), layer, min(maps, layer.maps), 1)
        weighted, first = [layer for layer in network.layers if layer.parameters][:-1], network.layer(filters.layer)
        self._watched = weighted if first.output in {layer.output for layer in weighted} else [first, *weighted]
        ranked = {layer.output: layer for layer in [*self._watched, *self._above]}
        self._tops = {output: Top(layer, 1) for output, layer in ranked.items()}
        self._power = Sum()
        peaks = Peaks(network, list(ranked.values()))
        self.questions = ((peaks, self._tops), (_Spectra(network), {"power": self._power}))

    def result(
        self, collection: Collection, maps: int, seed: int, progress: Progress
    ) -> tuple[dict[str, np.ndarray], np.ndarray, float, tuple[LayerFeatures, ...]]:
        """Dead maps, response energies, the images' own share of what the stride loses, projections of layers above."""
        dead = {layer.name: self._tops[layer.output].result().keys[:, 0, 0] < 0 for layer in self._watched}
        power = self._power.result()
        assert power is not None, "a scan without an image is refused"
        rankings = [self._tops[layer.output].result() for layer in self._above]
        chosen = [draw_maps(ranking.active(), maps, seed) for ranking in rankings]
        reader = Reader(collection, self.network.preparation)
        features = project_layers(self.network, reader, rankings, chosen, Policy(), progress)
        return dead, *response_energies(self.filters, power), features


@dataclass(frozen=True, eq=False)
class _Spectra(NetworkQuestion):
    """Asks for the cross-spectra of the channels of each image."""

    asks: ClassVar[str] = "spectra"

    def __call__(self, rows: Rows) -> dict[str, Iterator[np.ndarray]]:
        """One by one, for they are large."""
        return {"power": map(power_of, self.inputs(rows))}


def _rows(numbers: np.ndarray) -> np.ndarray:
    """(K, 2), the ratio of whose means is the mean of numbers (K,); what has this shape stays."""
    return numbers if numbers.ndim == 2 else np.stack([numbers, np.ones(len(numbers))], axis=1)
