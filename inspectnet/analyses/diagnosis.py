"""Diagnosis: what the filters of the first layer are like, and which units nothing excites.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 6, found by eye that 11 x 11 filters at stride 4 are of very high and very low
frequencies, that their stride causes aliasing in layer 2, and that single filters dominate; 7 x 7 at stride 2 do not.
The paper gives no numbers: those here are this project's. Frequencies are in cycles per pixel of the prepared image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspectnet.analyses.filters import Filters, first_filters, noise_aliased, power_of, response_energies
from inspectnet.analyses.statistics import Interval, bootstrap, exchange_p, holm, ratio, share
from inspectnet.images import Collection, Skipped, Stream
from inspectnet.network import Network

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
class Diagnosis:
    """The filters of a network, and what its layers do over images."""

    filters: Filters
    dead: dict[str, np.ndarray] = field(default_factory=dict)
    """By layer (K,) bool: maps that were never above 0."""
    response: np.ndarray | None = None
    """(K, 2) float64: each filter's energy of response to the images above what the stride can carry, and in all."""
    beyond: float | None = None
    """The share of the images' own energy above that: what the response of a filter of one pixel would lose."""
    images: int = 0
    skipped: tuple[Skipped, ...] = ()
    digest: str = ""
    """sha256 over the ids and bytes of the images."""


