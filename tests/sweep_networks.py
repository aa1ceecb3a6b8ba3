"""The networks of the sweep: which there are, with what weights, and what torch says of them."""

import functools
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torchvision
from nets import randomise
from torch import Tensor, nn
from torch_reference import Reference

IMAGES = 8
SIDE = 64  # pixels: enough for five halvings; the fewer units, the fewer lie on a kink
SIDES = {"alexnet": 224, "vgg": 224, "inception": 107, "timm/inception": 107}
SIDES |= dict.fromkeys(["vit", "swin", "maxvit", "timm/vit", "timm/swin"], 224)
TIMM = (
    *("convnext_atto", "efficientnet_lite0", "regnetz_b16", "repvgg_a2", "nfnet_l0", "ghostnet_100", "hrnet_w18_small"),
    *("densenet121", "resnetv2_50", "mobilenetv4_conv_small", "tf_efficientnetv2_b0", "resnest14d", "skresnet18"),
    *("mixnet_s", "rexnet_100", "dpn68", "inception_v4", "xception41", "vovnet39a", "edgenext_xx_small"),
    *("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"),
)


class Part(nn.Module):
    """A network of several outputs that gives one alone."""

    def __init__(self, net: nn.Module, output: str) -> None:
        super().__init__()
        self.net, self.output = net, output

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[self.output]


def names() -> list[str]:
    """All networks of the sweep: torchvision's classifiers and segmenters, a detector's backbone, some of timm's."""
    found = list(torchvision.models.list_models(module=torchvision.models))
    found += [f"segmentation/{n}" for n in torchvision.models.list_models(module=torchvision.models.segmentation)]
    return [*found, "detection/fpn", *(f"timm/{name}" for name in TIMM)]


def build(name: str) -> nn.Module:
    """One of the networks, without its training-only heads."""
    family, _, rest = name.rpartition("/")
    if family == "timm":
        import timm

        return timm.create_model(rest, pretrained=False)
    if family == "segmentation":
        return Part(torchvision.models.get_model(rest, weights=None, weights_backbone=None), "out")
    if family == "detection":
        net = torchvision.models.detection.backbone_utils.resnet_fpn_backbone(backbone_name="resnet50", weights=None)
        return nn.Sequential(net.body, Part(net.fpn, "0"))  # its finest map, in which all others have a part
    extra: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, **extra)


def weigh(net: nn.Module, images: Tensor) -> nn.Module:
    """Random weights under which nothing is trivial and maps keep their size at every depth.

    What neither He's draw nor the normalisations set and is one number throughout (layer norms, scales of residual
    branches, tokens) is drawn too. Each normalisation's statistics are nearly those of `images`.
    """
    draw = torch.Generator().manual_seed(0)
    randomise(net, 0)
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.is_floating_point() and tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all()):
            shifts = bool(tensor.flatten()[0] == 0)
            tensor.normal_(0, 0.2, generator=draw) if shifts else tensor.uniform_(0.5, 1.5, generator=draw)

    def settle(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        variance, mean = torch.var_mean(given[0], [0, *range(2, given[0].ndim)])
        variance = variance.clamp(min=float(variance.mean()) / 10)  # a dead channel is not to be blown up
        shift, scale = (torch.rand(mean.shape, generator=draw) - 0.5 for _ in range(2))
        norm.running_mean.copy_(mean + shift * variance.sqrt())
        norm.running_var.copy_(variance * (1 + scale))

    norms = [module for module in net.modules() if isinstance(getattr(module, "running_var", None), Tensor)]
    hooks = [norm.register_forward_pre_hook(settle) for norm in norms]
    net(images)
    for hook in hooks:
        hook.remove()
    return net


class Subject:
    """One network with its weights and some images, and what torch says of it, in float64 and in float32.

    Its modules' outputs and what signals become are kept, as both exporters' graphs are held against them.
    """

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        self._unweighed = build(name).eval()
        self.parameters = sum(p.numel() for p in self._unweighed.parameters())
        side = next((side for prefix, side in SIDES.items() if name.startswith(prefix)), SIDE)
        self.images = torch.randn(IMAGES, 3, side, side).split(1)
        self._references: dict[tuple[int, torch.dtype], Reference] = {}
        self._projected: dict[tuple[Any, ...], np.ndarray] = {}

    @functools.cached_property
    def net(self) -> nn.Module:
        """The network itself, in float32."""
        return weigh(self._unweighed, torch.cat(self.images))

    @functools.cached_property
    def _exact(self) -> nn.Module:
        return deepcopy(self.net).double()

    def reference(self, image: int = 0, kind: torch.dtype = torch.float64) -> Reference:
        """What torch makes of an image, exactly or in float32; kept of the first image, and of the last one asked for.

        All that a large network makes of eight images would fill the memory.
        """
        if (image, kind) not in self._references:
            self._references = {key: kept for key, kept in self._references.items() if key == (0, torch.float64)}
            net = self._exact if kind == torch.float64 else self.net
            self._references[image, kind] = Reference(net, self.images[image].to(kind))
        return self._references[image, kind]

    def pixels(
        self,
        path: str,
        call: int,
        shape: tuple[int, ...],
        method: str,
        image: int = 0,
        kind: torch.dtype = torch.float64,
    ) -> np.ndarray:
        """What random signals of that shape, on what a module gave, become."""
        key = (path, call, shape, method, image, kind)
        if key not in self._projected:
            reference = self.reference(image, kind)
            self._projected[key] = reference.project(path, call, signals(shape), method, as_maps).numpy()
        return self._projected[key]


def signals(shape: tuple[int, ...]) -> np.ndarray:
    """Random signals, the same ones for the same shape."""
    return np.random.default_rng(0).normal(size=shape)


@functools.lru_cache(maxsize=1)
def subject(name: str) -> Subject:
    """The network of that name; the last one is kept."""
    return Subject(name)


def as_maps(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What a module gave as inspectnet shows it: channels before places, tokens as a column."""
    if y.ndim == 4 and tuple(y.flatten(1, 2).shape[1:]) == (*shape[2:3], *shape[1:2]) and shape[3] == 1:
        y = y.flatten(1, 2)
    if y.ndim == 3 and len(shape) == 4:
        return y.transpose(1, 2)[..., None]
    turned = y.permute(0, 3, 1, 2) if y.ndim == 4 else y
    return turned if tuple(y.shape) != shape and tuple(turned.shape) == shape else y
