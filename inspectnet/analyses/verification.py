"""Proof, on the user's own model, that its inverse is what it claims to be.

Each operator's rule is held against the adjoint identity <t, A v> = <A' t, v>, at the tensors that real images bring
it. The walk through all of them is held against one that takes the operators singly; the forms of the whole inverse
(fused, in two parts, through crops) against each other, and the activations that a search records against those of
an independent run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

import numpy as np

from inspectnet.analyses.differences import DOUBLE, SINGLE, noise, rms, slope_of, step_size
from inspectnet.geometry import Box, Unit
from inspectnet.graph.doubles import Doubles
from inspectnet.graph.layers import Layer
from inspectnet.graph.operators import PRODUCTS, RECTIFIERS
from inspectnet.inverse import Operator
from inspectnet.inverse.operators import operators_below
from inspectnet.inverse.projection import seeds_of
from inspectnet.inverse.unit_crops import seed_shape
from inspectnet.network import Network
from inspectnet.results import derived
from inspectnet.rules import Policy
from inspectnet.runtime.kernels import without_cuda_kernel

FORMS, WALK = 1e-4, 1e-3  # tolerances, relative; float32 sums of thousands of terms
KEPT = 1 << 26  # numbers of recorded tensors at a time: 256 MiB
SMALLEST, LARGEST = 1e-30, 1e12  # numbers beyond the latter overflow where they are squared or summed
TINY, ROUNDING = 2.0**-20, 4  # a change as good as rounding; so many times what it makes may come of those inside
NUDGES, MORE_NUDGES = 3, 12  # such changes that are tried, and more where they do not explain an error
GRADIENT, IMAGE = Policy("gradient"), (1, 2, 3)  # the axes of one image
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Check:
    """One proof and its outcome."""

    subject: str
    """An operator, `MaxPool pool1_out`, or a layer."""
    claim: str
    error: float | None
    """The largest relative error, None if that is no number; for operators without a CUDA kernel, their number."""
    tolerance: float
    note: str = ""

    @derived
    def passed(self) -> bool:
        """Whether the error is within the tolerance; not a number never is."""
        return self.error is not None and bool(self.error <= self.tolerance)


def check_all(network: Network, x: np.ndarray, layers: Sequence[str], policy: Policy, seed: int = 0) -> Iterator[Check]:
    """The checks of `layers` and of all operators below them, one after the other.

    x (N, C, H, W): prepared images. Operators that differ only in their weights are checked once.
    Raises LayerError, RuleError.
    """
    rng = np.random.default_rng(seed)
    checked = [network.layer(name) for name in layers]
    yield from _rules(network, x, checked, policy, rng)
    yield _walk(network, x, checked[-1], rng)
    for layer in checked:
        yield _recorded(_alone(network), x, layer)
        yield from _forms(network, x, layer, policy, rng)
        yield _kernels(network, layer, policy)


def _alone(network: Network) -> Network:
    """The network without the sessions of before, so that what is asked next has the memory for itself."""
    network.close()
    return network


# Operators -------------------------------------------------------------------------------------------------


def _rules(
    network: Network, x: np.ndarray, layers: Sequence[Layer], policy: Policy, rng: np.random.Generator
) -> Iterator[Check]:
    """Hold the rule of each kind of operator against its slopes, and what the method makes of it against that."""
    inverse = network.inverse(GRADIENT)
    kinds = {operator.geometry: operator for layer in layers for operator in inverse.operators(layer.output)}
    for operator, values in _recording(network, x, list(kinds.values())):
        if _is_float(values[operator.output]) and any(_is_float(values[name]) for name in operator.inputs):
            yield _adjoint(network, values, operator, rng)  # what is quantised is passed straight through
            if policy.method != GRADIENT.method and operator.op_type in RECTIFIERS | PRODUCTS:
                yield _by_method(network, values, operator, policy, rng)


def _recording(network: Network, x: np.ndarray, operators: Sequence[Operator]) -> Iterator[tuple[Operator, Arrays]]:
    """Each of `operators` with the tensors at its ends, of which only a part is kept at a time."""
    filled = accumulate(len(x) * operator.weight for operator in operators)
    for _, group in groupby(zip(operators, filled, strict=True), key=lambda pair: pair[1] // KEPT):
        part = [operator for operator, _ in group]
        names = [name for o in part for name in (*o.inputs, *o.extents, *o.outputs)]
        values = _alone(network).values(x, names)
        network.close()  # not its weights beside those of an operator
        yield from ((operator, values) for operator in part)


def _adjoint(network: Network, values: Arrays, operator: Operator, rng: np.random.Generator) -> Check:
    """Hold the true derivative of one operator against its differences along a random direction."""
    session = network.inverse(GRADIENT).operator_session(operator, doubles=True)
    precision = DOUBLE if isinstance(session, Doubles) else SINGLE
    fed = {name: values[name] for name in (*operator.inputs, *operator.extents)}
    at = {name: x.astype(precision.dtype) for name, x in fed.items() if name in operator.inputs and _is_float(x)}
    if overflown := not all(rms(x) < LARGEST for x in at.values()):  # the network's own fault, not the rule's
        at = {name: noise(rng, x) for name, x in at.items()}
    way = {name: noise(rng, x) * step_size(x) for name, x in at.items()}
    tops = {name: noise(rng, values[name].astype(precision.dtype)) for name in operator.outputs}

    def run(steps: int) -> Arrays:
        moved = {name: x + precision.dtype(steps * precision.step) * way[name] for name, x in at.items()}
        seeds = dict(zip(operator.seeds, tops.values(), strict=True))
        return session.run({**fed, **moved, **seeds})

    ends = [run(steps) for steps in (1, 0, -1)]
    slopes = {name: slope_of([end[name].astype(np.float64) for end in ends], precision) for name in operator.outputs}
    for name, slope in slopes.items():
        tops[name][slope.kinked] = 0
    signals = run(0)
    pairs = [(signals[s], way[i]) for s, i in zip(operator.signals, operator.inputs, strict=True) if s in signals]
    terms = [*((tops[name], slope.along) for name, slope in slopes.items()), *((s, -v) for s, v in pairs)]
    # sums of random signs are small beside their terms: the error is relative to the terms' root mean square
    size = sum(_size(*term) for term in terms) + SMALLEST
    rounding = sum(_size(tops[name], slope.rounding) for name, slope in slopes.items())
    left_out = float(np.mean(np.concatenate([slope.kinked.ravel() for slope in slopes.values()])))
    left_out_said = f"{left_out:.0%} on kinks left out" if left_out > 0.005 else ""
    return Check(
        f"{operator.op_type} {operator.output}",
        "adjoint identity" + " in float64" * (precision is DOUBLE),
        abs(sum(_sum(*term) for term in terms)) / (size + rounding / precision.tolerance),
        precision.tolerance,
        "at random tensors, as its own overflow" if overflown else left_out_said,
    )


def _by_method(network: Network, values: Arrays, operator: Operator, policy: Policy, rng: np.random.Generator) -> Check:
    """Hold what a method makes of a rectifier or a product against its definition.

    A rectifier lets the positive part of the signal through, under guided backpropagation where it was positive itself;
    the signal to a factor is the true derivative, or none.
    """
    fed = {name: values[name] for name in (*operator.inputs, *operator.extents)}
    x, y = values[operator.inputs[0]], values[operator.output]
    fed[operator.seeds[0]] = t = noise(rng, y)
    got, true = (network.inverse(p).operator_session(operator).run(fed) for p in (policy, GRADIENT))
    wanted = true
    if operator.op_type in RECTIFIERS:
        passed = (x > 0) & (y > 0) if policy.method == "guided_backprop" else np.True_
        wanted = {operator.signals[0]: np.maximum(t, 0) * passed}
    errors = [_relative(got[name], wanted[name]) for name in operator.signals if name in got]
    subject = f"{operator.op_type} {operator.output}"
    return Check(subject, f"as {policy.method} defines it", max(errors, default=0.0), FORMS)


def _is_float(values: np.ndarray) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating))


def _sum(a: np.ndarray, b: np.ndarray) -> float:
    """The sum of the products of a and b."""
    return float(np.vdot(a.astype(np.float64), b.astype(np.float64)))


def _size(a: np.ndarray, b: np.ndarray) -> float:
    """What that sum would be if the signs were random."""
    return float(np.sqrt(_sum(a, a) * _sum(b, b) / max(1, a.size)))


# The walk and its forms ------------------------------------------------------------------------------------


def _walk(network: Network, x: np.ndarray, layer: Layer, rng: np.random.Generator) -> Check:
    """Hold the whole inverse under `gradient` against its operators, taken one by one and added up here."""
    seed = noise(rng, np.zeros((len(x), *seed_shape(layer)), np.float32))
    gradient = _alone(network).inverse(GRADIENT)
    # from before the activation: where that saturates, its slope is made of roundings
    wanted = gradient.backward(x, layer.pre, seed)

    def nudge(times: int, by: float) -> np.ndarray:
        """By how much as good as rounding may move each image's at most, as far as so many trials tell."""
        tried = (gradient.backward(x * (1 + by * noise(rng, x)), layer.pre, seed) for _ in range(times))
        moved = np.max([rms(other - wanted, IMAGE) for other in tried], axis=0)
        return np.asarray(ROUNDING * np.nan_to_num(moved, nan=np.inf))  # what overflowed may have gone anywhere

    size, arrived = rms(wanted, IMAGE) + SMALLEST, {layer.pre: seed}
    for operator, values in _recording(network, x, gradient.operators(layer.output, pre=True)[::-1]):
        ends = dict(zip(operator.seeds, operator.outputs, strict=True))
        tops = {seed: arrived.pop(name) for seed, name in ends.items() if name in arrived}
        if not tops:
            continue
        fed = {name: values[name] for name in (*operator.inputs, *operator.extents)}
        blank = {seed: np.zeros_like(values[name], np.float32) for seed, name in ends.items() if seed not in tops}
        below = gradient.operator_session(operator).run({**fed, **blank, **tops})
        for signal, name in zip(operator.signals, operator.inputs, strict=True):
            if signal in below:
                arrived[name] = arrived.get(name, 0) + below[signal]
    (image,) = network.values(x, [])
    apart, rounding = rms(arrived[image] - wanted, IMAGE), nudge(NUDGES, TINY)
    if (apart > WALK * size + rounding).any():  # a unit on a kink, which one nudge in three may tip over
        rounding = np.maximum(rounding, nudge(MORE_NUDGES, 4 * TINY))
    errors, moved = apart / (size + rounding / WALK), np.max(rounding / size)
    note = f"rounding alone may move an image's by {moved:.0e}" if moved > WALK else ""
    return Check(layer.name, "whole inverse = its operators one by one", float(np.max(errors)), WALK, note)


