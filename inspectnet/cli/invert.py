"""inspectnet invert: the inverse of a network as a file."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.errors import OptionError


def invert(
    model: options.Model,
    layer: options.OneLayer,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .onnx file to write.", show_default=False)],
    split: Annotated[
        bool, typer.Option(help="Two files: OUT.forward.onnx records, OUT.backward.onnx takes seeds down.")
    ] = False,
    method: options.Method = "deconvnet",
    unpool: options.Unpool = "sum",
    lrn: options.Lrn = "",
    input_size: options.InputSize = "",
    alias: options.Alias = [],  # noqa: B006  (typer's way)
) -> None:
    """Write the inverse of a network, from a layer down to pixels, as ONNX that any runtime runs.

    LAYER:pre starts at the raw sums before the activation.
    """
    from inspectnet.graph.units import parse_unit

    unit = parse_unit(layer)
    if unit.map is not None:
        raise OptionError(f"'{layer}' is one unit; the file takes seeds of a whole layer. Say --layer {unit.layer}.")
    said = options.preprocessing("", "", input_size, None, "", "", "")
    network = options.open_network(model, "cpu", alias, said, quiet=True)
    policy = options.policy_of(method, unpool, lrn)
    for path, (inputs, outputs) in network.save_inverse(unit.layer, policy, out, pre=unit.pre, split=split).items():
        print(f"{path}: {', '.join(inputs)} -> {', '.join(outputs)}")
