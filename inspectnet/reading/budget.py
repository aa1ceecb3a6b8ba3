"""Memory budget: estimate the activations of one run before anything runs, and refuse what is too large."""

import math
import os

import onnx_ir as ir

from inspectnet.errors import ModelError, OptionError
from inspectnet.graph.extents import fixed_batch
from inspectnet.graph.values import describe, read_values, shape_of

GIB = 1 << 30
MEMORY = "INSPECTNET_MEMORY"  # the variable that says another budget
USUAL = 2.0  # GiB
BYTES = 4  # of a number whose type is not known
ARENA = 2  # onnxruntime asks for memory by doubling what it has
COPIES = 4  # of the image: decoded, resized, prepared, in a batch


def refuse_too_large(model: ir.Model, where: str) -> None:
    """Raise ModelError if one image, or the batch that the graph insists on, takes more memory than the budget."""
    graph, budget = model.graph, _budget()
    last_use = {value: i for i, node in enumerate(graph) for value in read_values(node)}
    copies = COPIES * sum(map(_size, graph.inputs))
    held = sum(map(_size, graph.inputs))
    for i, node in enumerate(graph):
        held += sum(map(_size, node.outputs))
        if (needed := ARENA * held + copies) > budget * GIB:
            batch, (_, _, h, w) = fixed_batch(graph) or 1, shape_of(graph.inputs[0]) or (1, 1, 1, 1)
            raise ModelError(
                f"{where} takes {needed / GIB:.3g} GiB of memory for {batch} of {h}x{w} at {describe(node)}, more than"
                f" {budget:g}. Say a smaller --input-size, or set {MEMORY} to more GiB."
            )
        done = dict.fromkeys([*read_values(node), *node.outputs])
        # weights do not count, and whoever gives the image keeps it
        held -= sum(_size(x) for x in done if last_use.get(x, i) == i and x.producer() is not None)


def _budget() -> float:
    """GiB, as the environment says."""
    said = os.environ.get(MEMORY, f"{USUAL:g}")
    if not said.replace(".", "", 1).isdecimal():
        raise OptionError(f"{MEMORY} is '{said}', which is no number of GiB. Say 4, 8 ..., or unset it.")
    return float(said)


def _size(value: ir.Value) -> int:
    """Bytes of a value for one image; 0 where its extents are not known."""
    shape = shape_of(value)
    if shape is None:
        return 0
    width = BYTES if value.dtype is None else value.dtype.bitwidth / 8
    return math.ceil(math.prod(extent if isinstance(extent, int) else 1 for extent in shape) * width)
