"""Invariance: how far features, and the probability of the true class, move when a photo is shifted, scaled, rotated.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 5: "small transformations have a dramatic effect in the first layer of the
model, but a lesser impact at the top feature layer, being quasi-linear for translation & scaling". The paper does not
say how its distances are normalised: here relative to the untouched features, or raw, or one minus the cosine.
Shifts of one pixel show aliasing: Zhang 2019, sec. 4, counts how often two shifts of a photo get the same answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import ModelError, OptionError, nearest
from inspectnet.images import changes
from inspectnet.images.changes import Change, Scene, make_scene
from inspectnet.images.fit import Pixels
from inspectnet.network import Network

TRANSFORMS = ("translate", "scale", "rotate")
DISTANCES = ("relative", "raw", "cosine")
DIRECTIONS = {"vertical": (1, 0), "horizontal": (0, 1), "diagonal": (1, 1)}
NEUTRAL = {"translate": 0.0, "scale": 1.0, "rotate": 0.0}
PAPER_SIDE, PAPER_REACH, PAPER_STEP = 224, 60, 5  # px: its shifts, which grow with the network's input
SMALL = 1 / 12  # of a sweep is a small change: 5 of 60 px


@dataclass(frozen=True)
class Slope:
    """How steeply a distance begins to grow, and how steeply it grows on the whole."""

    initial: float
    """Distance for each px, ratio or degree over the first twelfth of the sweep."""
    overall: float
    """Slope of the line through the origin that fits the sweep best."""
    linearity: float
    """R^2 of that line: 1 is a straight one, below 0 says less than no change at all would."""
    jump: float | None
    """Where the best line through all changes but none begins: what any costs at once, as softer pixels in between."""
    beyond: float | None
    """R^2 of that second line; None with `jump` for less than three sizes of change."""

    @property
    def sharpness(self) -> float:
        """How many times steeper it begins: 1 is a straight line, more is a sharp change that then saturates."""
        return float(self.initial / self.overall)


@dataclass(frozen=True)
class Sweep:
    """What N photos become along T changes of one kind."""

    transform: str
    amounts: np.ndarray
    """(T,) float64: px downwards (or in the direction that was said), ratio, degrees counter-clockwise."""
    distances: dict[str, np.ndarray]
    """By layer (N, T) float64: from the features of the untouched photo."""
    probability: np.ndarray
    """(N, T) float64: of the photo's class."""
    predicted: np.ndarray
    """(N, T) int64: the most likely class."""

    @property
    def size(self) -> np.ndarray:
        """(T,) float64: how large each change is, whatever its sign; a rotation of 350 degrees is one of 10."""
        if self.transform == "rotate":
            turned = np.abs(self.amounts) % 360
            return np.asarray(np.minimum(turned, 360 - turned))
        return np.asarray(np.abs(self.amounts - NEUTRAL[self.transform]))

    def slope(self, layer: str) -> Slope | None:
        """How the mean distance at a layer grows with the size of the change; None if it does not."""
        sizes, places = np.unique(np.append(self.size, 0), return_inverse=True)
        sums = np.bincount(places, np.append(self.distances[layer].mean(axis=0), 0))
        curve = sums / np.bincount(places)
        curve[0] = 0
        if not curve.any():
            return None
        small = sizes[-1] * SMALL
        overall = float(sizes @ curve / (sizes @ sizes))
        missed = np.square(curve - overall * sizes).sum() / np.square(curve - curve.mean()).sum()
        initial = float(np.interp(small, sizes, curve)) / small
        return Slope(initial, overall, 1 - float(missed), *_line_beyond(sizes[1:], curve[1:]))

    def consistency(self) -> float:
        """Probability that two different changes of a photo, drawn at random, get the same answer (Zhang 2019)."""
        count = self.predicted.shape[1]
        same = (self.predicted[:, :, None] == self.predicted[:, None]).sum(axis=(1, 2)) - count
        return float(same.mean() / (count * (count - 1)))

    def neighbour_consistency(self) -> float:
        """The part of the steps from one change to the next at which the answer stays the same."""
        return float((self.predicted[:, 1:] == self.predicted[:, :-1]).mean())

    def roughness(self, values: np.ndarray) -> float | None:
        """How far curves (N, T) wobble from step to step: mean distance of a point from the middle of its neighbours.

        In parts of the curves' mean, so 0 is a straight line; None if they are all zero. With steps of one pixel
        this is aliasing.
        """
        middle = (values[:, 2:] + values[:, :-2]) / 2
        mean = float(np.abs(values).mean())
        return float(np.abs(values[:, 1:-1] - middle).mean()) / mean if mean and middle.size else None


