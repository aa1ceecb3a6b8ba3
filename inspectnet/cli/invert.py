"""inspectnet invert: the inverse of a network as a file."""

from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.errors import OptionError


def invert(
    model: options.Model,
    layer: options.OneLayer,
    out: options.OutFile,
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
    out = options.onnx_file(out)
    said = options.preprocessing(input_size=input_size)
    network = options.open_network(model, "cpu", alias, said, quiet=True)
    unit = options.unit_of(network, layer)
    if unit.map is not None:
        whole = f"{unit.layer}{':pre' * unit.pre}"
        raise OptionError(f"'{layer}' is one unit; the file takes seeds of a whole layer. Say --layer {whole}.")
    policy = options.policy_of(method, unpool, lrn)
    for path, (inputs, outputs) in network.save_inverse(unit.layer, policy, out, pre=unit.pre, split=split).items():
        print(f"{path}: {', '.join(inputs)} -> {', '.join(outputs)}")