def _recorded(network: Network, x: np.ndarray, layer: Layer) -> Check:
    """Hold the maxima that a search records against the maps of an independent run."""
    maxima = network.maxima(x, [layer.output])[layer.output]
    maps = network.activations(x, layer.output).reshape(*maxima.values.shape, *layer.extent)
    at_place = maps[*np.indices(maxima.values.shape), *np.moveaxis(maxima.places, -1, 0)]
    error = max(_relative(maxima.values, maps.max(axis=(2, 3))), _relative(at_place, maxima.values))
    return Check(layer.name, "recorded activations = activations run again", error, FORMS)


def _forms(network: Network, x: np.ndarray, layer: Layer, policy: Policy, rng: np.random.Generator) -> Iterator[Check]:
    """Hold the three forms of the inverse against each other, at the strongest units and at the corners."""
    units = _units(_alone(network), x, layer, rng)
    seed, inverse = seeds_of(layer, units), network.inverse(policy)
    owner = np.array([unit.image for unit in units])
    fused = inverse.project_seeds(x[owner], layer.output, seed)
    network.close()
    if not network.fixed_batch:
        parted = inverse.project_seeds(x, layer.output, seed, owner)
        network.close()
        yield Check(layer.name, "in two parts = fused", _relative(parted, fused), FORMS)
    cropped = list(inverse.project(x, layer.output, units))
    pixels = np.stack([p.window(Box.at(0, 0, x.shape[2:])) for p in cropped])
    used = "x".join(str(n) for n in cropped[0].pixels.shape[1:])
    yield Check(layer.name, "cropped = fused", _relative(pixels, fused), FORMS, f"crop {used}")


