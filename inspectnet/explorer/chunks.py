"""Chunks: the tiles of some units of a layer, from which their sheets and their examples are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from inspectnet.analyses.filters import Filters, first_filters
from inspectnet.errors import LayerError, RuleError
from inspectnet.explorer.columns import row_at_quantile
from inspectnet.explorer.contract import EXAMPLES, UNITS_A_CHUNK, Example, Sheet, short
from inspectnet.explorer.examples import UnitTiles, corners, cut_patch, filled, project_units
from inspectnet.explorer.kept import Kept
from inspectnet.explorer.kept_reader import KeptReader
from inspectnet.explorer.photos import Photos
from inspectnet.explorer.sprites import PHOTOS, SIGNALS, TILE, Pixels, columns_of, make_sheet, make_tile
from inspectnet.explorer.walk import Walk
from inspectnet.figures.colour import grey_centred
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.report.signals import in_rgb
from inspectnet.results import Model
from inspectnet.rules import Policy
from inspectnet.scanning import Ranking

AT = (0.99, 0.9, 0.5)  # quantiles of a unit's maxima, an example of each
CHUNKS_KEPT = 4  # whose tiles are held, so that one projection serves all that is made of them
TILES = {
    "examples-projection": EXAMPLES, "examples-patch": EXAMPLES, "best-projection": 1, "best-patch": 1,
    "quantiles-patch": len(AT), "filters": 1,
}  # fmt: skip
"""Of each unit, on the sheets of a kind."""


@dataclass(frozen=True)
class Chunks:
    """Makes the tiles and sheets of the layers of a network over scanned photos."""

    network: Network
    model: Model
    reader: KeptReader
    policy: Policy
    rankings: Mapping[str, Ranking]
    """By layer's output."""
    photos: Photos
    walk: Walk
    kept: Kept = field(default_factory=Kept)

    def count(self, layer: Layer) -> int:
        """How many chunks a layer has."""
        return -(-layer.maps // UNITS_A_CHUNK)

    def units(self, layer: Layer, chunk: int) -> range:
        """The units of a chunk."""
        return range(chunk * UNITS_A_CHUNK, min((chunk + 1) * UNITS_A_CHUNK, layer.maps))

    def kinds(self, layer: Layer) -> list[str]:
        """The kinds of sheets that a layer has, in the order in which they are best made."""
        return [kind for kind in TILES if kind != "filters" or layer.output == self._first_layer]

    def sheets(self, number: int, layer: Layer, kind: str) -> tuple[Sheet, ...]:
        """The sheets of a kind, which a layer may not have, in order; number: of the layer in their names."""
        if kind not in self.kinds(layer):
            return ()
        counts = [len(self.units(layer, chunk)) * TILES[kind] for chunk in range(self.count(layer))]
        return tuple(Sheet(f"{number}-{kind}-{at}", TILE, columns_of(n), n) for at, n in enumerate(counts))

    def sheet(self, layer: Layer, kind: str, chunk: int) -> bytes:
        """A sheet as WebP. Raises KeyError for a kind that the layer has not, and as `project_units`."""
        if kind not in self.kinds(layer):
            raise KeyError(kind)
        quality = PHOTOS if kind.endswith("patch") else SIGNALS
        return make_sheet(self._sheet_tiles(layer, kind, chunk), quality)

    def _sheet_tiles(self, layer: Layer, kind: str, chunk: int) -> list[Pixels]:
        if kind == "filters":
            units = self.units(layer, chunk)
            return self._filters[units.start : units.stop]
        if kind == "quantiles-patch":
            return [tile for tile, _ in self.quantiles(layer, chunk)]
        projected, most = kind.endswith("projection"), TILES[kind]
        made = self.best(layer, chunk) if most == 1 else self.examples(layer, chunk)
        own = [unit.projections if projected else unit.patches for unit in made]
        return [tile for tiles in own for tile in filled(tiles[:most], most)]

    def examples(self, layer: Layer, chunk: int) -> list[UnitTiles]:
        """The tiles of a chunk's units."""
        return self.kept.keep(
            "examples", (layer.output, chunk), lambda: self._project(layer, chunk, EXAMPLES), CHUNKS_KEPT
        )

    def best(self, layer: Layer, chunk: int) -> list[UnitTiles]:
        """At least the first tiles of a chunk's units, which take a ninth of the work alone."""
        if self.kept.holds("examples", (layer.output, chunk)):
            return self.examples(layer, chunk)
        return self.kept.keep("best", (layer.output, chunk), lambda: self._project(layer, chunk, 1), CHUNKS_KEPT)

    def _project(self, layer: Layer, chunk: int, top: int) -> list[UnitTiles]:
        full = self.rankings[layer.output]
        ranking = Ranking(layer, full.values[:, :top], full.keys[:, :top], full.places[:, :top])
        units = self.units(layer, chunk)
        return list(project_units(self.network, self.model, self.reader, ranking, units, self.policy, self.photos))

    def quantiles(self, layer: Layer, chunk: int) -> Sequence[tuple[Pixels, Example | None]]:
        """Unit by unit, quantile by quantile, the tile of an image that excites the unit so much."""
        make = lambda: [self._quantile(layer, unit, q) for unit in self.units(layer, chunk) for q in AT]  # noqa: E731
        return self.kept.keep("quantiles", (layer.output, chunk), make, CHUNKS_KEPT)

    def _quantile(self, layer: Layer, unit: int, q: float) -> tuple[Pixels, Example | None]:
        maxima = self.walk.maxima[layer.output]
        if (row := row_at_quantile(maxima.values[:, unit], q)) is None:
            return filled([], 1)[0], None
        y, x = maxima.places[row, unit].tolist()
        tile, box = cut_patch(self.reader, layer, self.walk.keys[row], y, x)
        seen = corners(box)
        return tile, Example(row, short(float(maxima.values[row, unit])), y, x, seen, seen, 0.0)

    @cached_property
    def _first_layer(self) -> str:
        """The output of the layer whose filters see pixels; empty if there is none."""
        try:
            return self.network.layer(self._first_filters.layer).output
        except (LayerError, RuleError):
            return ""

    @cached_property
    def _first_filters(self) -> Filters:
        return first_filters(self.network)

    @cached_property
    def _filters(self) -> list[Pixels]:
        return list(map(make_tile, grey_centred(in_rgb(self._first_filters.weights, self.model))))
