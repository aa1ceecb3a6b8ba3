"""Diagnosis: what the filters of the first layer are like, and which units nothing excites.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 6, found by eye that 11 x 11 filters at stride 4 are of very high and very low
frequencies, that their stride causes aliasing in layer 2, and that single filters dominate; 7 x 7 at stride 2 do not.
The paper gives no numbers: those here are this project's. Frequencies are in cycles per pixel of the prepared image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspectnet.errors import LayerError
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Skipped, Stream
from inspectnet.network import Network
from inspectnet.rules import Policy

GRID = 64  # frequencies along each axis that spectra of filters are told at, if filters are not larger
# What the paper wants of a first layer (sec. 4.2): no dead or dominating filters, middle frequencies, no aliasing.
WANTED = {
    "dead": "less", "faint": "less", "dominance": "less", "duplicates": "less", "middle": "more",
    "peaks_in_middle": "more", "aliased": "less", "aliased_on_images": "less",
}  # fmt: skip
MAPS_AT_ONCE = 8  # whose filters are read off together: each needs a seed as large as the layer


@dataclass(frozen=True)
class Filters:
    """The filters of the first layer, and what is in them."""

    layer: Layer
    stride: tuple[int, int]
    """Pixels from unit to unit, downwards and across."""
    weights: np.ndarray
    """(K, C, h, w) float32: what one unit of each map sums, per pixel of the prepared image."""
    rms: np.ndarray
    """(K,) float64: the root of the mean square of each filter."""
    alike: np.ndarray
    """(K,) float64: |cosine| with the filter that is most like it, or most like its negative."""
    twin: np.ndarray
    """(K,) int64: which one that is."""
    spectrum: np.ndarray
    """(K, F, F) float64: the energy at each frequency, summed over channels, 1 in all; in the order of fftfreq."""
    bands: np.ndarray
    """(K, 3) float64: the share of a filter's energy at low, middle and high frequencies."""
    peak: np.ndarray
    """(K,) float64: the frequency at which a filter's energy is largest, cycles per pixel."""
    aliased: np.ndarray
    """(K,) float64: the share of its energy above what the stride can carry, 1 / (2 stride) along either axis."""


@dataclass(frozen=True)
class Diagnosis:
    """The filters of a network, and what its layers do over images."""

    filters: Filters
    dead: dict[str, np.ndarray] = field(default_factory=dict)
    """By layer (K,) bool: maps that were never above 0."""
    aliased: np.ndarray | None = None
    """(K,) float64: the share of each filter's response to the images that is above what the stride can carry."""
    aliased_in_all: float | None = None
    """The same share of all filters' responses together."""
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
    on_progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """What the first layer's filters are like, and, over a collection, its aliasing and the dead maps of `layers`.

    bands: where middle frequencies begin and end, cycles per pixel; the paper has none (0.5 is the finest pattern
    along an axis). The first layer is always among those whose dead maps are counted; a map is dead if no image
    takes it above 0. on_progress gets (images done, of how many). Raises LayerError for a network without filters
    over pixels, ImageError if no image could be read (Zeiler & Fergus 2014, sec. 4.2, Fig. 6).
    """
    filters = first_filters(network, bands)
    if collection is None:
        return Diagnosis(filters)
    watched = [network.layer(name) for name in layers]
    if filters.layer.output not in {layer.output for layer in watched}:
        watched.insert(0, filters.layer)
    stream = Stream(
        collection, network.preparation, batch_size=batch_size, threads=threads, on_progress=on_progress
    )  # fmt: skip
    highest = {layer.name: np.full(layer.maps, -np.inf) for layer in watched}
    channels, *extent = network.input_shape
    power = np.zeros((channels, channels, *extent), np.complex128)
    for batch in stream:
        found = network.maxima(batch.x, [layer.output for layer in watched])
        for layer in watched:
            highest[layer.name] = np.maximum(highest[layer.name], found[layer.output].values.max(axis=0))
        for image in batch.x:  # one by one: the same bits for any batch size
            power += _power(image)
    stream.refuse_nothing()
    return Diagnosis(
        filters,
        {name: ~(values > 0) for name, values in highest.items()},
        *_response_aliasing(filters, power),
        stream.count,
        tuple(stream.skipped),
        stream.digest,
    )


