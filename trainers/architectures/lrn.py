"""Local response normalisation with its own derivative; torch's pools in 3-D, which is slow on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn


def window_sum(x: Tensor, size: int) -> Tensor:
    """Sum over an odd number of neighbouring maps, (N, C, H, W) -> the same; outside the first and last map is zero."""
    total = x.clone()  # of x itself, not of a slice: that would lose channels-last, and mixed layouts are slow
    for shift in range(1, size // 2 + 1):
        total[:, shift:] += x[:, :-shift]
        total[:, :-shift] += x[:, shift:]
    return total


class _Normalise(torch.autograd.Function):
    """y = x d^-beta with d = bias + alpha/size * (sum of x^2 over the window)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
        d = window_sum(x * x, size).mul_(alpha / size).add_(bias)
        root = d.sqrt()
        # two square roots are far cheaper than a power
        factor = (root * root.sqrt()).reciprocal_() if beta == 0.75 else d.pow(-beta)
        ctx.save_for_backward(x, d, factor)
        ctx.size, ctx.slope = size, -2 * alpha * beta / size
        return x * factor

    @staticmethod
    def backward(ctx: Any, *tops: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, d, factor = ctx.saved_tensors
        direct = tops[0] * factor
        shared = window_sum(direct * x / d, ctx.size)
        return direct.addcmul_(x, shared, value=ctx.slope), None, None, None, None


class LocalResponseNorm(nn.Module):
    """Divides an activation by what its neighbour maps carry at the same place; never in half precision."""

    def __init__(self, size: int, alpha: float, beta: float, bias: float) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"a window of {size} maps has no middle; ONNX and torch disagree about it")
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W), float32."""
        y: Tensor = _Normalise.apply(x.float(), self.size, self.alpha, self.beta, self.bias)
        return y

    def extra_repr(self) -> str:
        """What print(net) shows."""
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, bias={self.bias}"
