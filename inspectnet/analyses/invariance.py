"""Invariance: how far features, and the probability of the true class, move when a photo is shifted, scaled, rotated.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 5: "small transformations have a dramatic effect in the first layer of the
model, but a lesser impact at the top feature layer, being quasi-linear for translation & scaling". The paper does not
say how its distances are normalised: here relative to the untouched features, or raw, or one minus the cosine.
Shifts of one pixel show aliasing: Zhang 2019, sec. 4, counts how often two shifts of a photo get the same answer.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inspectnet.analyses.sweeps import Sweep
from inspectnet.errors import ModelError, OptionError, nearest
from inspectnet.images import changes
from inspectnet.images.amounts import DIRECTIONS, PAPER, TRANSFORMS, displacement, paper_amounts, view
from inspectnet.images.changes import make_scene
from inspectnet.images.fit import Pixels
from inspectnet.network import Network

DISTANCES = ("relative", "raw", "cosine")


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
    amounts = amounts or {name: paper_amounts(name, network.input_shape[1:]) for name in PAPER}
    _check_amounts(amounts)
    found = [network.layer(name) for name in layers or ends(network)]
    outputs = {layer.name: layer.output for layer in found}
    (logits, _), count = network.logits, network.scores().classes
    if classes is not None:
        _check_classes(classes, len(photos), count)
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in amounts}
    answers = list[int]()
    for photo in photos:
        scene = make_scene(photo, network.preparation, border)
        plain = scene.prepare(changes.shift(0))[None]
        untouched = network.values(plain, [*outputs.values(), logits])
        answers.append(int(network.probabilities(untouched[logits]).argmax()))
        for name, values in amounts.items():
            at = [view(scene, name, amount, direction) for amount in values]
            apart, likely = np.empty((len(found), len(at))), np.empty((len(at), count))
            for i in range(0, len(at), batch_size):
                row = slice(i, i + batch_size)
                run = _run(network, at[row], [*outputs.values(), logits])
                for k, (layer, output) in enumerate(outputs.items()):
                    apart[k, row] = _distances(run[output], untouched[output], distance, layer)
                likely[row] = network.probabilities(run[logits])
                if on_progress:
                    on_progress(len(at[row]))
            parts[name].append((apart, likely))
    taken_for = np.array(answers)
    true = taken_for if classes is None else classes
    moved = {name: displacement(name, each, network.input_shape[1:], direction) for name, each in amounts.items()}
    return tuple(
        _sweep(name, amounts[name], parts[name], list(outputs), (true, taken_for), moved[name]) for name in amounts
    )


def ends(network: Network) -> list[str]:
    """The first layer and the last hidden one, below the classifier. Raises ModelError without a classifier."""
    below = network.layers_below_scores()
    weighted = [i for i, layer in enumerate(below) if layer.parameters]
    if not weighted or not weighted[-1]:
        raise ModelError(f"{network.path} has no hidden layer below its class scores. Say --layer.")
    return [below[0].name, below[weighted[-1] - 1].name]


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


def _run(network: Network, at: Sequence[Pixels], names: Sequence[str]) -> dict[str, np.ndarray]:
    return network.values(np.stack([network.preparation.normalise(pixels) for pixels in at]), names)


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


def _sweep(
    name: str,
    amounts: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    layers: Sequence[str],
    classes: tuple[np.ndarray, np.ndarray],
    moved: np.ndarray,
) -> Sweep:
    """classes: the true ones, and what the untouched photos are taken for."""
    apart = np.stack([found for found, _ in parts])
    return Sweep(
        name,
        np.asarray(amounts, np.float64),
        {layer: apart[:, k] for k, layer in enumerate(layers)},
        np.stack([likely[:, label] for (_, likely), label in zip(parts, classes[0], strict=True)]),
        np.stack([likely.argmax(axis=1) for _, likely in parts]),
        classes[1],
        moved,
    )
