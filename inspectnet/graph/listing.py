"""A listing of layers, as Python shows a network: text, or HTML in notebooks."""

import html
from collections.abc import Sequence

from inspectnet.graph.layers import Layer

COLUMNS = ("layer", "also", "op", "output", "field")


def _cells(layer: Layer) -> tuple[str, ...]:
    """What a table says of a layer: its name, other names, operators, extents, side of the field, px."""
    sides = dict.fromkeys(f"{float(axis.size):g}" for axis in layer.field or ())
    also = " ".join(alias for alias in layer.aliases if alias != layer.name)
    output = "x".join(map(str, layer.shape[1:]))
    return layer.name, also, "+".join(layer.ops), output, "x".join(sides) or "all"


def text_listing(title: str, layers: Sequence[Layer]) -> str:
    """The title, and a line for each layer."""
    rows = [COLUMNS, *map(_cells, layers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join([title, *lines])


def html_listing(title: str, layers: Sequence[Layer]) -> str:
    """The same as a table of HTML."""
    rows = [
        "".join(f"<{tag} style='text-align:left'>{html.escape(cell)}</{tag}>" for cell in row)
        for tag, row in [("th", COLUMNS), *(("td", _cells(layer)) for layer in layers)]
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<b>{html.escape(title)}</b><table>{body}</table>"
