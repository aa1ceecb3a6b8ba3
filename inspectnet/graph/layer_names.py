"""Layer names: a layer by any of its names, and what is said of a name that no layer has."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace

from inspectnet.errors import LayerError, OptionError, nearest
from inspectnet.graph.addresses import names_of
from inspectnet.graph.layers import Layer


class LayerNames:
    """Finds layers by any of their names; earlier sources of names win over later ones.

    given: further names. unknown: the operator above which not all are listed, in words. Raises LayerError for a name
    of no layer, OptionError for one that another layer has already.
    """

    def __init__(
        self, layers: Iterable[Layer], given: Mapping[str, str] | None = None, unknown: str | None = None
    ) -> None:
        self.layers, self._unknown = list(layers), unknown
        ordinals = {name: layer for layer in self.layers for name in layer.ordinals}
        modules = {path: layer for layer in self.layers for path in layer.modules}
        paths = {layer.path: layer for layer in self.layers if layer.path}
        names = {layer.name: layer for layer in self.layers}  # LeNet's fc3 comes first: two convolutions, three more
        exact = {name: layer for layer in self.layers for name in layer.values}
        exact |= {layer.output: layer for layer in self.layers}  # an operator may be called as another one's output
        spoken = {**ordinals, **modules, **paths, **names}
        known = {**spoken, **exact}
        aliases = {alias: self._meant(known, alias, name) for alias, name in (given or {}).items()}
        self._by_name = aliases | known
        self._spoken = aliases | spoken  # the same whoever wrote the file

    def find(self, name: str) -> Layer:
        """The layer called `name`, under that name. Raises LayerError with the nearest names and the full list."""
        (name,) = names_of([name])
        return replace(self._resolve(self._by_name, name), name=name)

    def match(self, patterns: str | Iterable[str]) -> list[Layer]:
        """The layers that any of the names or globs mean, from the bottom up; called as they were asked for.

        Raises LayerError if one means none.
        """
        called: dict[str, str] = {}
        for pattern in names_of(patterns):
            if any(c in pattern for c in "*?["):
                for layer in self._hits(pattern):
                    called.setdefault(layer.output, layer.name)
            else:
                called.setdefault(self.find(pattern).output, pattern)
        return [replace(layer, name=called[layer.output]) for layer in self.layers if layer.output in called]

    def _hits(self, pattern: str) -> list[Layer]:
        """The layers with a name that `pattern` matches; names in the file count only if no other does."""
        for table in (self._spoken, self._by_name):
            hits = [layer for name, layer in table.items() if fnmatch.fnmatchcase(name, pattern)]
            if hits:
                return hits
        raise LayerError(f"no layer matches '{pattern}'.{self._list()}")

    def _meant(self, known: Mapping[str, Layer], alias: str, name: str) -> Layer:
        """The layer that a name given by the user means; it may not hide another layer."""
        layer = self._resolve(known, name)
        owner = known.get(alias, layer)
        if owner.output != layer.output:
            is_it = "is a layer already" if alias == owner.name else f"is already a name of the layer {owner.name}"
            raise OptionError(f"'{alias}' cannot name {name}: it {is_it}. Choose another alias.")
        return layer

    def _resolve(self, table: Mapping[str, Layer], name: str) -> Layer:
        if name in table:
            return table[name]
        layer, colon, _ = name.partition(":")
        if colon and layer in table:
            forms = f"{layer}:7 for a map, {layer}:7@3,3 for one of its units, {layer}:pre for the raw sums"
            raise LayerError(f"'{name}' is no address in {layer}. Write {forms}.")
        raise LayerError(f"no layer '{name}'.{nearest(name, table)}{self._list()}")

    def _list(self) -> str:
        above = f"; not all above {self._unknown}, the axes of which cannot be told" if self._unknown else ""
        return f" It has: {' '.join(layer.name for layer in self.layers) or 'none'}{above}"
