"""Sanity checks: does an explanation depend on what the network has learnt, and on the class that is asked for?

Adebayo et al. 2018, sec. 3: the weights are randomised layer by layer from the top down, and the explanations of the
same classes compared with those of the trained network. A method that still gives the same has not looked at them.
The weights of a layer are shuffled, each tensor in itself: it keeps its values, so signals keep about their scale and
variances stay positive, but nothing that was learnt. What the forward pass records, switches too, is recorded anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from inspectnet.errors import ModelError, OptionError
from inspectnet.methods import Method
from inspectnet.network import Network

MEASURES = ("rank", "rank_abs", "ssim")
WINDOW, DEVIATION = 11, 1.5  # of SSIM, in pixels: Wang et al. 2004, sec. III-C
STABLE = (0.01**2, 0.03**2)  # its constants for values in 0..1


@dataclass(frozen=True)
class Cascade:
    """How alike explanations stay while more and more layers are randomised."""

    layers: tuple[str, ...]
    """Whose weights were shuffled, from the top down: one more at each step."""
    similarity: dict[str, np.ndarray]
    """By method (measures, repeats, layers + 1, N) float64, measures as in MEASURES; the first step is untouched.

    NaN for an image of which the trained network's explanation is blank: there is nothing that could change."""

    def curve(self, method: str, measure: str) -> np.ndarray:
        """(layers + 1,): the mean over repeats and images, without blank ones; NaN if all are."""
        found = self.similarity[method][MEASURES.index(measure)]
        if not (explained := self.explained(method)).any():
            return np.full(found.shape[1], np.nan)
        return np.asarray(found[..., explained].mean(axis=(0, 2)))

    def explained(self, method: str) -> np.ndarray:
        """(N,) bool: the images of which the trained network's explanation is not blank."""
        return np.asarray(np.isfinite(self.similarity[method][0, 0, 0]))


def randomise(
    network: Network,
    x: np.ndarray,
    classes: np.ndarray,
    methods: Mapping[str, Method],
    *,
    repeats: int = 1,
    seed: int = 0,
    on_progress: Callable[[], None] | None = None,
) -> Cascade:
    """The cascade of a network, for the explanations of `classes` (N,) in prepared images x (N, C, H, W).

    repeats: how many times the weights are shuffled anew. on_progress is called after each step. Raises ModelError
    for a network without weights below its class scores, OptionError. Weights of no layer (a learnt scale that stands
    by itself, an embedding of places) are shuffled with those of the lowest.
    """
    if repeats < 1:
        raise OptionError(f"the cascade cannot run {repeats} times. Choose 1 or more.")
    steps = weights_by_layer(network)
    owned = {name for weights in steps.values() for name in weights}
    lowest = list(steps)[-1]
    steps[lowest] |= {name: w for name, w in network.weights().items() if name not in owned}
    trained = {name: method.attribute(x, classes) for name, method in methods.items()}
    shape = (len(MEASURES), repeats, len(steps) + 1, len(x))
    similarity = {name: np.empty(shape) for name in methods}
    for name, found in trained.items():
        similarity[name][:, :, 0] = _compare(found, found)[:, None]
    for repeat in range(repeats):
        draw, weights = np.random.default_rng([seed, repeat]), dict[str, np.ndarray]()
        for step, chosen in enumerate(steps.values(), 1):
            weights |= {name: _shuffled(w, draw) for name, w in chosen.items()}
            twin = network.with_weights(weights)
            for name, method in methods.items():
                similarity[name][:, repeat, step] = _compare(
                    trained[name], replace(method, net=twin).attribute(x, classes)
                )
            if on_progress:
                on_progress()
    return Cascade(tuple(steps), similarity)


def weights_by_layer(network: Network) -> dict[str, dict[str, np.ndarray]]:
    """By layer, from the top down, the weights below the class scores. Raises ModelError if there are none."""
    every = {layer.name: network.weights(layer.output) for layer in reversed(network.layers_below_scores())}
    found = {name: weights for name, weights in every.items() if any(w.size > 1 for w in weights.values())}
    if not found:
        raise ModelError(f"{network.path} has no weights below its class scores, so nothing to randomise.")
    return found


def class_distance(
    network: Network, x: np.ndarray, classes: np.ndarray, methods: Mapping[str, Method], *, seed: int = 0
) -> dict[str, np.ndarray]:
    """By method (N,): how far the explanation of each image's class is from that of another, drawn by the seed.

    Half the squared distance of the two, each of length 1: 0 if they are the same, 1 if they have nothing in common,
    2 if they are opposites (Nie et al. 2018 compare classes by the distance). NaN if one of them is blank.
    """
    count = network.class_scores().classes
    others = (classes + np.random.default_rng(seed).integers(1, count, len(x))) % count
    pairs = {name: (method.attribute(x, classes), method.attribute(x, others)) for name, method in methods.items()}
    return {
        name: np.array([1 - _cosine(a, b) if a.any() and b.any() else np.nan for a, b in zip(*pair, strict=True)])
        for name, pair in pairs.items()
    }


def edge_likeness(x: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(N,): the rank correlation of an explanation's size (N, C, H, W) with the edges of the images x (N, C, H, W).

    An edge detector looks much like some methods, and knows no network (Adebayo et al. 2018, sec. 5.1). NaN for a
    blank explanation.
    """
    down, right = np.gradient(x.mean(axis=1), axis=(1, 2))
    edges, sizes = np.hypot(down, right), np.abs(found).sum(axis=1)
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


def _size(found: np.ndarray) -> np.ndarray:
    """The strength of an explanation at each place, (h, w), its largest 1."""
    strength = np.abs(found).sum(axis=0) if found.ndim == 3 else np.abs(found)
    return np.asarray(strength / (strength.max() or 1))


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
