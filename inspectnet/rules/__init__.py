"""The heart's table: one small function per ONNX operator, one registry. A new op is one function here."""

from inspectnet.rules import (
    filters,
    joins,
    norms,
    pools,
    products,
    rectifiers,
    reductions,
    resampling,
    reshapes,
    rounding,
    sampling,
    slopes,
    smooth,
    statistics,
)
from inspectnet.rules.policy import AXES, METHODS, Policy, Row
from inspectnet.rules.registry import (
    HELD,
    Backward,
    Bottoms,
    Rule,
    Signal,
    describe_rule,
    find_rule,
    refuse,
    supported_ops,
    takes_parts,
)
