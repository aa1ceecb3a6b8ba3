"""Crops: the part of an image that a unit's signal needs on its way down, and where the unit lies in it.

A unit sees its receptive field only, so a crop that holds the field and is aligned with every map on the way gives what
the whole image gives, to the last bits of float32.
"""

from dataclasses import dataclass

from inspectnet.errors import LayerError
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer


@dataclass(frozen=True)
class Crop:
    """How far a layer's units look: the crop they need, and the shape of the layer's maps on it."""

    size: tuple[int, int]
    """(h, w)."""
    seed: tuple[int, ...]
    """(K, h, w), or (K,) for a layer without extent."""
    whole: bool
    """Whether the crop is the whole image."""


def crop_of(layer: Layer, image: tuple[int, int]) -> Crop:
    """The crop that holds the field of any one unit of `layer` on an image of (H, W)."""
    if layer.field is None or not layer.spatial:
        return Crop(image, seed_shape(layer), whole=True)
    height, width = layer.field
    size = height.crop, width.crop
    return Crop(size, (layer.maps, height.crop_extent, width.crop_extent), whole=size == tuple(image))


def place_of(layer: Layer, unit: Unit, crop: Crop) -> tuple[Box, tuple[int, ...]]:
    """The crop of the image for a unit, and where the unit lies on the crop's map."""
    if crop.whole or layer.field is None:
        return Box.at(0, 0, crop.size), position(layer, unit)
    height, width = layer.field
    box = Box.at(height.crop_start(unit.y), width.crop_start(unit.x), crop.size)
    return box, (height.place(unit.y), width.place(unit.x))


def position(layer: Layer, unit: Unit) -> tuple[int, ...]:
    """(y, x) of a unit, () in a layer without extent: its index in a map."""
    return (unit.y, unit.x) if layer.spatial else ()


def seed_shape(layer: Layer) -> tuple[int, ...]:
    """The shape of the signal on a layer for one image."""
    return (layer.maps, *layer.extent) if layer.spatial else (layer.maps,)


def field_box(layer: Layer, y: int, x: int, image: tuple[int, int]) -> Box:
    """What the unit (y, x) sees of an image (H, W), all of it where a field is as large.

    All boxes of a layer have one size, though units of layers that enlarge may see a pixel less.
    """
    if layer.field is None or any(axis.size >= extent for axis, extent in zip(layer.field, image, strict=True)):
        return Box.at(0, 0, image)
    height, width = layer.field
    return Box.at(height.span(y)[0], width.span(x)[0], (height.box, width.box))


def check_unit(layer: Layer, unit: Unit, images: int) -> None:
    """Raise LayerError for a unit that the layer, or an image that the batch does not have."""
    h, w = layer.extent
    if not (0 <= unit.map < layer.maps and 0 <= unit.y < h and 0 <= unit.x < w):
        what = f"{layer.name} has {layer.maps} maps of {h}x{w}"
        raise LayerError(f"{what}; there is no unit {unit.map}@{unit.y},{unit.x}.")
    if not 0 <= unit.image < images:
        raise LayerError(f"there is no image {unit.image} in a batch of {images}.")
