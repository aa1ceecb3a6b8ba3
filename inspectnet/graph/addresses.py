"""Addresses of units: `conv5`, `conv5:pre`, `conv5:212`, `conv5:212@6,6`; the same text everywhere."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inspectnet.errors import LayerError, OptionError

NUMBER = "[0-9]{1,18}"
ADDRESS = re.compile(rf"(?P<layer>.+?)(?P<pre>:pre)?(:(?P<map>{NUMBER})(@(?P<y>{NUMBER}),(?P<x>{NUMBER}))?)?")


@dataclass(frozen=True)
class Address:
    """A layer, one of its maps, one position of the map; the parts that were not said are None."""

    layer: str
    map: int | None = None
    y: int | None = None
    x: int | None = None
    pre: bool = False

    def __str__(self) -> str:
        text = self.layer + (":pre" if self.pre else "")
        text += "" if self.map is None else f":{self.map}"
        return text + ("" if self.y is None else f"@{self.y},{self.x}")


def names_of(layers: str | Iterable[str]) -> list[str]:
    """One name, glob or address of layers, or several, as a list. Raises LayerError for what is no text."""
    names = list(layers) if isinstance(layers, Iterable) and not isinstance(layers, str) else [layers]
    for name in names:
        if not isinstance(name, str):
            raise LayerError(f"a layer is called by a text, as conv5, not by {name!r}.")
    return names


def parse_address(text: str) -> Address:
    """The address that a text means. Raises OptionError if it is not an address."""
    parts = ADDRESS.fullmatch(text.strip())
    if parts is None:
        raise OptionError(f"'{text}' is not a unit. Write a layer, layer:map or layer:map@y,x, as conv5:212@6,6.")
    number = {key: None if parts[key] is None else int(parts[key]) for key in ("map", "y", "x")}
    return Address(parts["layer"], pre=parts["pre"] is not None, **number)


def parse_numbers(text: str, count: int, what: str) -> list[int]:
    """The numbers that `0,3,7-12` means, in order, each once; all must be below `count`.

    Raises OptionError if the text is no such list, LayerError if a number is too large.
    """
    numbers: list[int] = []
    for part in text.split(","):
        bounds = re.fullmatch(rf"\s*({NUMBER})\s*(?:-\s*({NUMBER})\s*)?", part)
        first, last = (int(bounds[1]), int(bounds[2] or bounds[1])) if bounds else (1, 0)
        if first > last:
            raise OptionError(f"'{text}' is not a list of numbers. Write it like 0,3,7-12.")
        if last >= count:  # before the range is made, which may be longer than memory
            raise LayerError(f"{what} has {count} maps, 0 to {count - 1}; there is no map {last}.")
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))
