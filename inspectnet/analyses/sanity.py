"""Sanity checks: does an explanation depend on what the network has learnt, and on the class that is asked for?

Adebayo et al. 2018, sec. 3: the weights are randomised layer by layer from the top down, and the explanations of the
same classes compared with those of the trained network. A method that still gives the same has not looked at them.
The weights of a layer are shuffled, each tensor in itself: it keeps its values, so signals keep about their scale and
variances stay positive, but nothing that was learnt. What the forward pass records, switches too, is recorded anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from inspectnet.analyses.photos import read_photos
from inspectnet.analyses.provenance import provenance
from inspectnet.analyses.sources import Sources
from inspectnet.errors import ModelError, OptionError
from inspectnet.methods import Method, methods_of
from inspectnet.network import Network
from inspectnet.progress import Progress, silent
from inspectnet.results import Result, derived

METHODS = "deconvnet,guided_backprop,gradient,input_x_gradient,grad_cam,guided_grad_cam"
MOST = 50  # images, as many as in the paper
MEASURES = ("rank", "rank_abs", "ssim")
WINDOW, DEVIATION = 11, 1.5  # of SSIM, in pixels: Wang et al. 2004, sec. III-C
STABLE = (0.01**2, 0.03**2)  # its constants for values in 0..1

Curve = tuple[float, ...]


@dataclass(frozen=True)
class MethodSanity:
    """How much the explanations of one method, of N images, depend on weights and classes.

    NaN for an image of which the trained network's explanation is blank: there is nothing that could change.
    """

    method: str
    options: Mapping[str, object]
    similarity: np.ndarray
    """(measures, repeats, layers + 1, N) float64: to the trained network's explanation, measures as in MEASURES."""
    class_distances: np.ndarray
    """(N,) float64: of the explanations of two classes; see `class_distance`."""
    edge_likenesses: np.ndarray | None
    """(N,) float64: to the edges of the image; see `edge_likeness`. None for a method of maps."""

    @property
    def explained(self) -> np.ndarray:
        """(N,) bool: the images of which the trained network's explanation is not blank."""
        return np.asarray(np.isfinite(self.similarity[0, 0, 0]))

    @derived
    def blank(self) -> int:
        """Of how many images the trained network's explanation is blank."""
        return int((~self.explained).sum())

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


@dataclass(frozen=True, repr=False)
class Sanity(Result):
    """How alike explanations stay while more and more layers are randomised, and how they differ by class."""

    command: ClassVar[str] = "sanity"
    repeats: int
    layers: tuple[str, ...]
    """Whose weights were shuffled, from the top down: one more at each step; the first step has none."""
    methods: Mapping[str, MethodSanity]
    """By method; one that was asked for twice by its text, options included."""


def sanity(
    network: Network,
    images: Sources,
    *,
    methods: str | Sequence[Method] = METHODS,
    repeats: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> Sanity:
    """Whether explanations of photos, of which at most 50 are taken, depend on the weights and on the class.

    The explained class is the one that the trained network finds most likely. methods: a text as the command takes it,
    or methods that were made for this network. repeats: how many times the weights are shuffled anew. seed: shuffles
    them, and draws the other classes. Raises OptionError, LayerError, ImageError, RuleError, and ModelError for a
    network without weights below its class scores.
    """
    if repeats < 1:
        raise OptionError(f"the cascade cannot run {repeats} times. Choose 1 or more.")
    chosen, steps = methods_of(network, methods), weights_by_layer(network)
    photos, scores = read_photos(network, images, MOST), network.class_scores()
    x, classes = photos.x, network.probabilities(photos.x).argmax(axis=1)
    trained = {name: method.attribute(x, classes) for name, method in chosen.items()}
    with progress("shuffling", repeats * len(steps), "layers") as advance:
        similarity = randomise(network, x, classes, chosen, trained, repeats=repeats, seed=seed, advance=advance)
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
                class_distance(trained[name], method.attribute(x, others)),
                edge_likeness(x, trained[name]) if trained[name].ndim == 4 else None,
            )
            for name, method in chosen.items()
        },
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
) -> dict[str, np.ndarray]:
    """By method (measures, repeats, layers + 1, N): how alike explanations stay while layer after layer is shuffled.

    Of `classes` (N,) in prepared images x (N, C, H, W); trained: the network's own, by method. Weights of no layer (a
    learnt scale that stands by itself, an embedding of places) are shuffled with those of the lowest.
    """
    steps = weights_by_layer(network)
    owned = {name for weights in steps.values() for name in weights}
    lowest = list(steps)[-1]
    steps[lowest] |= {name: w for name, w in network.weights().items() if name not in owned}
    similarity = {name: np.empty((len(MEASURES), repeats, len(steps) + 1, len(x))) for name in methods}
    for name, own in trained.items():
        similarity[name][:, :, 0] = _compare(own, own)[:, None]
    for repeat in range(repeats):
        draw, weights = np.random.default_rng([seed, repeat]), dict[str, np.ndarray]()
        for step, chosen in enumerate(steps.values(), 1):
            weights |= {name: _shuffled(w, draw) for name, w in chosen.items()}
            shuffled = network.with_weights(weights)
            for name, method in methods.items():
                after = replace(method, net=shuffled).attribute(x, classes)
                similarity[name][:, repeat, step] = _compare(trained[name], after)
            advance(1)
    return similarity


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


