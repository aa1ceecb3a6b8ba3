"""The inverse as files: one graph or two, signed with what they were made from."""

from collections.abc import Mapping
from pathlib import Path

import onnx_ir as ir

from inspectnet.inverse.operators import describe_policy, policy_of_ops, sign
from inspectnet.inverse.split import invert_split
from inspectnet.inverse.walk import invert
from inspectnet.rules import Policy


def inverse_files(
    model: ir.Model, value: str, policy: Policy, out: Path, about: Mapping[str, str], *, split: bool = False
) -> dict[Path, ir.Model]:
    """What to write where: the inverse from `value` to `out`, or to .forward.onnx and .backward.onnx in its place.

    about: what their metadata says besides the policy. Raises RuleError for an operator without a rule.
    """
    if split:
        parts = invert_split(model, value, policy)
        models = {out.with_suffix(".forward.onnx"): parts.forward, out.with_suffix(".backward.onnx"): parts.backward}
    else:
        models = {out: invert(model, value, policy)}
    metadata = {**about, "policy": describe_policy(policy, policy_of_ops(model, value, policy))}
    return {path: sign(made, metadata) for path, made in models.items()}