def first_filters(network: Network, bands: tuple[float, float] = (0.15, 0.35)) -> Filters:
    """The filters that see pixels, whatever operators they are written with, and their spectra.

    They are the derivative of the raw sum of one unit in the middle of each map, so normalisation that follows the
    sum, or stands before it in the graph, is part of them. Raises LayerError.
    """
    layer = _first_layer(network)
    assert layer.field is not None
    weights = _read_off(network, layer)
    down, across = int(layer.field[0].jump), int(layer.field[1].jump)
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    rms = np.sqrt(np.mean(flat**2, axis=1))
    unit = flat / np.where(rms > 0, rms, 1)[:, None] / np.sqrt(flat.shape[1])
    cosines = np.abs(unit @ unit.T) - 2 * np.eye(len(unit))
    spectrum = _spectrum(weights)
    fy, fx = np.meshgrid(*(np.fft.fftfreq(n) for n in spectrum.shape[1:]), indexing="ij")
    radius = np.hypot(fy, fx)
    inside = (radius < bands[0], (radius >= bands[0]) & (radius <= bands[1]), radius > bands[1])
    return Filters(
        layer,
        (down, across),
        weights,
        rms,
        cosines.max(axis=1).clip(0, 1),
        cosines.argmax(axis=1),
        spectrum,
        np.stack([(spectrum * band).sum(axis=(1, 2)) for band in inside], axis=1),
        radius.ravel()[spectrum.reshape(len(spectrum), -1).argmax(axis=1)],
        (spectrum * _above_nyquist(fy, fx, (down, across))).sum(axis=(1, 2)),
    )


def measures(found: Diagnosis, *, faint: float = 0.1, duplicate: float = 0.9) -> dict[str, float | None]:
    """The diagnosis in numbers, None for what only images tell.

    dead: share of maps never above 0. faint: share of filters with less than `faint` of the median RMS. dominance:
    largest RMS / median. at_ceiling: share of filters within 1 % of the largest RMS, where a training with clipping
    collects them. duplicates: share of filters with |cosine| of `duplicate` or more with another. low, middle, high:
    mean share of energy; peaks_in_middle: share of filters that are strongest there. aliased: mean share of a filter's
    energy that the stride cannot carry; aliased_on_images: share of all response energy to the images.
    """
    filters = found.filters
    median = float(np.median(filters.rms))
    live = filters.rms > 0
    low, middle, high = (filters.bands[live].mean(axis=0) if live.any() else np.zeros(3)).tolist()
    strongest = filters.bands.argmax(axis=1)
    return {
        "dead": float(found.dead[filters.layer.name].mean()) if found.dead else None,
        "faint": float((filters.rms < faint * median).mean()),
        "dominance": float(filters.rms.max() / median) if median else None,
        "at_ceiling": float((filters.rms >= 0.99 * filters.rms.max()).mean()),
        "duplicates": float((filters.alike >= duplicate).mean()),
        "low": low,
        "middle": middle,
        "high": high,
        "peaks_in_middle": float((strongest[live] == 1).mean()) if live.any() else 0.0,
        "aliased": float(filters.aliased[live].mean()) if live.any() else 0.0,
        "aliased_on_images": found.aliased_in_all,
    }


def compare(first: dict[str, float | None], second: dict[str, float | None]) -> dict[str, int | None]:
    """By measure which of two networks, 0 or 1, is what the paper wants of a first layer; None where neither is."""
    verdict: dict[str, int | None] = {}
    for name, wanted in WANTED.items():
        a, b = first[name], second[name]
        verdict[name] = None if a is None or b is None or a == b else int((b > a) == (wanted == "more"))
    return verdict


def second_layer(network: Network) -> Layer:
    """The first layer with weights whose units see more than those of the first. Raises LayerError."""
    first = _first_layer(network)
    above = network.layers[network.layers.index(first) + 1 :]
    sizes = [axis.size for axis in first.field or ()]
    for layer in above:
        if layer.parameters and layer.spatial and [axis.size for axis in layer.field or ()] != sizes:
            return layer
    raise LayerError(f"{network.path} has no second layer of filters to project. Say with --layer what to show.")


