"""Proof, on the user's own model, that its inverse is what it claims to be.

Each operator's rule is held against the adjoint identity <t, A v> = <A' t, v>, at the tensors that real images bring
it. The forms of the whole inverse (fused, in two parts, through crops) are held against each other, and the
activations that a search records against those of an independent run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inspectnet.graph.layers import Layer
from inspectnet.inverse import Operator
from inspectnet.network import Network
from inspectnet.projection import Spot
from inspectnet.rules import Policy
from inspectnet.runtime.kernels import without_cuda_kernel

STEP = 2.0**-8  # of the differences, relative to the input: exact for what is linear or homogeneous
BEND = 0.1  # a second difference this large beside the first is a kink
ADJOINT, FORMS = 2e-3, 1e-4  # tolerances, relative; float32 sums of thousands of terms
SMALLEST = 1e-30
GRADIENT = Policy("gradient")


@dataclass(frozen=True)
class Check:
    """One proof and its outcome."""

    subject: str
    """An operator, `MaxPool pool1_out`, or a layer."""
    claim: str
    error: float
    """The largest relative error that was found; for operators without a CUDA kernel, their number."""
    tolerance: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; not a number never is."""
        return bool(self.error <= self.tolerance)


def verify(network: Network, x: np.ndarray, layers: Sequence[str], policy: Policy, seed: int = 0) -> Iterator[Check]:
    """The checks of `layers` and of all operators below them, one after the other.

    x (N, C, H, W): prepared images. Operators that differ only in their weights are checked once.
    Raises LayerError, RuleError.
    """
    rng = np.random.default_rng(seed)
    found = [network.layer(name) for name in layers]
    kinds: dict[str, Operator] = {}
    for layer in found:
        kinds |= {operator.geometry: operator for operator in network.operators(layer.output, GRADIENT)}
    values = network.values(x, [name for o in kinds.values() for name in (*o.inputs, *o.extents, o.output)])
    for operator in kinds.values():
        if _is_float(values[operator.output]) and any(_is_float(values[name]) for name in operator.inputs):
            yield _adjoint(network, values, operator, rng)  # what is quantised is passed straight through
    for layer in found:
        yield _recorded(network, x, layer)
        yield from _forms(network, x, layer, policy, rng)
        lacking = without_cuda_kernel(network.emitted(layer.output, policy))
        yield Check(layer.name, "every operator has a CUDA kernel", len(lacking), 0, " ".join(lacking))


def _adjoint(network: Network, values: dict[str, np.ndarray], operator: Operator, rng: np.random.Generator) -> Check:
    """Hold the true derivative of one operator against its differences along its own input."""
    session = network.operator_session(operator, GRADIENT)
    fed, extents = ({name: values[name] for name in names} for names in (operator.inputs, operator.extents))
    floats = [name for name, value in fed.items() if _is_float(value)]

    def run(scale: float, seed: np.ndarray) -> dict[str, np.ndarray]:
        scaled = {name: (fed[name] * np.float32(scale)).astype(fed[name].dtype) for name in floats}
        return session.run({**fed, **scaled, **extents, operator.seed: seed})

    t = rng.normal(size=values[operator.output].shape).astype(np.float32)
    up, at, down = (run(1 + sign * STEP, t)[operator.output].astype(np.float64) for sign in (1, 0, -1))
    kinked = np.abs(up + down - 2 * at) > BEND * np.abs(up - down)  # there the slopes on both sides differ
    t[kinked] = 0
    along = (up - down) / (2 * STEP) * ~kinked
    signals = run(1, t)
    names = zip(operator.signals, operator.inputs, strict=True)
    pairs = [(signals[s].astype(np.float64), fed[i]) for s, i in names if s in signals]  # none on what is held
    below = sum(float(np.vdot(signal, x)) for signal, x in pairs)
    # sums of random signs are small beside their terms: the error is relative to the terms' root mean square
    size = _size(along, t) + sum(_size(signal, x) for signal, x in pairs) + SMALLEST
    return Check(
        f"{operator.op_type} {operator.output}",
        "adjoint identity",
        abs(below - float(np.vdot(t, along))) / size,
        ADJOINT,
        f"{kinked.mean():.0%} on kinks left out" if kinked.mean() > 0.005 else "",
    )


def _is_float(values: np.ndarray) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating))


def _size(a: np.ndarray, b: np.ndarray) -> float:
    """What a sum of the products of a and b would be if their signs were random."""
    return float(np.linalg.norm(a) * np.linalg.norm(b) / max(1.0, np.sqrt(a.size)))


def _recorded(network: Network, x: np.ndarray, layer: Layer) -> Check:
    """Hold the maxima that a search records against the maps of an independent run."""
    maxima = network.maxima(x, [layer.output])[layer.output]
    maps = network.activations(x, layer.output).reshape(*maxima.values.shape, -1)
    at_place = np.take_along_axis(maps, maxima.places[:, :, None], axis=2)[:, :, 0]
    error = max(_relative(maxima.values, maps.max(axis=2)), _relative(at_place, maxima.values))
    return Check(layer.name, "recorded activations = activations run again", error, FORMS)


def _forms(network: Network, x: np.ndarray, layer: Layer, policy: Policy, rng: np.random.Generator) -> Iterator[Check]:
    """Hold the three forms of the inverse against each other, at the strongest units and at the corners."""
    spots = _spots(network, x, layer, rng)
    whole = [p.pixels for p in network.project(x, layer.output, spots, policy, crop=False)]
    seed = np.zeros((len(spots), *(int(n) for n in layer.shape[1:])), np.float32)  # type: ignore[arg-type]
    for i, spot in enumerate(spots):
        seed[(i, spot.map, spot.y, spot.x) if layer.spatial else (i, spot.map)] = spot.value
    fused = network.project_seeds(x[[spot.image for spot in spots]], layer.output, seed, policy)
    yield Check(layer.name, "fused = in two parts", _relative(fused, np.stack(whole)), FORMS)
    height, width = network.input_shape[1:]
    cropped = list(network.project(x, layer.output, spots, policy))
    pixels = np.stack([p.window((0, 0, width, height)) for p in cropped])
    used = "x".join(str(n) for n in cropped[0].pixels.shape[1:])
    yield Check(layer.name, "cropped = whole image", _relative(pixels, np.stack(whole)), FORMS, f"crop {used}")


def _spots(network: Network, x: np.ndarray, layer: Layer, rng: np.random.Generator) -> list[Spot]:
    """A few units: of some maps the strongest ones, and those in two corners."""
    maps = rng.permutation(layer.maps)[:4]
    places = network.maxima(x, [layer.output])[layer.output].places[0]
    height, width = (int(n) for n in layer.shape[2:]) if layer.spatial else (1, 1)  # type: ignore[arg-type]
    strongest = [Spot(0, int(m), *divmod(int(places[m]), width)) for m in maps]
    corners = [Spot(len(x) - 1, int(maps[0]), y, x_) for y, x_ in ((0, 0), (height - 1, width - 1))]
    return strongest + corners


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max() / (np.abs(wanted).max() + SMALLEST))
