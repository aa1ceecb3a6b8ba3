"""The catalogue shown: a table of the layers."""

from collections.abc import Sequence

from inspectnet.analyses.layers import Catalogue, FieldAxis, LayerEntry
from inspectnet.graph.unlisted import tell_unlisted
from inspectnet.report.lines import show
from inspectnet.report.tables import print_table

COLUMNS = ("layer", "also", "op", "output", "field", "jump", "start", "parameters", "inverse")
DROP = ("start", "parameters", "jump", "inverse", "op")  # columns that make room, the first ones first


def print_result(result: Catalogue) -> None:
    """Print a row for each layer, why some cannot be inverted, and how photos are prepared."""
    model = result.about.models[0]
    print_table(
        f"{model.name}: input {_by(result.input_shape)}", COLUMNS, [_row(layer) for layer in result.layers], DROP
    )
    for obstacle in dict.fromkeys(layer.obstacle for layer in result.layers if layer.obstacle):
        show(obstacle)
    if result.unlisted_above:
        show(tell_unlisted(result.unlisted_above))
    source = result.preprocess.source if result.preprocess else "none, for it takes no photos"
    show(f"preprocessing: {source}")


def _row(layer: LayerEntry) -> list[str]:
    numbers = [_both(layer.field, key) for key in ("size", "jump", "start")] if layer.field else ["all", "", ""]
    inverse = "yes" if layer.invertible else "no"
    also, output = " ".join(name for name in layer.aliases if name != layer.name), _by(layer.shape[1:])
    return [layer.name, also, layer.op, output, *numbers, f"{layer.parameters:,}", inverse]


def _both(field: Sequence[FieldAxis], key: str) -> str:
    """One number for both axes where they agree."""
    y, x = (f"{getattr(axis, key):g}" for axis in field)
    return y if y == x else f"{y}x{x}"


def _by(extents: Sequence[object]) -> str:
    return "x".join(map(str, extents))
