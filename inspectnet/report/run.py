"""The record of a run: all that decides its result, so that the same record means the same bits."""

from typing import Any

from inspectnet.network import Network
from inspectnet.rules import Policy
from inspectnet.runtime.versions import versions


def describe_network(network: Network) -> dict[str, Any]:
    """Which model it is, and how photos become its input, ready for JSON."""
    return {
        "model": network.path.name,
        "model_sha256": network.sha256,
        "preprocess": {**network.preparation.to_json(), "source": network.preparation_source},
    }


def describe_run(network: Network, policy: Policy, layers: list[str]) -> dict[str, Any]:
    """Model, preprocessing, policy for each operator, device and versions, ready for JSON."""
    ops: dict[str, str] = {}
    for layer in layers:
        ops |= network.inverse(policy).policy_of_ops(layer)
    return {
        **describe_network(network),
        "method": policy.method,
        "policy": policy,
        "ops": ops,
        "layers": layers,
        "device": network.device.name,
        "versions": versions(),
    }