def _units(network: Network, x: np.ndarray, layer: Layer, rng: np.random.Generator) -> list[Unit]:
    """A few units: of some maps the strongest ones, and those in two corners; in turns of all images."""
    maps = rng.permutation(layer.maps)[:4]
    maxima = network.maxima(x, [layer.output])[layer.output]
    height, width = layer.extent
    images = [i % len(x) for i in range(len(maps))]
    strongest = [replace(maxima.unit(i, m), value=1.0) for i, m in zip(images, maps.tolist(), strict=True)]
    corners = [Unit(len(x) - 1, int(maps[0]), y, x_) for y, x_ in ((0, 0), (height - 1, width - 1))]
    return strongest + corners


def _relative(values: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(values - wanted).max() / (np.abs(wanted).max() + SMALLEST))


def _kernels(network: Network, layer: Layer, policy: Policy) -> Check:
    """Count the operators of the way down that fall back from CUDA to the CPU; those of the network do as they do."""
    lacking = without_cuda_kernel(network.inverse(policy).emitted(layer.output))
    own = {operator.op_type for operator in operators_below(network.model, layer.output)}
    added = [op_type for op_type in lacking if op_type not in own]
    note = " ".join(added) if added else f"the network's own {' '.join(lacking)} has none" if lacking else ""
    return Check(layer.name, "all that the way down adds has a CUDA kernel", len(added), 0, note)
