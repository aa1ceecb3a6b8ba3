"""The walk back: from a network and one of its values to the graph that maps a signal there down to pixels.

It names no operator. What the forward pass recorded is held fixed, a value with several readers adds up their
signals, and the table of rules says the rest.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import onnx_ir as ir
import onnx_ir.passes.common as passes

from inspectnet.errors import RuleError
from inspectnet.graph.folding import fold_shapes
from inspectnet.graph.shapes import BATCH, free_extent
from inspectnet.graph.values import live_values
from inspectnet.rules import Policy, Way, describe_rule, find_rule

SEED, PIXELS, OWNER = "seed", "pixels", "image_of_seed"


@dataclass(frozen=True)
class Split:
    """An inverse in two graphs: `forward` records, `backward` takes any number of seeds down.

    forward: image (N, C, H, W) -> the recorded tensors, then the layer. backward: seed (S, ...), image_of_seed (S,)
    int64, the recorded tensors -> pixels (S, C, H, W). One forward run serves any number of backward runs.
    """

    forward: ir.Model
    backward: ir.Model
    recorded: tuple[str, ...]
    """Names of the tensors that cross: switches, signs, extents."""


def invert(model: ir.Model, value: str, policy: Policy, *, any_extent: bool = False) -> ir.Model:
    """The fused inverse: image (N, C, H, W) and seed (N, ...), of the shape of `value`, -> pixels (N, C, H, W).

    any_extent: let it run on crops of the image too. Raises RuleError for an operator without a rule.
    """
    inverse, _, _ = _build(model, value, policy, any_extent)
    return _finish(inverse)


def invert_split(model: ir.Model, value: str, policy: Policy, *, any_extent: bool = False) -> Split:
    """The same inverse in two parts. Raises RuleError for an operator without a rule."""
    inverse, seed, crest = _build(model, value, policy, any_extent)
    graph, image, pixels = inverse.graph, inverse.graph.inputs[0], inverse.graph.outputs[0]
    graph.outputs.append(crest)  # the forward half gives the layer too, to make seeds of
    passes.RemoveUnusedNodesPass()(inverse)
    crossing = _crossing(graph, seed)
    recorded = [x for x in crossing if x is not image]
    for i, x in enumerate(recorded):
        x.name = x.name if x is crest else f"recorded_{i}"
    forward = ir.convenience.extract(graph, [image], list(dict.fromkeys([*recorded, crest])))
    backward = ir.convenience.extract(graph, [seed, *crossing], [pixels])
    for part in (forward, backward):
        part.opset_imports.update(graph.opset_imports)
    _hand_out(backward)
    return Split(
        _finish(_like(inverse, forward)),
        _finish(_like(inverse, backward)),
        tuple(str(x.name) for x in recorded),
    )


def _crossing(graph: ir.Graph, seed: ir.Value) -> list[ir.Value]:
    """The values that depend on the image, not on the seed, and are read on the way down."""
    descended, constant = {seed}, set(graph.initializers.values())
    crossing: dict[ir.Value, None] = {}
    for node in graph:
        inputs = [x for x in node.inputs if x is not None]
        if any(x in descended for x in inputs):
            descended.update(node.outputs)
            crossing.update(dict.fromkeys(x for x in inputs if x not in descended and x not in constant))
        elif all(x in constant for x in inputs):
            constant.update(node.outputs)
    return list(crossing)


@dataclass(frozen=True)
class Operator:
    """One operator on the way down."""

    op_type: str
    output: str
    """Name of its first output."""
    inputs: tuple[str, ...]
    """Names of its inputs that depend on the image."""
    geometry: str
    """Attributes and shapes: operators that share them are the same but for weights."""
    signals: tuple[str, ...]
    """What the signals on `inputs` are called in the operator's own inverse."""


def operators_below(model: ir.Model, value: str) -> list[Operator]:
    """The operators between the image and `value` through which a signal comes down, from the bottom up."""
    part = ir.convenience.extract(model.graph, list(model.graph.inputs), [value])
    alive = live_values(part)
    return [_operator(node, alive) for node in part if node.outputs[0] in alive]


