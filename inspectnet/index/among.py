"""Some images of an index, or some of their activations: the strongest ones among them, without another scan.

The maxima that the index keeps of each image are float16. They say which few images come into question, those that
tie as float16 included; the network looks at these, which gives the activations themselves and their places.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inspectnet.geometry import Maxima
from inspectnet.graph.layers import Layer
from inspectnet.images import Part, Seen
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.scanning import Peaks, Ranking, Rows, Top, refuse_changed, scan

if TYPE_CHECKING:
    from inspectnet.index.index import Index

ROWS_AT_ONCE = 4096  # of maxima in memory


@dataclass(frozen=True)
class Among(Part):
    """A part of an index, and what excites maps most in it."""

    whole: "Index" = field(kw_only=True, repr=False)
    label: str | None = field(kw_only=True)
    """What its images are filed under, if it is those of a label."""
    at_most: float | None = field(kw_only=True)
    """Up to which part of each map's highest activation in the whole index activations count; None for all."""

    @property
    def is_photo(self) -> bool:
        """It is a collection, if of a single image."""
        return False

    @property
    def tile(self) -> bool:
        """Whether its rows are tiles."""
        return self.whole.tile

    @property
    def asked(self) -> dict[str, object]:
        """What it is the part of the index of, for a record."""
        return {"label": self.label, "at_most": self.at_most}

    @property
    def seen(self) -> Seen:
        """What was read of its images."""
        seen, ids = Seen(self, 0, self.tile), {entry.id for entry in self.entries}
        seen.hashes += [self.whole.seen.hashes[number] for number in self.numbers]
        seen.unread += [lost for lost in self.whole.seen.unread if lost.id in ids]
        keys = self.whole.seen.keys[self._rows()]
        keys[:, 0] = np.searchsorted(self.numbers, keys[:, 0])
        seen.note_keys(keys)
        return seen

    def active(self, network: Network, layer: Layer) -> NDArray[np.int64]:
        """The maps of a layer that an activation takes above 0. Raises as `Index.maxima`."""
        above = [(values > 0).any(axis=0) for values in self._maxima(network, layer)]
        return np.flatnonzero(np.any([np.zeros(layer.maps, bool), *above], axis=0))

    def strongest(
        self,
        network: Network,
        layers: Sequence[Layer],
        maps: Sequence[Sequence[int]],
        top: int,
        *,
        batch_size: int = 16,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> list[Ranking]:
        """By layer the `top` strongest activations of these maps of it; those of its other maps are not told.

        Raises as `Index.maxima`, and SourceError if an image has changed since the scan.
        """
        entries, bounds = set[int](), dict[str, NDArray[np.float32]]()
        for layer, chosen in zip(layers, maps, strict=True):
            bounds[layer.output] = self._bounds(network, layer)
            entries |= set(self._candidates(network, layer, list(chosen), top))
        tops = {layer.output: Top(layer, top) for layer in layers}
        if entries:
            numbers = sorted(entries)
            asked = [(_UpTo(network, layers, bounds), tops)]
            with progress("scanning", len(numbers)) as advance:
                again = scan(
                    self.of(numbers), asked, tile=self.tile, numbers=numbers, batch_size=batch_size, threads=threads,
                    advance=advance,
                )  # fmt: skip
            refuse_changed(self.whole, [self.numbers[number] for number in numbers], again)
        return [tops[layer.output].result() for layer in layers]

    def _candidates(self, network: Network, layer: Layer, maps: Sequence[int], top: int) -> list[int]:
        """The entries that hold the strongest activations of some maps, as far as float16 tells."""
        if not maps:
            return []
        values = np.concatenate(
            [part[:, maps] for part in self._maxima(network, layer)] or [np.empty((0, len(maps)), np.float32)]
        )
        sure = values  # what equals the bound as float16 may be above it
        if self.at_most is not None:
            sure = np.where(values < self._bounds(network, layer)[maps].astype(np.float16), values, 0)
        least = np.partition(sure, -top, axis=0)[-top] if len(values) > top else np.zeros(len(maps))
        rows = np.flatnonzero(((values >= least) & (values > 0)).any(axis=1))
        entries = self.whole.seen.keys[self._rows()[rows], 0]
        return [int(number) for number in np.searchsorted(self.numbers, entries)]

    def _maxima(self, network: Network, layer: Layer) -> Iterator[NDArray[np.float32]]:
        """(n, K) of rows that follow each other; 0 for what does not count."""
        maxima, rows = self.whole.maxima(network, layer), self._rows()
        with np.errstate(over="ignore"):
            bounds = self._bounds(network, layer).astype(np.float16)
        for first in range(0, len(rows), ROWS_AT_ONCE):
            values = maxima[rows[first : first + ROWS_AT_ONCE]]
            yield np.where(values <= bounds, values, 0).astype(np.float32)

    def _bounds(self, network: Network, layer: Layer) -> NDArray[np.float32]:
        """(K,): up to where activations count."""
        if self.at_most is None:
            return np.full(layer.maps, np.inf, np.float32)
        return self.whole.statistics(network, layer).highest * np.float32(self.at_most)

    def _rows(self) -> NDArray[np.int64]:
        """The numbers of its rows in the index."""
        return np.flatnonzero(np.isin(self.whole.seen.keys[:, 0], self.numbers))


@dataclass(frozen=True, eq=False)
class _UpTo(Peaks):
    """Asks for maxima, of which those above a bound count as 0."""

    bounds: Mapping[str, NDArray[np.float32]]

    def __call__(self, rows: Rows) -> dict[str, Maxima]:
        """The Maxima of each layer."""
        answers = super().__call__(rows)
        return {
            name: replace(maxima, values=np.where(maxima.values <= self.bounds[name], maxima.values, 0))
            for name, maxima in answers.items()
        }
