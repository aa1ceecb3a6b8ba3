"""Methods that are made of true gradients by the pixels."""

import numpy as np

from inspectnet.errors import OptionError
from inspectnet.methods.backprop import OfUnits
from inspectnet.methods.method import method, option
from inspectnet.methods.targets import Units
from inspectnet.rules import Policy

GRADIENT = Policy("gradient")


@method("input_x_gradient")
class InputXGradient(OfUnits):
    """The gradient times the prepared image (Shrikumar et al. 2016, Not just a black box).

    In a network without biases and of rectifiers alone the sum over the pixels is the score.
    """

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        return np.asarray(units.backward(x, GRADIENT) * x)


@method("integrated_gradients")
class IntegratedGradients(OfUnits):
    """The gradient's mean on the straight way from a baseline to the image, times the way (Sundararajan et al. 2017).

    The sum over the pixels tends to score(x) - score(baseline), the better the more steps; the mean is taken at
    their midpoints. baseline: in prepared units, one number or what broadcasts to x; 0 is the mean colour.
    """

    steps: int = option("midpoints", default=64, least=1, most=10_000)
    baseline: float | np.ndarray = option("in prepared units; 0 is the mean colour", default=0.0)

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        start, total = _baseline(self.baseline, x.shape), np.zeros(x.shape)
        for step in range(self.steps):
            total += units.backward(start + np.float32((step + 0.5) / self.steps) * (x - start), GRADIENT)
        return np.asarray((x - start) * (total / self.steps), np.float32)


@method("smoothgrad")
class SmoothGrad(OfUnits):
    """The gradient's mean over noisy copies of the image (Smilkov et al. 2017).

    noise: the deviation of the normal noise as a part of the image's range of values, max - min. All images get the
    same noise, each on its own scale, so that no result depends on the images beside it.
    """

    samples: int = option("noisy copies", default=50, least=1, most=10_000)
    noise: float = option("as a part of the image's range of values", default=0.15, least=0)
    seed: int = option("draws the noise", default=0, least=0)

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        total, draw = np.zeros(x.shape), np.random.default_rng(self.seed)
        deviation = np.float32(self.noise) * np.ptp(x, axis=(1, 2, 3), keepdims=True)
        for _ in range(self.samples):
            total += units.backward(x + deviation * draw.standard_normal(x.shape[1:], np.float32), GRADIENT)
        return np.asarray(total / self.samples, np.float32)


def _baseline(baseline: float | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of the shape of the images."""
    try:
        given = np.asarray(baseline, np.float32)
    except (TypeError, ValueError):
        raise OptionError(f"the baseline {baseline!r} is no number, nor an image.") from None
    fits = given.ndim <= len(shape) and all(a in (1, b) for a, b in zip(given.shape[::-1], shape[::-1], strict=False))
    if not fits or not np.isfinite(given).all():
        raise OptionError(f"the baseline {given.shape} is no finite image of the shape {shape}, nor a number.")
    return np.broadcast_to(given, shape)