def invert_operator(model: ir.Model, operator: Operator, policy: Policy) -> ir.Model:
    """One operator with its rule behind it: its inputs and `seed` -> its output and the signals on its inputs.

    Raises RuleError if it has no rule.
    """
    graph = ir.convenience.extract(model.graph, list(operator.inputs), [operator.output])
    graph.opset_imports.update(model.graph.opset_imports)
    crest, op = graph.outputs[0], Way(graph, live_values(graph))
    seed = ir.Value(name=SEED, shape=crest.shape, type=crest.type)
    arriving: dict[ir.Value, list[ir.Value]] = {crest: [seed]}
    _descend(op, crest.producer(), arriving, policy)
    for value, name in zip(graph.inputs, operator.signals, strict=True):
        signal = op.Identity(_total(op, arriving.get(value)))
        signal.name, signal.type, signal.shape = name, value.type, value.shape
        graph.outputs.append(signal)
    graph.inputs.append(seed)
    return _finish(_like(model, graph))


def _operator(node: ir.Node, alive: set[ir.Value]) -> Operator:
    inputs = tuple(dict.fromkeys(str(x.name) for x in node.inputs if x in alive))
    shapes = [str(x.shape) for x in node.inputs if x is not None]
    geometry = f"{node.op_type} {sorted((a.name, str(a.value)) for a in node.attributes.values())} {shapes}"
    output = str(node.outputs[0].name)
    return Operator(node.op_type, output, inputs, geometry, tuple(f"signal on {name}" for name in inputs))


def obstacles(model: ir.Model, policy: Policy) -> dict[str, str]:
    """Why signals cannot come down, by the names of the values they cannot come down from.

    Each rule is tried once, on a copy of the graph; what stands in one operator's way stands in that of all above.
    """
    graph = ir.convenience.extract(model.graph, list(model.graph.inputs), list(model.graph.outputs))
    nodes, op = list(graph), Way(graph, live_values(graph))
    blocked: dict[ir.Value, str] = {}
    for node in nodes:
        if node.outputs[0] not in op.alive:
            continue
        first, *rest = node.outputs
        signal = ir.Value(name="signal", shape=first.shape, type=first.type)
        arriving: dict[ir.Value, list[ir.Value]] = {first: [signal]}
        try:
            _descend(op, node, arriving, policy)
            reasons = [blocked[value] for value in node.inputs if value in blocked and value in arriving]
        except RuleError as error:
            reasons = [str(error)]
        blocked.update(dict.fromkeys((first, *rest), reasons[0]) if reasons else {})
    return {str(value.name): reason for value, reason in blocked.items()}


def policy_of_ops(model: ir.Model, value: str, policy: Policy) -> dict[str, str]:
    """For every operator on the way down from `value`, what happens to the signal there."""
    part = ir.convenience.extract(model.graph, list(model.graph.inputs), [value])
    alive = live_values(part)
    return {n.op_type: describe_rule(n, policy) for n in part if n.outputs[0] in alive}


def sign(model: ir.Model, properties: dict[str, str]) -> ir.Model:
    """`model` with the project's metadata, `inspectnet.*`, added in place."""
    model.metadata_props.update({f"inspectnet.{key}": text for key, text in properties.items()})
    return model


def describe_policy(policy: Policy, ops: dict[str, str]) -> str:
    """A policy and what it means for each operator, as JSON for a model's metadata."""
    return json.dumps({**asdict(policy), "ops": ops})


