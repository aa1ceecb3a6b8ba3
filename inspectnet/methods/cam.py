"""Methods that weigh the maps of a layer: maps (N, h, w) at the layer's own resolution, from 0 up."""

import itertools
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from inspectnet.errors import LayerError
from inspectnet.graph.layers import Layer
from inspectnet.graph.unlisted import tell_unlisted
from inspectnet.methods.backprop import GuidedBackprop
from inspectnet.methods.gradients import GRADIENT
from inspectnet.methods.method import Method, method, option
from inspectnet.methods.targets import Units
from inspectnet.network import Network

FILTERED = ("conv", "add", "concat")  # layers that Grad-CAM is at home in, by the words of their names


@dataclass(frozen=True, eq=False)
class Cam(Method):
    """The positive part of a layer's maps summed, each weighed by what the unit's gradient on them says."""

    layer: str = option("whose maps are weighed; by default the last one with filters below the classes", default="")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layer", cam_layer(self.net, self.layer).name)

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        maps, slope = self.net.activations(x, self.layer), units.backward(x, GRADIENT, down_to=self.layer)
        return positive((self.weights(maps, slope) * maps).sum(axis=1))

    @abstractmethod
    def weights(self, maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """What broadcasts to the maps (N, K, h, w); slope, of their shape: the unit's derivative by them."""


@method("grad_cam")
class GradCam(Cam):
    """Each map weighed by its mean gradient (Selvaraju et al. 2017, eq. 1, 2)."""

    def weights(self, maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return np.asarray(slope.mean(axis=(2, 3), keepdims=True))


@method("layer_cam")
class LayerCam(Cam):
    """Each place weighed by its own positive gradient (Jiang et al. 2021); sharp in lower layers too."""

    def weights(self, maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return positive(slope)


@method("guided_grad_cam")
class GuidedGradCam(GradCam):
    """Guided backpropagation times grad_cam, enlarged to the image: (N, C, H, W) (Selvaraju et al. 2017, sec. 3.2)."""

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        places = enlarge(super().explain(x, units), x.shape[2:])
        return np.asarray(GuidedBackprop(self.net).explain(x, units) * places[:, None])


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
    for layer in list(itertools.dropwhile(lambda above: not above.parameters, below))[1:]:
        if layer.name.rstrip("0123456789") in FILTERED and _has_extent(layer):
            return layer
    without = f"{network.path} has no convolution with extent below its class scores"
    without += f" ({tell_unlisted(network.unknown)})" if network.unknown else ""
    raise LayerError(f"{without}. Give the method a layer, as grad_cam:layer=conv4, or choose others.")


def enlarge(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Maps (N, h, w) brought to size (H, W) bilinearly, (N, H, W) float32; the outer half cells are constant."""
    rows, columns = (_shares(small, large) for small, large in zip(maps.shape[1:], size, strict=True))
    return np.asarray(rows @ maps @ columns.T, np.float32)


def positive(values: np.ndarray) -> np.ndarray:
    """The positive part."""
    return np.asarray(np.maximum(values, 0))


def _shares(small: int, large: int) -> np.ndarray:
    """(large, small): how much each of `small` cells counts for each of `large` ones that cover the same length."""
    place = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    return positive(1 - np.abs(place[:, None] - np.arange(small)))


def _has_extent(layer: Layer) -> bool:
    """Whether it has places to show; a row of tokens, which is one wide, is no map."""
    return layer.spatial and layer.shape[3] != 1
