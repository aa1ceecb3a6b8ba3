"""inspectnet layers: the catalogue of a model."""

import json
from typing import TYPE_CHECKING, Any

from inspectnet.cli import options
from inspectnet.cli.opening import Alias, DeviceName, InputSize, Opening, Preprocessing, refuse_without_layers
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    from inspectnet.graph.layers import Layer
    from inspectnet.network import Network


def layers(
    model: options.Model,
    input_size: InputSize = "",
    alias: Alias = None,
    device: DeviceName = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """List the layers of a model: names, shapes, receptive fields, and whether they can be inverted."""
    network = Opening(device, Preprocessing(input_size=input_size), alias).open(model, quiet=True)
    refuse_without_layers(network)
    found = [_facts(network, layer) for layer in network.layers]
    if as_json:
        preprocess = {**network.preparation.to_json(), "source": network.preparation_source}
        about = {"model": str(model), "model_sha256": network.sha256, "preprocess": preprocess}
        show_json(json.dumps({**about, "layers": found, "unlisted_above": network.unknown}, indent=1) + "\n")
    else:
        _print(network, found)


def _facts(network: "Network", layer: "Layer") -> dict[str, Any]:
    """What the catalogue says of one layer, ready for JSON."""
    obstacle = network.obstacle(layer.output)
    return {
        "name": layer.name,
        "aliases": list(layer.aliases),
        "op": "+".join(layer.ops),
        "output": layer.output,
        "shape": list(layer.shape),
        "field": None if layer.field is None else [_axis(axis) for axis in layer.field],
        "parameters": layer.parameters,
        "invertible": obstacle is None,
        "obstacle": obstacle,
    }


def _print(network: "Network", found: list[dict[str, Any]]) -> None:
    from inspectnet.graph.unlisted import tell_unlisted
    from inspectnet.report.tables import print_table

    columns = ["layer", "also", "op", "output", "field", "jump", "start", "parameters", "inverse"]
    print_table(f"{network.path.name}: input {_by(network.input_shape)}", columns, [_row(f) for f in found])
    for text in dict.fromkeys(f["obstacle"] for f in found if f["obstacle"]):
        show(text)
    if network.unknown:
        show(tell_unlisted(network.unknown))
    show(f"preprocessing: {network.preparation_source}")


def _row(fact: dict[str, Any]) -> list[str]:
    field = fact["field"]
    numbers = ["all", "", ""] if field is None else [_both(field, key) for key in ("size", "jump", "start")]
    also, inverse = " ".join(fact["aliases"]), "yes" if fact["invertible"] else "no"
    return [fact["name"], also, fact["op"], _by(fact["shape"][1:]), *numbers, f"{fact['parameters']:,}", inverse]


def _axis(axis: Any) -> dict[str, float]:
    """Fractions, of layers that enlarge, become floats."""
    whole = {key: getattr(axis, key) for key in ("size", "jump", "start")}
    return {key: n if isinstance(n, int) else float(n) for key, n in whole.items()}


def _both(field: list[dict[str, float]], key: str) -> str:
    """One number for both axes where they agree."""
    y, x = (f"{axis[key]:g}" for axis in field)
    return y if y == x else f"{y}x{x}"


def _by(extents: Any) -> str:
    return "x".join(str(n) for n in extents)
