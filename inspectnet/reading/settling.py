"""Shape inference: fix the image's height and width, free its batch axis, infer the shape of every value."""

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.errors import ModelError
from inspectnet.graph import operators as ops
from inspectnet.graph.builder import add_initializer
from inspectnet.graph.einsum import stretch_factors
from inspectnet.graph.extents import BATCH, images_in, is_told, tell_extents
from inspectnet.graph.folding import fold_shapes
from inspectnet.graph.values import constant_of, describe, input_of, integer, ints, known_shape, live_values, shape_of
from inspectnet.graph.window import explicit_pads
from inspectnet.reading.budget import refuse_too_large
from inspectnet.reading.fusing import fuse
from inspectnet.reading.old_forms import settle_old_forms
from inspectnet.reading.passes import Pass, of_graph, of_model, until_settled
from inspectnet.reading.upgrade import has_schema

# onnx infers no shape through these; while it looks, another operator that keeps the shape stands in their place
STAND_INS = {"GroupNormalization": "InstanceNormalization", "MeanVarianceNormalization": "Softplus"}
KEEPING_CHANNELS = ops.POINTWISE | ops.ROUNDINGS | ops.NORMS | ops.CHANNELWISE | ops.POOLS | ops.FRAMES


def settle_shapes(model: ir.Model, size: tuple[int, int] | None, where: str) -> None:
    """Fix the image's extent, free its batch axis where the graph allows it, infer all shapes; in place.

    Also what needs shapes: automatic padding becomes explicit, what was taken apart (LRN, Swish) is one node again.
    """
    image = model.graph.inputs[0]
    n, c, h, w = shape_of(image) or ()
    h, w = (_extent(d, i, size, where) for i, d in enumerate((h, w)))
    c = c if isinstance(c, int) else _channels_taken(image)
    if c is None:
        raise ModelError(
            f"{where}: neither the image input '{image.name}' nor a filter says how many channels it takes."
        )
    image.shape = ir.Shape([n, c, h, w])
    for change in SETTLE:
        change(model, where)


def _extent(said: int | str | None, axis: int, size: tuple[int, int] | None, where: str) -> int:
    """One side of the image: what the file says, else what the preprocessing says."""
    if not isinstance(said, int):
        if size is None:
            raise ModelError(f"{where} leaves the size of its image open. Say it with --input-size H,W.")
        return size[axis]
    if size is not None and size[axis] != said:
        raise ModelError(
            f"{where} takes images of {('height', 'width')[axis]} {said} and no other, but the preprocessing makes"
            f" {size[axis]}. Leave --input-size out, or say its own."
        )
    return said


def open_unsaid(graph: ir.Graph) -> None:
    """Let extents of the image that are no extents, as -1 or 0 for an open one, be open; in place."""
    image = graph.inputs[0]
    extents = shape_of(image) or ()
    image.shape = ir.Shape([None if isinstance(n, int) and n < 1 else n for n in extents])


def _channels_taken(image: ir.Value) -> int | None:
    """How many channels the first filters on the way up from the image take; None if no operator says it."""
    asked, seen = [image], set[ir.Value]()
    while asked:
        for node in (value := asked.pop(0)).consumers():
            filters = shape_of(input_of(node, 1)) if node.op_type == "Conv" and input_of(node) is value else None
            if filters and isinstance(filters[1], int):
                return filters[1] * integer(node, "group", 1)
            if node.op_type in KEEPING_CHANNELS and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                asked.append(node.outputs[0])
    return None


def _refuse_negative_pads(model: ir.Model, where: str) -> None:
    """No runtime takes them, and onnx infers no shape for them."""
    for node in model.graph:
        if node.op_type in ops.WINDOWS and not node.domain and min(pads := ints(node, "pads"), default=0) < 0:
            told = f"{describe(node)} has the negative pads {list(pads)}"
            raise ModelError(f"{where}: {told}. Cut its input with a Slice or Pad instead, and export it again.")


def _refuse_empty_maps(model: ir.Model, where: str) -> None:
    graph = model.graph
    alive = live_values(graph)
    for node in graph:
        shape = shape_of(node.outputs[0]) or ()
        if node.outputs[0] in alive and len(shape) == 4 and any(isinstance(d, int) and d < 1 for d in shape):
            h, w = known_shape(graph.inputs[0])[2:]
            raise ModelError(
                f"{where}: images of {h}x{w} are too small for {describe(node)}. Say a larger --input-size."
            )


def _refuse_misfits(model: ir.Model, where: str) -> None:
    """onnx infers a shape for filters that do not fit their map, too."""
    for node in model.graph:
        if node.op_type not in ops.WEIGHTED & ops.WINDOWS or node.domain:
            continue
        shape, filters = shape_of(input_of(node)), shape_of(input_of(node, 1))
        if not shape or not filters or not isinstance(shape[1], int):
            continue
        transposed = node.op_type == "ConvTranspose"
        channels = filters[0 if transposed else 1]
        if not isinstance(channels, int):
            continue
        takes = channels if transposed else channels * integer(node, "group", 1)
        if shape[1] != takes:
            raise ModelError(
                f"{where}: {describe(node)} has filters {filters} for {takes} channels, but its input"
                f" '{input_of(node).name}' has {shape[1]}. Export the model again."
            )


