"""How signals are displayed: choices that change no number, only what of it can be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspectnet.errors import OptionError, check_choice
from inspectnet.figures.colour import check_finite, grey_centred
from inspectnet.geometry import Box

SCALES = ("tile", "map", "page")
ENERGY, WIDEST = 0.95, 0.75  # of a tile's energy lies in its window, in this share of all tiles
WORTH = 0.85  # of the side: a window that is larger is not worth a zoom
BEYOND = (226, 226, 226)  # beyond the image, where zero is a darker grey

Signals = NDArray[np.floating]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Display:
    """How signals are drawn. Raises OptionError for what is no choice."""

    clip: float = 99.5
    """The percentile of |x|, zeros left out, that has full contrast; what exceeds it is cut off."""
    scale: str = "tile"
    """What shares one scale: nothing, the tiles of a map, all of a page."""
    zoom: bool = True
    """Whether tiles show the part where the signal is."""
    names: bool = False
    """Whether photos are named."""

    def __post_init__(self) -> None:
        if not 0 < self.clip <= 100:
            raise OptionError(f"clip {self.clip:g} is no percentile. Choose one above 0, up to 100 for all.")
        check_choice("scale", self.scale, SCALES)

    def windows(self, signals: Signals, decide: int | None = None) -> list[Box]:
        """The part of each tile (N, C, h, w) that is shown: all of one size, around most of its energy.

        As large as the largest but for the widest quarter; all of each tile without zoom, or where that is about it.
        decide: how many of the first tiles decide the size, by default all.
        """
        check_finite(signals)
        height, width = whole = signals.shape[-2:]
        energies = [_energy(signal) for signal in signals] if self.zoom else []
        boxes = [_around(energy) for energy in energies]
        deciding = list(zip(boxes, energies, strict=True))[:decide]
        sides = [max(box.size) for box, energy in deciding if energy.any()]
        side = int(np.ceil(np.quantile(sides, WIDEST))) if sides else max(whole)
        if side >= WORTH * max(whole):
            return [Box.at(0, 0, whole)] * len(signals)
        size = min(side, height), min(side, width)
        return [_window(energy, box, size) for energy, box in zip(energies, boxes, strict=True)]

    def draw(self, groups: Sequence[Signals]) -> list[Pixels]:
        """The pixels (n, h, w, 3) of each group of signals (n, C, h, w), the tiles of one map."""
        limits = [np.array([self.limit(tile) for tile in group]) for group in groups]
        if self.scale == "map":
            limits = [np.full(len(group), self.limit(group)) for group in groups]
        elif self.scale == "page":
            values = np.concatenate([group.ravel() for group in groups]) if groups else np.zeros(0)
            limits = [np.full(len(group), self.limit(values)) for group in groups]
        return [grey_centred(group, limit) for group, limit in zip(groups, limits, strict=True)]

    def words(self, tile: str = "tile") -> str:
        """What a footer says of it; tile: what it calls one."""
        whose = {"tile": f"each {tile} has its own scale", "map": "one scale for each map", "page": "one scale for all"}
        cut = f", cut off at percentile {self.clip:g}" if self.clip < 100 else ""
        return f"zero is mid-grey, {whose[self.scale]}{cut}"

    def limit(self, signal: Signals) -> float:
        """What of a signal has full contrast; 0 of one that is zero."""
        size = np.abs(signal[signal != 0])
        return float(np.percentile(size, self.clip)) if size.size else 0.0


def mark_beyond(pixels: Pixels, shown: Box, image: tuple[int, int]) -> Pixels:
    """The picture [h,w,3] of the box `shown` of an image (H, W), pale where it reaches beyond."""
    inside = shown.clipped(image).moved(-shown.y0, -shown.x0).slices
    marked = np.full_like(pixels, BEYOND)
    marked[inside] = pixels[inside]
    return marked


def _energy(signal: Signals) -> NDArray[np.float64]:
    """The energy (h, w) of a tile (C, h, w), of any unit."""
    return np.asarray(np.square(signal.astype(np.float64) / (np.abs(signal).max() or 1)).sum(axis=0))


def _around(energy: NDArray[np.float64]) -> Box:
    """The box that leaves out the same little energy at each side; the middle of a tile without any."""
    if not energy.any():
        return Box.at(energy.shape[0] // 2, energy.shape[1] // 2, (1, 1))
    ends = list[int]()
    for axis in (0, 1):
        share = np.cumsum(energy.sum(axis=axis))
        low, high = np.searchsorted(share / share[-1], [(1 - ENERGY) / 2, (1 + ENERGY) / 2])
        ends += [int(low), int(high) + 1]
    x0, x1, y0, y1 = ends
    return Box(x0, y0, x1, y1)


def _window(energy: NDArray[np.float64], box: Box, size: tuple[int, int]) -> Box:
    """The part of a tile of `size` (h, w) around the box of its energy; where that is larger, with most energy."""
    middles, most = (box.y0 + box.y1, box.x0 + box.x1), (0, 0)
    if box.size[0] > size[0] or box.size[1] > size[1]:
        most = _strongest(energy, size)
    top, left = (
        start if own > side else min(max((middle - side) // 2, 0), extent - side)
        for start, middle, own, side, extent in zip(most, middles, box.size, size, energy.shape, strict=True)
    )
    return Box.at(top, left, size)


def _strongest(energy: NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int]:
    """The top and the left of the box of `size` (h, w) that holds most of the energy."""
    sums, (height, width) = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0))), size
    down = sums[height:] - sums[:-height]
    held = down[:, width:] - down[:, :-width]
    top, left = np.unravel_index(held.argmax(), held.shape)
    return int(top), int(left)
