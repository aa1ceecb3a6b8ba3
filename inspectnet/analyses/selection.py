"""The selection: which maps of which layers are shown, as addresses and `maps` say together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import LayerError, OptionError
from inspectnet.files.parsing import whole_number
from inspectnet.graph.addresses import Address, names_of, parse_numbers
from inspectnet.graph.layers import Layer
from inspectnet.network import Network

Maps = int | str | Sequence[int]
"""How many maps, "all", or which ones, as numbers or in text: "0,5,7-9"."""


DRAWN = 16  # maps of a layer that are shown where nothing says how many


@dataclass(frozen=True)
class Selection:
    """The maps of one layer that are asked for: those listed, else so many, with neither all of them."""

    layer: Layer
    numbers: tuple[int, ...] | None = None
    count: int | None = None

    @property
    def most(self) -> int:
        """How many maps that can be."""
        return len(self.numbers) if self.numbers is not None else min(self.count or self.layer.maps, self.layer.maps)

    @property
    def addresses(self) -> list[str]:
        """What was asked for, as text: maps as conv5:212 where they are listed, else the layer."""
        return [self.layer.name] if self.numbers is None else [f"{self.layer.name}:{n}" for n in self.numbers]

    def among(self, active: np.ndarray, seed: int) -> list[int]:
        """The maps to show of those that anything activates: those listed, a random subset, or all."""
        if self.numbers is not None:
            return list(self.numbers)
        return draw_maps(active, self.count or self.layer.maps, seed)

    def strongest(self, order: np.ndarray) -> list[int]:
        """The maps to show of one photo, whose maps (K,) are given strongest first: those listed, or the first ones."""
        return list(self.numbers) if self.numbers is not None else order[: self.most].tolist()


def select_maps(
    network: Network, addresses: str | Sequence[str], maps: Maps | None, units: str | Sequence[int] = ""
) -> list[Selection]:
    """What is asked for of each layer, from the bottom up.

    addresses: layers, by any of their names or globs, or single maps, as conv5:212, which go before `maps`. units:
    just these maps of every layer, in place of `maps`. Raises LayerError, OptionError.
    """
    if maps is not None and len(units):
        raise OptionError(f"--maps {_text(maps)} and --unit {_text(units)} say the maps twice. Leave one of them out.")
    if not len(addresses):
        raise OptionError("there is no layer. Name one or more, as conv5, 'conv*' or conv5:212.")
    maps = DRAWN if maps is None else maps
    asked = [_ranked(network.address(text)) for text in names_of(addresses)]
    own: dict[str, list[int]] = {}
    for address in asked:
        for layer in network.match([address.layer]) if address.map is not None else []:
            own.setdefault(layer.output, []).append(address.map or 0)
    if own and len(units):
        raise OptionError(f"--unit {_text(units)} and a map in --layer say the maps twice. Leave one of them out.")
    layers = network.match([address.layer for address in asked])
    return [_select(layer, own.get(layer.output), _text(maps), _text(units)) for layer in layers]


def refuse_without_layers(network: Network) -> None:
    """Raise LayerError if there is nothing in the network to ask for, with the operator behind which all is unknown."""
    if not network.layers:
        why = f" behind {network.unknown}, whose output's shape cannot be told" if network.unknown else ""
        raise LayerError(f"{network.path} has no layer{why}. Give a network of convolutions, pools or products.")


def draw_maps(active: np.ndarray, count: int, seed: int) -> list[int]:
    """A random subset of the maps that anything activates, as the paper shows: `count` of them, in order."""
    drawn: list[int] = np.sort(np.random.default_rng(seed).permutation(active)[:count]).tolist()
    return drawn


def _ranked(address: Address) -> Address:
    """The address, if a search can rank what it means."""
    if address.pre:
        how = f"Say --layer {address.layer}; 'inspectnet invert' takes {address}"
        raise OptionError(f"'{address}' is the raw sum, but maps are ranked by their rectified values. {how}.")
    if address.y is not None:
        how = f"Say --layer {address.layer}:{address.map}"
        raise OptionError(f"'{address}' is one position, but maps are shown at their strongest ones. {how}.")
    return address


def _select(layer: Layer, own: list[int] | None, maps: str, units: str) -> Selection:
    if own:
        return Selection(layer, _listed(_text(own), layer))
    if maps == "all" and not units:
        return Selection(layer)
    count = None if units else whole_number(maps)
    if count == 0:
        raise OptionError("--maps 0 shows nothing. Say how many maps, 'all', or a list as 0,5,7.")
    if count:
        return Selection(layer, count=count)
    return Selection(layer, _listed(units or maps, layer))


def _listed(text: str, layer: Layer) -> tuple[int, ...]:
    """The maps of a list, which a comma at its end makes of even one number."""
    return tuple(parse_numbers(text.removesuffix(","), layer.maps, layer.name))


def _text(maps: Maps) -> str:
    if isinstance(maps, int | str):
        return str(maps)
    return "".join(f"{number}," for number in maps)
