"""Operators that the standard defines by others: the file opens, and means what the others mean."""

import numpy as np
import pytest
from nets import export, onnx_text

import inspectnet
from inspectnet.rules import METHODS, Policy


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Attention behind an RMS norm, exported to an opset that has operators for both, and to one that has none."""
    torch = pytest.importorskip("torch")
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.norm = nn.Conv2d(3, 8, 4, 4), nn.RMSNorm(8)
            self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 5)

        def forward(self, x):
            x = self.norm(self.patches(x).flatten(2).transpose(1, 2))
            q, k, v = self.qkv(x).reshape(-1, 9, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
            heads = nn.functional.scaled_dot_product_attention(q, k, v)
            return self.proj(heads.transpose(1, 2).flatten(2)).mean(1)

    torch.manual_seed(0)
    net, x, folder = Net().eval(), torch.randn(2, 3, 12, 12), tmp_path_factory.mktemp("definitions")
    files = [export(net, x, folder / f"{opset}.onnx", opset=opset) for opset in (18, 23)]
    return net, x, [inspectnet.open(path, device="cpu") for path in files]


def test_attention_and_rms_norm_as_operators_give_the_layers_that_their_parts_give(exported):
    parts, whole = ([(x.name, x.path, x.shape[1:]) for x in net.layers] for net in exported[2])
    assert whole == parts
    assert ("fc2", "proj", (5, 9, 1)) in whole


@pytest.mark.parametrize("method", METHODS)
def test_attention_and_rms_norm_as_operators_project_as_their_parts_do(method, exported, rng):
    _, x, (parts, whole) = exported
    seed = rng.normal(size=(2, 5)).astype(np.float32)
    found, wanted = (
        net.inverse(Policy(method)).project_seeds(x.numpy(), net.layers[-1].name, seed) for net in (whole, parts)
    )
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_the_gradient_through_attention_and_rms_norm_equals_torchs(exported, rng):
    import torch

    net, x, (_, whole) = exported
    seed, pixels = rng.normal(size=(2, 5)), x.double().requires_grad_(True)
    (wanted,) = torch.autograd.grad((net.double()(pixels) * torch.from_numpy(seed)).sum(), pixels)
    found = whole.inverse(Policy("gradient")).project_seeds(x.numpy(), whole.layers[-1].name, seed.astype(np.float32))
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5 * np.abs(wanted.numpy()).max())
    net.float()


def test_a_signal_passes_a_shrinkage_where_it_did_not_cut(tmp_path):
    file = onnx_text(
        "a = Conv (image, k)\nb = Shrink <lambd = 1.5, bias = 0.5> (a)\ny = Conv (b, k)",
        {"k": np.ones((1, 1, 1, 1))},
        image=("N", 1, 1, 4),
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    net = inspectnet.open(path, device="cpu")
    x = np.float32([[[[-2, -1, 1, 2]]]])
    np.testing.assert_array_equal(net.activations(x, "conv2"), [[[[-1.5, 0, 0, 1.5]]]])
    found = net.inverse(Policy("gradient")).project_seeds(x, "conv2", np.float32([[[[5, 6, 7, 8]]]]))
    np.testing.assert_array_equal(found, [[[[5, 0, 0, 8]]]])