def _infer(model: ir.Model) -> None:
    """Infer every shape, also where the graph computes extents."""
    _infer_shapes(model)
    tell_extents(model, _infer_shapes)


def _infer_shapes(model: ir.Model) -> None:
    """Infer every shape afresh from the input's, and from what the file tells of operators that onnx does not know."""
    for value in (value for node in model.graph if has_schema(node) for value in node.outputs):
        value.shape = None
    unknown = {node: node.op_type for node in model.graph if node.op_type in STAND_INS and not node.domain}
    for node, op_type in unknown.items():
        node.op_type = STAND_INS[op_type]
    passes.ShapeInferencePass(strict_mode=False)(model)
    for node, op_type in unknown.items():
        node.op_type = op_type


def _keep_told_shapes(graph: ir.Graph) -> None:
    """Keep what the file tells of outputs that no inference reaches, where all extents but the batch are numbers."""
    for value in (value for node in graph if not has_schema(node) for value in node.outputs):
        first, *rest = shape_of(value) or (None,)
        fixed = bool(rest) and all(isinstance(d, int) for d in rest)
        value.shape = ir.Shape([first if isinstance(first, int) else BATCH, *rest]) if fixed else None


def _free_batch(model: ir.Model) -> None:
    """Infer all shapes for any number of images if the graph allows it, else for as many as the file says; in place."""
    graph = model.graph
    image, (n, *rest) = graph.inputs[0], shape_of(graph.inputs[0]) or (None,)
    image.shape = ir.Shape([BATCH, *rest])
    told: set[ir.Value] = set()
    freed: dict[ir.Node, ir.Value] = {}
    if isinstance(n, int):
        image.shape = ir.Shape([n, *rest])
        _infer(model)
        told = set(filter(is_told, live_values(graph)))
        freed = _free_reshapes(graph, n)
        image.shape = ir.Shape([BATCH, *rest])
    _infer_shapes(model)
    if _batch_is_free(graph, doubtful=True):
        _infer(model)
    if not _batch_is_free(graph) or not all(map(is_told, told)):
        for node, shape in freed.items():
            node.replace_input_with(1, shape)
        image.shape = ir.Shape([n if isinstance(n, int) else 1, *rest])
        _infer(model)


def _free_reshapes(graph: ir.Graph, batch: int) -> dict[ir.Node, ir.Value]:
    """Let each Reshape that spells out the batch size take it from its input instead; gives what was there before."""
    alive = live_values(graph)
    before: dict[ir.Node, ir.Value] = {}
    for node in graph:
        if node.op_type != "Reshape" or node.inputs[0] not in alive:
            continue
        told, shape = shape_of(node.outputs[0]), constant_of(node.inputs[1])
        if shape is None or shape.size < 2 or shape[0] != batch:
            continue
        # what else was left open is known for that many images; they may share their axis with places, as in windows
        known = told is not None and all(isinstance(extent, int) and extent > 0 for extent in told)
        if not known and integer(node, "allowzero", 0):
            continue
        target = [-1, *(told or ())[1:]] if known else [0, *shape[1:]]
        before[node] = input_of(node, 1)
        name = f"{node.outputs[0].name}/free_batch"
        node.replace_input_with(1, add_initializer(graph, name, np.array(target, np.int64)))
    return before


def _batch_is_free(graph: ir.Graph, *, doubtful: bool = False) -> bool:
    """Whether no live value has a fixed first extent, unless its images lie along another axis.

    doubtful: those with an axis of which that is not known yet may be.
    """
    alive = live_values(graph)
    told = [value for value in alive if is_told(value) or not doubtful]
    shapes = [shape_of(value) for value in told]
    fixed = any(shape and isinstance(shape[0], int) and not any(map(images_in, shape)) for shape in shapes)
    return not fixed and not any(_starts_from_a_batch(node, alive) for node in graph)


def _starts_from_a_batch(node: ir.Node, alive: set[ir.Value]) -> bool:
    """Whether a recurrent operator starts from states (directions, N, C) of a fixed number of images."""
    states = node.inputs[5:7] if node.op_type in ops.RECURRENT and node.inputs[0] in alive else ()
    return any(isinstance((shape_of(state) or (None, None))[1], int) for state in states if state is not None)


def _make_pads_explicit(graph: ir.Graph) -> bool:
    """Say one window's automatic padding, or its ceil mode, in explicit pads: shapes above it may have been wrong."""
    return any(explicit_pads(node) for node in graph if node.op_type in ops.WINDOWS)


def _infer_what_is_used(model: ir.Model) -> None:
    """Drop what nothing reads any more, and infer all shapes."""
    passes.RemoveUnusedNodesPass()(model)
    _infer(model)


SETTLE: tuple[Pass, ...] = (
    _refuse_negative_pads,
    of_graph(_keep_told_shapes),
    of_model(_free_batch),
    of_model(passes.RemoveUnusedNodesPass()),
    until_settled(of_graph(_make_pads_explicit), after=_infer),
    until_settled(of_graph(fold_shapes), settle_old_forms, of_graph(stretch_factors), after=_infer_what_is_used),
    until_settled(of_graph(fuse), after=_infer_what_is_used),
    _refuse_empty_maps,
    _refuse_misfits,
    refuse_too_large,
)
"""From a graph whose image has an extent to one whose every shape is known."""
