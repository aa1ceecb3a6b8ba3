"""Invariance: how far features, and the probability of the true class, move when a photo is shifted, scaled, rotated.

Zeiler & Fergus 2014, sec. 4.2 and Fig. 5: "small transformations have a dramatic effect in the first layer of the
model, but a lesser impact at the top feature layer, being quasi-linear for translation & scaling". The paper does not
say how its distances are normalised: here relative to the untouched features, or raw, or one minus the cosine.
Shifts of one pixel show aliasing: Zhang 2019, sec. 4, counts how often two shifts of a photo get the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet import samples
from inspectnet.analyses.labelled_photos import LabelledPhoto, LabelledPhotos, label_pixels, read_labelled
from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.sweeps import Comparison, Sweep, compare_alike
from inspectnet.arguments import Count, checks_arguments
from inspectnet.errors import ModelError, OptionError, check_choice
from inspectnet.images import Sources, changes, collection_of, collections_of, in_memory, sources_of
from inspectnet.images.amounts import (
    DIRECTIONS,
    PAPER,
    TRANSFORMS,
    alike_amounts,
    displacement,
    paper_amounts,
    view,
)
from inspectnet.images.changes import Scene, make_scene
from inspectnet.images.fit import Pixels
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Result, derived

DISTANCES = ("relative", "raw", "cosine")
MOST = 50  # photos
SAMPLES, SAMPLED = 5, 5  # changes of each photo that are kept as pictures, and photos

Samples = Annotated[np.ndarray, Axes("shown+ sampled+ height+ width+ 3", "uint8")]
Amounts = Mapping[str, Sequence[float] | np.ndarray | None]


@dataclass(frozen=True, repr=False, eq=False)
class Invariance(Result):
    """How far features, and the probability of the class, move with photos."""

    command: ClassVar[str] = "invariance"
    distance: str
    direction: str
    border: str
    photos: Annotated[tuple[LabelledPhoto, ...], Axes("photos+")]
    sweeps: Annotated[Mapping[str, Sweep], Axes("transforms+")]
    """By transform."""
    sampled: Annotated[Mapping[str, tuple[float, ...]], Axes("transforms")]
    """By transform the amounts of `samples`."""
    samples: Annotated[Mapping[str, Samples], Axes("transforms")]
    """By transform (photos, amounts, H, W, 3) uint8: what the network sees of the first photos."""

    @derived
    def comparisons(self) -> tuple[Comparison, ...]:
        """How often answers are kept under transforms that move pixels equally far, two by two."""
        return tuple(compare_alike(list(self.sweeps.values())))

    @derived
    def labelled(self) -> bool:
        """Whether the class of every photo is the true one."""
        return all(photo.labelled for photo in self.photos)


@checks_arguments
def invariance(
    network: Network,
    layers: str | Sequence[str] = (),
    images: Sources | None = None,
    *,
    transforms: Amounts | Sequence[str] = PAPER,
    by_pixel: bool = False,
    alike: bool = False,
    distance: str = "relative",
    direction: str = "vertical",
    border: str = "photo",
    labels: Sequence[int] | None = None,
    classes: str | Path | None = None,
    batch_size: Count = 16,
    progress: Progress = silent,
) -> Invariance:
    """How features and the class's probability change while photos are shifted, scaled, rotated and zoomed.

    images: sources of photos, of which at most 50 are taken, by default the sample photos; `labels` (N,) go
    with photos in memory. Without a label, a photo's class is what the network takes it for. layers: by default the
    first one and the last hidden one. transforms: by name the amounts (T,), or names alone for those of the
    paper (translations in steps of 1 px: by_pixel), or those that move pixels equally far: alike. border: as for
    `make_scene`. classes: a file that names them. Raises LayerError, OptionError, ImageError, ModelError for answers
    that are no numbers.
    """
    check_choices(distance, direction, border)
    size = network.input_shape[1:]
    amounts = _all_amounts(transforms, size, by_pixel, direction if alike else "")
    measured = [layer.name for layer in (network.match(layers) if layers else map(network.layer, ends(network)))]
    photos = _read(network, samples.folder() if images is None else images, labels, classes)
    scenes = [make_scene(pixels, network.preparation, border) for pixels in photos.pixels]
    with progress("changing", len(scenes) * sum(map(len, amounts.values())), "changed photos") as advance:
        parts = [
            _change(network, scene, measured, amounts, distance, direction, batch_size, advance) for scene in scenes
        ]
    true = np.array([photo.label for photo in photos.photos])
    sampled = {name: _sampled(name, values) for name, values in amounts.items()}
    chosen = {"layers": measured, "distance": distance, "direction": direction, "border": border, "by_pixel": by_pixel}
    chosen |= {"alike": alike, "scores": network.class_scores().logits}
    return Invariance(
        provenance([network], photos.images, chosen),
        distance,
        direction,
        border,
        photos.photos,
        {
            name: _sweep(name, values, parts, measured, true, displacement(name, values, size, direction))
            for name, values in amounts.items()
        },
        sampled,
        {name: _draw_samples(network, scenes[:SAMPLED], name, at, direction) for name, at in sampled.items()},
    )


def _read(
    network: Network,
    images: Sources,
    labels: Sequence[int] | None,
    classes: str | Path | None,
) -> LabelledPhotos:
    if all(map(in_memory, sources_of(images))):
        return label_pixels(network, collection_of(images), labels)
    if labels is not None:
        raise OptionError("labels are for photos in memory; files have those of their folders or lists.")
    return read_labelled(network, collections_of(images), classes, MOST)


@dataclass(frozen=True)
class _Changed:
    """What one photo becomes."""

    answer: int
    """The most likely class of the photo as it is."""
    distances: Mapping[str, np.ndarray]
    """By transform (layers, T)."""
    probabilities: Mapping[str, np.ndarray]
    """By transform (T, classes)."""


def _change(
    network: Network,
    scene: Scene,
    layers: Sequence[str],
    amounts: Mapping[str, np.ndarray],
    distance: str,
    direction: str,
    batch_size: int,
    advance: Callable[[int], None],
) -> _Changed:
    """A photo along all changes."""
    logits, outputs = network.class_scores().logits, [network.layer(name).output for name in layers]
    untouched = network.values(scene.prepare(changes.shift(0))[None], [*outputs, logits])
    distances, probabilities = dict[str, np.ndarray](), dict[str, np.ndarray]()
    for name, values in amounts.items():
        at = [view(scene, name, amount, direction) for amount in values]
        apart, likely = list[np.ndarray](), list[np.ndarray]()
        for i in range(0, len(at), batch_size):
            run = _run(network, at[i : i + batch_size], [*outputs, logits])
            apart.append(
                np.array([_distances(run[o], untouched[o], distance, layer) for o, layer in zip(outputs, layers)])  # noqa: B905
            )
            likely.append(network.softmax(run[logits]))
            advance(len(likely[-1]))
        distances[name], probabilities[name] = np.concatenate(apart, axis=1), np.concatenate(likely)
    answer = int(network.softmax(untouched[logits]).argmax())
    return _Changed(answer, distances, probabilities)


def ends(network: Network) -> list[str]:
    """The first layer and the last hidden one, below the classifier. Raises ModelError without a classifier."""
    below = network.layers_below_scores()
    weighted = [i for i, layer in enumerate(below) if layer.parameters]
    if not weighted or not weighted[-1]:
        raise ModelError(f"{network.path} has no hidden layer below its class scores. Say --layer.")
    return [below[0].name, below[weighted[-1] - 1].name]


def check_choices(distance: str, direction: str, border: str) -> None:
    """Raise OptionError for a distance, a direction or a border that does not exist."""
    check_choice("distance", distance, DISTANCES)
    check_choice("direction", direction, DIRECTIONS)
    check_choice("border", border, changes.BORDERS)


def _all_amounts(
    transforms: Amounts | Sequence[str], size: tuple[int, int], by_pixel: bool, alike: str
) -> dict[str, np.ndarray]:
    """By transform its amounts (T,): those that were said, those that are alike in that direction, or the paper's."""
    said: Amounts = transforms if isinstance(transforms, Mapping) else dict.fromkeys(transforms)
    amounts = dict[str, np.ndarray]()
    for name, values in said.items():
        check_choice("transform", name, TRANSFORMS)
        usual = alike_amounts(name, size, alike) if alike else paper_amounts(name, size, by_pixel)
        amounts[name] = usual if values is None else np.asarray(values, np.float64)
        given = amounts[name]
        if given.ndim != 1 or len(given) < 2 or not np.isfinite(given).all() or given[0] == given[-1]:
            what = f"a sweep of {name} needs two amounts or more, which are finite and end elsewhere than they begin"
            raise OptionError(f"{what}. Say name=from:to:step.")
    if not amounts:
        raise OptionError(f"there is no transform. Name one or more of {', '.join(TRANSFORMS)}.")
    return amounts


