"""Open any ONNX image CNN and see what it has learnt (Zeiler & Fergus 2014, as a toolkit).

>>> net = inspectnet.open("model.onnx")
>>> [layer.name for layer in net.layers]
>>> inspectnet.Deconvnet(net, layer="conv5").attribute(x, target=212)
>>> inspectnet.GradCam(net).attribute(x, target=281)
"""

import importlib
from typing import TYPE_CHECKING, Any

from inspectnet.errors import InspectError

if TYPE_CHECKING:
    from inspectnet.analyses.catalogue import catalogue
    from inspectnet.analyses.correspondence import correspond
    from inspectnet.analyses.diagnosis import diagnose
    from inspectnet.analyses.evaluation import evaluate
    from inspectnet.analyses.evolution import evolve
    from inspectnet.analyses.explain import explain
    from inspectnet.analyses.features import features
    from inspectnet.analyses.invariance import invariance
    from inspectnet.analyses.occlusion import occlude
    from inspectnet.analyses.sanity import sanity
    from inspectnet.analyses.selectivity import selectivity
    from inspectnet.analyses.verify import verify
    from inspectnet.methods import (
        Deconvnet,
        GradCam,
        Gradient,
        GuidedBackprop,
        GuidedGradCam,
        InputXGradient,
        IntegratedGradients,
        LayerCam,
        SmoothGrad,
    )
    from inspectnet.network import Network
    from inspectnet.network import open_network as open
    from inspectnet.report.keeping import load, plot, save

__version__ = "0.1.0"
__all__ = [
    "Deconvnet",
    "GradCam",
    "Gradient",
    "GuidedBackprop",
    "GuidedGradCam",
    "InputXGradient",
    "InspectError",
    "IntegratedGradients",
    "LayerCam",
    "Network",
    "SmoothGrad",
    "__version__",
    "catalogue",
    "correspond",
    "diagnose",
    "evaluate",
    "evolve",
    "explain",
    "features",
    "invariance",
    "load",
    "occlude",
    "open",
    "plot",
    "sanity",
    "save",
    "selectivity",
    "verify",
]

_HOMES = {
    "Network": ("inspectnet.network", "Network"),
    "catalogue": ("inspectnet.analyses.catalogue", "catalogue"),
    "correspond": ("inspectnet.analyses.correspondence", "correspond"),
    "diagnose": ("inspectnet.analyses.diagnosis", "diagnose"),
    "evaluate": ("inspectnet.analyses.evaluation", "evaluate"),
    "evolve": ("inspectnet.analyses.evolution", "evolve"),
    "explain": ("inspectnet.analyses.explain", "explain"),
    "features": ("inspectnet.analyses.features", "features"),
    "invariance": ("inspectnet.analyses.invariance", "invariance"),
    "load": ("inspectnet.report.keeping", "load"),
    "occlude": ("inspectnet.analyses.occlusion", "occlude"),
    "open": ("inspectnet.network", "open_network"),
    "plot": ("inspectnet.report.keeping", "plot"),
    "sanity": ("inspectnet.analyses.sanity", "sanity"),
    "save": ("inspectnet.report.keeping", "save"),
    "selectivity": ("inspectnet.analyses.selectivity", "selectivity"),
    "verify": ("inspectnet.analyses.verify", "verify"),
}


def __getattr__(name: str) -> Any:
    """Heavy parts are imported when they are first used, so that `inspectnet --help` answers at once."""
    module, attribute = _HOMES.get(name, ("inspectnet.methods", name))  # which has a class for each method
    if name not in _HOMES and not (name[0].isupper() and hasattr(importlib.import_module(module), name)):
        raise AttributeError(f"module 'inspectnet' has no attribute '{name}'")
    return getattr(importlib.import_module(module), attribute)
