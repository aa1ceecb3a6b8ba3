"""Both of PyTorch's exporters: the same layers under the same names; what a name means is checked against torch."""

import functools

import numpy as np
import pytest
from nets import EXPORTERS, export, randomise, silence

import inspectnet

# Architectures of torchvision, few and thin blocks of each -------------------------------------------------


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(10, 12, 1), CNBlockConfig(12, None, 2)], num_classes=5)


def densenet():
    from torchvision.models import DenseNet

    return DenseNet(4, (2, 3), 8, bn_size=2, num_classes=5)


def efficientnet():
    from torchvision.models.efficientnet import EfficientNet, MBConvConfig

    blocks = [MBConvConfig(1, 3, 1, 8, 8, 1, 1, 1), MBConvConfig(3, 5, 2, 8, 12, 2, 1, 1)]
    return EfficientNet(blocks, dropout=0.2, stochastic_depth_prob=0.0, num_classes=5)


def shufflenet():
    from torchvision.models import ShuffleNetV2

    return ShuffleNetV2([1, 2, 1], [8, 8, 16, 24, 24], num_classes=5)


def inception():
    """A stem, googlenet's module, and inception v3's, which join in two steps and pool by functions."""
    from torch import nn
    from torchvision.models.googlenet import Inception
    from torchvision.models.inception import BasicConv2d, InceptionA, InceptionB, InceptionE

    return nn.Sequential(
        *(BasicConv2d(3, 8, kernel_size=3, stride=2), Inception(8, 4, 4, 6, 2, 3, 3)),
        *(InceptionA(16, 4), InceptionB(228), InceptionE(708)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 5)),
    )


def transformer():
    from torchvision.models import VisionTransformer

    return VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=5)


NETS = [convnext, densenet, efficientnet, shufflenet, inception, transformer]
SIDES = {inception: 48}  # px, else 32


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """opened(net) gives the torch net, a batch of two images, and its export by either exporter, opened."""

    @functools.cache
    def get(make):
        import torch

        torch.set_num_threads(1)
        torch.backends.mha.set_fastpath_enabled(False)  # TorchScript cannot export the fast path
        net, draw = randomise(make(), 0), torch.Generator().manual_seed(1)
        for name, weight in net.named_parameters():  # norms as well, and the tokens, which begin alike
            if name.split(".")[-1] not in ("weight", "bias") or weight.dim() == 1:
                weight.data.add_(torch.randn(weight.shape, generator=draw) * 0.2)
        x = torch.randn(2, 3, *[SIDES.get(make, 32)] * 2, generator=draw)
        folder = tmp_path_factory.mktemp(make.__name__)
        files = [export(net, x[:1], folder / f"{exporter}.onnx", exporter) for exporter in EXPORTERS]
        return net, x, [inspectnet.open(file, device="cpu") for file in files]

    return get


def outputs_of(net, x):
    """What each module gives when it is first called, by its path."""
    import torch

    made = {}

    def keep(path, _module, _inputs, output):
        if path and isinstance(output, torch.Tensor):
            made.setdefault(path, output.numpy().copy())

    hooks = [m.register_forward_hook(functools.partial(keep, path)) for path, m in net.named_modules()]
    with torch.no_grad(), silence():
        net(x)
    for hook in hooks:
        hook.remove()
    return made


def layer_of(file, module):
    """The layer that the path of a module means, None if there is none."""
    return next((layer for layer in file.layers if module in (layer.path, *layer.modules)), None)


def as_maps(output, shape):
    """A module's output in the layout of a layer of `shape`: channels first, tokens in a column."""
    if output.ndim == 3:
        return output.transpose(0, 2, 1)[..., None]
    if output.ndim == 4 and output.shape[1:] != shape[1:]:
        return output.transpose(0, 3, 1, 2)
    return output


# Tests -----------------------------------------------------------------------------------------------------

FACTS = ("name", "path", "modules", "ordinals", "maps", "spatial", "field", "parameters")


@pytest.mark.parametrize("make", NETS)
def test_both_exporters_give_the_same_layers_in_the_same_order(make, opened):
    dynamo, torchscript = (net.layers for net in opened(make)[2])
    for fact in FACTS:
        assert [getattr(x, fact) for x in dynamo] == [getattr(x, fact) for x in torchscript], fact
    assert [x.shape[1:] for x in dynamo] == [x.shape[1:] for x in torchscript]


