"""The walk back: from a network and one of its values to the graph that maps a signal there down to pixels.

It names no operator. What the forward pass recorded is held fixed, a value with several readers adds up their
signals, and the table of rules says the rest.
"""

import itertools
from collections.abc import Iterable, Sequence

import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.errors import RuleError
from inspectnet.graph.axes import viewed
from inspectnet.graph.extents import BATCH
from inspectnet.graph.folding import fold_shapes
from inspectnet.graph.free_extent import free_extent
from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import known_shape, live_values, values_above
from inspectnet.rules import HELD, Backward, Policy, find_rule, refuse, takes_parts

SEED, PIXELS, OWNER = "seed", "pixels", "image_of_seed"  # what the inverse's own inputs and outputs are called


def invert(
    model: ir.Model,
    value: str,
    policy: Policy,
    *,
    any_extent: bool = False,
    down_to: str = "",
    view: Sequence[ir.Node] = (),
) -> ir.Model:
    """The fused inverse: image (N, C, H, W) and seed (N, ...), of the shape of `value`, -> pixels (N, C, H, W).

    any_extent: let it run on crops of the image too. down_to: a value on the way, the signal on which comes out in
    place of the pixels; view: what makes a layer's maps of that. Raises RuleError for an operator without a rule, or
    if no signal gets there.
    """
    inverse, _, _ = build(model, value, policy, any_extent, down_to, view)
    return finish(inverse)


def build(
    model: ir.Model,
    value: str,
    policy: Policy,
    any_extent: bool = False,
    down_to: str = "",
    view: Sequence[ir.Node] = (),
) -> tuple[ir.Model, ir.Value, ir.Value]:
    """The forward graph up to `value` with the way down behind it; the seed and the target stand beside it."""
    inverse = cut_out(model, list(model.graph.inputs), [value])
    graph, target = inverse.graph, inverse.graph.outputs[0]
    goal = _find(graph, down_to) if down_to else graph.inputs[0]
    _keep_our_names_free(graph)
    seed = ir.Value(name=SEED, shape=target.shape, type=target.type)
    pixels = _walk_back(graph, target, seed, goal, policy)
    shape = goal.shape
    if view:
        pixels, shape = viewed(Backward(graph, set(), "view"), pixels, view), view[-1].outputs[0].shape
    pixels.name, pixels.type, pixels.shape = PIXELS, goal.type, shape
    graph.inputs.append(seed)
    graph.outputs[:] = [pixels]
    if any_extent:
        free_extent(graph)
        seed.shape = _any_extent(seed)
    else:
        fold_shapes(graph)
    return inverse, seed, target


def _any_extent(seed: ir.Value) -> ir.Shape:
    """The shape of `seed` with height and width left open."""
    _, c, *space = known_shape(seed)
    return ir.Shape([BATCH, c, *(f"seed_{name}" for name, _ in zip("HW", space, strict=False))])


def _find(graph: ir.Graph, name: str) -> ir.Value:
    """The value of that name below the target."""
    for value in [*graph.inputs, *(v for node in graph for v in node.outputs)]:
        if value.name == name:
            return value
    raise RuleError(f"no signal from '{graph.outputs[0].name}' reaches '{name}'. Choose a layer below it.")


def _walk_back(graph: ir.Graph, target: ir.Value, seed: ir.Value, goal: ir.Value, policy: Policy) -> ir.Value:
    """Append the way down from `seed`, the signal on `target`, to `goal`; gives the signal there."""
    nodes, dependent, op = list(graph), values_above(graph, goal), Backward(graph, live_values(graph))
    arriving: dict[ir.Value, list[ir.Value]] = {target: [seed]}
    for node in reversed(nodes):
        if node.outputs[0] in dependent and node.outputs[0] is not goal:
            descend(op, node, arriving, policy)
    signal = total(op, arriving.get(goal))
    if signal is None:
        what = "the image" if goal is graph.inputs[0] else f"'{goal.name}'"
        raise RuleError(f"no signal from '{target.name}' reaches {what}. Choose another layer.")
    return op.Identity(signal) if signal is seed else signal


def descend(op: Backward, node: ir.Node, arriving: dict[ir.Value, list[ir.Value]], policy: Policy) -> None:
    """Take the signals that arrived at the outputs of `node` down to its inputs."""
    tops = [total(op, arriving.get(value)) for value in node.outputs]
    if node.outputs[0] not in op.alive or all(top is None for top in tops):
        return
    rule = find_rule(node, policy)
    for value, top in zip(node.outputs[1:], tops[1:], strict=True):
        if top is not None and not takes_parts(node):
            raise refuse(node, f"its output '{value.name}' is used too, through which no signal comes down")
    if any(value.shape is None for value in (*node.inputs, *node.outputs) if value in op.alive and value.uses()):
        raise refuse(node, "its shapes are not known")
    bottoms = rule(op, node, _only(tops))
    for x, bottom in itertools.zip_longest(node.inputs, bottoms):
        if x is None or x not in op.alive or bottom is HELD:
            continue
        if bottom is None:  # a path that no rule answers for must not be lost in silence
            raise refuse(node, f"its input '{x.name}' depends on the image")
        arriving.setdefault(x, []).append(bottom)


def _only(tops: Sequence[ir.Value | None]) -> ir.Value | tuple[ir.Value | None, ...] | None:
    """The signal on the first output if it is the only one: the others are mostly by-products (switches, masks)."""
    return tops[0] if all(top is None for top in tops[1:]) else tuple(tops)


def total(op: Backward, signals: Iterable[ir.Value] | None) -> ir.Value | None:
    """The sum of the signals of all readers."""
    sum_ = None
    for signal in signals or ():
        sum_ = signal if sum_ is None else op.Add(sum_, signal)
    return sum_


def _keep_our_names_free(graph: ir.Graph) -> None:
    """Rename a model's own values that are called like the inverse's inputs and outputs."""
    ours = {SEED, PIXELS, OWNER}
    for value in [*graph.inputs, *graph.initializers.values(), *(v for node in graph for v in node.outputs)]:
        if value.name in ours:
            value.name = f"{value.name}_of_model"


def finish(model: ir.Model) -> ir.Model:
    """Drop what nobody reads, and the exporter's notes on the nodes (they hold paths of the machine it ran on)."""
    passes.RemoveUnusedNodesPass()(model)
    for node in model.graph:
        node.metadata_props.clear()
    return model
