"""What was recorded and is held fixed, but for the method gradient: gates and statistics.

A gate is a function that saturates (squeeze-excitation, attention), or is made of such. A statistic is one number for
many places of a map: a mean that is taken off, a deviation that maps are divided by, a scale of whole maps.
"""

from collections.abc import Callable, Sequence

import onnx_ir as ir

from inspectnet.graph.operators import GATES, REPEATING, ROUNDINGS, SIGMOIDS, WEIGHTLESS
from inspectnet.graph.values import behind, input_of, inputs_of, shape_of
from inspectnet.rules.broadcasting import stretched_axes
from inspectnet.rules.registry import HELD, Backward, Held


def hold(
    op: Backward, node: ir.Node, bottoms: Sequence[ir.Value | None], is_held: Callable[[ir.Value], bool]
) -> list[ir.Value | Held | None]:
    """The same signals, but for those to inputs that are held; where all live inputs would be, none is."""
    live = [x in op.alive for x in node.inputs]
    held = [x in op.alive and is_held(x) for x in node.inputs]
    if held == live:
        return list(bottoms)
    return [HELD if h else bottom for h, bottom in zip(held, bottoms, strict=True)]


def is_gate(op: Backward, x: ir.Value) -> bool:
    """Whether `x` is a saturating function of something, or made of such alone."""
    asked, seen = [x], set[ir.Node]()
    while asked:
        maker = behind(asked.pop())
        if maker is None or maker.op_type not in GATES | WEIGHTLESS:
            return False
        if maker.op_type not in GATES and maker not in seen:  # sums of sums would be asked again and again
            seen.add(maker)
            asked += [y for y in maker.inputs if y in op.alive and y.dtype != ir.DataType.BOOL]  # choices are recorded
    return True


def gated_by_itself(mul: ir.Node) -> int | None:
    """Which input of a product is multiplied by its own sigmoid, None if neither is: a rectifier, Swish or HardSwish.

    As one operator it is known by then; a quantiser between its parts, which rounds them, keeps them apart.
    """
    a, b = inputs_of(mul)
    for i, (x, gate) in enumerate([(a, b), (b, a)]):
        maker = _unrounded(gate).producer()
        if maker is not None and maker.op_type in SIGMOIDS and _unrounded(input_of(maker)) is _unrounded(x):
            return i
    return None


def _unrounded(value: ir.Value) -> ir.Value:
    """What was rounded to `value`."""
    while (maker := value.producer()) is not None and maker.op_type in ROUNDINGS:
        value = input_of(maker)
    return value


def is_statistic(node: ir.Node, x: ir.Value) -> bool:
    """Whether `x` is one number for many places of what `node` makes, written out for each or not."""
    while (maker := x.producer()) is not None and maker.op_type in REPEATING:
        x = input_of(maker)
    small, large = shape_of(x), shape_of(node.outputs[0])
    return small is not None and large is not None and bool(stretched_axes(small, large))
