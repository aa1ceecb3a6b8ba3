"""The examples of units as tiles: strongest activations projected beside their patches, and images at quantiles.

A unit's tiles show parts of one size, as large as the signal of the strongest is; so the strongest one alone looks the
same as among the nine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.explorer.contract import EXAMPLES, Corners, Example, short
from inspectnet.explorer.kept_reader import KeptReader
from inspectnet.explorer.photos import Photos
from inspectnet.explorer.sprites import Pixels, blank, make_tile
from inspectnet.figures.display import Display, mark_beyond
from inspectnet.figures.page import Worded
from inspectnet.geometry import Box
from inspectnet.graph.layers import Layer
from inspectnet.images import Keys, Reader
from inspectnet.inverse import field_box
from inspectnet.network import Network
from inspectnet.report.signals import in_rgb, show_signals
from inspectnet.results import Model
from inspectnet.rules import Policy
from inspectnet.scanning import GREY, Feature, Ranking, project_winners

MAPS_AT_ONCE = 16  # whose projections are in memory together
DISPLAY = Display()


@dataclass(frozen=True)
class UnitTiles:
    """The tiles of a unit, and what they are of."""

    examples: list[Example]
    projections: list[Pixels]
    patches: list[Pixels]


def project_units(
    network: Network,
    model: Model,
    reader: Reader,
    ranking: Ranking,
    units: Sequence[int],
    policy: Policy,
    photos: Photos,
    advance: Callable[[int], object] = lambda n: None,
) -> Iterator[UnitTiles]:
    """The strongest activations of each unit, as tiles; none of a unit that nothing excites.

    Raises as `project_winners`.
    """
    for first in range(0, len(units), MAPS_AT_ONCE):
        part = units[first : first + MAPS_AT_ONCE]
        features = project_winners(network, reader, ranking, part, policy, advance=advance)
        for unit in part:
            numbers = photos.numbers(ranking.keys[unit, : len(features[unit])])
            yield _tiles(model, features[unit], numbers)


def _tiles(model: Model, features: Sequence[Feature], photos: Sequence[int]) -> UnitTiles:
    if not features:
        return UnitTiles([], [], [])
    signals = np.stack([feature.projection for feature in features])
    patches = np.stack([feature.patch for feature in features])
    boxes = [feature.activation.box for feature in features]
    windows = DISPLAY.windows(signals, decide=1)
    shown = show_signals(model, DISPLAY, [signals], boxes=[boxes], patches=[patches], windows=windows)
    rgb = in_rgb(signals, model)
    examples = [
        Example(
            photo, short(at.value), at.y, at.x, corners(at.box), corners(window.moved(at.box.y0, at.box.x0)),
            short(DISPLAY.limit(signal[:, *window.slices])),
        )
        for photo, at, window, signal in zip(photos, (f.activation for f in features), windows, rgb, strict=True)
    ]  # fmt: skip
    pictures = [tile.pixels if isinstance(tile, Worded) else tile for tile in shown.signals[0]]
    return UnitTiles(examples, list(map(make_tile, pictures)), list(map(make_tile, shown.patches[0])))


def filled(tiles: Sequence[Pixels], count: int = EXAMPLES) -> list[Pixels]:
    """So many tiles, blank where there are fewer."""
    return [*tiles, *(blank() for _ in range(count - len(tiles)))]


def cut_patch(reader: KeptReader, layer: Layer, key: Keys, y: int, x: int) -> tuple[Pixels, Box]:
    """What the unit (y, x) of a layer sees of a row, as a tile, and where. Raises ImageError."""
    entry, top, left = key.tolist()
    photo = reader.seen(entry, (top, left))
    box = field_box(layer, y, x, photo.shape[:2])
    picture = box.cut(photo.transpose(2, 0, 1), GREY).transpose(1, 2, 0)
    return make_tile(mark_beyond(picture, box, photo.shape[:2])), box


def corners(box: Box) -> Corners:
    """A box, as the page has it."""
    return (box.x0, box.y0, box.x1, box.y1)
