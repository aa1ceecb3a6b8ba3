"""Occlusion: what a square that hides part of a photo does to a map's activity and to the answer.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 7: if hiding a place makes a class less probable, the network looks at the
object there and not at its surroundings; if the activity of a map drops where its projection shows structure, the
projection shows what excites the map.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import LayerError, ModelError, OptionError
from inspectnet.geometry import Box, Unit
from inspectnet.graph.layers import Layer
from inspectnet.images.occluder import Grid, check_fill, cover_of, occluded, slide
from inspectnet.network import Network
from inspectnet.rules import Policy

STRENGTHS = ("sum", "max")
NUMBERS_PER_RUN = 1 << 25  # float32 in images and maps of one run of the network: 128 MB


@dataclass(frozen=True)
class Response:
    """What the network answers to n images."""

    probabilities: np.ndarray
    """(n, classes) float64."""
    activity: tuple[np.ndarray, ...]
    """By layer (n, maps) float64: each of its maps, added up over its places."""


@dataclass(frozen=True)
class WatchedMap:
    """A map of one layer, and what hiding each place of the photo does to it."""

    layer: Layer
    map: int
    whole: np.ndarray
    """(maps,) float64: each map of the layer, added up over its places, with nothing hidden."""
    activity: np.ndarray
    """(h, w) float64: the map's, added up over its places (Fig. 7 b)."""
    projection: np.ndarray
    """(C, H, W) float32: of the map's strongest unit in the whole photo (Fig. 7 c)."""
    unit: Unit
    """That unit."""
    energy: np.ndarray
    """(h, w): the squares of the projection, added up under the occluder."""

    @property
    def activity_drop(self) -> np.ndarray:
        """(h, w): how much less active the map is than in the whole photo."""
        return np.asarray(self.whole[self.map] - self.activity)


@dataclass(frozen=True)
class Occlusion:
    """What hiding each place of one photo does; maps (h, w) have a number for each place of the square."""

    target: int
    """The class that is watched."""
    grid: Grid
    cover: np.ndarray
    """(C, H, W) float32: what stands in the square, in prepared units."""
    whole: np.ndarray
    """(classes,) float64: the probabilities with nothing hidden."""
    probability: np.ndarray
    """(h, w) float64: of the class (Fig. 7 d)."""
    label: np.ndarray
    """(h, w) int64: the most probable class (Fig. 7 e)."""
    label_probability: np.ndarray
    """(h, w) float64: its probability."""
    watched: tuple[WatchedMap, ...]
    """The maps, layer by layer."""

    @property
    def probability_drop(self) -> np.ndarray:
        """(h, w): how much less probable the class is than in the whole photo."""
        return np.asarray(self.whole[self.target] - self.probability)


