"""Policies: a method is a row of choices over the shared table of rules, as zennit's composites are.

Where methods differ a rule is entered for one choice on one of the axes. All else, the linear path, is shared.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import onnx_ir as ir

from inspectnet.errors import check_choice

if TYPE_CHECKING:
    from inspectnet.rules.registry import Rule

AXES = {
    "rectify": ("signal", "guided", "gradient"),
    "state": ("held", "gradient"),
    "lrn": ("identity", "gradient"),
    "unpool": ("sum", "overwrite", "centre"),
}
CHOICES = tuple(f"{axis}={word}" for axis, words in AXES.items() for word in words)


class Row(NamedTuple):
    """One choice on each axis."""

    rectify: str
    """A rectifier passes the positive `signal`, this `guided` by the forward sign, or takes the true `gradient`."""
    state: str
    """Gates, attention and statistics are `held` fixed, or the true `gradient` goes through them."""
    lrn: str
    """Response normalisation is the `identity` on the way down, or takes the true `gradient`."""
    unpool: str = "sum"
    """Signals that share a switch: their `sum`, the last one (`overwrite`); or each to its window's `centre`."""


ROWS = {
    "deconvnet": Row(rectify="signal", state="held", lrn="identity"),  # Zeiler & Fergus 2014, sec. 2.1
    "guided_backprop": Row(rectify="guided", state="held", lrn="identity"),  # Springenberg et al. 2015
    "gradient": Row(rectify="gradient", state="gradient", lrn="gradient"),  # Simonyan et al. 2013
}
METHODS = tuple(ROWS)


@dataclass(frozen=True)
class Policy:
    """What is done where the methods differ: the row of a method, with other choices for `unpool` and `lrn` if given.

    Raises OptionError for a word that is none of those in ROWS and AXES.
    """

    method: str = "deconvnet"
    unpool: str = ""
    lrn: str = ""

    def __post_init__(self) -> None:
        check_choice("method", self.method, self.rows())
        for axis in ("unpool", "lrn"):
            chosen = getattr(self, axis) or getattr(self.rows()[self.method], axis)
            check_choice(axis, chosen, AXES[axis])
            object.__setattr__(self, axis, chosen)

    @classmethod
    def rows(cls) -> dict[str, Row]:
        """The methods there are; a policy with rules of its own has a row of its own."""
        return ROWS

    def own_rule(self, node: ir.Node) -> "Rule | None":
        """The method's own rule for `node`, which goes before the table's; None where it has none."""
        return None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words by which rules are looked up in the table, one for each axis."""
        row = self.rows()[self.method]._replace(unpool=self.unpool, lrn=self.lrn)
        return tuple(f"{axis}={word}" for axis, word in row._asdict().items())

    @property
    def stays_in_field(self) -> bool:
        """Whether a unit's projection depends on what the unit sees alone; overwritten by neighbours it does not."""
        return self.unpool != "overwrite"
