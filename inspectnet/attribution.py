"""The methods as objects with `attribute(x, target)`, the way attribution libraries and their metrics expect it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inspectnet.errors import LayerError, OptionError
from inspectnet.geometry import Unit
from inspectnet.network import Network
from inspectnet.rules import Policy

Target = int | tuple[int, int, int]
TARGETS = "Give the number of a map, (map, y, x), or a list of these, one for each image."


class _Method:
    """A network, a layer of it, and a policy for the way down."""

    method = "deconvnet"

    def __init__(self, network: Network, layer: str, *, unpool: str = "sum", lrn: str = "") -> None:
        self.network, self.layer = network, network.layer(layer)
        self.policy = Policy(self.method, unpool, lrn)

    def attribute(self, x: np.ndarray, target: Target | Sequence[Target]) -> np.ndarray:
        """The projection of one unit per image into pixel space, float32 of x's shape, signed; the seed is 1.

        x (N, C, H, W): the prepared batch. target: a map or unit number, meaning its strongest position in each
        image, or (map, y, x); a list gives one for each image. Multiply by the activation for the paper's scale.
        Raises LayerError for a unit that does not exist, OptionError for wrong shapes, for targets that are none and
        for images that are not numbers, RuleError for an operator without a rule.
        """
        x = checked_images(x)
        targets = _one_each(target, len(x) if x.ndim else 0)
        units = list(self._units(x, targets))
        out = np.zeros(x.shape, np.float32)
        for i, p in enumerate(self.network.project(x, self.layer.name, units, self.policy)):
            out[i][:, *p.box.slices] = p.pixels
        return out

    def _units(self, x: np.ndarray, targets: Sequence[Target]) -> list[Unit]:
        """The targets as units, a map's strongest position looked up."""
        if all(isinstance(t, tuple) for t in targets):
            return [Unit(i, *t) for i, t in enumerate(targets)]  # type: ignore[misc]
        maxima = self.network.maxima(x, [self.layer.name])[self.layer.name]
        units = []
        for i, t in enumerate(targets):
            if isinstance(t, tuple):
                units.append(Unit(i, *t))
            elif 0 <= t < self.layer.maps:
                units.append(replace(maxima.unit(i, t), value=1.0))
            else:
                raise LayerError(f"{self.layer.name} has {self.layer.maps} maps; there is no map {t}.")
        return units


class Deconvnet(_Method):
    """The deconvnet of Zeiler & Fergus 2014, sec. 2.1: unpool by switches, rectify the signal, filter transposed."""


class GuidedBackprop(_Method):
    """Guided backpropagation, Springenberg et al. 2015: the signal is rectified and masked by the forward sign."""

    method = "guided_backprop"


class Gradient(_Method):
    """The true gradient, Simonyan et al. 2013 (saliency)."""

    method = "gradient"


def checked_images(x: np.ndarray) -> np.ndarray:
    """The images, if they are numbers; their shape is looked at by the network. Raises OptionError."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        raise OptionError("the images hold NaN, infinity or what is no number. Give prepared images (N, C, H, W).")
    return x


def _one_each(target: Target | Sequence[Target], images: int) -> list[Target]:
    """One target per image, as plain numbers. Raises OptionError for what is none."""
    given: Any = target.tolist() if isinstance(target, np.ndarray) else target
    if _is_number(given) or (isinstance(given, tuple) and len(given) == 3 and all(map(_is_number, given))):
        return [_plain(given)] * images
    if not isinstance(given, (list, tuple)):
        raise OptionError(f"{given!r} is no target. {TARGETS}")
    targets = [_plain(t) for t in given]
    if len(targets) != images:
        raise OptionError(f"{len(targets)} targets for {images} images. Give one, or one for each image.")
    return targets


def _plain(target: Any) -> Target:
    """One target as plain numbers; a list of three is a unit here, where it stands for one image."""
    if _is_number(target):
        return int(target)
    parts = list(target) if isinstance(target, (list, tuple, np.ndarray)) else []
    if len(parts) != 3 or not all(map(_is_number, parts)):
        raise OptionError(f"{target!r} is no target. {TARGETS}")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
