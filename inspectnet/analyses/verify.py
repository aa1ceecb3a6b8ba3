"""Verification: numerical proof, on the user's own model, that its inverse is what it claims to be."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.selection import refuse_without_layers
from inspectnet.analyses.sources import collection_of
from inspectnet.analyses.verification import Check, check_all
from inspectnet.arguments import checks_arguments
from inspectnet.errors import RuleError
from inspectnet.images import Sources, Stream
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Result, derived
from inspectnet.rules import Policy

LAYERS = 8  # checked where the user names none, spread over the depth
IMAGES = 2


@dataclass(frozen=True)
class LeftOut:
    """A layer that cannot be inverted, so is not checked."""

    layer: str
    reason: str


@dataclass(frozen=True)
class Needed:
    """The options that its page tells."""

    layers: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Verification(Result):
    """The checks of a network's inverse."""

    command: ClassVar[str] = "verify"
    needs: ClassVar[Any] = Needed
    method: str
    checks: tuple[Check, ...]
    ops: Mapping[str, str]
    """By operator what happens to the signal on the way down."""
    left_out: tuple[LeftOut, ...]

    @derived
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)


@checks_arguments
def verify(
    network: Network,
    layers: str | Sequence[str] = (),
    images: Sources | np.ndarray | None = None,
    *,
    method: str | Policy = "deconvnet",
    seed: int = 0,
    progress: Progress = silent,
) -> Verification:
    """The checks of `layers`, by default eight spread over the depth, and of all operators below them.

    images: photos, of which the first two that can be read are taken, or prepared images (N, C, H, W); by default the
    sample photos, or noise for a network that takes no photos. seed: of that noise and of the signals. Raises
    LayerError, RuleError if there is nothing to check, ImageError.
    """
    policy = policy_of(method)
    names, left_out = _choose_layers(network, layers, policy)
    x = _read_images(network, images, seed)
    checks = list[Check]()
    with progress("checking", None, "checks") as advance:
        for check in check_all(network, x, names, policy, seed):
            # JSON holds no number that is none: the check has failed
            checks.append(replace(check, error=check.error if math.isfinite(check.error or 0) else None))
            advance()
    ops = network.inverse(policy).policy_of_ops(*names)
    chosen = {"layers": names, "method": policy.method, "unpool": policy.unpool, "lrn": policy.lrn, "seed": seed}
    return Verification(provenance([network], None, chosen), policy.method, tuple(checks), ops, left_out)


def _choose_layers(
    network: Network, asked: Sequence[str], policy: Policy
) -> tuple[list[str], tuple[LeftOut, ...]]:  # fmt: skip
    """The layers to check, and those left out with the reason, where the user names none."""
    refuse_without_layers(network)
    if asked:
        return [layer.name for layer in network.match(asked)], ()
    obstacles = {layer.name: network.inverse(policy).obstacle(layer.output) for layer in network.layers}
    able = [name for name, obstacle in obstacles.items() if obstacle is None]
    if not able:
        raise RuleError(f"no layer of {network.path} can be inverted: {next(iter(obstacles.values()))}")
    left_out = tuple(LeftOut(name, obstacle) for name, obstacle in obstacles.items() if obstacle)
    return _choose_evenly(able), left_out


def _choose_evenly(names: list[str]) -> list[str]:
    """Some of them from bottom to top."""
    return [names[i * (len(names) - 1) // (LAYERS - 1)] for i in range(LAYERS)] if len(names) > LAYERS else names


def _read_images(network: Network, images: Sources | np.ndarray | None, seed: int) -> np.ndarray:
    """The images given, or the first photos that can be read, prepared; noise if nothing is given nor fits."""
    count = network.fixed_batch or IMAGES
    if images is None and network.photos is None:
        return np.random.default_rng(seed).standard_normal((count, *network.input_shape), np.float32)
    if isinstance(images, np.ndarray):
        return network.checked(images)
    preparation, rows = network.preparation, list[np.ndarray]()
    stream = Stream(collection_of(images), preparation, batch_size=count)
    for batch in stream:
        rows += list(batch.x)
        if len(rows) >= count:
            break
    stream.seen.refuse_nothing()
    return np.stack(rows[:count])
