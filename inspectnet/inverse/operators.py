"""One operator at a time: what stands in a signal's way, what happens to it where, and each rule by itself."""

import json
from dataclasses import asdict, dataclass

import onnx_ir as ir

from inspectnet.errors import RuleError
from inspectnet.graph.subgraphs import cut_out
from inspectnet.graph.values import live_values, numbers_in, producer_of, values_above
from inspectnet.inverse.walk import descend, finish, total
from inspectnet.rules import Backward, Policy, describe_rule, takes_parts

SIGNAL = ir.TensorType(ir.DataType.FLOAT)  # of all signals, those on integers of a quantised network too


@dataclass(frozen=True)
class Operator:
    """One operator on the way down."""

    op_type: str
    outputs: tuple[str, ...]
    """Names of its outputs on which signals arrive: the first one, and further parts that are read."""
    inputs: tuple[str, ...]
    """Names of its inputs that depend on the image's pixels."""
    extents: tuple[str, ...]
    """Names of its inputs that depend on the image's extent only, as the shape that a Reshape makes."""
    geometry: str
    """Attributes and shapes: operators that share them are the same but for weights."""
    signals: tuple[str, ...]
    """What the signals on `inputs` are called in the operator's own inverse."""
    weight: int
    """How many numbers its inputs and outputs hold for one image, as far as their extents are known."""

    @property
    def output(self) -> str:
        """Name of its first output."""
        return self.outputs[0]

    @property
    def seeds(self) -> tuple[str, ...]:
        """What the signals on `outputs` are called in the operator's own inverse."""
        return tuple(f"signal on {name}" for name in self.outputs)


def operators_below(model: ir.Model, value: str, policy: Policy | None = None) -> list[Operator]:
    """The operators between the image and `value`, from the bottom up; those that a signal passes under `policy`.

    Raises RuleError if a policy is given and one of them has no rule.
    """
    part = cut_out(model, list(model.graph.inputs), [value]).graph
    alive, above = live_values(part), values_above(part, part.inputs[0])
    return [_operator(node, alive, above) for node in _passed(part, policy)]


def invert_operator(model: ir.Model, operator: Operator, policy: Policy) -> ir.Model:
    """One operator with its rule behind it: inputs, extents, its seeds -> its outputs and the signals on its inputs.

    An input that is held has no signal. Raises RuleError if the operator has no rule.
    """
    part = cut_out(model, (*operator.inputs, *operator.extents), operator.outputs)
    graph = part.graph
    targets, extents = list(graph.outputs), set(graph.inputs[len(operator.inputs) :])
    op = Backward(graph, live_values(graph) - extents)
    seeds = [ir.Value(name=name, shape=x.shape, type=SIGNAL) for name, x in zip(operator.seeds, targets, strict=True)]
    arriving: dict[ir.Value, list[ir.Value]] = {target: [seed] for target, seed in zip(targets, seeds, strict=True)}
    descend(op, producer_of(targets[0]), arriving, policy)
    for value, name in zip(graph.inputs, operator.signals, strict=False):  # nothing comes down to the extents
        if (signal := total(op, arriving.get(value))) is not None:
            signal = op.Identity(signal)
            signal.name, signal.type, signal.shape = name, SIGNAL, value.shape
            graph.outputs.append(signal)
    graph.inputs.extend(seeds)
    return finish(part)


def _operator(node: ir.Node, alive: set[ir.Value], above: set[ir.Value]) -> Operator:
    inputs = tuple(dict.fromkeys(str(x.name) for x in node.inputs if x in alive))
    extents = tuple(dict.fromkeys(str(x.name) for x in node.inputs if x in above and x not in alive))
    parts = [x for x in node.outputs[1:] if takes_parts(node) and (x.uses() or x.is_graph_output())]
    outputs = [node.outputs[0], *parts]
    given = [(str(x.shape), inputs.index(x.name) if x in alive else None) for x in node.inputs if x is not None]
    attributes = sorted((a.name, str(a.value)) for a in node.attributes.values())
    return Operator(
        node.op_type,
        tuple(str(x.name) for x in outputs),
        inputs,
        extents,
        f"{node.op_type} {attributes} {given} {len(outputs)}",
        tuple(f"signal on {name}" for name in inputs),
        sum(numbers_in(x) for x in (*node.inputs, *outputs) if x in above),
    )


def obstacles(model: ir.Model, policy: Policy) -> dict[str, str]:
    """Why signals cannot come down, by the names of the values they cannot come down from.

    Each rule is tried once, on a copy of the graph; what stands in one operator's way stands in that of all above.
    """
    ends = [value for node in model.graph for value in node.outputs[:1] if not value.uses()]  # views of layers, too
    graph = cut_out(model, list(model.graph.inputs), list(dict.fromkeys([*model.graph.outputs, *ends]))).graph
    nodes, op = list(graph), Backward(graph, live_values(graph))
    blocked: dict[ir.Value, str] = {}
    for node in nodes:
        if node.outputs[0] not in op.alive:
            continue
        for value in node.outputs:
            reason = _obstacle(op, node, value, policy, blocked)
            blocked.update({value: reason} if reason else {})
    return {str(value.name): reason for value, reason in blocked.items()}


def _obstacle(op: Backward, node: ir.Node, value: ir.Value, policy: Policy, blocked: dict[ir.Value, str]) -> str | None:
    """Why a signal on `value`, an output of `node`, cannot come down; None if it can."""
    signal = ir.Value(name="signal", shape=value.shape, type=value.type)
    arriving: dict[ir.Value, list[ir.Value]] = {value: [signal]}
    try:
        descend(op, node, arriving, policy)
    except RuleError as error:
        return str(error)
    return next((blocked[x] for x in node.inputs if x in blocked and x in arriving), None)


def policy_of_ops(model: ir.Model, value: str, policy: Policy) -> dict[str, str]:
    """For every operator on the way down from `value`, what happens to the signal there. Raises RuleError."""
    part = cut_out(model, list(model.graph.inputs), [value]).graph
    return {node.op_type: describe_rule(node, policy) for node in _passed(part, policy)}


def _passed(graph: ir.Graph, policy: Policy | None) -> list[ir.Node]:
    """The nodes that a signal on the output of `graph` passes on its way down, from the bottom up; all if no policy.

    Not all that depends on the image is passed: a choice, a gate, a statistic is held, and with it what made it.
    """
    op, target = Backward(graph, live_values(graph)), graph.outputs[0]
    nodes = [node for node in graph if node.outputs[0] in op.alive]
    if policy is None:
        return nodes
    arriving = {target: [ir.Value(name="signal", shape=target.shape, type=target.type)]}
    for node in reversed(nodes):
        descend(op, node, arriving, policy)
    return [node for node in nodes if not arriving.keys().isdisjoint(node.outputs)]


def sign(model: ir.Model, properties: dict[str, str]) -> ir.Model:
    """`model` with the project's metadata, `inspectnet.*`, added in place."""
    model.metadata_props.update({f"inspectnet.{key}": text for key, text in properties.items()})
    return model


def describe_policy(policy: Policy, ops: dict[str, str]) -> str:
    """A policy and what it means for each operator, as JSON for a model's metadata."""
    return json.dumps({**asdict(policy), "ops": ops})
