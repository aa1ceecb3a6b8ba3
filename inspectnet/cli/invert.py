"""inspectnet invert: the inverse of a network as a file."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.opening import Alias, InputSize, Opening, Preprocessing
from inspectnet.report.lines import show

SPLIT = "Two files: OUT.forward.onnx records, OUT.backward.onnx takes seeds down."


def invert(
    model: options.Model,
    layer: options.OneLayer,
    out: options.OutFile,
    split: Annotated[bool, options.option(SPLIT, "--split")] = False,
    force: options.Force = False,
    *,
    method: options.Method = "deconvnet",
    input_size: InputSize = "",
    alias: Alias = None,
) -> None:
    """Write the inverse of a network, from a layer down to pixels, as ONNX that any runtime runs.

    LAYER:pre starts at the raw sums before the activation.
    """
    from inspectnet.analyses import invert as analysis

    network = Opening("cpu", Preprocessing(input_size=input_size), alias).open(model, photos=False)
    files = analysis.invert(network, layer, out, method=method, split=split, force=force)
    for path, (inputs, outputs) in files.items():
        show(f"{path}: {', '.join(inputs)} -> {', '.join(outputs)}")
