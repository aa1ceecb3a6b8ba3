"""Attribution methods of one shape: `Method(net, ...).attribute(x, target)`. A new method is one file in this room."""

import importlib
import pkgutil

from inspectnet.methods.method import METHODS, Method, describe_methods, method, option

from inspectnet.methods.backprop import Deconvnet, Gradient, GuidedBackprop, Projection  # isort: skip
from inspectnet.methods.gradients import InputXGradient, IntegratedGradients, SmoothGrad  # isort: skip
from inspectnet.methods.cam import Cam, GradCam, GuidedGradCam, LayerCam, cam_layer, enlarge  # isort: skip
from inspectnet.methods.text import methods_of, parse_methods, parse_policies, parse_policy, policy_of, suited_methods

for _module in pkgutil.iter_modules(__path__):  # further files of this room enter their methods themselves
    importlib.import_module(f"{__name__}.{_module.name}")
globals().update({kind.__name__: kind for kind in METHODS.values()})
