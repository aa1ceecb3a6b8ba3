"""Layers: the stages of a network, as one speaks of them.

A stage is an operator with weights, a pool, a normalisation or a join, together with the normalisation and the
activation that follow it. Its output is the rectified map; `conv5:pre` is the raw sum before the activation.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from inspectnet.graph import operators as ops
from inspectnet.graph.axes import Axes, as_maps, axes_of, holds_maps, is_view, map_shape, reduced_axes, view_name
from inspectnet.graph.builder import Op
from inspectnet.graph.fields import Field, receptive_fields
from inspectnet.graph.modules import module_paths, own_paths
from inspectnet.graph.values import input_of, integer, live_values, shape_of

SCALES = ops.NORMS | ops.AFFINE  # by constants, part of the stage whose weights they follow
SCALED = ops.WEIGHTED | ops.INTEGER | {"BatchNormalization"}
LONE = (ops.WINDOWS & ops.POOLS) | ops.SOFTMAXES  # stages of one operator


@dataclass(frozen=True)
class Layer:
    """One stage of a network."""

    name: str
    """What the tool calls it: `conv5`, `pool2`, `fc7`."""
    path: str
    """The module it was exported from, `features.10`; empty where the file does not tell."""
    ordinals: tuple[str, ...]
    """Further numbers it answers to: fc1 for fc6."""
    ops: tuple[str, ...]
    """Its operators, from the bottom up."""
    output: str
    """The value that holds its rectified map; a view of it where the network keeps its channels last."""
    pre: str
    """The value that holds its raw sum, before the activation; the same as `output` where it has none."""
    values: tuple[str, ...]
    """All values of the stage and the names of its nodes."""
    shape: tuple[int | str | None, ...]
    """(N, C, H, W) of the output, or (N, C); (N, C, T, 1) for a row of T tokens."""
    field: Field | None
    """Its units' receptive field per axis, None where a unit sees the whole image."""
    parameters: int
    modules: tuple[str, ...] = ()
    """Further modules whose output it holds: `features.11`, its activation; `features`, at whose end it stands."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """All it answers to besides its name and the names in the file."""
        return (self.path, *self.ordinals) if self.path else self.ordinals

    @property
    def maps(self) -> int:
        """How many feature maps (or units, for a fully connected layer) it has."""
        count = self.shape[1]
        assert isinstance(count, int), f"{self.name} has {count} maps"
        return count

    @property
    def spatial(self) -> bool:
        """Whether its units have a place in the image."""
        return len(self.shape) == 4

    @property
    def extent(self) -> tuple[int, int]:
        """(h, w) of its maps; (1, 1) for a layer whose units have no place."""
        _, _, h, w = (*self.shape, 1, 1)[:4]
        return int(h or 0), int(w or 0)


def find_layers(graph: ir.Graph) -> list[Layer]:
    """The layers of `graph` from the bottom up, named by their ordinals: conv1, conv2, pool1, fc1 ...

    Where the network puts its channels last, or has tokens, views of them as maps are added to the graph, in place.
    """
    alive, axes = live_values(graph), axes_of(graph)
    paths = module_paths(node for node in graph if node.outputs[0] in alive)
    stages = _stages(graph, alive, axes, paths)
    own = own_paths(stages, paths)
    views = _views(graph, [value for _, stage in stages for value in (_raw(stage), stage[-1].outputs[0])], axes)
    fields, counts, layers = receptive_fields(graph), Counter[str](), []
    for (kind, stage), (path, *modules) in zip(stages, own, strict=True):
        counts[kind] += 1
        output, pre = views[stage[-1].outputs[0]], views[_raw(stage)]
        layers.append(
            Layer(
                name=f"{kind}{counts[kind]}",
                path=path,
                ordinals=(),
                ops=tuple(node.op_type for node in stage),
                output=output.name or "",
                pre=pre.name or "",
                values=_names(stage, output, pre),
                shape=shape_of(output) or (),
                field=fields.get(output),
                parameters=_parameters(stage, alive),
                modules=tuple(modules),
            )
        )
    return _unmistakable(_number_on(layers, graph, alive) if counts["fc"] else layers)


def _stages(
    graph: ir.Graph, alive: set[ir.Value], axes: dict[ir.Value, Axes], paths: dict[ir.Node, str]
) -> list[tuple[str, list[ir.Node]]]:
    """The word for each stage and its nodes, from the bottom up."""
    taken: set[ir.Node] = set()
    stages = []
    for node in graph:
        kind = None if node in taken else _kind(node, alive, axes)
        if kind:
            stages.append((kind, _stage(node, alive, axes, paths)))
            taken.update(stages[-1][1])
    return stages


def _kind(node: ir.Node, alive: set[ir.Value], axes: dict[ir.Value, Axes]) -> str | None:
    """The word for a node at which a stage begins; None where none does."""
    live, output = [x for x in node.inputs if x in alive], node.outputs[0]
    if node.op_type not in ops.STAGES or output not in alive or not holds_maps(axes[output]):
        return None
    if (node.op_type in ops.JOINS and len(set(live)) < 2) or (node.op_type in ops.WEIGHTED and len(live) != 1):
        return None
    if node.op_type in ops.REDUCTIONS and not _is_over_space(node, axes[input_of(node)]):
        return None
    if _is_part_of_a_concat(node):
        return None
    return ops.STAGES[node.op_type] if isinstance(map_shape(output, axes[output])[1], int) else None


def _is_over_space(node: ir.Node, axes: str) -> bool:
    reduced = {axes[i] for i in reduced_axes(node)}
    return bool(reduced) and reduced <= set("HWT")


def _is_part_of_a_concat(node: ir.Node) -> bool:
    """Whether all that `node` joins is joined again: TorchScript writes two such Concats as one."""
    readers = _readers(node.outputs[0])
    return (
        node.op_type == "Concat"
        and [(r.op_type, integer(r, "axis")) for r in readers] == [("Concat", integer(node, "axis"))]
        and not node.outputs[0].is_graph_output()
    )


def _stage(
    first: ir.Node, alive: set[ir.Value], axes: dict[ir.Value, Axes], paths: dict[ir.Node, str]
) -> list[ir.Node]:
    """The nodes of the stage that begins at `first`, as long as each is all that reads the one before.

    What is done outside the module that holds the weights, as a block scales or normalises its branch, is no part.
    """
    holder = paths[first].rpartition(".")[0]
    stage, lone = (
        [first, *_shuffle(first), *_dequantised(first)],
        first.op_type in LONE,
    )
    while not lone and stage[-1].op_type not in ops.ACTIVATIONS and not stage[-1].outputs[0].is_graph_output():
        readers = _readers(stage[-1].outputs[0])
        if len(readers) != 1 or axes.get(readers[0].outputs[0]) != axes[first.outputs[0]]:
            break
        after = readers[0]
        scales = after.op_type in ops.NORMS | ops.AFFINE and first.op_type in ops.WEIGHTED | ops.INTEGER | {
            "BatchNormalization"
        }
        scales = scales and (not (holder and paths[after]) or paths[after].startswith(f"{holder}."))
        if not (after.op_type in ops.ACTIVATIONS or (scales and sum(x in alive for x in after.inputs) == 1)):
            break
        stage.append(after)
    return stage


def _shuffle(concat: ir.Node) -> list[ir.Node]:
    """The Reshape, Transpose and Reshape by which the maps that `concat` joins change places, if these follow it."""
    nodes = [concat]
    for op_type in ("Reshape", "Transpose", "Reshape") if concat.op_type == "Concat" else ():
        readers = _readers(nodes[-1].outputs[0])
        if [reader.op_type for reader in readers] != [op_type]:
            return []
        nodes += readers
    same = shape_of(nodes[-1].outputs[0]) == shape_of(concat.outputs[0])
    return nodes[1:] if same and not any(node.outputs[0].is_graph_output() for node in nodes[:-1]) else []


def _dequantised(first: ir.Node) -> list[ir.Node]:
    """What makes real numbers of integer sums: the Cast and the Mul by the scale, after the Add of an integer bias."""
    nodes = [first]
    while len(nodes) < 4 and len(readers := [use.node for use in nodes[-1].outputs[0].uses()]) == 1:
        nodes += readers
    after = [node.op_type for node in nodes[1:]]
    ways = (["Add", "Cast", "Mul"], ["Cast", "Mul"], ["Cast"]) if first.op_type in ops.INTEGER else ()
    return next((nodes[1 : len(way) + 1] for way in ways if after[: len(way)] == way), [])


def _readers(value: ir.Value) -> list[ir.Node]:
    """The nodes that read `value`, rounded or not, once for each time, apart from views of it."""
    nodes = [use.node for use in value.uses() if not is_view(use.node)]
    return [reader for n in nodes for reader in (_readers(n.outputs[0]) if n.op_type in ops.ROUNDINGS else [n])]


def _views(graph: ir.Graph, values: list[ir.Value], axes: dict[ir.Value, Axes]) -> dict[ir.Value, ir.Value]:
    """Each of `values` as maps, where it is none by a view at the end of the graph."""
    op, there = Op(graph, "views"), {value.name: value for node in graph for value in node.outputs}
    return {x: there.get(view_name(x)) or as_maps(op, x, axes[x]) for x in dict.fromkeys(values)}


def _raw(stage: Sequence[ir.Node]) -> ir.Value:
    """The value before the activation, which is the last one where a stage has none."""
    has_activation = len(stage) > 1 and stage[-1].op_type in ops.ACTIVATIONS
    return stage[-2 if has_activation else -1].outputs[0]


def _names(stage: Sequence[ir.Node], *views: ir.Value) -> tuple[str, ...]:
    values = [*(value for node in stage for value in (node, node.outputs[0])), *views]
    return tuple(dict.fromkeys(value.name for value in values if value.name))


def _parameters(stage: Sequence[ir.Node], alive: set[ir.Value]) -> int:
    """How many numbers the constants of the stage hold, without the scales and zero points of integers."""
    inputs = {x for node in stage for x in node.inputs if x is not None and x not in alive}
    integers = {node.inputs[1] for node in stage if node.op_type in ops.INTEGER}
    weights = [shape_of(x) or () for x in inputs if x.dtype == ir.DataType.FLOAT or x in integers]
    return sum(math.prod(d for d in shape if isinstance(d, int)) for shape in weights)


def _number_on(layers: list[Layer], graph: ir.Graph, alive: set[ir.Value]) -> list[Layer]:
    """In a plain chain the numbers of the fully connected layers go on after the convolutions: conv5, fc6."""
    forks = any(len({c for c in _readers(v) if c.outputs[0] in alive}) > 1 for v in alive)
    kinds = [layer.name.rstrip("0123456789") for layer in layers]
    convs, above = kinds.count("conv"), kinds[kinds.index("fc") :]
    if forks or not convs or "conv" in above:
        return layers
    return [
        replace(layer, name=f"fc{convs + int(layer.name[2:])}", ordinals=(layer.name,))
        if layer.name.startswith("fc")
        else layer
        for layer in layers
    ]


def _unmistakable(layers: list[Layer]) -> list[Layer]:
    """A layer whose ordinal is a module or a value of another one is called by its own module or value: ShuffleNet has
    a module `conv5` that is not its fifth convolution."""
    modules = {path: layer.output for layer in layers for path in layer.modules}
    paths = {layer.path: layer.output for layer in layers if layer.path}
    meant = modules | paths | {name: layer.output for layer in layers for name in layer.values}
    named = []
    for layer in layers:
        choices = (layer.name, layer.path or layer.output, layer.output)
        name = next(name for name in choices if meant.get(name, layer.output) == layer.output)
        named.append(replace(layer, name=name))
    return named