def invariance(
    network: Network,
    photos: Sequence[Pixels],
    classes: np.ndarray | None = None,
    layers: Sequence[str] = (),
    *,
    amounts: Mapping[str, np.ndarray] | None = None,
    distance: str = "relative",
    direction: str = "vertical",
    border: str = "photo",
    batch_size: int = 16,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Sweep, ...]:
    """The sweep of each transform over RGB photos [h, w, 3], uint8, of any sizes.

    classes (N,): the true ones; by default what the network takes the untouched photos for. layers: by default the
    first one and the last hidden one. amounts: by transform (T,), by default as `paper_amounts` has them. border: as
    for `make_scene`. on_progress gets how many more changed photos are done. Raises LayerError, OptionError,
    ImageError, ModelError for answers that are no numbers.
    """
    check_choices(distance, direction, border)
    amounts = amounts or {name: paper_amounts(name, network.input_shape[1:]) for name in TRANSFORMS}
    _check_amounts(amounts)
    found = [network.layer(name) for name in layers or ends(network)]
    outputs = {layer.name: layer.output for layer in found}
    logits, shape = network.logits
    if classes is not None:
        _check_classes(classes, len(photos), math.prod(shape))
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in amounts}
    for photo in photos:
        scene = make_scene(photo, network.preparation, border)
        untouched = network.values(scene.prepare(changes.shift(0))[None], list(outputs.values()))
        for name, values in amounts.items():
            at = [change_of(name, amount, direction) for amount in values]
            apart, likely = np.empty((len(found), len(at))), np.empty((len(at), math.prod(shape)))
            for i in range(0, len(at), batch_size):
                row = slice(i, i + batch_size)
                run = _run(network, scene, at[row], [*outputs.values(), logits])
                for k, (layer, output) in enumerate(outputs.items()):
                    apart[k, row] = _distances(run[output], untouched[output], distance, layer)
                likely[row] = network.probabilities(run[logits])
                if on_progress:
                    on_progress(len(at[row]))
            parts[name].append((apart, likely))
    if classes is None:
        classes = _answers(network, photos, border)
    return tuple(_sweep(name, amounts[name], parts[name], list(outputs), classes) for name in amounts)


def _line_beyond(sizes: np.ndarray, curve: np.ndarray) -> tuple[float | None, float | None]:
    """Where the line that fits a curve best begins, and its R^2; None for less than three points."""
    if len(sizes) < 3:
        return None, None
    slope, jump = np.polyfit(sizes, curve, 1)
    spread = float(np.square(curve - curve.mean()).sum())
    missed = float(np.square(curve - jump - slope * sizes).sum())
    return float(jump), 1 - missed / spread if spread else 1.0


def ends(network: Network) -> list[str]:
    """The first layer and the last hidden one, below the classifier. Raises ModelError without a classifier."""
    below = network.layers_below_scores()
    weighted = [i for i, layer in enumerate(below) if layer.parameters]
    if not weighted or not weighted[-1]:
        raise ModelError(f"{network.path} has no hidden layer below its class scores. Say --layer.")
    return [below[0].name, below[weighted[-1] - 1].name]


