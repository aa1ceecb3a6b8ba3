"""The methods in torch, from their definitions: whatever a network calls is caught, functional or not.

It shares no line with inspectnet: rectifiers get backward passes of their own, gates and statistics are detached, the
rest is autograd's, in float64.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

RECTIFIERS = {
    *(torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu6, F.hardtanh, F.leaky_relu, F.elu, F.selu),
    *(F.silu, F.gelu, F.hardswish, F.mish, F.softplus, F.prelu),
}
GATES = {torch.sigmoid, Tensor.sigmoid, F.sigmoid, F.hardsigmoid, F.softmax, torch.softmax, Tensor.softmax}


class Rectify(torch.autograd.Function):
    """An activation going up; going down the positive part, for guided backpropagation where it was active too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Any, method: str, low: float, high: float) -> Tensor:
        ctx.save_for_backward((x > low) & (x < high))
        ctx.method = method
        return up(x)

    @staticmethod
    def backward(ctx: Any, *tops: Tensor) -> tuple[Tensor, None, None, None, None]:
        (active,) = ctx.saved_tensors
        top = tops[0].clamp(min=0)
        return top * active if ctx.method == "guided_backprop" else top, None, None, None, None


class Method(TorchFunctionMode):
    """Within it rectifiers, gates and statistics do on the way back what `method` says."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = {k: v for k, v in (kwargs or {}).items() if k != "inplace"}
        if self.method == "gradient":
            return func(*args, **kwargs)
        if func in RECTIFIERS:
            x, *rest = args
            low, high = bounds(func, rest, kwargs)
            if low < 0:  # it saturates on both sides, and is no rectifier
                return func(*args, **kwargs)
            return Rectify.apply(x, lambda v: func(v, *rest, **kwargs), self.method, low, high)
        if func in GATES:
            return func(*args, **kwargs).detach()
        if func is F.layer_norm:
            return layer_norm_held(*args, **kwargs)
        return func(*args, **kwargs)


def bounds(func: Any, rest: list[Any], kwargs: dict[str, Any]) -> tuple[float, float]:
    """Between which inputs an activation is active."""
    if func is F.hardtanh:
        low, high = (*rest, kwargs.get("min_val", -1.0), kwargs.get("max_val", 1.0))[:2]
        return low, high
    return 0.0, 6.0 if func is F.relu6 else float("inf")


def layer_norm_held(x: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Layer normalisation whose mean and deviation are held fixed."""
    axes = tuple(range(-len(shape), 0))
    mean = x.mean(axes, keepdim=True).detach()
    root = (x.var(axes, unbiased=False, keepdim=True) + eps).sqrt().detach()
    y = (x - mean) / root
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def module_outputs(net: nn.Module, x: Tensor, method: str = "gradient") -> dict[str, list[Tensor]]:
    """By module path, in the order of their ends, what each call gave for x; the way back from it is `method`'s."""
    outputs: dict[str, list[Tensor]] = {}
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # else it would change what was noted

    def note(name: str) -> Any:
        def hook(module: nn.Module, given: Any, made: Any) -> None:
            if isinstance(made, Tensor):
                # what comes after may add to it in place
                outputs.setdefault(name, []).append(made.clone())

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in net.named_modules() if name]
    try:
        with Method(method):
            outputs[""] = [net(x)]
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


class Reference:
    """What torch makes of an image x: its modules' outputs, each computed once, and what signals on them become."""

    def __init__(self, net: nn.Module, x: Tensor) -> None:
        self.net, self.x = net, x.detach().clone().requires_grad_()
        self._outputs: dict[str, dict[str, list[Tensor]]] = {}

    def outputs(self, method: str = "gradient") -> dict[str, list[Tensor]]:
        """By module path, in the order of their ends, what each call gave."""
        if method not in self._outputs:
            self._outputs[method] = module_outputs(self.net, self.x, method)
        return self._outputs[method]

    def project(self, path: str, call: int, seed: Any, method: str, view: Any = None) -> Tensor:
        """The pixels that `seed`, on the output of the module's call (seen as `view` shows it), becomes."""
        made = self.outputs(method)[path][call]
        made = view(made, tuple(seed.shape)) if view else made
        seed = torch.as_tensor(seed, dtype=made.dtype)
        (pixels,) = torch.autograd.grad(made, self.x, seed, retain_graph=True)
        return pixels


def project(net: nn.Module, x: Tensor, path: str, call: int, seed: Tensor, method: str) -> Tensor:
    """The pixels that `seed`, on the output of the module's call, becomes under `method`."""
    return Reference(net, x).project(path, call, seed, method)
