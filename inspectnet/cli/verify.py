"""inspectnet verify: numerical proof on the user's own model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspectnet import samples
from inspectnet.cli import options

if TYPE_CHECKING:
    import numpy as np

    from inspectnet.network import Network

LAYERS = 8  # checked where the user names none, spread over the depth
IMAGES = 2


def verify(
    model: options.Model,
    layer: Annotated[
        list[str],
        typer.Option("--layer", "-l", help="A layer or glob; repeatable. By default eight, spread over the depth."),
    ] = [],  # noqa: B006  (typer's way)
    images: Annotated[Path | None, typer.Option(help="Photos to check with; by default the sample photos.")] = None,
    method: options.Method = "deconvnet",
    unpool: options.Unpool = "sum",
    lrn: options.Lrn = "",
    device: options.DeviceName = "auto",
    seed: Annotated[int, typer.Option(help="Of the random signals.")] = 0,
    input_size: options.InputSize = "",
    alias: options.Alias = [],  # noqa: B006
    as_json: options.AsJson = False,
) -> int:
    """Prove on this model that its inverse is right: adjoint identity, forms that agree, CUDA kernels.

    Exit code 1 if a check fails.
    """
    from inspectnet.analyses import verification
    from inspectnet.report.tables import print_table

    said = options.preprocessing("", "", input_size, None, "", "", "")
    network = options.open_network(model, device, alias, said, quiet=True)
    policy = options.policy_of(method, unpool, lrn)
    names = [each.name for each in network.match(layer)] if layer else _spread(network)
    checks = list(verification.verify(network, _photos(network, images), names, policy, seed))
    failed = [check for check in checks if not check.passed]
    ops = {kind: text for name in names for kind, text in network.policy_of_ops(name, policy).items()}
    if as_json:
        shown = [{**vars(check), "passed": check.passed} for check in checks]
        print(
            json.dumps({"model_sha256": network.sha256, "policy": vars(policy), "ops": ops, "checks": shown}, indent=1)
        )
    else:
        rows = [
            [c.subject, c.claim, f"{c.error:.1e}", f"{c.tolerance:g}", "ok" if c.passed else "FAILED", c.note]
            for c in checks
        ]
        print_table(f"{model.name}: {method}", ["subject", "claim", "error", "limit", "", ""], rows)
        print_table("\nwhat happens to the signal", ["operator", "on the way down"], list(ops.items()))
        print(f"\n{len(checks) - len(failed)} of {len(checks)} checks passed")
    return 1 if failed else 0


def _spread(network: "Network") -> list[str]:
    """Some layers from bottom to top, of those that can be inverted."""
    able = [layer.name for layer in network.layers if network.obstacle(layer.output) is None]
    return [able[i * (len(able) - 1) // max(1, LAYERS - 1)] for i in range(LAYERS)] if len(able) > LAYERS else able


def _photos(network: "Network", images: Path | None) -> "np.ndarray":
    """The first photos, prepared."""
    import numpy as np

    from inspectnet.images import Stream, find_images

    collection = find_images(images or samples.folder())
    stream = Stream(collection, network.preparation, batch_size=1)
    return np.stack([stream.load(i) for i in range(min(network.fixed_batch or IMAGES, len(collection)))])
