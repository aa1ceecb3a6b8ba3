"""The table of rules: how a signal comes down through each operator, and where the methods differ.

A rule is a function `rule(op, node, top)` that appends nodes with `op` and returns one signal per input of `node`,
None for an input that does not depend on the image, HELD for one that does but is held fixed. `top` is the signal on
the node's first output; where signals arrived at others too, a tuple of one for each output, None where none arrived.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

import onnx_ir as ir

from inspectnet.errors import OptionError, RuleError, nearest
from inspectnet.graph.builder import Op
from inspectnet.graph.values import describe


class Held(Enum):
    """The answer of a rule for an input that was recorded, through which no signal comes down: gates, statistics."""

    HELD = "held"


HELD: Final = Held.HELD
Signal = Any  # an ir.Value, or a tuple of them for an operator with several outputs
Bottoms = Sequence[ir.Value | Held | None]
Rule = Callable[["Way", ir.Node, Signal], Bottoms]
R = TypeVar("R", bound=Rule)

METHODS = ("deconvnet", "guided_backprop", "gradient")
HOLDING = METHODS[:2]  # those that hold gates, attention and statistics fixed
UNPOOLS = ("sum", "overwrite", "centre")
LRNS = ("identity", "gradient")


@dataclass(frozen=True)
class Policy:
    """What is done where the methods differ.

    method: `deconvnet` (Zeiler & Fergus 2014, sec. 2.1), `guided_backprop` (Springenberg et al. 2015) or
    `gradient` (Simonyan et al. 2013). unpool: values that share a switch add up (`sum`), or the last one wins
    (`overwrite`), or they go to the centre of their window (`centre`). lrn: `identity` or the true `gradient`;
    by default identity, but for the method `gradient`.
    Raises OptionError for a word that is none of these.
    """

    method: str = "deconvnet"
    unpool: str = "sum"
    lrn: str = ""

    def __post_init__(self) -> None:
        if not self.lrn:
            object.__setattr__(self, "lrn", "gradient" if self.method == "gradient" else "identity")
        for what, word, words in (
            ("method", self.method, METHODS),
            ("unpool", self.unpool, UNPOOLS),
            ("lrn", self.lrn, LRNS),
        ):
            if word not in words:
                raise OptionError(f"no {what} '{word}'.{nearest(word, words)} There are: {', '.join(words)}.")

    @property
    def choices(self) -> tuple[str, ...]:
        """The words by which rules are looked up."""
        return self.method, f"unpool={self.unpool}", f"lrn={self.lrn}"

    @property
    def stays_in_field(self) -> bool:
        """Whether a unit's projection depends on what the unit sees alone; overwritten by neighbours it does not."""
        return self.unpool != "overwrite"


class Way(Op):
    """The way down: an `Op` that also knows which values depend on the image."""

    def __init__(self, graph: ir.Graph, alive: set[ir.Value], prefix: str = "inverse") -> None:
        super().__init__(graph, prefix)
        self.alive = alive


_RULES: dict[tuple[str, str], Rule] = {}
_PARTING: set[str] = set()  # operators that take their map apart; further outputs of others are by-products


def rule(*op_types: str, when: Sequence[str] = ("",), parts: bool = False) -> Callable[[R], R]:
    """Enter a function as the rule for `op_types`; `when` names the choices of a Policy it is for, else all.

    parts: it takes signals on any of the node's outputs.
    """

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
    for choice in (*policy.choices, ""):
        found = _RULES.get((node.op_type, choice)) if node.domain in ("", "ai.onnx") else None
        if found is not None:
            return found
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
