"""The filters of a first layer, whatever operators they are written with, and what is in them by frequency.

Frequencies are in cycles per pixel of the prepared image; 0.5 is the finest pattern along an axis.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from inspectnet.errors import LayerError
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.results import Axes, Below
from inspectnet.rules import Policy

GRID = 64  # frequencies along each axis that spectra of filters are told at, if filters are not larger
MAPS_AT_ONCE = 8  # whose filters are read off together: each needs a seed as large as the layer


@dataclass(frozen=True)
class Filters:
    """The filters of the first layer, and what is in them."""

    layer: str
    stride: tuple[int, int]
    """Pixels from unit to unit, downwards and across."""
    weights: Annotated[np.ndarray, Axes("filters+ channels fh+ fw+", "float32")]
    """(K, C, h, w) float32: what one unit of each map sums, per pixel of the prepared image."""
    rms: Annotated[np.ndarray, Axes("filters", "float64")]
    """(K,) float64: the root of the mean square of each filter."""
    alike: Annotated[np.ndarray, Axes("filters", "float64")]
    """(K,) float64: |cosine| with the filter that is most like it, or most like its negative."""
    twin: Annotated[np.ndarray, Axes("filters", "int64"), Below("filters")]
    """(K,) int64: which one that is."""
    spectrum: Annotated[np.ndarray, Axes("filters side side", "float64")]
    """(K, F, F) float64: the energy at each frequency, summed over channels, 1 in all; in the order of fftfreq."""
    bands: Annotated[np.ndarray, Axes("filters 3", "float64")]
    """(K, 3) float64: the share of a filter's energy at low, middle and high frequencies."""
    peak: Annotated[np.ndarray, Axes("filters", "float64")]
    """(K,) float64: the frequency at which a filter's energy is largest, cycles per pixel."""
    aliased: Annotated[np.ndarray, Axes("filters", "float64")]
    """(K,) float64: the share of its energy above what the stride can carry, 1 / (2 stride) along either axis."""


def first_filters(network: Network, bands: tuple[float, float] = (0.15, 0.35)) -> Filters:
    """The filters that see pixels, whatever operators they are written with, and their spectra.

    They are the derivative of the raw sum of one unit in the middle of each map, so normalisation that follows the
    sum, or stands before it in the graph, is part of them. Raises LayerError.
    """
    layer = _first_layer(network)
    assert layer.field is not None
    weights = _read_off(network, layer)
    down, across = (abs(int(axis.jump)) for axis in layer.field)
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    rms = np.sqrt(np.mean(flat**2, axis=1))
    unit = flat / np.where(rms > 0, rms, 1)[:, None] / np.sqrt(flat.shape[1])
    cosines = np.abs(unit @ unit.T) - 2 * np.eye(len(unit))
    spectrum = _spectrum(weights)
    fy, fx = np.meshgrid(*(np.fft.fftfreq(n) for n in spectrum.shape[1:]), indexing="ij")
    radius = np.hypot(fy, fx)
    inside = (radius < bands[0], (radius >= bands[0]) & (radius <= bands[1]), radius > bands[1])
    return Filters(
        layer.name,
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
    middle = [n // 2 for n in layer.extent]
    box = [slice(*axis.span(at)) for axis, at in zip(layer.field, middle, strict=True)]
    maps, filters = (layer.maps, *layer.extent), []
    if any(part.start < 0 or part.stop > n for part, n in zip(box, network.input_shape[1:], strict=True)):
        what = f"the filters of {layer.name} are larger than the image of {network.path}"
        raise LayerError(f"{what}. Say a larger one with --input-size.")
    for first in range(0, layer.maps, MAPS_AT_ONCE):
        numbers = np.arange(first, min(first + MAPS_AT_ONCE, layer.maps))
        seed = np.zeros((len(numbers), *maps), np.float32)
        seed[np.arange(len(numbers)), numbers, middle[0], middle[1]] = 1
        x = np.zeros((len(numbers), *network.input_shape), np.float32)
        filters.append(network.inverse(Policy("gradient")).backward(x, layer.pre, seed)[:, :, box[0], box[1]])
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


def power_of(image: np.ndarray) -> np.ndarray:
    """(C, C, H, W): the cross-spectra of channels (C, H, W), faded to the borders, which would be edges otherwise."""
    fade = np.outer(np.hanning(image.shape[1]), np.hanning(image.shape[2]))
    transformed = np.fft.fft2(image.astype(np.float64) * fade)
    return np.asarray(transformed[:, None] * transformed[None].conj())


def noise_aliased(filters: Filters) -> float:
    """The share of its energy that a filter of noise loses: that of all frequencies above the stride's limit."""
    fy, fx = np.meshgrid(*(np.fft.fftfreq(n) for n in filters.spectrum.shape[1:]), indexing="ij")
    return float(_above_nyquist(fy, fx, filters.stride).mean())


def response_energies(filters: Filters, power: np.ndarray) -> tuple[np.ndarray, float]:
    """(K, 2): each filter's energy of response above the stride's limit, and in all; the pixels' own share there."""
    extent = power.shape[2:]
    above = _above_nyquist(np.fft.fftfreq(extent[0])[:, None], np.fft.fftfreq(extent[1])[None], filters.stride)
    energies = np.zeros((len(filters.weights), 2))
    for number, weights in enumerate(filters.weights):
        # a layer correlates, so the filter's spectrum enters conjugated
        response = np.fft.fft2(weights.astype(np.float64), extent).conj()
        energy = np.einsum("chw,cdhw,dhw->hw", response, power, response.conj(), optimize=True).real
        energies[number] = (energy * above).sum(), energy.sum()
    own = np.einsum("cchw->hw", power).real
    return energies, float((own * above).sum() / own.sum()) if own.any() else 0.0
