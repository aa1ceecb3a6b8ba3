"""Prints docs/rules.md: what every rule does to the signal, method by method."""

import onnx_ir as ir

from inspectnet.rules import METHODS, Policy, describe_rule, supported_ops

HEAD = """# Rules

What happens to a signal on its way down, operator by operator, in the rules' own words. What the forward pass
recorded is held fixed; biases never come down; a value that several operators read adds up their signals.
A *gate* is a function that saturates (Sigmoid, Softmax ...) or is made of such alone; a *statistic* is one number for
many places of a map: a mean that is taken off, a scale of whole maps.
`inspectnet verify MODEL` prints the rows that a model uses, and proves those of `gradient` on its tensors.
This page is written by `python -m inspectnet.rules > docs/rules.md`.

"""


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
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
