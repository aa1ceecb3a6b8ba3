"""What is asked for of every image: whole layers, maps or units, perhaps pooled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from inspectnet.errors import OptionError
from inspectnet.geometry import Unit
from inspectnet.graph.addresses import Address, names_of
from inspectnet.graph.layers import Layer
from inspectnet.inverse import check_unit
from inspectnet.manifest import RequestedModel
from inspectnet.network import Network

POOLS = ("", "max", "mean")


@dataclass(frozen=True)
class ArrayRequest:
    """One array: the activations of a layer, of one of its maps or of a unit."""

    name: str
    """Its address: conv5, conv5:pre, conv5:7, conv5:7@3,3."""
    also: tuple[str, ...]
    """The same by the layer's other names."""
    value: str
    """The ONNX value that it is taken from."""
    map: int | None
    place: tuple[int, int] | None
    """y and x of the unit; None for all places, or a layer without any."""
    pooled: bool
    """Whether places are pooled."""
    shape: tuple[int, ...]
    """Of one image."""


@dataclass(frozen=True)
class Request:
    """All that decides what is kept of an image."""

    what: ClassVar[str] = "activations folder"
    maker: ClassVar[str] = "inspectnet activations"
    models: tuple[RequestedModel, ...]
    arrays: tuple[ArrayRequest, ...]
    pool: str
    """max, mean, or empty for whole maps."""
    shard_size: int
    batch_size: int

    def check(self) -> None:
        """Raise ValueError for what makes no sense."""
        if self.pool not in POOLS or not self.arrays or len(self.models) != 1:
            raise ValueError("it asks for no arrays of one model")
        for array in self.arrays:
            if any(extent < 1 for extent in array.shape):
                raise ValueError(f"{array.name} has the shape {array.shape}")


def request_arrays(network: Network, layers: str | Sequence[str], pool: str) -> tuple[list[Layer], list[ArrayRequest]]:
    """The layers that are meant, in the order they are asked for, and their arrays, each once.

    layers: names, globs or addresses. Raises LayerError, OptionError.
    """
    watched: dict[str, Layer] = {}
    arrays: dict[str, ArrayRequest] = {}
    for text in names_of(layers):
        address = network.address(text)
        for layer in network.match([address.layer]):
            array = _array(layer, replace(address, layer=layer.name), pool)
            watched[layer.output], arrays[array.name] = layer, array
    if not arrays:
        raise OptionError("there is no layer. Name one or more, as conv5, 'conv*' or conv5:212@6,6.")
    return list(watched.values()), list(arrays.values())


def _array(layer: Layer, address: Address, pool: str) -> ArrayRequest:
    if address.map is not None:
        check_unit(layer, Unit(0, address.map, address.y or 0, address.x or 0), 1)
    if pool and address.y is not None:
        raise OptionError(f"'{address}' is one unit, which has nothing to pool. Leave out --pool, or its place.")
    place = None if address.y is None or not layer.spatial else (address.y, address.x or 0)
    shape: tuple[int, ...] = (layer.maps,) if address.map is None else ()
    if layer.spatial and place is None and not pool:
        shape += layer.extent
    value = layer.pre if address.pre else layer.output
    also = tuple(str(replace(address, layer=name)) for name in layer.aliases if name != layer.name)
    return ArrayRequest(str(address), also, value, address.map, place, bool(pool and layer.spatial), shape)