def _sampled(transform: str, amounts: np.ndarray) -> tuple[float, ...]:
    """The amounts, evenly spaced, at which photos are kept as pictures."""
    count, whole = len(amounts), transform != "rotate"  # which ends where it began
    places = np.linspace(0, count - whole, min(SAMPLES, count), endpoint=whole).round().astype(int)
    return tuple(map(float, amounts[places]))


def _draw_samples(
    network: Network, scenes: Sequence[Scene], transform: str, amounts: Sequence[float], direction: str
) -> np.ndarray:
    """(scenes, amounts, H, W, 3) uint8: what the network sees."""
    prepared = network.preparation
    seen = [[prepared.normalise(view(scene, transform, amount, direction)) for amount in amounts] for scene in scenes]
    return np.array([[prepared.restore(x) for x in row] for row in seen])


def _run(network: Network, at: Sequence[Pixels], names: Sequence[str]) -> dict[str, np.ndarray]:
    return network.values(np.stack([network.preparation.normalise(pixels) for pixels in at]), names)


def _distances(features: np.ndarray, untouched: np.ndarray, distance: str, name: str) -> np.ndarray:
    """(T,): how far each row of features is from the untouched ones (1, ...)."""
    rows, first = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (features, untouched))
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
    photos: Sequence[_Changed],
    layers: Sequence[str],
    classes: np.ndarray,
    moved: np.ndarray,
) -> Sweep:
    """The sweep of all photos, whose classes are given (N,)."""
    likely = [photo.probabilities[name] for photo in photos]
    return Sweep(
        name,
        np.asarray(amounts, np.float64),
        {layer: np.stack([photo.distances[name][k] for photo in photos]) for k, layer in enumerate(layers)},
        np.stack([table[:, label] for table, label in zip(likely, classes, strict=True)]),
        np.stack([table.argmax(axis=1) for table in likely]),
        np.array([photo.answer for photo in photos]),
        moved,
    )
