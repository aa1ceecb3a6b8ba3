"""Opened networks in a manifest: what it says of one, and whether another is the same."""

from collections.abc import Sequence

from inspectnet.graph.layers import Layer
from inspectnet.manifest.manifest import RequestedLayer, RequestedModel
from inspectnet.network import Network


def requested_model(network: Network, layers: Sequence[Layer]) -> RequestedModel:
    """What a manifest says of a network. Raises ModelError for one that takes no photos."""
    watched = tuple(RequestedLayer(layer.name, layer.output, layer.maps) for layer in layers)
    return RequestedModel(str(network.path.resolve()), network.sha256, preprocess_of(network), watched)


def preprocess_of(network: Network) -> dict[str, object]:
    """How photos become the network's inputs, as JSON holds it."""
    return network.preparation.to_json()
