"""Projection: signals taken from units down to pixels, each through no more of the image than its unit can see.

Where a unit sees all of the image, one forward run serves all its seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.inverse.unit_crops import crop_of, place_of, position, seed_shape
from inspectnet.inverse.walk import OWNER, PIXELS, SEED
from inspectnet.runtime.batches import filled
from inspectnet.runtime.session import Session

T = TypeVar("T")


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


def project_cropped(
    session: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit], pixels_per_run: int
) -> Iterator[Projection]:
    """The projections of `units` through crops of x (N, C, H, W); session is the fused inverse of any extent."""
    crop = crop_of(layer, x.shape[2:])
    for part in runs(units, crop.size, pixels_per_run):
        places = [place_of(layer, unit, crop) for unit in part]
        seed = seeds([(unit, at) for unit, (_, at) in zip(part, places, strict=True)], crop.seed)
        image = np.stack([x[unit.image][:, *box.slices] for unit, (box, _) in zip(part, places, strict=True)])
        pixels = _fused(session, image, seed)
        yield from (Projection(p, box) for p, (box, _) in zip(pixels, places, strict=True))


def project_shared(
    forward: Session, backward: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit], pixels_per_run: int
) -> Iterator[Projection]:
    """The projections of `units` on the whole images: each image goes up once, however many seeds come down."""
    done: dict[int, Projection] = {}
    whole = Box.at(0, 0, x.shape[2:])
    for image in sorted({unit.image for unit in units}):
        own = [number for number, unit in enumerate(units) if unit.image == image]
        recorded = forward.run_kept({forward.inputs[0]: x[image : image + 1]})
        for part in runs(own, whole.size, pixels_per_run):
            seed = seeds_of(layer, [units[number] for number in part])
            pixels = run_backward(backward, recorded, seed, np.zeros(len(part), np.int64))
            done.update((number, Projection(p, whole)) for number, p in zip(part, pixels, strict=True))
    return (done[number] for number in range(len(units)))


def project_singly(
    session: Session, layer: Layer, x: np.ndarray, units: Sequence[Unit], batch: int | None
) -> Iterator[Projection]:
    """The projections of `units` on the whole images, one by one; session is the fused inverse.

    batch: the batch size that the graph insists on, if it does.
    """
    for unit in units:
        image = x[unit.image : unit.image + 1]
        pixels = project_seeds(session, image, seeds_of(layer, [unit]), batch or 1, filling=True)[0]
        yield Projection(pixels, Box.at(0, 0, x.shape[2:]))


def project_seeds(
    session: Session, x: np.ndarray, seed: np.ndarray, batch: int, *, filling: bool = False
) -> np.ndarray:
    """The pixels (N, C, H, W) of a seed (N, ...) for each image of x, `batch` at a time; session is a fused inverse.

    filling: whether the graph insists on that batch size.
    """
    pixels = []
    for i in range(0, len(x), batch):
        image, top = x[i : i + batch], seed[i : i + batch]
        size = batch if filling else len(image)
        pixels.append(_fused(session, filled(image, size), filled(top, size))[: len(image)])
    return np.concatenate(pixels)


def run_backward(backward: Session, recorded: dict[str, object], seed: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The pixels (S, C, H, W) of seeds (S, ...), each with the recorded tensors of its image `owner` (S,)."""
    feeds = {SEED: seed, OWNER: owner, **recorded}
    return backward.run({name: feeds[name] for name in backward.inputs})[PIXELS]


def seeds_of(layer: Layer, units: Sequence[Unit]) -> np.ndarray:
    """(S, *shape of the layer) float32: for each unit its value at its position, zero elsewhere."""
    return seeds([(unit, position(layer, unit)) for unit in units], seed_shape(layer))


def seeds(units: Sequence[tuple[Unit, tuple[int, ...]]], shape: tuple[int, ...]) -> np.ndarray:
    """(S, *shape) float32: for each unit its value at a position of its map, zero elsewhere."""
    seed = np.zeros((len(units), *shape), np.float32)
    for row, (unit, at) in zip(seed, units, strict=True):
        row[(unit.map, *at)] = unit.value
    return seed


def _fused(session: Session, image: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """A method whose way down needs nothing of the image has no image input."""
    feeds = {name: seed if name == SEED else image for name in session.inputs}
    return session.run(feeds)[PIXELS]


def run_size(size: Sequence[int], pixels_per_run: int) -> int:
    """How many images of (H, W) a run takes."""
    return max(1, pixels_per_run // (size[0] * size[1]))


def runs(items: Sequence[T], size: Sequence[int], pixels_per_run: int) -> Iterator[Sequence[T]]:
    """The items, each of which takes an image of `size` (h, w), in runs of bounded size."""
    count = run_size(size, pixels_per_run)
    return (items[i : i + count] for i in range(0, len(items), count))
