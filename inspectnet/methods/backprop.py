"""Methods that take a signal down to the pixels by the rules of one policy."""

from dataclasses import dataclass

import numpy as np

from inspectnet.methods.method import Method, method, option
from inspectnet.methods.targets import Units
from inspectnet.rules import Policy
from inspectnet.rules.policy import AXES

UNPOOL, LRN = "signals that share a switch", "response normalisation; as the method has it"


@dataclass(frozen=True, eq=False)
class OfUnits(Method):
    """A method that can be made for a layer, whose units targets then number."""

    layer: str = ""
    """Any of its names; by default the class scores."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layer", self.layer and self.net.layer(self.layer).name)

    @property
    def of(self) -> str:
        """The layer whose units targets number; empty for the class scores."""
        return self.layer


@dataclass(frozen=True, eq=False)
class Projection(OfUnits):
    """A unit's signal of 1, taken down by the rules of the method. Times the activation it has the paper's scale."""

    unpool: str = option(UNPOOL, default="sum", among=AXES["unpool"])
    lrn: str = option(LRN, default="", among=("", *AXES["lrn"]))

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "lrn", self.policy.lrn)

    @property
    def policy(self) -> Policy:
        """What is done where methods differ."""
        return Policy(self.name, self.unpool, self.lrn)

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        return units.backward(x, self.policy)


@method("deconvnet")
class Deconvnet(Projection):
    """The deconvnet of Zeiler & Fergus 2014, sec. 2.1: unpool by switches, rectify the signal, filter transposed.

    A class that has a map of its own below a global pool is taken from its strongest unit there: the pool would spread
    the signal evenly over all places, of which the rectifiers leave next to nothing.
    """

    @property
    def start(self) -> str:
        """The layer it is made for, or that of the classes' own maps."""
        maps = None if self.layer else self.net.class_maps()
        return maps.name if maps else self.layer


@method("guided_backprop")
class GuidedBackprop(Projection):
    """Guided backpropagation, Springenberg et al. 2015: the signal is rectified and masked by the forward sign."""


@method("gradient")
class Gradient(Projection):
    """The true gradient, Simonyan et al. 2013 (saliency)."""
