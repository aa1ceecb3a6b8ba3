"""The inverse of a network: the walk back through its graph, as one graph or in two parts, or one operator alone."""

from inspectnet.inverse.files import inverse_files
from inspectnet.inverse.operators import Operator, invert_operator, obstacles, operators_below, policy_of_ops
from inspectnet.inverse.split import Split, invert_split
from inspectnet.inverse.walk import OWNER, PIXELS, SEED, invert

__all__ = [
    "OWNER",
    "PIXELS",
    "SEED",
    "Operator",
    "Split",
    "inverse_files",
    "invert",
    "invert_operator",
    "invert_split",
    "obstacles",
    "operators_below",
    "policy_of_ops",
]