def _first_layer(network: Network) -> Layer:
    for layer in network.layers:
        if layer.parameters and layer.spatial and layer.field and max(axis.size for axis in layer.field) > 1:
            return layer
    what = f"no layer of {network.path} has filters that see a part of the image"
    raise LayerError(f"{what}. Open a network that begins with a convolution.")


def _read_off(network: Network, layer: Layer) -> np.ndarray:
    """The filters of a layer (K, C, h, w), as the derivative of its raw sums by the pixels."""
    assert layer.field is not None
    middle = [int(n) // 2 for n in layer.shape[2:]]  # type: ignore[arg-type]
    box = [slice(*axis.span(at)) for axis, at in zip(layer.field, middle, strict=True)]
    maps, filters = (layer.maps, *(int(n) for n in layer.shape[2:])), []  # type: ignore[arg-type]
    if any(part.start < 0 or part.stop > n for part, n in zip(box, network.input_shape[1:], strict=True)):
        what = f"the filters of {layer.name} are larger than the image of {network.path}"
        raise LayerError(f"{what}. Say a larger one with --input-size.")
    for first in range(0, layer.maps, MAPS_AT_ONCE):
        numbers = np.arange(first, min(first + MAPS_AT_ONCE, layer.maps))
        seed = np.zeros((len(numbers), *maps), np.float32)
        seed[np.arange(len(numbers)), numbers, middle[0], middle[1]] = 1
        x = np.zeros((len(numbers), *network.input_shape), np.float32)
        filters.append(network.pull(x, layer.pre, seed, Policy("gradient"))[:, :, box[0], box[1]])
    return np.concatenate(filters)


def _spectrum(weights: np.ndarray) -> np.ndarray:
    """(K, F, F): the energy of each filter by frequency, summed over channels, 1 in all; 0 for an empty filter."""
    extent = max(GRID, 2 * max(weights.shape[2:]))
    transformed = np.fft.fft2(weights.astype(np.float64), (extent, extent))
    energy = (np.abs(transformed) ** 2).sum(axis=1)
    total = energy.sum(axis=(1, 2), keepdims=True)
    return np.asarray(energy / np.where(total > 0, total, 1))


def _above_nyquist(fy: np.ndarray, fx: np.ndarray, stride: tuple[int, int]) -> np.ndarray:
    """Which frequencies units so far apart cannot tell from lower ones."""
    return np.asarray((np.abs(fy) > 0.5 / stride[0] + 1e-9) | (np.abs(fx) > 0.5 / stride[1] + 1e-9))


def _power(image: np.ndarray) -> np.ndarray:
    """(C, C, H, W): the cross-spectra of channels (C, H, W), faded to the borders, which would be edges otherwise."""
    fade = np.outer(np.hanning(image.shape[1]), np.hanning(image.shape[2]))
    transformed = np.fft.fft2(image.astype(np.float64) * fade)
    return np.asarray(transformed[:, None] * transformed[None].conj())


def _response_aliasing(filters: Filters, power: np.ndarray) -> tuple[np.ndarray, float]:
    """For each filter (K,), and for all together, the share of response energy above the stride's limit."""
    extent = power.shape[2:]
    above = _above_nyquist(np.fft.fftfreq(extent[0])[:, None], np.fft.fftfreq(extent[1])[None], filters.stride)
    lost, total = np.zeros(len(filters.weights)), np.zeros(len(filters.weights))
    for number, weights in enumerate(filters.weights):
        # a layer correlates, so the filter's spectrum enters conjugated
        response = np.fft.fft2(weights.astype(np.float64), extent).conj()
        energy = np.einsum("chw,cdhw,dhw->hw", response, power, response.conj(), optimize=True).real
        lost[number], total[number] = (energy * above).sum(), energy.sum()
    share = np.where(total > 0, lost / np.where(total > 0, total, 1), 0.0)
    return share, float(lost.sum() / total.sum()) if total.any() else 0.0
