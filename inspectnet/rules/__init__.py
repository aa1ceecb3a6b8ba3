"""The heart's table: one small function per ONNX operator, one registry. A new op is one function here."""

from inspectnet.rules import filters, joins, norms, pools, rectifiers, reshapes
from inspectnet.rules.registry import METHODS, UNPOOLS, Policy, Way, describe_rule, find_rule, refuse, supported_ops

__all__ = [
    "METHODS",
    "UNPOOLS",
    "Policy",
    "Way",
    "describe_rule",
    "filters",
    "find_rule",
    "joins",
    "norms",
    "pools",
    "rectifiers",
    "refuse",
    "reshapes",
    "supported_ops",
]
