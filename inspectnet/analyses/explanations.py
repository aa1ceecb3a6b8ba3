"""Explanations: which pixels, or which places of a layer, speak for a class.

Every method takes an opened network, prepared images x (N, C, H, W) and the number of one class for each, (N,), and
gives float32: pixel methods (N, C, H, W), signed; map methods (N, h, w) at their layer's own resolution, from 0 up.
The score that is explained is the one before the softmax: a probability also rises where another class's score falls.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from inspectnet.attribution import checked_images
from inspectnet.errors import LayerError, OptionError, nearest
from inspectnet.graph.layers import Layer
from inspectnet.graph.scores import seed_of_classes
from inspectnet.graph.unlisted import tell_unlisted
from inspectnet.network import Network
from inspectnet.rules import Policy

Explain = Callable[..., np.ndarray]
FILTERED = ("conv", "add", "concat")  # layers that Grad-CAM is at home in, by the words of their names


def explain(
    network: Network, x: np.ndarray, target: int | Sequence[int] | np.ndarray, method: str = "grad_cam", **options: Any
) -> np.ndarray:
    """What speaks for a class in prepared images x (N, C, H, W), by one of METHODS; shapes as the method has them.

    target: the number of a class, or one for each image. options: the method's own, as `layer` or `steps`.
    Raises OptionError for a method or class that does not exist, LayerError, ModelError, RuleError.
    """
    found, x, classes = find_method(method), checked_images(x), np.asarray(target)
    if x.ndim != 4 or x.shape[1:] != network.input_shape:
        wanted = ", ".join(map(str, network.input_shape))
        raise OptionError(f"images have the shape {x.shape}, but {network.path} wants (N, {wanted}).")
    if classes.dtype.kind not in "iu" or classes.shape not in ((), (len(x),)):
        raise OptionError(f"{target!r} is not the number of a class, or one for each of {len(x)} images.")
    count = network.scores().classes
    if (wrong := classes[(classes < 0) | (classes >= count)]).size:
        raise OptionError(f"there is no class {wrong.flat[0]}: {network.path} tells {count} apart, 0 to {count - 1}.")
    return found(network, x, np.broadcast_to(classes, len(x)), **options)


def find_method(name: str) -> Explain:
    """The method called `name`. Raises OptionError with the nearest names."""
    if name not in METHODS:
        raise OptionError(f"no method '{name}'.{nearest(name, METHODS)} There are: {', '.join(METHODS)}.")
    return METHODS[name]


def probabilities(network: Network, x: np.ndarray) -> np.ndarray:
    """(N, K) float64: the softmax of the class scores for prepared images x (N, C, H, W). Raises ModelError."""
    name, _ = network.logits
    return network.probabilities(network.values(x, [name])[name])


# Pixel methods ---------------------------------------------------------------------------------------------


def deconvnet(network: Network, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The class's unit projected by the deconvnet (Zeiler & Fergus 2014, sec. 2.1)."""
    return _projected(network, x, classes, "deconvnet")


