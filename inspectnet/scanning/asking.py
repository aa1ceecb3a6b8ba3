"""Questions about a collection: one that was scanned before answers what it knows, and is looked at for the rest."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from inspectnet.errors import OptionError, SourceError
from inspectnet.graph.layers import Layer
from inspectnet.images import Collection, Seen
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.scanning.engine import scan
from inspectnet.scanning.peaks import Peaks
from inspectnet.scanning.top import Ranking, Top

Asked = Sequence[tuple[Any, Mapping[str, Any]]]
"""Questions to networks, and by name the accumulators of their answers."""


@runtime_checkable
class Scanned(Protocol):
    """A collection that was scanned before, and knows what excites maps most."""

    @property
    def seen(self) -> Seen:
        """What was read of it."""

    @property
    def tile(self) -> bool:
        """Whether its photos were cut into tiles."""

    def holds(self, network: Network, layer: Layer) -> bool:
        """Whether it knows the maps of a layer. Raises OptionError for another network."""

    def rankings(self, network: Network, layers: Sequence[Layer], top: int) -> list[Ranking]:
        """The strongest activations of each map of layers. Raises LayerError for one that it does not hold."""


def find_strongest(
    network: Network,
    collection: Collection,
    layers: Sequence[Layer],
    top: int,
    *,
    tile: bool = False,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> tuple[list[Ranking], Seen]:
    """The `top` strongest activations of every map of some layers over a collection, and what was read of it.

    Raises as `ask`.
    """
    tops = {layer.output: Top(layer, top) for layer in layers}
    asked = [(Peaks(network, layers), tops)]
    seen = ask(collection, asked, tile=tile, batch_size=batch_size, threads=threads, progress=progress)
    return [tops[layer.output].result() for layer in layers], seen


def ask(
    collection: Collection,
    asked: Asked,
    *,
    tile: bool = False,
    batch_size: int = 16,
    threads: int | None = None,
    progress: Progress = silent,
) -> Seen:
    """Have questions answered over a collection, by one pass over its images; gives what was read of it.

    A collection that was scanned before fills the Tops of Peaks by itself. What else is asked takes a pass over the
    images that are asked about, which a note tells. Raises OptionError for another network, or if its rows are other
    ones; LayerError for a layer that it does not hold, unless all images are looked at anyway; SourceError if one has
    changed since, and as `scan`.
    """
    run = partial(scan, tile=tile, batch_size=batch_size, threads=threads)
    if not isinstance(collection, Scanned):
        with progress("scanning", len(collection), "photos" if tile else "images") as advance:
            return run(collection, asked, advance=advance)
    refuse_other_rows(collection.tile, tile)
    if left := _unknown(collection, asked):
        looked = [question.entries for question, _ in left]
        numbers = sorted(set().union(*looked)) if None not in looked else range(len(collection))
        note(f"the index keeps no {_listed(left)}: {len(numbers)} of its images are looked at again")
        with progress("scanning", len(numbers)) as advance:
            again = run(collection.of(numbers), left, numbers=numbers, advance=advance)
        refuse_changed(collection, numbers, again)
    return collection.seen


def refuse_changed(collection: Any, numbers: Sequence[int], again: Seen) -> None:
    """Raise SourceError if what was read again of these images is not what the scan read; one may be gone."""
    for number, sha256 in zip(numbers, again.hashes, strict=True):
        if sha256 != collection.seen.hashes[number]:
            raise SourceError(f"{collection.entries[number].id} has changed since it was scanned. Run its scan again.")


def refuse_other_rows(tile: bool, wanted: bool) -> None:
    """Raise OptionError for tiles where an index is of whole images, or the other way round."""
    if tile != wanted:
        raise OptionError(f"the index is of {'tiles' if tile else 'whole images'}. Ask it for those.")


def _unknown(collection: Any, asked: Asked) -> Asked:
    """Have it answer what it knows; gives what it does not."""
    left = [pair for pair in asked if not isinstance(pair[0], Peaks)]
    anyway = any(question.entries is None for question, _ in left)
    for question, tops in asked:
        if isinstance(question, Peaks):
            network, layers = question.network, question.layers
            other = [layer for layer in layers if anyway and not collection.holds(network, layer)]
            held = [layer for layer in layers if layer not in other]
            top = max(tops[layer.output].count for layer in layers)
            for layer, ranking in zip(held, collection.rankings(network, held, top), strict=True):
                tops[layer.output].merge(Top.of(ranking))
            if other:
                left.append((Peaks(network, other), {layer.output: tops[layer.output] for layer in other}))
    return left


def _listed(asked: Asked) -> str:
    """What questions ask for, each once."""
    words = [
        f"maxima of {', '.join(layer.name for layer in question.layers)}"
        if isinstance(question, Peaks)
        else question.asks
        for question, _ in asked
    ]
    return " and ".join(dict.fromkeys(words))
