"""Explanations: which pixels, or which places of a layer, speak for a class, by several methods side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.photos import read_photos
from inspectnet.analyses.provenance import provenance
from inspectnet.arguments import checks_arguments
from inspectnet.classes import class_names, find_class
from inspectnet.images import Sources
from inspectnet.methods import Cam, Method, methods_of, suited_methods
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Axes, Below, Result

METHODS = "deconvnet,guided_backprop,gradient,grad_cam"
FAINT = 0.02  # of the pixels
MOST = 16  # images


@dataclass(frozen=True)
class LikelyClass:
    """A class, and how likely the network finds it."""

    number: Annotated[int, Below("classes")]
    name: str
    probability: float


@dataclass(frozen=True)
class ExplainedImage:
    """An image, and the class that is explained in it."""

    image: str
    explained: LikelyClass
    top1: LikelyClass
    """The most likely class."""
    blank: tuple[str, ...]
    """The methods by which nothing came down."""
    faint: tuple[str, ...]
    """Those by which next to nothing came down: to less than 2 % of the pixels."""


@dataclass(frozen=True)
class Attribution:
    """What one method found in N images."""

    method: str
    options: Mapping[str, object]
    layer: str | None
    """The layer whose maps were weighed, or where the signal started; None where that was the class scores."""
    values: Annotated[np.ndarray, Axes("images channels+ height+ width+ | images h+ w+", "float32")]
    """(N, C, H, W) float32, signed, in prepared units; of a method of maps (N, h, w), from 0 up."""


@dataclass(frozen=True, repr=False, eq=False)
class Explanation(Result):
    """What in images speaks for a class."""

    command: ClassVar[str] = "explain"
    images: Annotated[tuple[ExplainedImage, ...], Axes("images+")]
    attributions: Annotated[Mapping[str, Attribution], Axes("methods+")]
    """By method; one that was asked for twice by its text, options included."""
    left_out: Mapping[str, str]
    """By method that is run by default, why it was not."""
    probabilities: Annotated[np.ndarray, Axes("images classes+", "float32")]
    """(N, K) float32: of all classes."""
    photos: Annotated[np.ndarray, Axes("images height+ width+ 3", "uint8")]
    """(N, H, W, 3) uint8: what the network sees."""


@checks_arguments
def explain(
    network: Network,
    images: Sources | None = None,
    *,
    target: int | str | None = None,
    methods: str | Sequence[Method] | None = None,
    classes: str | Path | None = None,
    progress: Progress = silent,
) -> Explanation:
    """What speaks for a class in photos, of which at most 16 are taken, by several attribution methods.

    The score that is explained is the one before the softmax: a probability also rises where another class's score
    falls. target: the class, by its number, its name or a part of that; by default each photo's most likely one.
    methods: a text as the command takes it, or methods that were made for this network; by default those of METHODS
    that show something of its classes. classes: a file that names these. Raises OptionError, LayerError, ImageError,
    ModelError, RuleError.
    """
    chosen, left_out = (
        suited_methods(network, METHODS, read=True) if methods is None else (methods_of(network, methods), {})
    )
    names = class_names(network, classes)
    wanted = None if target is None else find_class(str(target), names)
    photos = read_photos(network, images, MOST)
    likely = network.probabilities(photos.x)
    best = likely.argmax(axis=1)
    explained = best if wanted is None else np.full(len(best), wanted)
    attributions = dict[str, Attribution]()
    with progress("explaining", len(chosen) * len(best), "explanations") as advance:
        for name, method in chosen.items():
            layer = method.layer if isinstance(method, Cam) else method.start or None
            attributions[name] = Attribution(method.name, method.options, layer, method.attribute(photos.x, explained))
            advance(len(best))

    def told(row: int, number: int) -> LikelyClass:
        return LikelyClass(int(number), names[number][-1], float(likely[row, number]))

    options = {"methods": {name: attribution.options for name, attribution in attributions.items()}, "target": wanted}
    return Explanation(
        provenance([network], photos.images, {**options, "scores": network.class_scores().logits}),
        tuple(
            ExplainedImage(
                image,
                told(i, explained[i]),
                told(i, best[i]),
                tuple(name for name, attribution in attributions.items() if not attribution.values[i].any()),
                tuple(name for name, attribution in attributions.items() if 0 < covered(attribution.values[i]) < FAINT),
            )
            for i, image in enumerate(photos.ids)
        ),
        attributions,
        left_out,
        likely.astype(np.float32),
        np.stack([network.preparation.restore(x) for x in photos.x]),
    )


def covered(values: np.ndarray) -> float:
    """The share of places, of a signal (C, H, W) or a map (h, w), that hold anything."""
    return float((values.any(axis=0) if values.ndim == 3 else values != 0).mean())
