"""The bundle: the values of a report by their names, each made when it is asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from inspectnet.analyses.provenance import images_of, provenance
from inspectnet.errors import RuleError
from inspectnet.explorer import contract
from inspectnet.explorer.chunks import AT, Chunks
from inspectnet.explorer.columns import Columns
from inspectnet.explorer.contract import EXAMPLES, short
from inspectnet.explorer.kept import Kept
from inspectnet.explorer.kept_reader import KeptReader
from inspectnet.explorer.labels import find_labels
from inspectnet.explorer.live import MOST, LivePart, why_not_live
from inspectnet.explorer.outcomes import Shown
from inspectnet.explorer.overview import describe_model
from inspectnet.explorer.page import Page
from inspectnet.explorer.photos import Photos
from inspectnet.explorer.walk import walk_photos
from inspectnet.graph.layers import Layer
from inspectnet.index import Index
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.results import Result
from inspectnet.rules import Policy

PREDICTIONS = 5
EXCITED = 6  # units of each layer that are told of a photo


class Bundle:
    """A network and an index of images as the page wants them: values by name, and sheets.

    Safe to use from several threads, which wait for each other.
    """

    def __init__(
        self,
        network: Network,
        index: Index,
        layers: Sequence[str] | None = None,
        *,
        policy: Policy = Policy(),  # noqa: B008  (frozen)
        classes: str | Path | None = None,
        results: Sequence[Result] = (),
        page: Page | None = None,
        live_most: float = MOST,
        batch: int = 16,
        progress: Progress = silent,
    ) -> None:
        """layers: by name, by default all that the index holds. classes: a file that names them. results: shown too.

        page: to be given the live part, if its weights take no more than `live_most` MB.

        Raises LayerError, RuleError if no signal comes down from any, OptionError, ImageError.
        """
        self.network, self.index, self.policy = network, index, policy
        self.results = [Shown(result) for result in results]
        model = provenance([network], images_of(index.seen), {}).models[0]
        self.layers = projected_layers(network, network.match(layers) if layers else index.layers_of(network), policy)
        reader, top = KeptReader(index, network.preparation, index.tile), min(EXAMPLES, index.manifest.request.top)
        rankings = {layer.output: index.ranking(network, layer, top) for layer in self.layers}
        self.walk = walk_photos(network, reader, index.seen.keys, self.layers, batch, progress)
        self.labels = find_labels(network, index, classes)
        keys = [ranking.keys for ranking in rankings.values()]
        self.photos = Photos(reader, self.walk.keys, keys, self.labels.of_image)
        self.kept, self._page = Kept(), page
        self.live_reason = why_not_live(network, live_most) if page else "it was left out"
        live = page and not self.live_reason
        self.live = LivePart(network, list(self.numbered()), page.version) if page and live else None
        self.chunks = Chunks(network, model, reader, policy, rankings, self.photos, self.walk, self.kept)

    def names(self) -> Iterator[str]:
        """The names of all values, in the order in which they are best made: those of each layer together."""
        yield "model"
        yield "photos"
        yield from (f"photos/{number}" for number in range(len(self.photos)))
        yield from (f"images/{number}" for number in range(len(self.walk.keys)))
        for number, layer in self.numbered():
            yield f"layers/{number}"
            for chunk in range(self.chunks.count(layer)):
                yield f"layers/{number}/units/{chunk}"
                yield from (f"sheets/{number}-{kind}-{chunk}" for kind in self.chunks.kinds(layer))
        for number, shown in enumerate(self.results):
            yield f"results/{number}"
            yield from (f"results/{number}/pictures/{name}" for name in shown.pictures)
        if self.live:
            yield from ("live/proof", *self.live.names(), "live/runtime")

    def value(self, name: str) -> object:
        """What has a name: a value of the types of `contract`, a text, or of sheets/NAME the bytes of the WebP.

        Raises KeyError for no name, InspectError.
        """
        match name.split("/"):
            case ["live", *_] if self.live and self._page:
                return self._live(name, self.live, self._page)
            case ["model"]:
                return self.kept.keep("model", None, lambda: describe_model(self))
            case ["photos"]:
                return self.kept.keep(
                    "photos", None, lambda: tuple(self.photos.about(n) for n in range(len(self.photos)))
                )
            case ["photos", number]:
                return self.photos.data_url(_below(number, len(self.photos)))
            case ["images", number]:
                return self._image(_below(number, len(self.walk.keys)))
            case ["layers", number]:
                return self._layer(*self._numbered(number))
            case ["layers", number, "units", chunk]:
                _, layer = self._numbered(number)
                return self._units(layer, _below(chunk, self.chunks.count(layer)))
            case ["results", number]:
                return self.results[_below(number, len(self.results))].value
            case ["results", number, "pictures", *picture]:
                return self.results[_below(number, len(self.results))].pictures["/".join(picture)]
            case ["sheets", sheet]:
                number, _, rest = sheet.partition("-")
                kind, _, chunk = rest.rpartition("-")
                _, layer = self._numbered(number)
                return self.chunks.sheet(layer, kind, _below(chunk, self.chunks.count(layer)))
        raise KeyError(name)

    def _live(self, name: str, live: LivePart, page: Page) -> object:
        if name == "live/runtime":
            return page.runtime
        if name != "live/proof":
            return live.value(name)
        ranking = self.chunks.rankings[live.proven.output]
        unit = int(ranking.values[:, 0].argmax())
        entry, y, x = ranking.keys[unit, 0].tolist()
        if entry < 0:  # a layer that nothing excites proves nothing, but the page is told so
            entry, y, x = self.walk.keys[0].tolist()
        return live.proof(self.chunks.reader.load(entry, (y, x))[None], ranking.unit(unit, 0, 0))

    def columns(self, layer: Layer) -> Columns:
        """What is known of a layer's units."""

        def make() -> Columns:
            statistics = self.index.statistics(self.network, layer)
            return Columns(statistics, self.labels.of_label, self.walk.maxima[layer.output].values)

        return self.kept.keep("columns", layer.output, make)

    def numbered(self) -> Iterator[tuple[int, Layer]]:
        """The layers that are shown, by their numbers in the network."""
        shown = {layer.output for layer in self.layers}
        return ((number, layer) for number, layer in enumerate(self.network.layers) if layer.output in shown)

    def _numbered(self, text: str) -> tuple[int, Layer]:
        number = _below(text, len(self.network.layers))
        return number, dict(self.numbered())[number]

    def _layer(self, number: int, layer: Layer) -> contract.LayerData:
        columns, keys = self.columns(layer), self.chunks.rankings[layer.output].keys
        selectivity, best = columns.selectivity or (None, None)
        none = np.full((layer.maps, EXAMPLES - keys.shape[1], 3), -1)
        pairs = {
            kind: contract.Pair(*(self.chunks.sheets(number, layer, f"{kind}-{of}") for of in ("projection", "patch")))
            for kind in ("best", "examples")
        }
        return contract.LayerData(
            pairs["best"],
            pairs["examples"],
            tuple(self.photos.numbers(np.concatenate([keys, none], axis=1).reshape(-1, 3))),
            contract.Quantiles(AT, self.chunks.sheets(number, layer, "quantiles-patch")),
            self.chunks.sheets(number, layer, "filters"),
            _shortened(columns.highest),
            _shortened(columns.mean),
            _shortened(columns.active),
            None if selectivity is None else _shortened(selectivity),
            None if best is None else tuple(best.tolist()),
        )

    def _units(self, layer: Layer, chunk: int) -> tuple[contract.UnitData, ...]:
        columns, units = self.columns(layer), self.chunks.units(layer, chunk)
        quantiles = [example for _, example in self.chunks.quantiles(layer, chunk)]
        alike = columns.alike(units)
        return tuple(
            contract.UnitData(
                tuple(tiles.examples),
                tuple(quantiles[at * len(AT) : (at + 1) * len(AT)]),
                columns.histogram(unit),
                columns.strongest_classes(unit),
                alike[at],
            )
            for at, (unit, tiles) in enumerate(zip(units, self.chunks.examples(layer, chunk), strict=True))
        )

    def _image(self, number: int) -> contract.ImageData:
        predictions: tuple[contract.Prediction, ...] = ()
        if self.walk.probabilities is not None:
            own = self.walk.probabilities[number]
            order = (-own).argsort(kind="stable")[:PREDICTIONS].tolist()
            predictions = tuple(contract.Prediction(k, short(own[k])) for k in order)
        layers = []
        for at, layer in self.numbered():
            maxima, highest = self.walk.maxima[layer.output], self.columns(layer).highest
            values, places = maxima.values[number], maxima.places[number].tolist()
            share = np.maximum(values, 0) / np.where(highest > 0, highest, 1)
            order = [unit for unit in (-share).argsort(kind="stable")[:EXCITED].tolist() if share[unit] > 0]
            units = [contract.Excited(u, short(values[u]), short(share[u]), *places[u]) for u in order]
            layers.append(contract.ExcitedLayer(at, tuple(units)))
        return contract.ImageData(predictions, tuple(layers))


def projected_layers(network: Network, layers: Sequence[Layer], policy: Policy) -> list[Layer]:
    """Those that signals can come down from; notes which are left out, and why. Raises RuleError if all are."""
    inverse, kept = network.inverse(policy), list[Layer]()
    for layer in layers:
        if obstacle := inverse.obstacle(layer.output):
            note(f"{layer.name} is left out: {obstacle}")
        else:
            kept.append(layer)
    if not kept:
        raise RuleError(f"no signal comes down from any of the layers asked for in {network.path}. Choose others.")
    return kept


def _shortened(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(map(short, numbers.tolist()))


def _below(text: str, count: int) -> int:
    """The number that plain digits mean. Raises KeyError for any other text, or one that is too large."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < count):
        raise KeyError(text)
    return int(text)
