"""inspectnet verify: numerical proof on the user's own model."""

from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Alias, DeviceName, InputSize, Opening, Preprocessing

LAYER = f"{options.LAYERS} By default eight, spread over the depth."


def verify(
    model: options.Model,
    *,
    layer: Annotated[list[str], options.layers(LAYER)] = [],  # noqa: B006  (typer's way)
    images: options.Images,
    method: options.Method = "deconvnet",
    verbose: Annotated[bool, options.option("Print every check, and what happens to the signal.", "--verbose")] = False,
    device: DeviceName = "auto",
    seed: Annotated[int, options.seed("Of the random signals.")] = 0,
    input_size: InputSize = "",
    alias: Alias = None,
    destination: RecordDestination,
) -> int:
    """Prove on this model that its inverse is right: adjoint identity, forms that agree, CUDA kernels.

    Exit code 1 if a check fails.
    """
    from inspectnet.analyses import verify as analysis

    opening, policy = Opening(device, Preprocessing(input_size=input_size), alias), options.policy_of(method)
    network = opening.open(model, photos=False)
    photos = images.find(destination.out) if images.said else None
    result = destination.finish(
        [network],
        lambda progress: analysis.verify(network, layer, images=photos, method=policy, seed=seed, progress=progress),
        verbose=verbose,
    )
    return 0 if result.passed else 1
