"""Projection: signals taken from units down to pixels, each through no more of the image than its unit can see.

A unit sees its receptive field only, so its signal needs a crop of the image that holds the field and is aligned
with every map on the way: the crop's result equals that of the whole image to the last bits of float32. Where a
unit sees all of the image, one forward run serves all its seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from inspectnet.errors import LayerError
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.inverse import OWNER, PIXELS, SEED
from inspectnet.runtime.session import Session

T = TypeVar("T")

PIXELS_PER_RUN = 1 << 20  # of the image, all seeds of one run together: more brings no more speed, only memory


@dataclass(frozen=True)
class Maxima:
    """The strongest unit of each map in each image."""

    values: np.ndarray
    """(N, K) float32: the activation."""
    places: np.ndarray
    """(N, K, 2) int64: its y and x in the map, the first one of equals; 0 for a layer without extent."""

    def unit(self, image: int, map: int) -> Unit:
        """The strongest unit of a map in an image, with its activation."""
        y, x = self.places[image, map].tolist()
        return Unit(image, map, y, x, float(self.values[image, map]))


@dataclass(frozen=True)
class Projection:
    """What one unit's signal becomes in pixel space; zero outside `pixels`."""

    pixels: np.ndarray
    """(C, h, w), in the units of the prepared image."""
    box: Box
    """Where in the image they lie."""

    def window(self, box: Box) -> np.ndarray:
        """The pixels (C, h, w) of another box, zero where it reaches beyond."""
        return box.moved(-self.box.y0, -self.box.x0).cut(self.pixels)


def field_box(layer: Layer, y: int, x: int, image: tuple[int, int]) -> Box:
    """What the unit (y, x) sees of an image (H, W), all of it where a field is as large.

    All boxes of a layer have one size, though units of layers that enlarge may see a pixel less.
    """
    if layer.field is None or any(axis.size >= extent for axis, extent in zip(layer.field, image, strict=True)):
        return Box.at(0, 0, image)
    (top, height), (left, width) = ((axis.span(p)[0], axis.box) for axis, p in zip(layer.field, (y, x), strict=True))
    return Box.at(top, left, (height, width))


@dataclass(frozen=True)
class Crop:
    """How far a layer's units look: the crop they need, and the shape of the layer's maps on it."""

    height: int
    width: int
    seed: tuple[int, ...]
    """(K, h, w), or (K,) for a layer without extent."""
    whole: bool
    """Whether the crop is the whole image."""


def check_unit(layer: Layer, unit: Unit, images: int) -> None:
    """Raise LayerError for a unit that the layer, or an image that the batch does not have."""
    h, w = layer.extent
    inside = 0 <= unit.map < layer.maps and 0 <= unit.y < h and 0 <= unit.x < w
    if not inside:
        what = f"{layer.name} has {layer.maps} maps of {h}x{w}"
        raise LayerError(f"{what}; there is no unit {unit.map}@{unit.y},{unit.x}.")
    if not 0 <= unit.image < images:
        raise LayerError(f"there is no image {unit.image} in a batch of {images}.")


def crop_of(layer: Layer, image: tuple[int, int]) -> Crop:
    """The crop that holds the field of any one unit of `layer` on an image of (H, W)."""
    maps = tuple(int(n) for n in layer.shape[1:])  # type: ignore[arg-type]
    if layer.field is None or not layer.spatial:
        return Crop(*image, seed=maps, whole=True)
    height, width = layer.field
    whole = (height.crop, width.crop) == tuple(image)
    return Crop(height.crop, width.crop, seed=(maps[0], height.crop_extent, width.crop_extent), whole=whole)


def project_cropped(session: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit]) -> Iterator[Projection]:
    """The projections of `units` through crops of x (N, C, H, W); session is the fused inverse of any extent."""
    crop = crop_of(layer, x.shape[2:])
    for part in _runs(units, crop.height * crop.width):
        seed = np.zeros((len(part), *crop.seed), np.float32)
        image = np.empty((len(part), x.shape[1], crop.height, crop.width), np.float32)
        places = [_place(layer, unit, crop) for unit in part]
        for i, (unit, (box, at)) in enumerate(zip(part, places, strict=True)):
            seed[(i, unit.map, *at)] = unit.value
            image[i] = x[unit.image][:, *box.slices]
        pixels = _fused(session, image, seed)
        yield from (Projection(p, box) for p, (box, _) in zip(pixels, places, strict=True))