def diagnose(
    network: Network,
    collection: Collection | None = None,
    layers: Sequence[str] = (),
    *,
    bands: tuple[float, float] = (0.15, 0.35),
    batch_size: int = 16,
    threads: int | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> Diagnosis:
    """What the first layer's filters are like, and, over a collection, its aliasing and the dead maps of `layers`.

    bands: where middle frequencies begin and end, cycles per pixel; the paper has none (0.5 is the finest pattern
    along an axis). The first layer is always among those whose dead maps are counted; a map is dead if no image
    takes it above 0. advance gets 1 for each image. Raises LayerError for a network without filters
    over pixels, ImageError if no image could be read (Zeiler & Fergus 2014, sec. 4.2, Fig. 6).
    """
    filters = first_filters(network, bands)
    if collection is None:
        return Diagnosis(filters)
    watched = [network.layer(name) for name in layers]
    if filters.layer.output not in {layer.output for layer in watched}:
        watched.insert(0, filters.layer)
    stream = Stream(
        collection, network.preparation, batch_size=batch_size, threads=threads, advance=advance
    )  # fmt: skip
    highest = {layer.name: np.full(layer.maps, -np.inf) for layer in watched}
    channels, *extent = network.input_shape
    power = np.zeros((channels, channels, *extent), np.complex128)
    for batch in stream:
        found = network.maxima(batch.x, [layer.output for layer in watched])
        for layer in watched:
            highest[layer.name] = np.maximum(highest[layer.name], found[layer.output].values.max(axis=0))
        for image in batch.x:  # one by one: the same bits for any batch size
            power += power_of(image)
    stream.seen.refuse_nothing()
    return Diagnosis(
        filters,
        {name: ~(values > 0) for name, values in highest.items()},
        *response_energies(filters, power),
        stream.seen.count,
        stream.seen.skipped,
        stream.seen.digest,
    )


def measures(found: Diagnosis, *, faint: float = 0.1, duplicate: float = 0.9) -> dict[str, float | None]:
    """The diagnosis in numbers, None for what only images tell.

    dead: share of maps never above 0; dead_above: of those of the other layers together. faint: share of filters with
    less than `faint` of the median RMS. dominance: largest RMS / median. at_ceiling: share of filters within 1 % of
    the largest RMS, where a training with clipping collects them. duplicates: share of filters with |cosine| of
    `duplicate` or more with another. low, middle, high: mean share of energy; peaks_in_middle: share of filters that
    are strongest there. aliased: mean share of a filter's energy that the stride cannot carry; aliased_of_noise: the
    same in parts of what filters of noise lose. aliased_on_images: share of all response energy to the images;
    aliased_of_images: in parts of what the images' pixels lose themselves.
    """
    filters = found.filters
    median = float(np.median(filters.rms))
    known = {name: each.value for name, each in intervals(found, faint=faint, duplicate=duplicate).items()}
    at_ceiling = float((filters.rms >= 0.99 * filters.rms.max()).mean())
    dominance = float(filters.rms.max() / median) if median else None
    found_all = {**known, "dominance": dominance, "at_ceiling": at_ceiling}
    return {name: found_all.get(name) for name in MEASURES}


def intervals(found: Diagnosis, *, faint: float = 0.1, duplicate: float = 0.9) -> dict[str, Interval]:
    """The measures that are means over filters, or maps, with their intervals over these."""
    return {
        name: share(rows) if rows.dtype == bool else bootstrap(rows, ratio)
        for name, rows in _samples(found, faint, duplicate).items()
    }


@dataclass(frozen=True)
class Contrast:
    """Two networks by one measure."""

    better: int | None
    """Which of them, 0 or 1, is what the paper wants of a first layer, if they differ beyond chance."""
    p: float
    """How likely two networks differ so much whose filters, or maps, might have been in either."""
    p_corrected: float
    """By Holm for all measures."""


def compare(first: Diagnosis, second: Diagnosis, *, faint: float = 0.1, duplicate: float = 0.9) -> dict[str, Contrast]:
    """Two networks by each measure that is a mean over filters and that the paper argues with.

    They tell whether the filters of these two trainings differ, not whether two other trainings' would.
    """
    one, other = (_samples(each, faint, duplicate) for each in (first, second))
    pairs = {name: (_rows(one[name]), _rows(other[name])) for name in WANTED if name in one and name in other}
    p = [exchange_p(a, b, ratio) for a, b in pairs.values()]
    verdict = {}
    for (name, (a, b)), single, corrected in zip(pairs.items(), p, holm(p), strict=True):
        more = int(ratio(b.mean(axis=0)[None])[0] > ratio(a.mean(axis=0)[None])[0])
        better = more if WANTED[name] == "more" else 1 - more
        verdict[name] = Contrast(better if corrected < SURE else None, single, corrected)
    return verdict


def _samples(found: Diagnosis, faint: float, duplicate: float) -> dict[str, np.ndarray]:
    """By measure flags (K,), whose share it is, or rows (K, 2), the ratio of whose means it is."""
    filters, name = found.filters, found.filters.layer.name
    live = filters.rms > 0 if (filters.rms > 0).any() else np.ones(len(filters.rms), bool)
    noise = noise_aliased(filters)
    above = [dead for layer, dead in found.dead.items() if layer != name]
    flags = {
        **({"dead": found.dead[name]} if found.dead else {}),
        **({"dead_above": np.concatenate(above)} if above else {}),
        "faint": filters.rms < faint * np.median(filters.rms),
        "duplicates": filters.alike >= duplicate,
        "peaks_in_middle": (filters.bands.argmax(axis=1) == 1)[live],
    }
    shares = dict(zip(("low", "middle", "high"), filters.bands[live].T, strict=True)) | {
        "aliased": filters.aliased[live]
    }
    shares |= {"aliased_of_noise": filters.aliased[live] / noise} if noise else {}
    rows = {measure: _rows(each) for measure, each in shares.items()}
    if found.response is not None and found.response[:, 1].any():
        rows["aliased_on_images"] = found.response / found.response[:, 1].mean()  # which networks scale as they like
        if found.beyond:
            rows["aliased_of_images"] = rows["aliased_on_images"] / [found.beyond, 1]
    return {**flags, **rows}


def _rows(numbers: np.ndarray) -> np.ndarray:
    """(K, 2), the ratio of whose means is the mean of numbers (K,); what has this shape stays."""
    return numbers if numbers.ndim == 2 else np.stack([numbers, np.ones(len(numbers))], axis=1)