@pytest.mark.parametrize("make", NETS)
def test_every_layer_has_names_of_its_own_that_mean_it(make, opened):
    """No layer is called as a module that ends in another: shufflenet's module conv5 is not its fifth convolution."""
    for net in opened(make)[2]:
        names = {(name, x.output) for x in net.layers for name in (x.name, x.path, x.output, *x.modules) if name}
        assert {(name, net.layer(name).output) for name, _ in names} == names
        unnamed = [x for x in net.layers if not x.path]  # what a network does itself, outside its modules
        assert [x.name[:4] for x in unnamed] in ([], ["pool"])


@pytest.mark.parametrize("make", NETS)
def test_the_path_of_a_module_means_what_the_module_puts_out(make, opened):
    """Whether the activation that follows is a part of the module or not: its maps, or its raw sums.

    Only a convolution may differ, with which the exporters merge the normalisation that follows.
    """
    import torch

    net, x, files = opened(make)
    made = {p: y for p, y in outputs_of(net, x).items() if not isinstance(net.get_submodule(p), torch.nn.Conv2d)}
    for file in files:
        meant = {path: layer for path in made if (layer := layer_of(file, path))}
        values = file.values(x.numpy(), [name for layer in meant.values() for name in (layer.output, layer.pre)])
        for path, layer in meant.items():
            wanted = as_maps(made[path], layer.shape)
            found = [values[name].reshape(wanted.shape) for name in (layer.output, layer.pre)]
            nearest = min(np.abs(x - wanted).max() for x in found)
            assert nearest < 1e-4 * max(1, np.abs(wanted).max()), path
        assert len(meant) > 10


# Modules that are called more than once --------------------------------------------------------------------


def reusing():
    """One pool, one block and one ReLU, called again and again, and what the block does by functions."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()

        def forward(self, x):
            y = functional.max_pool2d(self.relu(self.conv(x)), 3, 1, 1)
            return functional.relu(y + x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.pool, self.act, self.block, self.fc = nn.MaxPool2d(2), nn.SiLU(), Block(), nn.Linear(64, 5)

        def forward(self, x):
            x = self.pool(functional.relu(self.conv1(x)))
            x = self.pool(self.act(self.conv2(x)))
            x = self.block(self.block(x))
            return self.fc(torch.flatten(self.pool(x), 1))

    return Net()


REUSED = {
    "conv1": "conv1", "pool": "pool1", "act": "conv2", "pool_1": "pool2", "pool_2": "pool5",
    "block.conv": "conv3", "block.relu": "conv3", "block.pool": "pool3", "block.add": "add1",
    "block.conv_1": "conv4", "block.relu_1": "conv4", "block.pool_1": "pool4", "block": "add2", "fc": "fc1",
}  # fmt: skip


def test_what_is_called_again_has_a_number_and_a_block_means_its_last_output(opened):
    for net in opened(reusing)[2]:
        called = {layer.output: layer.name for layer in net.layers}
        assert {name: called[net.layer(name).output] for name in REUSED} == REUSED
        assert [layer.name for layer in net.match(["block.p*"])] == ["pool3", "pool4"]


# What a module does itself to what a part of it gave ----------------------------------------------------------


def scaling():
    """A branch that is scaled before it joins, as timm's ConvNeXt does it."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 3, padding=1)
            self.branch = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1))
            self.gamma = nn.Parameter(torch.tensor([0.5, 2.0, 3.0, 4.0]))

        def forward(self, x):
            x = self.stem(x)
            return x + self.gamma.reshape(1, -1, 1, 1) * self.branch(x)

    return nn.Sequential(Net(), nn.ReLU(), nn.Conv2d(4, 5, 1))


def normalising():
    """What a branch makes is normalised after it, as in Swin v2."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))
            self.norm = nn.LayerNorm(4)

        def forward(self, x):
            return x + self.norm(self.branch(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.block = nn.Conv2d(3, 4, 3), Block()

        def forward(self, x):
            return self.block(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return Net()


def test_the_norm_of_what_a_branch_puts_out_is_no_part_of_the_branch(opened):
    net, x, files = opened(normalising)
    wanted = outputs_of(net, x)
    for file in files:
        for path in ("block.branch.2", "block.branch", "block.norm", "block"):
            found = file.activations(x.numpy(), path)
            np.testing.assert_allclose(found, as_maps(wanted[path], found.shape), atol=1e-5)


def test_the_scale_that_a_block_gives_its_branch_is_no_part_of_the_branch(opened):
    net, x, files = opened(scaling)
    wanted = outputs_of(net, x)["0.branch"]
    for file in files:
        np.testing.assert_allclose(file.activations(x.numpy(), "0.branch"), wanted, atol=1e-5)
        assert [layer.ops for layer in file.layers] == [
            ("Conv",),
            ("Conv", "Relu"),
            ("Conv",),
            ("Add", "Relu"),
            ("Conv",),
        ]
