"""The inverse of a network: the walk back through its graph, as one graph or in two parts, or one operator alone."""

from inspectnet.inverse.operators import (
    Operator,
    describe_policy,
    invert_operator,
    obstacles,
    operators_below,
    policy_of_ops,
    sign,
)
from inspectnet.inverse.split import Split, invert_split
from inspectnet.inverse.walk import OWNER, PIXELS, SEED, invert

__all__ = [
    "OWNER",
    "PIXELS",
    "SEED",
    "Operator",
    "Split",
    "describe_policy",
    "invert",
    "invert_operator",
    "invert_split",
    "obstacles",
    "operators_below",
    "policy_of_ops",
    "sign",
]
