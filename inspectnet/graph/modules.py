"""Modules: the path in the exported program (`features.0`) of every node, and of every layer."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count

import onnx_ir as ir

from inspectnet.graph.operators import CARRIERS, ROUNDINGS, WEIGHTED
from inspectnet.graph.values import input_of

WEIGHT_WORDS = frozenset({"weight", "bias", "kernel", "w", "W", "b", "B"})

Stages = Sequence[tuple[str, Sequence[ir.Node]]]  # the kind of each and its nodes, from the bottom up


def module_paths(nodes: Iterable[ir.Node]) -> dict[ir.Node, str]:
    """For each node the path of the module it was exported from (`features.0`), empty where the file does not tell.

    For filters the weight's name is the most stable source (dynamo ascribes those that it merged with a normalisation
    to that); then the scopes dynamo writes, then TorchScript's node names.
    """
    every = list(nodes)
    exported = [node for node in every if node.op_type not in ROUNDINGS]  # a quantiser names its own by what they round
    said = {node: (_from_weights(node) if node.op_type in WEIGHTED else "") or _from_scopes(node) for node in exported}
    names = {node: _from_node_name(node) for node in said}
    known = {part for path in (*said.values(), *names.values()) for part in (path, *_holders(path))}
    paths = {node: said[node] or _first_call(names[node], known) or _from_weights(node) for node in said}
    return dict.fromkeys(every, "") | paths


def own_paths(stages: Stages, paths: Mapping[ir.Node, str]) -> list[tuple[str, ...]]:
    """The unique module paths of each stage: its own, then enclosing modules it is the output of.

    A module's path means what the module puts out, so that `layer4` and `layer4.1` are the last block. Of what else a
    module makes by functions the kind is added: `Mixed_5b.pool`. A module that is one operator and called again is
    `relu`, `relu_1`, `relu_2`, as in TorchScript.
    """
    holders = {holder for path in paths.values() for holder in _holders(path)}
    composed, ends = holders | _composed(stages, paths), _ends(stages, paths, holders)
    used, calls, own = set(paths.values()), Counter[str](), []
    for i, (kind, nodes) in enumerate(stages):
        first, names = paths[nodes[0]], []
        for path in filter(None, dict.fromkeys([first, *(paths[node] for node in nodes)])):
            if path not in composed:
                again = (f"{path}_{n}" for n in count(calls[path]))
                names.append(_unused(again, used) if calls[path] else path)
                calls[path] += 1
            elif path == first:
                functions = chain([f"{path}.{kind}"], (f"{path}.{kind}_{n}" for n in count(1)))
                names.append(path if ends.get(path) == i else _unused(functions, used))
        ended = (path for path in sorted(composed) if ends.get(path) == i)
        own.append(tuple(dict.fromkeys([*(names if first else ["", *names]), *ended])))
    return own


def _composed(stages: Stages, paths: Mapping[ir.Node, str]) -> set[str]:
    """The modules that are more than the operators of a stage."""
    simple = {(paths[node], node.op_type) for _, nodes in stages for node in nodes}
    return {path for node, path in paths.items() if path and (path, node.op_type) not in simple}


def _ends(stages: Stages, paths: Mapping[ir.Node, str], holders: set[str]) -> dict[str, int]:
    """The stage that makes a module's output, by the module's path; not where another operator makes it.

    A module that is a pool means that, whatever follows: dynamo adds a look-up to AdaptiveAvgPool2d.
    """
    last = {part: node for node, path in paths.items() for part in (path, *_holders(path))}
    stage_of = {node: i for i, (_, nodes) in enumerate(stages) for node in nodes}
    ends = {path: i for i, (k, (n, *_)) in enumerate(stages) if k == "pool" and (path := paths[n]) not in holders}
    for path, node in last.items():
        maker = _maker(node, stage_of)
        if maker is not None and path in (paths[maker], *_holders(paths[maker])):
            ends[path] = stage_of[maker]
    return ends


def _maker(node: ir.Node | None, stage_of: Mapping[ir.Node, int]) -> ir.Node | None:
    """The operator of a stage that `node` is, or whose numbers it carries along; None if there is none.

    A Transpose of parts of axes shuffles channels or cuts windows: what comes out is no stage's map.
    """
    while node is not None and node not in stage_of:
        shuffles = node.op_type == "Transpose" and len(node.outputs[0].shape or ()) > 4
        node = input_of(node).producer() if node.op_type in CARRIERS | ROUNDINGS and not shuffles else None
    return node


def _unused(names: Iterator[str], used: set[str]) -> str:
    name = next(name for name in names if name not in used)
    used.add(name)
    return name


def _holders(path: str) -> list[str]:
    """The modules that hold the one at `path`, from the outermost: features, features.denseblock1."""
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _first_call(path: str, known: set[str]) -> str:
    """The path without the number of the call, which TorchScript adds to a module that it meets again."""
    repeated = re.fullmatch(r"(.+)_([1-9][0-9]*)", path)
    if repeated and all(
        call in known for call in (repeated[1], *(f"{repeated[1]}_{i}" for i in range(1, int(repeated[2]))))
    ):
        return repeated[1]
    return path


def _from_weights(node: ir.Node) -> str:
    """Not of weights that several read: dynamo gives those that are alike one name, that of the first."""
    weight = node.inputs[1] if len(node.inputs) > 1 else None
    path, _, last = (weight.name or "").rpartition(".") if weight is not None else ("", "", "")
    return path if weight is not None and len(weight.uses()) == 1 and last in WEIGHT_WORDS else ""


def _from_scopes(node: ir.Node) -> str:
    """dynamo: a list as text, ['', 'features', 'features.3', 'node_conv2d']."""
    text = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
    scopes = ast.literal_eval(text) if text.startswith("[") else []
    return str(scopes[-2]) if len(scopes) >= 2 else ""


def _from_node_name(node: ir.Node) -> str:
    """TorchScript: /features/features.3/squeeze/Conv, where a part may repeat the one before it."""
    name = node.name or ""
    parts = name.split("/")[1:-1] if name.startswith("/") else []
    path: list[str] = []
    for part in parts:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)
