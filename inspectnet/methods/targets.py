"""Targets: the unit that is explained in each image. A class is a unit of the class scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inspectnet.classes import class_names, find_class
from inspectnet.errors import LayerError, OptionError
from inspectnet.geometry import Unit
from inspectnet.graph.addresses import parse_address
from inspectnet.graph.layers import Layer
from inspectnet.images import Sources
from inspectnet.inverse import check_unit
from inspectnet.inverse.projection import seeds_of
from inspectnet.network import Network
from inspectnet.rules import Policy

Target = int | tuple[int, int, int] | str
FORMS = "Give a class by number or name, a map by number, (map, y, x), an address as conv5:212, or one for each image."


@dataclass(frozen=True)
class Units:
    """One unit of a tensor in each image."""

    net: Network
    value: str
    """The ONNX name of the tensor."""
    seed: np.ndarray
    """(N, ...) float32 of the tensor's shape, with 1 at the unit: the signal that starts the way down."""
    layer: str = ""
    """The layer that has them, if they are not classes."""
    units: tuple[Unit, ...] = ()
    """Where in it they are."""

    def backward(self, x: np.ndarray, policy: Policy, down_to: str = "") -> np.ndarray:
        """What the seed becomes in pixels (N, C, H, W), or on the maps (N, K, h, w) of the layer `down_to`.

        Units of a layer go through the crops of the images that they can see. Raises RuleError.
        """
        if not self.layer or down_to:
            return self.net.inverse(policy).backward(x, self.value, self.seed, down_to=down_to)
        out = np.zeros(x.shape, np.float32)
        for i, p in enumerate(self.net.inverse(policy).project(x, self.layer, self.units)):
            out[i][:, *p.box.slices] = p.pixels
        return out

    def scaled(self, x: np.ndarray) -> "Units":
        """The same units, whose signal starts with what they answer to the images x (N, C, H, W)."""
        seed = self.seed * self.net.values(x, [self.value])[self.value]
        strength = seed.reshape(len(x), -1).sum(axis=1)
        units = tuple(replace(unit, value=float(strength[unit.image])) for unit in self.units)
        return replace(self, seed=seed, units=units)


def checked_images(net: Network, x: Sources) -> np.ndarray:
    """Photos, or prepared images, as (N, C, H, W) float32 of the network's shape. Raises OptionError, ImageError."""
    x = net.checked(x)
    if not np.isfinite(x).all():
        raise OptionError("the images hold NaN or infinity. Give photos, or prepared images (N, C, H, W).")
    return x


def find_units(net: Network, x: np.ndarray, layer: str, target: Target | Sequence[Target] | np.ndarray) -> Units:
    """The units that targets mean for checked images x (N, C, H, W); numbers are of `layer`, else of classes.

    Raises OptionError for what is no target, LayerError for a unit that does not exist.
    """
    targets = _one_each(target, len(x))
    if any(isinstance(t, str) for t in targets):
        if layer or any(map(_is_address, targets)):
            layer, targets = _addressed(targets)
        else:
            names = class_names(net, None)
            targets = [find_class(t, names) if isinstance(t, str) else t for t in targets]
    return _units_of_layer(net, x, net.layer(layer), targets) if layer else _units_of_classes(net, targets)


def _is_address(target: Target) -> bool:
    """Whether a target is the address of a unit, and not the name of a class."""
    if not isinstance(target, str):
        return False
    address = parse_address(target)
    return address.map is not None or address.pre


def _addressed(targets: Sequence[Target]) -> tuple[str, list[Target]]:
    """The one layer that addresses name, and the maps or units of it."""
    said = [parse_address(t) if isinstance(t, str) else None for t in targets]
    layers = {None if address is None or address.pre else address.layer for address in said}
    if None in layers or len(layers) > 1:
        raise OptionError(f"the targets {', '.join(map(str, targets))} are not all of one layer. Attribute them apart.")
    targets_in_it = list[Target]()
    for address in said:
        if address is None or address.map is None:
            raise OptionError(f"'{address}' is no target. {FORMS}")
        targets_in_it.append(
            address.map if address.y is None or address.x is None else (address.map, address.y, address.x)
        )
    return str(layers.pop()), targets_in_it


def _units_of_classes(net: Network, targets: Sequence[Target]) -> Units:
    """Of the two classes that one sigmoid tells apart, the first has the score of the second with its sign turned."""
    scores = net.class_scores()
    count = scores.classes
    for t in targets:
        if not isinstance(t, int):
            raise OptionError(f"{t!r} is no class, which has no place. Give its number, or a layer to the method.")
        if not 0 <= t < count:
            raise OptionError(f"there is no class {t}: {net.path} tells {count} apart, 0 to {count - 1}.")
    return Units(net, scores.logits, scores.seed(np.array(targets)))


def _units_of_layer(net: Network, x: np.ndarray, layer: Layer, targets: Sequence[Target]) -> Units:
    """Units of a layer; of a map alone, its strongest one in each image."""
    exact = all(isinstance(t, tuple) for t in targets)
    maxima = None if exact else net.maxima(x, [layer.name])[layer.name]
    units = list[Unit]()
    for i, t in enumerate(targets):
        if isinstance(t, tuple):
            unit = Unit(i, *t)
        elif isinstance(t, int) and maxima and 0 <= t < layer.maps:
            unit = replace(maxima.unit(i, t), value=1.0)
        else:
            raise LayerError(f"{layer.name} has {layer.maps} maps; there is no map {t}.")
        check_unit(layer, unit, len(x))
        units.append(unit)
    return Units(net, layer.output, seeds_of(layer, units), layer.name, tuple(units))


def _one_each(target: Target | Sequence[Target] | np.ndarray, images: int) -> list[Target]:
    """One target per image, as plain numbers. Raises OptionError for what is none."""
    given: Any = target.tolist() if isinstance(target, np.ndarray) else target
    if isinstance(given, str) or _is_number(given) or (isinstance(given, tuple) and _is_unit(given)):
        return [_plain(given)] * images
    if not isinstance(given, (list, tuple)):
        raise OptionError(f"{given!r} is no target. {FORMS}")
    targets = [_plain(t) for t in given]
    if len(targets) != images:
        raise OptionError(f"{len(targets)} targets for {images} images. Give one, or one for each image.")
    return targets


def _plain(target: Any) -> Target:
    """One target as plain numbers; a list of three is a unit here, where it stands for one image."""
    if isinstance(target, str):
        return target
    if _is_number(target):
        return int(target)
    parts = list(target) if isinstance(target, (list, tuple, np.ndarray)) else []
    if not _is_unit(parts):
        raise OptionError(f"{target!r} is no target. {FORMS}")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _is_unit(parts: Sequence[Any]) -> bool:
    return len(parts) == 3 and all(map(_is_number, parts))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
