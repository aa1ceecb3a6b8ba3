"""Read a model file of any producer: check it and bring its graph to one opset and layout, or say why not."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.errors import ModelError, blaming_the_model
from inspectnet.graph.folding import fold_constants
from inspectnet.graph.operators import CARRIERS, NORMS, WEIGHTED
from inspectnet.graph.values import live_values, shape_of
from inspectnet.reading.channels_last import put_channels_first
from inspectnet.reading.checks import put_in_order, refuse_loose_ends
from inspectnet.reading.contrib import write_out
from inspectnet.reading.functions import refuse_growth
from inspectnet.reading.half_precision import widen_halves
from inspectnet.reading.model_file import open_model_file
from inspectnet.reading.passes import Pass, of_graph, of_model
from inspectnet.reading.qdq import pool_real_numbers, write_rectifiers, write_unsigned
from inspectnet.reading.settling import open_unsaid, settle_shapes
from inspectnet.reading.upgrade import upgrade


@dataclass(frozen=True)
class Source:
    """A model as it was read: its graph in our opset, and what identifies the file."""

    path: Path
    model: ir.Model
    sha256: str
    """Of the file's bytes (and of its external data, in the order of their names)."""
    layout: str
    """nchw or nhwc: the axes of the image in the file; `model` takes (N, C, H, W) in any case."""


def read(path: str | Path) -> Source:
    """The model in `path`, checked and brought to one opset; the file itself is left as it is.

    Raises ModelError if it is missing, not ONNX, cut short, reaches out of its folder, or no image network.
    """
    path = Path(path)
    with blaming_the_model(path):
        proto, digest = open_model_file(path)
        refuse_loose_ends(proto, str(path))
        refuse_growth(proto, str(path))
        model = ir.from_proto(proto)
        del proto  # its weights are the model's
        *_, turned = [change(model, str(path)) for change in READ]
    return Source(path, model, digest, "nhwc" if turned else "nchw")


def open_graph(source: Source, size: tuple[int, int] | None) -> ir.Model:
    """The model of `source` with the height and width of its image fixed and all shapes known.

    size (H, W) is used where the file leaves the extent open. Raises ModelError if the file says otherwise.
    """
    with blaming_the_model(source.path):
        settle_shapes(source.model, size, str(source.path))
    return source.model


def _refuse_what_is_no_number(model: ir.Model, where: str) -> None:
    """Weights that are not finite come of a training that broke; they would make every picture empty."""
    for name, value in model.graph.initializers.items():
        if value.const_value is None or not value.const_value.dtype.is_floating_point():
            continue
        array = value.const_value.numpy()
        with np.errstate(all="ignore"):
            if np.isfinite(array.sum()):  # a sum is ten times faster, but finite numbers can sum up to infinity as well
                continue
        what = "NaN (not a number)" if np.isnan(array).any() else "infinity"
        if what != "infinity" or (np.isinf(array).any() and _weighs(value)):
            raise ModelError(f"{where}: the weight '{name}' holds {what}. Export an earlier checkpoint.")


def _weighs(value: ir.Value) -> bool:
    """Whether the map is multiplied by `value`; constants that are added, as the mask of an attention, may be -inf."""
    carried = [value]  # the ways along which the numbers are carried may meet again, over and over
    seen = {value}
    while carried:
        for node in carried.pop().consumers():
            if node.op_type in WEIGHTED | NORMS:
                return True
            if node.op_type in CARRIERS and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                carried.append(node.outputs[0])
    return False


def _hold_arrays(model: ir.Model) -> None:
    """Hold each float32 weight as one array; a protobuf gives another copy to each who asks."""
    for value in model.graph.initializers.values():
        if isinstance(tensor := value.const_value, ir.TensorProtoTensor) and tensor.dtype == ir.DataType.FLOAT:
            value.const_value = ir.tensor(tensor.numpy(), name=tensor.name)


def _keep_the_image_input(model: ir.Model, where: str) -> None:
    """Drop inputs that nothing reads; what is left must be one image of four axes."""
    graph = model.graph
    for value in list(graph.inputs):
        if not value.uses() and value not in graph.outputs:
            graph.inputs.remove(value)
    images = [v for v in graph.inputs if v.shape is not None and len(v.shape) == 4]
    listed = ", ".join(f"'{v.name}' {_extents(v)}" for v in graph.inputs) or "none"
    if len(images) != 1 or len(graph.inputs) != 1:
        count = "no image input" if not images else f"{len(graph.inputs)} inputs"
        raise ModelError(
            f"{where} has {count} (its inputs: {listed}). An image network takes one input of shape (N, C, H, W)."
        )
    if images[0].dtype != ir.DataType.FLOAT:
        raise ModelError(
            f"{where}: the image input '{images[0].name}' is {images[0].dtype}, not float32. Export it in float32."
        )
    if not any(output in live_values(graph) for output in graph.outputs):
        raise ModelError(f"{where}: no output depends on the image input '{images[0].name}'.")


def _extents(value: ir.Value) -> str:
    shape = shape_of(value)
    return "of unknown shape" if shape is None else "(" + ", ".join("?" if d is None else str(d) for d in shape) + ")"


READ: tuple[Pass, ...] = (
    of_model(passes.InlinePass()),
    put_in_order,
    of_model(passes.RemoveInitializersFromInputsPass()),
    of_model(widen_halves),
    upgrade,
    write_out,
    of_model(passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)),
    of_model(_hold_arrays),
    _refuse_what_is_no_number,
    of_model(passes.AddDefaultAttributesPass()),
    of_graph(fold_constants),
    of_model(passes.RemoveUnusedNodesPass()),
    _keep_the_image_input,
    of_graph(open_unsaid),
    of_graph(pool_real_numbers),
    of_graph(write_rectifiers),
    of_graph(write_unsigned),
    of_model(put_channels_first),
)
"""From any producer's graph to one of our opset that takes (N, C, H, W); the last says whether it took (N, H, W, C)."""
