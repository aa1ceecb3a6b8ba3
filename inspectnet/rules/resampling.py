"""Resampling: along each axis what goes up is a fixed matrix; the signal goes down through the transposed one."""

import onnx_ir as ir

from inspectnet.graph.resampling import resampling
from inspectnet.graph.values import input_of, shape_of
from inspectnet.rules.broadcasting import down_axis
from inspectnet.rules.registry import Backward, refuse, rule


@rule("Resize", "Upsample")
def resize(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """Each value goes back to the positions that made it, with their shares."""
    small, large = shape_of(input_of(node)) or (), shape_of(node.outputs[0]) or ()
    for axis, (below, above) in list(enumerate(zip(small, large, strict=True)))[1:]:
        if below != above:
            how = resampling(node, axis)
            if isinstance(how, str) or not isinstance(below, int):
                raise refuse(node, str(how))
            top = down_axis(op, node, top, axis, how.matrix(below), how.beyond(below))
    return [top, *([None] * (len(node.inputs) - 1))]