def guided_backprop(network: Network, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The class's unit projected by guided backpropagation (Springenberg et al. 2015, sec. 3.4)."""
    return _projected(network, x, classes, "guided_backprop")


def gradient(network: Network, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The derivative of the class's score by each pixel (Simonyan et al. 2013, sec. 3)."""
    return _projected(network, x, classes, "gradient")


def input_x_gradient(network: Network, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The gradient times the prepared image (Shrikumar et al. 2016, Not just a black box).

    In a network without biases and of rectifiers alone the sum over the pixels is the score.
    """
    return gradient(network, x, classes) * np.asarray(x, np.float32)


def integrated_gradients(
    network: Network, x: np.ndarray, classes: np.ndarray, *, steps: int = 64, baseline: float | np.ndarray = 0.0
) -> np.ndarray:
    """The gradient's mean on the straight way from a baseline to the image, times the way (Sundararajan et al. 2017).

    The sum over the pixels tends to score(x) - score(baseline), the better the more steps; the mean is taken at
    their midpoints. baseline: in prepared units, one number or what broadcasts to x; 0 is the mean colour.
    """
    _refuse_below(steps, 1, "steps", whole=True)
    x, total = np.asarray(x, np.float32), np.zeros(x.shape)
    start = _baseline(baseline, x.shape)
    for step in range(steps):
        total += gradient(network, start + np.float32((step + 0.5) / steps) * (x - start), classes)
    return np.asarray((x - start) * (total / steps), np.float32)


def smoothgrad(
    network: Network, x: np.ndarray, classes: np.ndarray, *, samples: int = 50, noise: float = 0.15, seed: int = 0
) -> np.ndarray:
    """The gradient's mean over noisy copies of the image (Smilkov et al. 2017).

    noise: the deviation of the normal noise as a part of the image's range of values, max - min. All images get the
    same noise, each on its own scale, so that no result depends on the images beside it.
    """
    _refuse_below(samples, 1, "samples", whole=True)
    _refuse_below(noise, 0, "noise")
    _refuse_below(seed, 0, "seed", whole=True)
    x, total, draw = np.asarray(x, np.float32), np.zeros(x.shape), np.random.default_rng(seed)
    deviation = np.float32(noise) * np.ptp(x, axis=(1, 2, 3), keepdims=True)
    for _ in range(samples):
        total += gradient(network, x + deviation * draw.standard_normal(x.shape[1:], np.float32), classes)
    return np.asarray(total / samples, np.float32)


# Map methods -----------------------------------------------------------------------------------------------


def grad_cam(network: Network, x: np.ndarray, classes: np.ndarray, *, layer: str = "") -> np.ndarray:
    """The positive part of a layer's maps summed, each weighed by its mean gradient (Selvaraju et al. 2017, eq. 1, 2).

    layer: by default the last one with filters below the class scores, as `cam_layer` has it.
    """
    maps, slope = _maps_and_gradient(network, x, classes, layer)
    return _positive((slope.mean(axis=(2, 3), keepdims=True) * maps).sum(axis=1))


def layer_cam(network: Network, x: np.ndarray, classes: np.ndarray, *, layer: str = "") -> np.ndarray:
    """A layer's maps summed, each place weighed by its own positive gradient; the positive part (Jiang et al. 2021).

    Unlike grad_cam it stays sharp in lower layers. layer: as for grad_cam.
    """
    maps, slope = _maps_and_gradient(network, x, classes, layer)
    return _positive((_positive(slope) * maps).sum(axis=1))


def guided_grad_cam(network: Network, x: np.ndarray, classes: np.ndarray, *, layer: str = "") -> np.ndarray:
    """Guided backpropagation times grad_cam, enlarged to the image: (N, C, H, W) (Selvaraju et al. 2017, sec. 3.2)."""
    places = enlarge(grad_cam(network, x, classes, layer=layer), x.shape[2:])
    return np.asarray(guided_backprop(network, x, classes) * places[:, None])


METHODS: dict[str, Explain] = {
    "deconvnet": deconvnet,
    "guided_backprop": guided_backprop,
    "gradient": gradient,
    "input_x_gradient": input_x_gradient,
    "integrated_gradients": integrated_gradients,
    "smoothgrad": smoothgrad,
    "grad_cam": grad_cam,
    "layer_cam": layer_cam,
    "guided_grad_cam": guided_grad_cam,
}
OF_A_LAYER = ("grad_cam", "layer_cam", "guided_grad_cam")  # those that take `layer`


def cam_layer(network: Network, name: str = "") -> Layer:
    """The layer `name`, or the last convolution, sum or concatenation with extent below the layer of the classes.

    That one is the highest with weights; in networks without fully connected layers it is a convolution itself.
    Raises LayerError if there is none, or for a layer without extent.
    """
    if name:
        layer = network.layer(name)
        if not _has_extent(layer):
            raise LayerError(f"{name} has no extent, so no places to show. Choose a layer below it.")
        return layer
    below = reversed(network.layers_below_scores())
    for layer in list(itertools.dropwhile(lambda each: not each.parameters, below))[1:]:
        if layer.name.rstrip("0123456789") in FILTERED and _has_extent(layer):
            return layer
    without = f"{network.path} has no convolution with extent below its class scores"
    without += f" ({tell_unlisted(network.unknown)})" if network.unknown else ""
    raise LayerError(f"{without}. Say --layer, or choose methods other than {', '.join(OF_A_LAYER)}.")


def enlarge(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps (N, h, w) brought to size (H, W) bilinearly, (N, H, W) float32; the outer half cells are constant."""
    rows, columns = (_weights(small, large) for small, large in zip(maps.shape[1:], size, strict=True))
    return np.asarray(rows @ maps @ columns.T, np.float32)


def _weights(small: int, large: int) -> np.ndarray:
    """(large, small): how much each of `small` cells counts for each of `large` ones that cover the same length."""
    place = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    return _positive(1 - np.abs(place[:, None] - np.arange(small)))


def _projected(network: Network, x: np.ndarray, classes: np.ndarray, method: str, down_to: str = "") -> np.ndarray:
    """The pixels, or the signal on a layer, that a 1 on the score of each image's class becomes.

    Of the two classes that one sigmoid tells apart, the first has the score of the second with its sign turned.
    """
    name, shape = network.logits
    return network.pull(x, name, seed_of_classes(classes, shape), Policy(method), down_to=down_to)


def _maps_and_gradient(
    network: Network, x: np.ndarray, classes: np.ndarray, layer: str
) -> tuple[np.ndarray, np.ndarray]:
    """A layer's maps (N, K, h, w), and the derivative of the class's score by each of their units."""
    found = cam_layer(network, layer).output
    return network.activations(x, found), _projected(network, x, classes, "gradient", found)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(values, 0))


def _has_extent(layer: Layer) -> bool:
    """Whether it has places to show; a row of tokens, which is one wide, is no map."""
    return layer.spatial and layer.shape[3] != 1


def _baseline(baseline: float | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of the shape of the images."""
    given = np.asarray(baseline, np.float32)
    fits = given.ndim <= len(shape) and all(a in (1, b) for a, b in zip(given.shape[::-1], shape[::-1], strict=False))
    if not fits or not np.isfinite(given).all():
        raise OptionError(f"the baseline {given.shape} is no finite image of the shape {shape}, nor a number.")
    return np.broadcast_to(given, shape)


def _refuse_below(value: float, least: float, what: str, *, whole: bool = False) -> None:
    if not least <= value < np.inf or (whole and value != int(value)):
        raise OptionError(f"the {what} cannot be {value}. Choose {least} or more.")
