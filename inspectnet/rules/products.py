"""Products: a constant factor scales the signal; of two live factors each scales that of the other.

Where one of them is a gate or a statistic it is held fixed, but for the method gradient: the signal goes to the other
factor alone. So is a divisor.
"""

import onnx_ir as ir

from inspectnet.graph.einsum import terms_of
from inspectnet.graph.values import input_of, inputs_of, known_shape, rank_of, word
from inspectnet.rules.broadcasting import gather_up
from inspectnet.rules.holding import gated_by_itself, hold, is_gate, is_statistic
from inspectnet.rules.registry import HELD, Backward, Bottoms, refuse, rule


@rule("Mul", when=["rectify=signal"])
def scale(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal times the other factor; gates and scales of maps are held fixed; x sigmoid(x) rectifies."""
    if (own := gated_by_itself(node)) is not None:
        return [op.Relu(top) if i == own else HELD for i in range(2)]
    return _scale(op, node, top)


@rule("Mul", when=["rectify=guided"])
def scale_and_mask(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal times the other factor; gates and scales of maps are held fixed; x sigmoid(x) rectifies and masks."""
    if (own := gated_by_itself(node)) is not None:
        passed = op.Where(op.Greater(input_of(node, own), 0.0), op.Relu(top), 0.0)
        return [passed if i == own else HELD for i in range(2)]
    return _scale(op, node, top)


def _scale(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    return hold(op, node, mul(op, node, top), lambda x: is_gate(op, x) or is_statistic(node, x))


@rule("Mul", when=["state=gradient"])
def mul(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal times the other factor."""
    a, b = inputs_of(node)
    return [gather_up(op, node, op.Mul(top, other), x) if x in op.alive else None for x, other in ((a, b), (b, a))]


@rule("Div", when=["state=held"])
def div_by_recorded(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The signal divided by the divisor, which is held fixed."""
    x, divisor = inputs_of(node)
    if x not in op.alive:
        return div(op, node, top)  # a reciprocal: there is nothing else to go to
    return [gather_up(op, node, op.Div(top, divisor), x), HELD if divisor in op.alive else None]


@rule("Div", when=["state=gradient"])
def div(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The signal divided by the divisor; to the divisor that times -y."""
    x, divisor = inputs_of(node)
    share = op.Div(top, divisor)
    return [
        gather_up(op, node, share, x) if x in op.alive else None,
        gather_up(op, node, op.Neg(op.Mul(share, node.outputs[0])), divisor) if divisor in op.alive else None,
    ]


@rule("MatMul", when=["state=held"])
def matmul_by_recorded(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The transposed other matrix, on the side it stood; attention is held fixed."""
    return hold(op, node, matmul(op, node, top), lambda x: is_gate(op, x))


@rule("MatMul", when=["state=gradient"])
def matmul(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The transposed other matrix, on the side it stood."""
    left, right = inputs_of(node)
    if min(rank_of(left), rank_of(right)) < 2:
        raise refuse(node, "one side is a vector")
    return [
        _sum_copies(op, node, op.MatMul(top, _turned(op, right)), left) if left in op.alive else None,
        _sum_copies(op, node, op.MatMul(_turned(op, left), top), right) if right in op.alive else None,
    ]


@rule("Einsum", when=["state=held"])
def einsum_by_recorded(op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
    """The same sum of products with the signal in the place of each factor; attention is held fixed."""
    return hold(op, node, einsum(op, node, top), lambda x: is_gate(op, x))


@rule("Einsum", when=["state=gradient"])
def einsum(op: Backward, node: ir.Node, top: ir.Value) -> list[ir.Value | None]:
    """The same sum of products with the signal in the place of each factor."""
    names, made = terms_of(node)
    if any(len(set(term)) < len(term) for term in (*names, made)):
        raise refuse(node, f"'{word(node, 'equation')}' names an axis of a factor twice")
    bottoms, inputs = list[ir.Value | None](), inputs_of(node)
    for i, x in enumerate(inputs):
        terms, factors = [made, *names[:i], *names[i + 1 :]], [node.outputs[0], *inputs[:i], *inputs[i + 1 :]]
        sides = [zip(term, known_shape(y), strict=True) for term, y in zip(terms, factors, strict=True)]
        long, shape = {c for side in sides for c, n in side if n != 1}, known_shape(x)
        # an axis of extent 1 that others stretch is summed over, one that only x has is spread again
        lost = [j for j, c in enumerate(names[i]) if shape[j] == 1 or c not in long]
        kept = "".join(c for j, c in enumerate(names[i]) if j not in lost)
        if x not in op.alive:
            bottoms.append(None)
            continue
        bottom = op.Einsum(top, *factors[1:], equation=f"{','.join(terms)}->{kept}")
        if lost:
            bottom = op.Unsqueeze(bottom, lost)
        bottoms.append(op.Expand(bottom, op.shape_like(bottom, x)) if any(shape[j] != 1 for j in lost) else bottom)
    return bottoms


def _sum_copies(op: Backward, node: ir.Node, signal: ir.Value, side: ir.Value) -> ir.Value:
    """The signal summed over the stacks of matrices along which `side` was stretched."""
    return gather_up(op, node, signal, side, (*known_shape(node.outputs[0])[:-2], *known_shape(side)[-2:]))


def _turned(op: Backward, matrix: ir.Value) -> ir.Value:
    """The matrices of (..., m, n) as (..., n, m)."""
    rank = rank_of(matrix)
    return op.Transpose(matrix, perm=[*range(rank - 2), rank - 1, rank - 2])
