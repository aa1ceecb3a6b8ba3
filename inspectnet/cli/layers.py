"""inspectnet layers: the catalogue of a model."""

from inspectnet.cli import options
from inspectnet.cli.destination import RecordDestination
from inspectnet.cli.opening import Alias, DeviceName, InputSize, Opening, Preprocessing


def layers(
    model: options.Model,
    input_size: InputSize = "",
    alias: Alias = None,
    device: DeviceName = "cpu",
    *,
    destination: RecordDestination,
) -> None:
    """List the layers of a model: names, shapes, receptive fields, and whether they can be inverted."""
    from inspectnet.analyses import layers as analysis

    network = Opening(device, Preprocessing(input_size=input_size), alias).open(model, photos=False)
    destination.finish([network], lambda _: analysis.layers(network))
