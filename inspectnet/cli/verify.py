"""inspectnet verify: numerical proof on the user's own model."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.cli.opening import Alias, DeviceName, InputSize, Opening, Preprocessing, refuse_without_layers
from inspectnet.errors import RuleError
from inspectnet.report.lines import show, show_json

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.analyses.verification import Check
    from inspectnet.network import Network
    from inspectnet.rules import Policy

LAYERS = 8  # checked where the user names none, spread over the depth
IMAGES = 2

Some = Annotated[
    list[str],
    typer.Option("--layer", "-l", help="A layer or glob; repeatable. By default eight, spread over the depth."),
]
Photos = Annotated[
    Path | None,
    typer.Option(help="Photos to check with; by default the sample photos.", metavar="PATH", parser=options.path_of),
]


def verify(
    model: options.Model,
    layer: Some = [],  # noqa: B006  (typer's way)
    images: Photos = None,
    *,
    choices: options.PolicyChoices,
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of the random signals.")] = 0,
    input_size: InputSize = "",
    alias: Alias = None,
    as_json: options.AsJson = False,
) -> int:
    """Prove on this model that its inverse is right: adjoint identity, forms that agree, CUDA kernels.

    Exit code 1 if a check fails.
    """
    from inspectnet.analyses import verification
    from inspectnet.report.json_text import json_text

    network = Opening(device, Preprocessing(input_size=input_size), alias).open(model, quiet=True)
    policy = choices.policy()
    names, left_out = _layers(network, layer, policy)
    checks = list(verification.verify(network, _photos(network, images), names, policy, seed))
    ops = {kind: text for name in names for kind, text in network.policy_of_ops(name, policy).items()}
    if as_json:
        shown = [{**vars(check), "error": _finite(check.error), "passed": check.passed} for check in checks]
        about = {"model_sha256": network.sha256, "policy": vars(policy), "ops": ops, "left_out": left_out}
        show_json(json_text({**about, "checks": shown}, Path("verify.json")))
    else:
        _print(f"{model.name}: {policy.method}", checks, ops, left_out)
    return 0 if all(check.passed for check in checks) else 1


def _finite(error: float) -> float | None:
    """None for an error that is no number, which JSON cannot hold: the check has failed."""
    return error if math.isfinite(error) else None


def _print(title: str, checks: list["Check"], ops: dict[str, str], left_out: list[dict[str, Any]]) -> None:
    from inspectnet.report.tables import print_table

    rows = [
        [c.subject, c.claim, f"{c.error:.1e}", f"{c.tolerance:g}", "ok" if c.passed else "FAILED", c.note]
        for c in checks
    ]
    print_table(title, ["subject", "claim", "error", "limit", "", ""], rows)
    print_table("\nwhat happens to the signal", ["operator", "on the way down"], list(ops.items()))
    if left_out:
        print_table("\nleft out", ["layer", "reason"], [[each["layer"], each["reason"]] for each in left_out])
    show()
    show(f"{sum(c.passed for c in checks)} of {len(checks)} checks passed")


def _layers(network: "Network", asked: list[str], policy: "Policy") -> tuple[list[str], list[dict[str, Any]]]:
    """The layers to check, and those left out with the reason, where the user names none.

    Raises LayerError or RuleError if there is nothing to check.
    """
    refuse_without_layers(network)
    if asked:
        return [each.name for each in network.match(asked)], []
    obstacles = {layer.name: network.obstacle(layer.output, policy) for layer in network.layers}
    able = [name for name, obstacle in obstacles.items() if obstacle is None]
    if not able:
        raise RuleError(f"no layer of {network.path} can be inverted: {next(iter(obstacles.values()))}")
    left_out = [{"layer": name, "reason": obstacle} for name, obstacle in obstacles.items() if obstacle]
    return _spread(able), left_out


def _spread(names: list[str]) -> list[str]:
    """Some of them from bottom to top."""
    return [names[i * (len(names) - 1) // (LAYERS - 1)] for i in range(LAYERS)] if len(names) > LAYERS else names


def _photos(network: "Network", images: Path | None) -> "np.ndarray":
    """The first photos that can be read, prepared."""
    import numpy as np

    from inspectnet.images import Stream, find_images

    collection = find_images(images or samples.folder())
    count = network.fixed_batch or IMAGES
    stream, rows = Stream(collection, network.preparation, batch_size=count), list["np.ndarray"]()
    for batch in stream:
        rows += list(batch.x)
        if len(rows) >= count:
            break
    stream.seen.refuse_nothing()
    return np.stack(rows[:count])
