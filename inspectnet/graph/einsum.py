"""Einsum: which axis is which, and axes of extent 1 that another factor makes long."""

import string

import numpy as np
import onnx_ir as ir

from inspectnet.graph.builder import add_initializer
from inspectnet.graph.values import input_of, inputs_of, known_shape, rank_of, shape_of, word


def terms_of(node: ir.Node) -> tuple[list[str], str]:
    """One letter for each axis of each factor and of the product, also where the equation leaves them unsaid."""
    terms, arrow, made = word(node, "equation").replace(" ", "").partition("->")
    factors = list(zip(terms.split(","), inputs_of(node), strict=True))
    wide = max(rank_of(x) - len(term.replace("...", "")) for term, x in factors)
    dots = [c for c in string.ascii_letters if c not in terms][: wide if "..." in terms else 0]
    names = []
    for term, x in factors:
        before, ellipsis, after = term.partition("...")
        own = rank_of(x) - len(before + after) if ellipsis else 0
        names.append(before + "".join(dots[len(dots) - own :]) + after)
    if not arrow:
        made = "..." * ("..." in terms) + "".join(sorted(c for c in set(terms) - set(",.") if terms.count(c) == 1))
    return names, made.replace("...", "".join(dots))


def stretch_factors(graph: ir.Graph) -> bool:
    """Let no factor of an Einsum have an extent of 1 where another one has more, in place; whether any had.

    onnx infers the extent of the product from one factor alone.
    """
    changed = False
    for node in list(graph):
        if node.op_type == "Einsum" and not node.domain and all(shape_of(x) is not None for x in inputs_of(node)):
            changed |= _stretch(graph, node) if _fits(node) else False
    return changed


def _fits(node: ir.Node) -> bool:
    """Whether the equation has a letter for each axis of each factor; where not, the run time says so."""
    terms = word(node, "equation").replace(" ", "").partition("->")[0].split(",")
    return len(terms) == len(node.inputs) and all(
        len(term.replace("...", "")) <= rank_of(x) and ("..." in term or len(term) == rank_of(x))
        for term, x in zip(terms, inputs_of(node), strict=True)
    )


def _stretch(graph: ir.Graph, node: ir.Node) -> bool:
    names, _ = terms_of(node)
    shapes, long = [known_shape(x) for x in inputs_of(node)], dict[str, int]()
    for term, shape in zip(names, shapes, strict=True):
        long |= {c: n for c, n in zip(term, shape, strict=True) if isinstance(n, int) and n > 1}
    changed = False
    for i, (term, shape) in enumerate(zip(names, shapes, strict=True)):
        target = [long.get(c, 1) if n == 1 else 1 for c, n in zip(term, shape, strict=True)]
        if max(target, default=1) > 1:
            name, x = f"{node.outputs[0].name}/stretched_{i}", input_of(node, i)
            extents = add_initializer(graph, f"{name}/extents", np.array(target, np.int64))
            expand = ir.Node("", "Expand", [x, extents], name=name)
            expand.outputs[0].name, expand.outputs[0].type = name, x.type
            graph.insert_before(node, expand)
            node.replace_input_with(i, expand.outputs[0])
            changed = True
    return changed