def occlude(
    network: Network,
    x: np.ndarray,
    layers: Sequence[str],
    *,
    target: int | None = None,
    maps: Mapping[str, Sequence[int]] | None = None,
    by: str = "sum",
    patch: int | None = None,
    stride: int | None = None,
    fill: str = "grey",
    seed: int = 0,
    policy: Policy | None = None,
    batch_size: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Occlusion:
    """What hiding each place of one prepared photo x (C, H, W) does to a map of each layer and to the classes.

    target: a class, by default the photo's most probable one. maps: by layer those to watch, by default the strongest
    in the whole photo, by its sum over places or its max. patch, stride: px, see `slide`; fill: see `cover_of`. One
    pass over the places serves all layers; memory does not grow with the number of places. on_progress gets how many
    more are done. Raises OptionError, LayerError, ModelError, RuleError.
    """
    check_choices(fill, by)
    if not layers:
        raise LayerError("there is no layer to watch. Name at least one.")
    found = [layer_of(network, name) for name in layers]
    grid = slide(network.input_shape[1:], patch, stride)
    x = np.asarray(x, np.float32)
    cover = cover_of(fill, x, network.preparation, grid.patch, seed)
    whole = answer(network, x[None], found)
    classes = whole.probabilities[0]
    target = int(classes.argmax()) if target is None else _checked(target, "class", len(classes))
    units = network.maxima(x[None], [layer.output for layer in found])
    strengths = [units[layer.output].values[0] for layer in found] if by == "max" else [s[0] for s in whole.activity]
    chosen = [_numbers((maps or {}).get(name), each) for name, each in zip(layers, strengths, strict=True)]
    pairs = [(i, number) for i, numbers in enumerate(chosen) for number in numbers]
    parts = []
    for each in respond(network, x, cover, grid, found, batch_size):
        likely = each.probabilities
        sums = [each.activity[i][:, number] for i, number in pairs]
        parts.append((likely[:, target], likely.argmax(axis=1), likely.max(axis=1), *sums))
        if on_progress:
            on_progress(len(likely))
    panels = (np.concatenate(part).reshape(grid.shape) for part in zip(*parts, strict=True))
    probability, label, label_probability, *activities = panels
    watched = []
    for (i, number), activity in zip(pairs, activities, strict=True):
        unit = units[found[i].output].unit(0, number)
        projection = _project(network, x, found[i], unit, policy)
        energy = grid.sums((projection.astype(np.float64) ** 2).sum(axis=0))
        watched.append(WatchedMap(found[i], number, whole.activity[i][0], activity, projection, unit, energy))
    return Occlusion(target, grid, cover, classes, probability, label, label_probability, tuple(watched))


def respond(
    network: Network,
    x: np.ndarray,
    cover: np.ndarray,
    grid: Grid,
    layers: Sequence[Layer],
    batch_size: int | None = None,
) -> Iterator[Response]:
    """The answers to the image x (C, H, W) with a square of `cover` at each of the grid's corners, in their order.

    They come in batches, of a size that keeps memory bounded. This is the one place that runs the network on hidden
    images: an engine that computes only what a square changes has the same arguments and gives the same.
    """
    size, corners = batch_size or batch_for(network, layers), grid.corners
    for first in range(0, len(corners), size):
        yield answer(network, occluded(x, cover, corners[first : first + size], grid.patch), layers)


def answer(network: Network, x: np.ndarray, layers: Sequence[Layer]) -> Response:
    """The answers to prepared images x (N, C, H, W), of all layers in one run.

    Raises ModelError for one that is no number.
    """
    logits = network.class_scores().logits
    values = network.values(x, [logits, *(layer.output for layer in layers)])
    activity = tuple(values[layer.output].sum(axis=(2, 3), dtype=np.float64) for layer in layers)
    for layer, sums in zip(layers, activity, strict=True):
        if not np.isfinite(sums).all():
            raise ModelError(f"{layer.name} of {network.path} holds NaN or infinity. Check the model's weights.")
    return Response(network.softmax(values[logits]), activity)


def check_choices(fill: str, by: str) -> None:
    """Raise OptionError for a fill or a measure of strength that does not exist."""
    check_fill(fill)
    if by not in STRENGTHS:
        raise OptionError(f"maps are not compared by '{by}'. Say {' or '.join(STRENGTHS)}.")


def batch_for(network: Network, layers: Sequence[Layer]) -> int:
    """Images per run: what keeps the device busy, and no more than fits in memory with the maps of all layers."""
    shapes = [network.input_shape, *(layer.shape[1:] for layer in layers)]
    numbers = [int(np.prod(shape)) for shape in shapes]  # type: ignore[arg-type]
    return network.fixed_batch or max(1, min(64 if network.device.cuda else 16, NUMBERS_PER_RUN // sum(numbers)))


def layer_of(network: Network, name: str) -> Layer:
    """The layer `name`, if it has maps. Raises LayerError."""
    layer = network.layer(name)
    if not layer.spatial:
        raise LayerError(
            f"{name} has no maps, only {layer.maps} units. Choose a layer below it, as the last convolution."
        )
    return layer


def _numbers(asked: Sequence[int] | None, strengths: np.ndarray) -> list[int]:
    """The maps of a layer to watch: those asked for, else the strongest one."""
    return [_checked(number, "map", len(strengths)) for number in asked or [int(strengths.argmax())]]


def _project(network: Network, x: np.ndarray, layer: Layer, unit: Unit, policy: Policy | None) -> np.ndarray:
    """The unit's projection (C, H, W), zero where the unit does not look."""
    (found,) = network.inverse(policy).project(x[None], layer.output, [unit])
    return found.window(Box.at(0, 0, x.shape[1:]))


def _checked(number: int, what: str, count: int) -> int:
    if not 0 <= number < count:
        error = LayerError if what == "map" else OptionError
        raise error(f"there is no {what} {number}: there are {count}, 0 to {count - 1}.")
    return number
