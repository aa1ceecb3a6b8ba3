"""Sanity checks: does an explanation depend on what the network has learnt, and on the class that is asked for?

Adebayo et al. 2018, sec. 3: the weights are randomised layer by layer from the top down, and the explanations of the
same classes compared with those of the trained network. A method that still gives the same has not looked at them.
The weights of a layer are shuffled, each tensor in itself: it keeps its values, so signals keep about their scale and
variances stay positive, but nothing that was learnt. What the forward pass records, switches too, is recorded anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from inspectnet.analyses.likeness import MEASURES, class_distance, compare, edge_likeness
from inspectnet.analyses.photos import read_photos
from inspectnet.analyses.provenance import provenance
from inspectnet.arguments import Count, checks_arguments
from inspectnet.errors import ModelError
from inspectnet.images import Sources
from inspectnet.methods import Method, methods_of, suited_methods
from inspectnet.network import Network
from inspectnet.progress import Progress, note, silent
from inspectnet.results import Axes, Result, derived

METHODS = "deconvnet,guided_backprop,gradient,input_x_gradient,grad_cam,guided_grad_cam"
SHOWN = 6  # steps of the cascade, in pictures
MOST = 50  # images, as many as in the paper

Curve = tuple[float, ...]


@dataclass(frozen=True)
class MethodSanity:
    """How much the explanations of one method, of N images, depend on weights and classes.

    NaN for an image of which the trained network's explanation is blank: there is nothing that could change.
    """

    method: str
    options: Mapping[str, object]
    similarity: Annotated[np.ndarray, Axes("3 repeats layers+1 images", "float64", nan=True)]
    """(measures, repeats, layers + 1, N) float64: to the trained network's explanation, measures as in MEASURES."""
    strip: Annotated[np.ndarray, Axes("steps channels height+ width+ | steps h+ w+", "float32")]
    """(S, C, H, W) float32, of a method of maps (S, h, w): the first image's explanation at the steps shown."""
    class_distances: Annotated[np.ndarray, Axes("images", "float64", nan=True)]
    """(N,) float64: of the explanations of two classes; see `class_distance`."""
    edge_likenesses: Annotated[np.ndarray, Axes("images", "float64", nan=True)] | None
    """(N,) float64: to the edges of the image; see `edge_likeness`. None for a method of maps."""

    @property
    def explained(self) -> np.ndarray:
        """(N,) bool: the images of which the trained network's explanation is not blank."""
        return np.asarray(np.isfinite(self.similarity[0, 0, 0]))

    @derived
    def blank(self) -> int:
        """Of how many images the trained network's explanation is blank."""
        return int((~self.explained).sum())

    @property
    def blank_at_end(self) -> int:
        """Of how many images the explanation is blank once all is shuffled, which counts as unlike the trained one."""
        blank = (self.similarity[:, :, -1] == 0).all(axis=0)
        return int(blank.any(axis=0).sum())

    @derived
    def rank(self) -> Curve | None:
        """(layers + 1,): the rank correlation, in the mean of repeats and images; None if all are blank."""
        return self._curve("rank")

    @derived
    def rank_abs(self) -> Curve | None:
        """(layers + 1,): the same of absolute values."""
        return self._curve("rank_abs")

    @derived
    def ssim(self) -> Curve | None:
        """(layers + 1,): the same of the structural similarity."""
        return self._curve("ssim")

    @derived
    def class_distance(self) -> float | None:
        """The mean of the images; None if it is known of none."""
        return _mean(self.class_distances)

    @derived
    def edge_likeness(self) -> float | None:
        """The mean of the images; None if it is known of none."""
        return None if self.edge_likenesses is None else _mean(self.edge_likenesses)

    def _curve(self, measure: str) -> Curve | None:
        if not self.explained.any():
            return None
        means = self.similarity[MEASURES.index(measure)][..., self.explained].mean(axis=(0, 2))
        return tuple(map(float, means))


@dataclass(frozen=True, repr=False, eq=False)
class Sanity(Result):
    """How alike explanations stay while more and more layers are randomised, and how they differ by class."""

    command: ClassVar[str] = "sanity"
    repeats: Annotated[int, Axes("repeats")]
    layers: Annotated[tuple[str, ...], Axes("layers+")]
    """Whose weights were shuffled, from the top down: one more at each step; the first step has none."""
    methods: Annotated[Mapping[str, MethodSanity], Axes("methods+")]
    """By method; one that was asked for twice by its text, options included."""
    left_out: Mapping[str, str]
    """By method that is run by default, why it was not."""
    photo: Annotated[np.ndarray, Axes("height+ width+ 3", "uint8")]
    """(H, W, 3) uint8: the first image, as the network sees it."""
    shown: Annotated[tuple[int, ...], Axes("steps+")]
    """S: the numbers of steps, of which its explanations are kept."""


