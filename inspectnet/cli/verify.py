"""inspectnet verify: numerical proof on the user's own model."""

from pathlib import Path
from typing import Annotated

import typer

from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Alias, DeviceName, InputSize, Opening, Preprocessing

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
    method: options.Method = "deconvnet",
    device: DeviceName = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of the random signals.")] = 0,
    input_size: InputSize = "",
    alias: Alias = None,
    destination: RecordDestination,
    as_json: options.AsJson = False,
) -> int:
    """Prove on this model that its inverse is right: adjoint identity, forms that agree, CUDA kernels.

    Exit code 1 if a check fails.
    """
    from inspectnet.analyses import verify as analysis

    network, policy = (
        Opening(device, Preprocessing(input_size=input_size), alias).open(model, photos=False),
        options.policy_of(method),
    )
    result = destination.finish(
        [network], lambda: analysis.verify(network, layer, images=images, policy=policy, seed=seed), as_json=as_json
    )
    return 0 if result.passed else 1
