"""Open any ONNX image CNN and see what it has learnt (Zeiler & Fergus 2014, as a toolkit).

>>> net = inspectnet.open("model.onnx")
>>> inspectnet.plot(inspectnet.deconv(net, "conv5", images="photos/"))
>>> inspectnet.explain(net, "cat.jpg", target="tabby cat")
>>> inspectnet.GradCam(net).attribute("cat.jpg", target=281)
"""

import importlib
from typing import TYPE_CHECKING, Any

from inspectnet.errors import InspectError

if TYPE_CHECKING:
    from inspectnet import samples
    from inspectnet.analyses.activations import activations
    from inspectnet.analyses.annotate import annotate
    from inspectnet.analyses.correspond import correspond
    from inspectnet.analyses.deconv import deconv
    from inspectnet.analyses.diagnose import diagnose
    from inspectnet.analyses.evaluate import evaluate
    from inspectnet.analyses.evolve import evolve
    from inspectnet.analyses.explain import explain
    from inspectnet.analyses.invariance import invariance
    from inspectnet.analyses.invert import invert
    from inspectnet.analyses.layers import layers
    from inspectnet.analyses.occlude import occlude
    from inspectnet.analyses.sanity import sanity
    from inspectnet.analyses.scan import scan
    from inspectnet.analyses.selectivity import selectivity
    from inspectnet.analyses.verify import verify
    from inspectnet.explorer.explore import explore
    from inspectnet.explorer.report import write_report
    from inspectnet.index import open_index
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
    from inspectnet.methods.grad_cam_pp import GradCamPlusPlus
    from inspectnet.methods.lrp import Lrp
    from inspectnet.network import Network
    from inspectnet.opening import open_network as open
    from inspectnet.recording import open_activations
    from inspectnet.report.keeping import load, plot, save

__version__ = "0.1.0"
__all__ = [
    "Deconvnet",
    "GradCam",
    "GradCamPlusPlus",
    "Gradient",
    "GuidedBackprop",
    "GuidedGradCam",
    "InputXGradient",
    "InspectError",
    "IntegratedGradients",
    "LayerCam",
    "Lrp",
    "Network",
    "SmoothGrad",
    "__version__",
    "activations",
    "annotate",
    "correspond",
    "deconv",
    "diagnose",
    "evaluate",
    "evolve",
    "explain",
    "explore",
    "invariance",
    "invert",
    "layers",
    "load",
    "occlude",
    "open",
    "open_activations",
    "open_index",
    "plot",
    "samples",
    "sanity",
    "save",
    "scan",
    "selectivity",
    "verify",
    "write_report",
]

_HOMES = {
    "Network": ("inspectnet.network", "Network"),
    "open": ("inspectnet.opening", "open_network"),
    "open_activations": ("inspectnet.recording", "open_activations"),
    "open_index": ("inspectnet.index", "open_index"),
    "load": ("inspectnet.report.keeping", "load"),
    "plot": ("inspectnet.report.keeping", "plot"),
    "save": ("inspectnet.report.keeping", "save"),
    "explore": ("inspectnet.explorer.explore", "explore"),
    "write_report": ("inspectnet.explorer.report", "write_report"),
}


def __getattr__(name: str) -> Any:
    """Heavy parts are imported when they are first used, so that `inspectnet --help` answers at once."""
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(importlib.import_module(module), attribute)
    if name == "samples":
        return importlib.import_module("inspectnet.samples")
    if name in __all__ and name.islower():  # an analysis, in a module of its name
        return getattr(importlib.import_module(f"inspectnet.analyses.{name}"), name)
    methods = importlib.import_module("inspectnet.methods") if name[0].isupper() else None  # a class for each method
    if not hasattr(methods, name):
        raise AttributeError(f"module 'inspectnet' has no attribute '{name}'")
    return getattr(methods, name)


def __dir__() -> list[str]:
    """What `__all__` holds, and the class of each method there is."""
    methods = importlib.import_module("inspectnet.methods").METHODS
    return sorted({*__all__, *(kind.__name__ for kind in methods.values())})