@checks_arguments
def sanity(
    network: Network,
    images: Sources | None = None,
    *,
    methods: str | Sequence[Method] | None = None,
    repeats: Count = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> Sanity:
    """Whether explanations of photos, of which at most 50 are taken, depend on the weights and on the class.

    The explained class is the one that the trained network finds most likely. methods: a text as the command takes it,
    or methods that were made for this network; by default those of METHODS that show something of its classes. The
    first photo's explanations are kept at some of the steps. repeats: how many times the weights are shuffled anew.
    seed: shuffles them, and draws the other classes. Raises OptionError, LayerError, ImageError, RuleError, and
    ModelError for a network without weights below its class scores. Stopped, it notes what it has so far.
    """
    chosen, left_out = suited_methods(network, METHODS) if methods is None else (methods_of(network, methods), {})
    steps = weights_by_layer(network)
    photos, scores = read_photos(network, images, MOST), network.class_scores()
    x, classes = photos.x, network.probabilities(photos.x).argmax(axis=1)
    trained = {name: method.attribute(x, classes) for name, method in chosen.items()}
    network.close()  # not all of its sessions beside those of shuffled ones
    with progress("shuffling", repeats * len(steps), "layers") as advance:
        similarity, strips = randomise(
            network, x, classes, chosen, trained, repeats=repeats, seed=seed, advance=advance
        )
    others = other_classes(classes, scores.classes, seed)
    options = {"methods": {name: method.options for name, method in chosen.items()}, "repeats": repeats, "seed": seed}
    return Sanity(
        provenance([network], photos.images, {**options, "scores": scores.logits}),
        repeats,
        tuple(steps),
        {
            name: MethodSanity(
                method.name,
                method.options,
                similarity[name],
                strips[name],
                class_distance(trained[name], method.attribute(x, others)),
                edge_likeness(x, trained[name]) if trained[name].ndim == 4 else None,
            )
            for name, method in chosen.items()
        },
        left_out,
        network.preparation.restore(x[0]),
        steps_shown(len(steps)),
    )


def randomise(
    network: Network,
    x: np.ndarray,
    classes: np.ndarray,
    methods: Mapping[str, Method],
    trained: Mapping[str, np.ndarray],
    *,
    repeats: int = 1,
    seed: int = 0,
    advance: Callable[[int], None] = lambda n: None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By method (measures, repeats, layers + 1, N): how alike explanations stay while layer after layer is shuffled.

    And by method the first image's explanation at the `steps_shown` of the first repeat. Of `classes` (N,) in prepared
    images x (N, C, H, W); trained: the network's own, by method. Weights of no layer (a learnt scale that stands by
    itself, an embedding of places) are shuffled with those of the lowest.
    """
    steps = weights_by_layer(network)
    owned = {name for weights in steps.values() for name in weights}
    lowest = list(steps)[-1]
    steps[lowest] |= {name: w for name, w in network.weights().items() if name not in owned}
    similarity = {name: np.full((len(MEASURES), repeats, len(steps) + 1, len(x)), np.nan) for name in methods}
    strips = {name: [own[0]] for name, own in trained.items()}
    for name, own in trained.items():
        similarity[name][:, :, 0] = compare(own, own)[:, None]
    kept = steps_shown(len(steps))
    try:
        for repeat in range(repeats):
            draw, weights = np.random.default_rng([seed, repeat]), dict[str, np.ndarray]()
            for step, chosen in enumerate(steps.values(), 1):
                weights |= {name: _shuffled(w, draw) for name, w in chosen.items()}
                shuffled = network.with_weights(weights)
                for name, method in methods.items():
                    after = replace(method, net=shuffled).attribute(x, classes)
                    similarity[name][:, repeat, step] = compare(trained[name], after)
                    if repeat == 0 and step in kept:
                        strips[name].append(after[0])
                shuffled.close()
                advance(1)
    except KeyboardInterrupt:
        _tell_so_far(similarity, list(steps))
        raise
    return similarity, {name: np.stack(strip) for name, strip in strips.items()}


def steps_shown(layers: int) -> tuple[int, ...]:
    """The numbers of at most SHOWN steps of a cascade over so many layers, evenly spread; 0 is the trained network."""
    return tuple(dict.fromkeys(np.rint(np.linspace(0, layers, SHOWN)).astype(int).tolist()))


def _tell_so_far(similarity: Mapping[str, np.ndarray], layers: Sequence[str]) -> None:
    """Note what is known of a cascade that is stopped: the last step of the first repeat that all methods took."""
    curves = {name: own[0, 0][:, np.isfinite(own[0, 0, 0])].mean(axis=1) for name, own in similarity.items()
              if np.isfinite(own[0, 0, 0]).any()}  # fmt: skip
    if step := min((int(np.isfinite(curve).sum()) - 1 for curve in curves.values()), default=0):
        listed = ", ".join(f"{name} {curve[step]:.3f}" for name, curve in curves.items())
        what = f"{step} of {len(layers)} layers shuffled, down to {layers[step - 1]}"
        note(f"so far, {what}, rank correlations are: {listed}")


def weights_by_layer(network: Network) -> dict[str, dict[str, np.ndarray]]:
    """By layer, from the top down, the weights below the class scores. Raises ModelError if there are none."""
    every = {layer.name: network.weights(layer.output) for layer in reversed(network.layers_below_scores())}
    learnt = {name: weights for name, weights in every.items() if any(w.size > 1 for w in weights.values())}
    if not learnt:
        raise ModelError(f"{network.path} has no weights below its class scores, so nothing to randomise.")
    return learnt


def other_classes(classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(N,): another one of `count` classes for each of (N,), drawn by the seed."""
    return np.asarray((classes + np.random.default_rng(seed).integers(1, count, len(classes))) % count)


def _mean(values: np.ndarray) -> float | None:
    """The mean of what is known; None if nothing is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _shuffled(weights: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return np.asarray(draw.permutation(weights.ravel()).reshape(weights.shape))
