"""Names: what a layer answers to, and where exporters keep the names of modules."""

import ast
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import onnx_ir as ir

from inspectnet.errors import LayerError, OptionError, nearest

if TYPE_CHECKING:
    from inspectnet.graph.layers import Layer

WEIGHT_WORDS = frozenset({"weight", "bias", "kernel", "w", "W", "b", "B"})


def module_path(node: ir.Node, block: bool = False) -> str:
    """The path of the module that `node` was exported from (`features.0`); empty where the file does not tell.

    The weight's name is the most stable source, then the scopes dynamo writes, then TorchScript's node names.
    For a join (`block`) it is the module that holds it.
    """
    return ("" if block else _from_weights(node)) or _from_scopes(node) or _from_node_name(node)


def _from_weights(node: ir.Node) -> str:
    for value in node.inputs[1:2]:
        path, _, last = (value.name or "").rpartition(".") if value is not None else ("", "", "")
        if path and last in WEIGHT_WORDS:
            return path
    return ""


def _from_scopes(node: ir.Node) -> str:
    """dynamo: a list as text, ['', 'features', 'features.3', 'node_conv2d']."""
    text = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
    scopes = ast.literal_eval(text) if text.startswith("[") else []
    return str(scopes[-2]) if len(scopes) >= 2 else ""


def _from_node_name(node: ir.Node) -> str:
    """TorchScript: /features/features.3/squeeze/Conv, where a part may repeat the one before it."""
    name = node.name or ""
    parts = name.split("/")[1:-1] if name.startswith("/") else []
    path: list[str] = []
    for part in parts:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


class Directory:
    """Finds layers by any of their names; earlier sources of names win over later ones.

    given: further names. Raises LayerError for one of no layer, OptionError for one that another layer has already.
    """

    def __init__(self, layers: Iterable["Layer"], given: Mapping[str, str] | None = None) -> None:
        self.layers = list(layers)
        ordinals = {name: layer for layer in self.layers for name in (*layer.ordinals, layer.name)}
        paths = {layer.path: layer for layer in self.layers if layer.path}
        exact = {name: layer for layer in self.layers for name in layer.values}
        known = {**ordinals, **paths, **exact}
        self._by_name = {alias: self._meant(known, alias, name) for alias, name in (given or {}).items()} | known

    def find(self, name: str) -> "Layer":
        """The layer called `name`, under that name. Raises LayerError with the nearest names and the full list."""
        return replace(self._resolve(self._by_name, name), name=name)

    def match(self, patterns: Iterable[str]) -> list["Layer"]:
        """The layers that any of the names or globs mean, from the bottom up; called as they were asked for.

        Raises LayerError if one means none.
        """
        called: dict[str, str] = {}
        for pattern in patterns:
            if any(c in pattern for c in "*?["):
                hits = [y for n, y in self._by_name.items() if fnmatch.fnmatchcase(n, pattern)]
                if not hits:
                    raise LayerError(f"no layer matches '{pattern}'.{self._list()}")
                for layer in hits:
                    called.setdefault(layer.output, layer.name)
            else:
                called.setdefault(self.find(pattern).output, pattern)
        return [replace(layer, name=called[layer.output]) for layer in self.layers if layer.output in called]

    def _meant(self, known: Mapping[str, "Layer"], alias: str, name: str) -> "Layer":
        """The layer that a name given by the user means; it may not hide another layer."""
        layer = self._resolve(known, name)
        owner = known.get(alias, layer)
        if owner.output != layer.output:
            is_it = "is a layer already" if alias == owner.name else f"is already a name of the layer {owner.name}"
            raise OptionError(f"'{alias}' cannot name {name}: it {is_it}. Choose another alias.")
        return layer

    def _resolve(self, table: Mapping[str, "Layer"], name: str) -> "Layer":
        if name in table:
            return table[name]
        raise LayerError(f"no layer '{name}'.{nearest(name, table)}{self._list()}")

    def _list(self) -> str:
        return f" It has: {' '.join(layer.name for layer in self.layers)}"
