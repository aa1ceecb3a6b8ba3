"""inspectnet MODEL.onnx: what a file holds, in a few lines, and how to go on."""

import shlex
from pathlib import Path

from inspectnet.errors import counted
from inspectnet.report.lines import show


def show_overview(path: Path) -> None:
    """Print what a network takes, has and says, and commands to go on with. Raises ModelError, OptionError."""
    from inspectnet.analyses.selection import refuse_without_layers
    from inspectnet.graph.unlisted import tell_unlisted
    from inspectnet.opening import open_network

    network = open_network(path, device="cpu")
    refuse_without_layers(network)
    layers, named = network.layers, len(network.classes)
    size = "x".join(map(str, network.input_shape))
    maps, parameters = sum(layer.maps for layer in layers), sum(layer.parameters for layer in layers)
    show(f"{path.name}: images {size}" + (f", {counted(named, 'classes')} with names" if named else ""))
    named_layers = f"{counted(len(layers), 'layers')}, {layers[0].name} to {layers[-1].name}"
    show(f"{named_layers}: {maps:,} maps, {parameters:,} parameters")
    if network.unknown:
        show(tell_unlisted(network.unknown))
    show(f"preprocessing: {network.preparation_source if network.photos else 'none, for it takes no photos'}")
    show()
    file = shlex.quote(str(path))
    show(f"inspectnet layers {file}")
    if network.photos:
        best = next((layer for layer in reversed(layers) if "Conv" in layer.ops), layers[-1])
        show(f"inspectnet explore {file} --images photos/")
        show(f"inspectnet report {file} --images photos/ -o site")
        show(f"inspectnet deconv {file} --layer {shlex.quote(best.name)} --images photos/")
    else:
        show(f"inspectnet verify {file}")
    show("inspectnet --help  # all commands")
