"""Prints docs/rules.md: what every rule does to the signal, method by method."""

import onnx_ir as ir

from inspectnet.reading.patterns import ACTIVATIONS, Pattern
from inspectnet.rules import METHODS, Policy, describe_rule, supported_ops

HEAD = """# Rules

What happens to a signal on its way down, operator by operator, in the rules' own words. What the forward pass
recorded is held fixed; biases never come down; a value that several operators read adds up their signals.
A *gate* is a function that saturates (Sigmoid, Softmax ...) or is made of such alone; a *statistic* is one number for
many places of a map: a mean that is taken off, a scale of whole maps.
`inspectnet verify MODEL` prints the rows that a model uses, and proves those of `gradient` on its tensors.
This page is written by `python -m inspectnet.rules > docs/rules.md`.

"""


FORMS = """
## Taken apart

What an exporter writes out is read as the operator that it is, before any rule, so that the maximum of x and 0
rectifies; numbers as `share` are constants of the file.

| operator | written as |
|---|---|
"""
MOST = 8  # formulas of an operator on the page; further ones differ in their brackets
SIGNS = {"Greater": ">", "GreaterOrEqual": ">=", "Less": "<", "LessOrEqual": "<=", "Add": "+", "Sub": "-", "Mul": "*",
         "Div": "/"}  # fmt: skip


def page() -> str:
    """The page, as Markdown: operators whose rules agree share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for op_type in supported_ops():
        node = ir.node(op_type, [ir.Value(name="x")])
        said = tuple(describe_rule(node, Policy(method)) for method in METHODS)
        rows.setdefault(said, []).append(op_type)
    lines = [f"| operators | {' | '.join(METHODS)} |", "|---" * (len(METHODS) + 1) + "|"]
    for said, ops in rows.items():
        cells = ["under every method:", said[0], ""] if len(set(said)) == 1 else said
        lines.append(f"| {', '.join(ops)} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n" + FORMS + "\n".join(_forms()) + "\n"


def _forms() -> list[str]:
    """A row for each operator that is known when it is taken apart."""
    by_operator: dict[str, list[str]] = {}
    for op_type, _, pattern in ACTIVATIONS:
        formulas = by_operator.setdefault(op_type, [])
        if (formula := _written(pattern)) not in formulas:
            formulas.append(formula)
    rest = {op: f", and {len(all_) - MOST} more" if len(all_) > MOST else "" for op, all_ in by_operator.items()}
    return [f"| {op} | {', '.join(f'`{f}`' for f in all_[:MOST])}{rest[op]} |" for op, all_ in by_operator.items()]


def _written(pattern: Pattern, inside: bool = False) -> str:
    """A formula as one writes it; casts, which change no number, are left out."""
    if isinstance(pattern, str):
        return pattern.lstrip("#")
    if isinstance(pattern, float):
        return f"{pattern:.4g}"
    op_type, *terms = (term for term in pattern if not isinstance(term, dict))
    if op_type == "Cast":
        return _written(terms[0], inside)
    if op_type in SIGNS:
        text = f" {SIGNS[op_type]} ".join(_written(term, True) for term in terms)
        return f"({text})" if inside else text
    return f"{op_type}({', '.join(_written(term) for term in terms)})"


if __name__ == "__main__":
    print(page(), end="")