def project_shared(
    forward: Session, backward: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit]
) -> Iterator[Projection]:
    """The projections of `units` on the whole images: each image goes up once, however many seeds come down."""
    maps = tuple(int(n) for n in layer.shape[1:])  # type: ignore[arg-type]
    done: dict[int, Projection] = {}
    for image in sorted({unit.image for unit in units}):
        own = [number for number, unit in enumerate(units) if unit.image == image]
        recorded = forward.run_kept({forward.inputs[0]: x[image : image + 1]})
        for part in _runs(own, x.shape[2] * x.shape[3]):
            seed = np.zeros((len(part), *maps), np.float32)
            for row, unit in enumerate(units[number] for number in part):
                seed[(row, unit.map, *_at(layer, unit))] = unit.value
            pixels = run_backward(backward, recorded, seed, np.zeros(len(part), np.int64))
            done.update(
                (number, Projection(p, Box.at(0, 0, x.shape[2:]))) for number, p in zip(part, pixels, strict=True)
            )
    return (done[number] for number in range(len(units)))


def project_owned(
    forward: Session, backward: Session, x: np.ndarray, seed: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """The pixels (S, C, H, W) of seeds (S, ...), each through its image `owner` (S,) of x, all images at once."""
    return run_backward(backward, forward.run_kept({forward.inputs[0]: x}), seed, owner)


def project_singly(
    session: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit], batch: int
) -> Iterator[Projection]:
    """The projections of `units` on the whole images, one by one, for a graph that insists on a batch size."""
    for unit in units:
        seed = np.zeros((1, *(int(n) for n in layer.shape[1:])), np.float32)  # type: ignore[arg-type]
        seed[(0, unit.map, *_at(layer, unit))] = unit.value
        image = x[unit.image : unit.image + 1]
        yield Projection(project_seeds(session, image, seed, batch=batch)[0], Box.at(0, 0, x.shape[2:]))


def filled(x: np.ndarray, size: int) -> np.ndarray:
    """A batch made up to `size` rows by repeating its last one."""
    return x if len(x) == size else np.concatenate([x, np.repeat(x[-1:], size - len(x), axis=0)])


def run_forward(session: Session, x: np.ndarray, batch: int | None) -> dict[str, np.ndarray]:
    """All outputs for images x, which a graph that insists on a batch size gets in parts, the last one filled up."""
    size = batch or len(x)
    if len(x) == size:
        return session.run({session.inputs[0]: x})  # as they are: what holds extents has no row for each image
    runs = [session.run({session.inputs[0]: filled(x[i : i + size], size)}) for i in range(0, len(x), size)]
    return {name: np.concatenate([run[name] for run in runs])[: len(x)] for name in session.outputs}


def run_backward(backward: Session, recorded: dict[str, object], seed: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The pixels (S, C, H, W) of seeds (S, ...), each with the recorded tensors of its image `owner` (S,)."""
    feeds = {SEED: seed, OWNER: owner, **recorded}
    return backward.run({name: feeds[name] for name in backward.inputs})[PIXELS]


def project_seeds(session: Session, x: np.ndarray, seed: np.ndarray, *, batch: int | None = None) -> np.ndarray:
    """The pixels (N, C, H, W) of a seed (N, ...) for each image of x; session is a fused inverse.

    batch: the batch size that the graph insists on, if it does.
    """
    size = batch or max(1, PIXELS_PER_RUN // (x.shape[2] * x.shape[3]))
    pixels = []
    for i in range(0, len(x), size):
        image, top = x[i : i + size], seed[i : i + size]
        pixels.append(_fused(session, filled(image, batch or len(image)), filled(top, batch or len(top)))[: len(image)])
    return np.concatenate(pixels)


def _fused(session: Session, image: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """A method whose way down needs nothing of the image has no image input."""
    feeds = {name: seed if name == SEED else image for name in session.inputs}
    return session.run(feeds)[PIXELS]


def _runs(items: Sequence[T], pixels: int) -> Iterator[Sequence[T]]:
    """The items in runs of bounded size."""
    size = max(1, PIXELS_PER_RUN // pixels)
    return (items[i : i + size] for i in range(0, len(items), size))


def _at(layer: Layer, unit: Unit) -> tuple[int, ...]:
    return (unit.y, unit.x) if layer.spatial else ()


def _place(layer: Layer, unit: Unit, crop: Crop) -> tuple[Box, tuple[int, ...]]:
    """The crop of the image for `unit`, and where the unit lies on the crop's map."""
    size = crop.height, crop.width
    if crop.whole or layer.field is None:
        return Box.at(0, 0, size), _at(layer, unit)
    (top, y), (left, x) = (
        (axis.crop_start(p), axis.place(p)) for axis, p in zip(layer.field, (unit.y, unit.x), strict=True)
    )
    return Box.at(top, left, size), (y, x)