def class_distance(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,): how far the explanations (N, ...) of the images' classes are from those of others.

    Half the squared distance of the two, each of length 1: 0 if they are the same, 1 if they have nothing in common,
    2 if they are opposites (Nie et al. 2018 compare classes by the distance). NaN if one of them is blank.
    """
    pairs = zip(own, other, strict=True)
    return np.array([1 - _cosine(a, b) if a.any() and b.any() else np.nan for a, b in pairs])


def edge_likeness(x: np.ndarray, explanation: np.ndarray) -> np.ndarray:
    """(N,): the rank correlation of an explanation's size (N, C, H, W) with the edges of the images x (N, C, H, W).

    An edge detector looks much like some methods, and knows no network (Adebayo et al. 2018, sec. 5.1). NaN for a
    blank explanation.
    """
    down, right = np.gradient(x.mean(axis=1), axis=(1, 2))
    edges, sizes = np.hypot(down, right), np.abs(explanation).sum(axis=1)
    return np.array([spearman(a, b) if b.any() else np.nan for a, b in zip(edges, sizes, strict=True)])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation of two arrays of one shape, -1..1, equal values sharing a rank; 0 where one is constant."""
    return _cosine(_ranks(a), _ranks(b))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The structural similarity of two pictures (h, w) of values in 0..1: mean over all places of a Gaussian window.

    The window of 11 x 11 shrinks to what fits (Wang et al. 2004, eq. 13).
    """
    mean_a, mean_b = _blur(a), _blur(b)
    variance = _blur(a * a) - mean_a**2 + _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = STABLE
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((alike / ((mean_a**2 + mean_b**2 + c1) * (variance + c2))).mean())


def _compare(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(measures, N): how alike explanations (N, ...) of each image are; NaN if blank `before`, 0 if blank `after`."""
    pairs = zip(before.astype(np.float64), after.astype(np.float64), strict=True)
    none = (np.nan,) * len(MEASURES)
    return np.array([_alike(a, b) if a.any() else none for a, b in pairs]).T


def _alike(a: np.ndarray, b: np.ndarray) -> tuple[float, ...]:
    if not b.any():
        return (0.0,) * len(MEASURES)
    return spearman(a, b), spearman(np.abs(a), np.abs(b)), ssim(_size(a), _size(b))


def _size(explanation: np.ndarray) -> np.ndarray:
    """The strength of an explanation at each place, (h, w), its largest 1."""
    strength = np.abs(explanation).sum(axis=0) if explanation.ndim == 3 else np.abs(explanation)
    return np.asarray(strength / (strength.max() or 1))


def _mean(values: np.ndarray) -> float | None:
    """The mean of what is known; None if nothing is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _shuffled(weights: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return np.asarray(draw.permutation(weights.ravel()).reshape(weights.shape))


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, the mean one of equals, less the mean of all."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(middle[inverse] - (values.size - 1) / 2)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of the angle between two arrays; 0 if one is zero."""
    lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(np.vdot(a, b)) / lengths if lengths else 0.0


def _blur(picture: np.ndarray) -> np.ndarray:
    """The Gaussian mean around each place where the window fits."""
    for axis in (0, 1):
        side = min(WINDOW, picture.shape[axis] - 1 + picture.shape[axis] % 2)
        places = np.arange(side) - side // 2
        window = np.exp(-(places**2) / (2 * DEVIATION**2))
        views = np.lib.stride_tricks.sliding_window_view(picture, side, axis=axis)
        picture = views @ (window / window.sum())
    return picture
