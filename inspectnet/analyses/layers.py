"""The catalogue of a network: its layers, what each is called, what its units see, whether it can be inverted."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from inspectnet.analyses.provenance import preprocess_of, provenance
from inspectnet.analyses.selection import refuse_without_layers
from inspectnet.arguments import checks_arguments
from inspectnet.graph.axis_field import AxisField
from inspectnet.graph.layers import Layer
from inspectnet.network import Network
from inspectnet.results import Axes, Preprocess, Result, derived


@dataclass(frozen=True)
class FieldAxis:
    """The receptive fields of a layer's units along one axis: unit i sees `size` pixels from `start + i * jump` on."""

    size: float
    jump: float
    """Negative where the map is flipped; a fraction in layers that enlarge."""
    start: float
    """Negative where unit 0 sees padding."""


@dataclass(frozen=True)
class LayerEntry:
    """What the catalogue says of one layer."""

    name: str
    aliases: tuple[str, ...]
    op: str
    """Its operators, from the bottom up, joined by +."""
    output: str
    """The ONNX name of its output."""
    shape: tuple[int | str | None, ...]
    """(N, C, H, W), or (N, C)."""
    field: Annotated[tuple[FieldAxis, ...], Axes("2")] | None
    """Along height and width; None where a unit sees the whole image."""
    parameters: int
    obstacle: str | None
    """Why no signal can come down from it; None if it can."""

    @derived
    def invertible(self) -> bool:
        """Whether a signal can come down from it."""
        return self.obstacle is None


@dataclass(frozen=True, repr=False, eq=False)
class Catalogue(Result):
    """The layers of a network, from the bottom up."""

    command: ClassVar[str] = "layers"
    input_shape: Annotated[tuple[int, ...], Axes("3")]
    """(C, H, W) of one image."""
    layers: tuple[LayerEntry, ...]
    unlisted_above: str | None
    """The operator above which not all layers are listed; None if all are."""
    preprocess: Preprocess | None
    """How photos become inputs, and where that was said; None if they do not."""


@checks_arguments
def layers(network: Network) -> Catalogue:
    """The layers of a network. Raises LayerError if it has none."""
    refuse_without_layers(network)
    return Catalogue(
        provenance([network], None, {}),
        network.input_shape,
        tuple(_entry(network, layer) for layer in network.layers),
        network.unknown,
        preprocess_of(network) if network.photos else None,
    )


def _entry(network: Network, layer: Layer) -> LayerEntry:
    field = None if layer.field is None else tuple(_axis(axis) for axis in layer.field)
    names, ops = (layer.name, layer.aliases), "+".join(layer.ops)
    obstacle = network.inverse().obstacle(layer.output)
    return LayerEntry(*names, ops, layer.output, layer.shape, field, layer.parameters, obstacle)


def _axis(axis: AxisField) -> FieldAxis:
    return FieldAxis(float(axis.size), float(axis.jump), float(axis.start))
