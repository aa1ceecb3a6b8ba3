"""Which maps of which layers are shown: what --layer, --maps and --unit mean together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspectnet.cli import options
from inspectnet.errors import OptionError
from inspectnet.files.parsing import whole_number

if TYPE_CHECKING:
    from inspectnet.graph.addresses import Address
    from inspectnet.graph.layers import Layer
    from inspectnet.network import Network
    from inspectnet.scan import Ranking


@dataclass(frozen=True)
class Wanted:
    """The maps of one layer that are asked for: those listed, else so many, with neither all of them."""

    layer: "Layer"
    numbers: list[int] | None = None
    count: int | None = None
    addressed: bool = False
    """Whether the layer's own address lists them, as conv5:212."""

    @property
    def most(self) -> int:
        """How many maps that can be."""
        return len(self.numbers) if self.numbers is not None else min(self.count or self.layer.maps, self.layer.maps)

    @property
    def addresses(self) -> list[str]:
        """What was asked for, as text: maps as conv5:212 where they are listed, else the layer."""
        return [self.layer.name] if self.numbers is None else [f"{self.layer.name}:{n}" for n in self.numbers]

    def among(self, ranking: "Ranking", seed: int) -> list[int]:
        """The maps to show after a search: those listed, a random subset, or all that anything activates."""
        from inspectnet.analyses.features import choose_maps

        if self.numbers is not None:
            return self.numbers
        return choose_maps(ranking, self.count, seed) if self.count else [int(m) for m in ranking.active()]

    def of_photo(self) -> int | list[int]:
        """The maps to show of one photo: those listed, or how many of the strongest."""
        return self.numbers if self.numbers is not None else self.count or self.layer.maps


def wanted_maps(network: "Network", addresses: list[str], maps: str, unit: str) -> list[Wanted]:
    """What is asked for of each layer, from the bottom up; an address that holds a map goes before --maps.

    Raises LayerError, OptionError.
    """
    units = [_ranked(options.unit_of(network, text)) for text in addresses]
    own: dict[str, list[int]] = {}
    for each in units:
        for layer in network.match([each.layer]) if each.map is not None else []:
            own.setdefault(layer.output, []).append(each.map or 0)
    if own and unit:
        raise OptionError(f"--unit {unit} and a map in --layer say the maps twice. Leave one of them out.")
    return [_wanted(layer, own.get(layer.output), maps, unit) for layer in network.match([u.layer for u in units])]


def _ranked(unit: "Address") -> "Address":
    """The unit, if a search can rank it."""
    if unit.pre:
        how = f"Say --layer {unit.layer}; 'inspectnet invert' takes {unit}"
        raise OptionError(f"'{unit}' is the raw sum, but maps are ranked by their rectified values. {how}.")
    if unit.y is not None:
        how = f"Say --layer {unit.layer}:{unit.map}"
        raise OptionError(f"'{unit}' is one position, but maps are shown at their strongest ones. {how}.")
    return unit


def _wanted(layer: "Layer", own: list[int] | None, maps: str, unit: str) -> Wanted:
    from inspectnet.graph.addresses import parse_numbers

    if own:
        return Wanted(layer, parse_numbers(",".join(map(str, own)), layer.maps, layer.name), addressed=True)
    if maps == "all" and not unit:
        return Wanted(layer)
    count = None if unit else whole_number(maps)
    if count == 0:
        raise OptionError("--maps 0 shows nothing. Say how many maps, 'all', or a list as 0,5,7.")
    if count:
        return Wanted(layer, count=count)
    listed = unit or maps.removesuffix(",")  # a comma makes even one number a list
    return Wanted(layer, parse_numbers(listed, layer.maps, layer.name))