def _build(model: ir.Model, value: str, policy: Policy, any_extent: bool) -> tuple[ir.Model, ir.Value, ir.Value]:
    """The forward graph up to `value` with the way down behind it; the seed and the crest stand beside it."""
    graph = ir.convenience.extract(model.graph, list(model.graph.inputs), [value])
    graph.opset_imports.update(model.graph.opset_imports)
    inverse = _like(model, graph)
    crest = graph.outputs[0]
    seed = ir.Value(name=SEED, shape=crest.shape, type=crest.type)
    pixels = _walk_back(graph, crest, seed, policy)
    pixels.name, pixels.type, pixels.shape = PIXELS, graph.inputs[0].type, graph.inputs[0].shape
    graph.inputs.append(seed)
    graph.outputs[:] = [pixels]
    if any_extent:
        free_extent(graph)
        seed.shape = _any_extent(seed)
    passes.ShapeInferencePass(strict_mode=False)(inverse)
    if not any_extent:
        fold_shapes(graph)
    return inverse, seed, crest


def _any_extent(seed: ir.Value) -> ir.Shape:
    """The shape of `seed` with height and width left open."""
    _, c, *space = seed.shape
    return ir.Shape([BATCH, c, *(f"seed_{name}" for name, _ in zip("HW", space, strict=False))])


def _walk_back(graph: ir.Graph, crest: ir.Value, seed: ir.Value, policy: Policy) -> ir.Value:
    """Append the way down from `seed`, the signal on `crest`, to the image; gives the signal on the image."""
    nodes, alive, image = list(graph), live_values(graph), graph.inputs[0]
    op = Way(graph, alive)
    arriving: dict[ir.Value, list[ir.Value]] = {crest: [seed]}
    for node in reversed(nodes):
        _descend(op, node, arriving, policy)
    total = _total(op, arriving.get(image))
    if total is None:
        raise RuleError(f"no signal from '{crest.name}' reaches the image. Choose another layer.")
    return op.Identity(total) if total is seed else total


def _descend(op: Way, node: ir.Node, arriving: dict[ir.Value, list[ir.Value]], policy: Policy) -> None:
    """Take the signals that arrived at the outputs of `node` down to its inputs."""
    tops = [_total(op, arriving.get(value)) for value in node.outputs]
    if node.outputs[0] not in op.alive or all(top is None for top in tops):
        return
    for value, bottom in zip(node.inputs, find_rule(node, policy)(op, node, _only(tops)), strict=False):
        if value in op.alive and bottom is not None:
            arriving.setdefault(value, []).append(bottom)


def _only(tops: Sequence[ir.Value | None]) -> ir.Value | tuple[ir.Value | None, ...] | None:
    """The signal on the first output if it is the only one: the others are mostly by-products (switches, masks)."""
    return tops[0] if all(top is None for top in tops[1:]) else tuple(tops)


def _total(op: Way, signals: Iterable[ir.Value] | None) -> ir.Value | None:
    """The sum of the signals of all readers."""
    total = None
    for signal in signals or ():
        total = signal if total is None else op.Add(total, signal)
    return total


def _hand_out(backward: ir.Graph) -> None:
    """Let each seed take the recorded tensors of its own image.

    A recorded tensor of rank one is an extent: it belongs to all images.
    """
    owner = ir.Value(name=OWNER, shape=ir.Shape(["S"]), type=ir.TensorType(ir.DataType.INT64))
    op, first = Way(backward, set(), "hand_out"), next(iter(backward))
    seed, *recorded = backward.inputs
    seed.shape = ir.Shape(["S", *list(seed.shape)[1:]])
    for value in recorded:
        if value.shape is None or len(value.shape) > 1:
            readers = list(value.uses())
            own = op.Gather(value, owner, axis=0)
            own.type, own.shape = value.type, value.shape
            backward.remove(own.producer())
            backward.insert_before(first, own.producer())
            for node, index in readers:
                node.replace_input_with(index, own)
    backward.inputs.insert(1, owner)


def _like(model: ir.Model, graph: ir.Graph) -> ir.Model:
    graph.name = graph.name or "inverse"
    return ir.Model(graph, ir_version=model.ir_version or 10, producer_name="inspectnet")


def _finish(model: ir.Model) -> ir.Model:
    """Drop what nobody reads, and the exporter's notes on the nodes (they hold paths of the machine it ran on)."""
    passes.RemoveUnusedNodesPass()(model)
    for node in model.graph:
        node.metadata_props.clear()
    return model