def paper_amounts(transform: str, size: tuple[int, int], by_pixel: bool = False) -> np.ndarray:
    """The amounts of the paper's Fig. 5 (T,) for a network that sees (H, W).

    Shifts of -60..60 px for 224, in proportion for others, in whole pixels: steps of 5, or of 1 `by_pixel`. Scales
    of 1..1.8 in steps of 0.05, rotations of 0..355 degrees in steps of 5.
    """
    if transform == "translate":
        share = min(size) / PAPER_SIDE
        step = 1 if by_pixel else max(1, round(PAPER_STEP * share))
        last = max(1, round(PAPER_REACH * share / step))
        return np.arange(-last, last + 1) * float(step)
    return np.arange(17) * 0.05 + 1 if transform == "scale" else np.arange(72) * 5.0


def change_of(transform: str, amount: float, direction: str) -> Change:
    """The change of a transform by an amount, in a direction if it is a translation."""
    if transform == "translate":
        down, right = DIRECTIONS[direction]
        return changes.shift(down * amount, right * amount)
    return changes.scale(amount) if transform == "scale" else changes.rotate(amount)


def check_choices(distance: str, direction: str, border: str) -> None:
    """Raise OptionError for a distance, a direction or a border that does not exist."""
    _check_choice("distance", distance, DISTANCES)
    _check_choice("direction", direction, tuple(DIRECTIONS))
    _check_choice("border", border, changes.BORDERS)


def _check_choice(what: str, choice: str, choices: Sequence[str]) -> None:
    if choice not in choices:
        raise OptionError(f"no {what} '{choice}'.{nearest(choice, choices)} Choose {', '.join(choices)}.")


def _check_amounts(amounts: Mapping[str, np.ndarray]) -> None:
    for name, values in amounts.items():
        _check_choice("transform", name, TRANSFORMS)
        if len(values) < 2:
            raise OptionError(f"a sweep of {name} needs two amounts or more. Say name=from:to:step.")


def _check_classes(classes: np.ndarray, photos: int, count: int) -> None:
    if np.shape(classes) != (photos,):
        raise OptionError(f"{np.size(classes)} classes are not one for each of {photos} photos.")
    if (wrong := classes[(classes < 0) | (classes >= count)]).size:
        raise OptionError(f"there is no class {wrong[0]}: there are {count}, 0 to {count - 1}.")


def _run(network: Network, scene: Scene, at: Sequence[Change], names: Sequence[str]) -> dict[str, np.ndarray]:
    return network.values(np.stack([scene.prepare(change) for change in at]), names)


def _distances(features: np.ndarray, untouched: np.ndarray, distance: str, name: str) -> np.ndarray:
    """(T,): how far each row of features is from the untouched ones (1, ...)."""
    rows, first = (each.reshape(len(each), -1).astype(np.float64) for each in (features, untouched))
    raw = np.linalg.norm(rows - first, axis=1)
    length = float(np.linalg.norm(first))
    if distance == "raw":
        return np.asarray(raw)
    if not length:
        raise OptionError(f"{name} is zero for an untouched photo, so nothing is relative to it. Say --distance raw.")
    if distance == "relative":
        return np.asarray(raw / length)
    lengths = np.linalg.norm(rows, axis=1) * length
    return np.asarray(1 - np.divide(rows @ first[0], lengths, out=np.zeros_like(raw), where=lengths > 0))


def _answers(network: Network, photos: Sequence[Pixels], border: str) -> np.ndarray:
    """(N,): what the network takes the untouched photos for."""
    logits, _ = network.logits
    scenes = [make_scene(photo, network.preparation, border) for photo in photos]
    runs = [_run(network, scene, [changes.shift(0)], [logits])[logits] for scene in scenes]
    return np.array([int(run.argmax()) for run in runs])


def _sweep(
    name: str,
    amounts: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    layers: Sequence[str],
    classes: np.ndarray,
) -> Sweep:
    apart = np.stack([found for found, _ in parts])
    return Sweep(
        name,
        np.asarray(amounts, np.float64),
        {layer: apart[:, k] for k, layer in enumerate(layers)},
        np.stack([likely[:, label] for (_, likely), label in zip(parts, classes, strict=True)]),
        np.stack([likely.argmax(axis=1) for _, likely in parts]),
    )
