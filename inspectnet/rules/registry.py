"""The table of rules: how a signal comes down through each operator, and where the methods differ.

A rule is a function `rule(op, node, top)` that appends nodes with `op` and returns one signal per input of `node`,
None for an input that does not depend on the image, HELD for one that does but is held fixed. `top` is the signal on
the node's first output; where signals arrived at others too, a tuple of one for each output, None where none arrived.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

import onnx_ir as ir

from inspectnet.errors import RuleError
from inspectnet.graph.builder import Op
from inspectnet.graph.values import describe
from inspectnet.rules.policy import CHOICES, Policy


class Held(Enum):
    """The answer of a rule for an input that was recorded, through which no signal comes down: gates, statistics."""

    HELD = "held"


HELD: Final = Held.HELD
Signal = Any  # an ir.Value, or a tuple of them for an operator with several outputs
Bottoms = Sequence[ir.Value | Held | None]
Rule = Callable[["Backward", ir.Node, Signal], Bottoms]
R = TypeVar("R", bound=Rule)


class Backward(Op):
    """The backward graph: an `Op` that also knows which values depend on the image."""

    def __init__(self, graph: ir.Graph, alive: set[ir.Value], prefix: str = "inverse") -> None:
        super().__init__(graph, prefix)
        self.alive = alive


_RULES: dict[tuple[str, str], Rule] = {}
_PARTING: set[str] = set()  # operators that take their map apart; further outputs of others are by-products


def rule(*op_types: str, when: Sequence[str] = ("",), parts: bool = False) -> Callable[[R], R]:
    """Enter a function as the rule for `op_types`; `when` names the choices of a Policy it is for, else all.

    parts: it takes signals on any of the node's outputs.
    """
    if unknown := set(when) - {"", *CHOICES}:
        raise ValueError(f"no policy chooses {', '.join(sorted(unknown))}")

    def enter(function: R) -> R:
        _PARTING.update(op_types if parts else ())
        for key in [(op_type, choice) for op_type in op_types for choice in when]:
            if key in _RULES:
                raise ValueError(f"two rules for {key}")
            _RULES[key] = function
        return function

    return enter


def find_rule(node: ir.Node, policy: Policy) -> Rule:
    """The rule for `node`. Raises RuleError if there is none."""
    if (own := policy.own_rule(node)) is not None:
        return own
    for choice in (*policy.choices, ""):
        entered = _RULES.get((node.op_type, choice)) if node.domain in ("", "ai.onnx") else None
        if entered is not None:
            return entered
    name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    raise RuleError(
        f"no {policy.method} rule for {name} (output '{node.outputs[0].name}')."
        " Choose a layer below it, or add a rule in inspectnet/rules/ (CONTRIBUTING.md)."
    )


def takes_parts(node: ir.Node) -> bool:
    """Whether the rule for `node` has an answer for signals on its further outputs."""
    return node.op_type in _PARTING


def describe_rule(node: ir.Node, policy: Policy) -> str:
    """What the rule for `node` does to the signal, in one sentence: the first line of its docstring."""
    return (find_rule(node, policy).__doc__ or "").strip().splitlines()[0]


def supported_ops() -> list[str]:
    """All operators that have a rule."""
    return sorted({op_type for op_type, _ in _RULES})


def refuse(node: ir.Node, why: str) -> RuleError:
    """The error of a rule that has no answer for this form of its operator."""
    return RuleError(f"no rule for {describe(node)}: {why}. Choose a layer below it.")
