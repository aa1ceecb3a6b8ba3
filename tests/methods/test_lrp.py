"""LRP: every rule against its definition on dense matrices, whole networks against zennit's numbers.

zennit_lrp.json holds what zennit 0.5.1 gives in float64, canonised; where zennit is installed it is made by
`PYTHONPATH=.:tests python tests/methods/test_lrp.py > tests/methods/zennit_lrp.json`.
"""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from nets import NETS, SIDES, onnx_text, random_weights

import inspectnet
from inspectnet.errors import OptionError, RuleError
from inspectnet.inverse import invert
from inspectnet.methods.lrp import COMPOSITES, Relevance
from inspectnet.runtime.kernels import without_cuda_kernel

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PREPARED = {"mean": MEAN, "std": STD}
CLASSES = np.array([3, 0, 7])
PIXELS = np.random.default_rng(1).integers(0, 3 * 64 * 64, 20)  # of each image, whose relevance is kept
REFERENCE = Path(__file__).with_name("zennit_lrp.json")
CASES = [
    *((name, "epsilon_plus", "share") for name in NETS),
    *((name, "epsilon_gamma_box", "share") for name in ("alexnet", "vgg", "resnet")),
    *((name, "epsilon", "share") for name in ("zfnet", "squeezenet")),
    ("resnet", "epsilon_plus", "none"),
]


def images(name, count=3):
    return np.random.default_rng(7).normal(size=(count, 3, SIDES[name], SIDES[name])).astype(np.float32)


def opened(tmp_path, body, weights, shape, **prepared):
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(body, weights, image=("N", *shape)).SerializeToString())
    return inspectnet.open(path, device="cpu", preparation=prepared or PREPARED)


# Single rules by their definitions -------------------------------------------------------------------------

FORMS = {
    "conv": ("Conv <strides = [2, 2], pads = [1, 1, 1, 1]>", (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    "grouped": ("Conv <group = 3>", (6, 1, 3, 2), {"groups": 3}),
    "dilated": ("Conv <dilations = [2, 2]>", (2, 3, 2, 2), {"dilation": 2}),
    "transposed": ("ConvTranspose <strides = [2, 2]>", (3, 4, 3, 3), {"stride": 2}),
}


def by_definition(x, w, b, j, composite, bias, gamma=0.25, epsilon=1e-6, box=None):
    """The relevance (I,) of inputs x (I,) for the unit j of z = x w + b, w (I, J), whose own is z_j; in float64.

    Bach et al. 2015, eq. 58; Montavon et al. 2017, sec. 4.1 and 4.2; Montavon et al. 2019, sec. 10.2.
    """
    z, own = x[:, None] * w, x @ w + b
    b = b if bias == "share" else 0 * b
    if box is not None:
        low, high = box
        z = z - low[:, None] * np.maximum(w, 0) - high[:, None] * np.minimum(w, 0)
        b = 0 * b
    elif composite == "epsilon_plus":
        z, b = np.maximum(z, 0), np.maximum(b, 0)
    elif composite == "epsilon_gamma_box":
        side = np.where(x @ w + b > 0, 1, -1)
        z, b = (v + gamma * side * np.maximum(side * v, 0) for v in (z, b))
    total = z.sum(axis=0) + b
    return z[:, j] / (total[j] + epsilon * np.where(total[j] < 0, -1, 1)) * own[j]


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("bias", ["share", "none"])
@pytest.mark.parametrize("form", FORMS)
def test_each_rule_of_a_convolution_is_its_definition(form, bias, composite, tmp_path):
    """Behind a 1 x 1 convolution of single channels, which by gamma hands down what it gets, out of the box."""
    import torch
    from torch.nn import functional

    operator, shape, how = FORMS[form]
    weights = random_weights(3, k=shape, b=(shape[form == "transposed"],), image=(3, 5, 6))
    image = np.float32(weights.pop("image"))
    body = f"i = Conv <group = 3> (image, one)\nc = {operator} (i, k, b)\ny = Flatten (c)"
    body = body if composite == "epsilon_gamma_box" else f"c = {operator} (image, k, b)\ny = Flatten (c)"
    network = opened(tmp_path, body, {**weights, "one": np.ones((3, 1, 1, 1))}, image.shape)
    function = functional.conv_transpose2d if form == "transposed" else functional.conv2d
    basis = torch.eye(image.size, dtype=torch.float64).reshape(-1, *image.shape)
    maps = function(basis, torch.from_numpy(np.float32(weights["k"])).double(), **how).numpy()
    b = np.broadcast_to(np.float64(np.float32(weights["b"]))[:, None, None], maps.shape[1:]).ravel()
    x, w = np.float64(image).ravel(), maps.reshape(image.size, -1)
    for j in (0, w.shape[1] // 2, w.shape[1] - 1):
        found = inspectnet.Lrp(network, composite=composite, bias=bias).attribute(image[None], j)
        wanted = by_definition(x, w, b, j, composite, bias)
        np.testing.assert_allclose(found.ravel(), wanted, rtol=2e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("bias", ["share", "none"])
def test_the_box_is_that_of_black_and_white_pixels(bias, tmp_path):
    weights = random_weights(5, k=(2, 3, 4, 4), b=(2,))
    network = opened(tmp_path, "c = Conv (image, k, b)\ny = Flatten (c)", weights, (3, 4, 4))
    pixels = np.random.default_rng(2).random((3, 4, 4))
    x = ((pixels - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))).astype(np.float32)
    low, high = (np.repeat((edge - np.array(MEAN)) / np.array(STD), 16) for edge in (0, 1))
    w, b = np.float32(weights["k"]).reshape(2, -1).T.astype(np.float64), np.float64(np.float32(weights["b"]))
    for j in (0, 1):
        found = inspectnet.Lrp(network, composite="epsilon_gamma_box", bias=bias).attribute(x[None], j)
        wanted = by_definition(x.ravel().astype(np.float64), w, b, j, "epsilon_gamma_box", bias, box=(low, high))
        np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-4)
        assert (found * np.sign((x.ravel() @ w + b)[j]) >= 0).all()  # the score's sign everywhere


def test_a_dense_layer_shares_by_epsilon(tmp_path):
    """x = (1, 2), w = (3, -1) and b = 1: 3 and -2 of 2, whose score is 2; epsilon 0.5 takes a fifth of all."""
    body = "f = Flatten (image)\ny = Gemm (f, w, b)"
    weights = {"w": [[3.0, 0], [-1.0, 1.0]], "b": [1.0, -2.0]}
    network = opened(tmp_path, body, weights, (1, 1, 2), mean=(0,), std=(1,))
    x = np.array([[[[1.0, 2.0]]]], np.float32)

    def lrp(**options):
        return inspectnet.Lrp(network, **options).attribute(x, 0).ravel()

    np.testing.assert_allclose(lrp(), [3, -2], rtol=1e-5)
    np.testing.assert_allclose(lrp(epsilon=0.5), [2.4, -1.6], rtol=1e-6)
    np.testing.assert_allclose(lrp(epsilon=0, bias="none"), [6, -4], rtol=1e-6)


def test_without_epsilon_nothing_comes_from_a_score_of_zero(tmp_path):
    network = opened(tmp_path, "f = Flatten (image)\ny = Gemm (f, w)", {"w": [[1.0, 0], [1.0, 1.0]]}, (1, 1, 2),
                     mean=(0,), std=(1,))  # fmt: skip
    x = np.array([[[[1.0, -1.0]]]], np.float32)
    np.testing.assert_array_equal(inspectnet.Lrp(network, epsilon=0).attribute(x, 0), [[[[0, 0]]]])


# Whole networks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "composite", "bias"), CASES)
def test_whole_networks_give_zennits_numbers(name, composite, bias, exported):
    """To 1e-4 of each image's largest relevance."""
    network = inspectnet.open(exported(name, "torchscript")[2], device="cpu", preparation=PREPARED)
    found = inspectnet.Lrp(network, composite=composite, bias=bias).attribute(images(name), CLASSES)
    reference = json.loads(REFERENCE.read_text())[f"{name} {composite} {bias}"]
    for relevance, told in zip(found, reference, strict=True):
        pixels = relevance.ravel()[PIXELS]
        assert np.abs(pixels - told["pixels"]).max() <= 1e-4 * told["largest"] + 1e-9
        assert np.abs(relevance).max() == pytest.approx(told["largest"], rel=1e-3, abs=1e-9)
        np.testing.assert_allclose(relevance.sum(), told["sum"], rtol=1e-2, atol=1e-2 * told["largest"])


@pytest.mark.parametrize("name", ["vgg", "zfnet", "resnet"])
def test_without_bias_the_pixels_add_up_to_the_score(name, exported):
    network = inspectnet.open(exported(name, "torchscript")[2], device="cpu", preparation=PREPARED)
    x, logits = images(name), network.class_scores().logits
    scores = network.values(x, [logits])[logits][np.arange(3), CLASSES]
    for composite in COMPOSITES[1:]:
        found = inspectnet.Lrp(network, composite=composite, bias="none").attribute(x, CLASSES)
        np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), scores, rtol=1e-2)


def test_a_unit_of_a_layer_has_the_relevance_of_its_activation(exported):
    """Through the crop that it can see, as through the whole image."""
    network = inspectnet.open(exported("vgg", "torchscript")[2], device="cpu", preparation=PREPARED)
    x, policy = images("vgg"), Relevance()
    found = inspectnet.Lrp(network).attribute(x, "conv3:5")
    maxima = network.maxima(x, ["conv3"])["conv3"]
    seed = np.zeros((3, *network.layer("conv3").shape[1:]), np.float32)
    for i in range(3):
        unit = maxima.unit(i, 5)
        seed[i, 5, unit.y, unit.x] = unit.value
    wanted = network.inverse(policy).backward(x, network.layer("conv3").output, seed)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6 * np.abs(wanted).max())
    assert 0 < found.sum() < 1.01 * seed.sum()


# Operators -------------------------------------------------------------------------------------------------

HEAD = "g = GlobalAveragePool (m)\nf = Flatten (g)\ny = Gemm (f, w)"
WEIGHTS = {"k": (4, 3, 3, 3), "v": (4, 4, 1, 1), "w": (4, 2)}


def relevance(tmp_path, body, **options):
    network = opened(tmp_path, f"{body}\n{HEAD}", random_weights(4, **WEIGHTS), (3, 6, 6))
    x = np.random.default_rng(3).normal(size=(2, 3, 6, 6)).astype(np.float32)
    scores = network.values(x, [network.class_scores().logits])[network.class_scores().logits][:, 1]
    return inspectnet.Lrp(network, **options).attribute(x, 1), scores


PASSING = {
    "a gate": "c = Conv (image, k)\np = GlobalAveragePool (c)\ns = Sigmoid (p)\nm = Mul (c, s)",
    "its own sigmoid": "c = Conv (image, k)\ns = Sigmoid (c)\nm = Mul (c, s)",
    "a smooth rectifier": "c = Conv (image, k)\nm = Softplus (c)",
    "a maximum": "c = Conv (image, k)\nm = MaxPool <kernel_shape = [2, 2], strides = [1, 1]> (c)",
    "a sum": "c = Conv (image, k)\nd = Conv (c, v)\nm = Add (c, d)",
    "a mean": "c = Conv (image, k)\nm = AveragePool <kernel_shape = [2, 2]> (c)",
    "parts": "c = Conv (image, k)\na, b = Split <axis = 1, num_outputs = 2> (c)\nm = Concat <axis = 1> (b, a)",
}


@pytest.mark.parametrize("body", PASSING.values(), ids=PASSING)
def test_no_operator_loses_relevance(body, tmp_path):
    found, scores = relevance(tmp_path, body, composite="epsilon", bias="none")
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), scores, rtol=5e-3)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("c = Conv (image, k)\ne = Exp (c)\nm = Identity (e)", "LRP does not say how it shares relevance out"),
        ("c = Conv (image, k)\nd = Conv (c, v)\nm = Mul (c, d)", "LRP does not say which of two factors gets"),
    ],
)
def test_what_lrp_has_no_rule_for_is_refused(body, why, tmp_path):
    with pytest.raises(RuleError, match=why):
        relevance(tmp_path, body)


def test_wrong_options_and_a_box_of_no_photo_are_refused(tmp_path):
    network = opened(tmp_path, "c = Conv (image, k)\ny = Flatten (c)", random_weights(0, k=(2, 3, 2, 2)), (3, 2, 2))
    with pytest.raises(OptionError, match=r"the composite of lrp cannot be 'plus'. Choose one of epsilon_plus, "):
        inspectnet.Lrp(network, composite="plus")
    with pytest.raises(OptionError, match=r"the epsilon of lrp cannot be -1"):
        inspectnet.Lrp(network, epsilon=-1)


def test_denominators_that_cancel_are_no_result(tmp_path):
    """x = (1, -1), w = (1, 1) and another layer above whose score is not 0, for its bias."""
    body = "f = Flatten (image)\nh = Gemm (f, v, b)\ny = Gemm (h, w)"
    weights = {"v": [[1.0], [1.0]], "b": [3.0], "w": [[2.0, 1.0]]}
    network = opened(tmp_path, body, weights, (1, 1, 2), mean=(0,), std=(1,))
    x = np.array([[[[1e30, -1e30]]]], np.float32)
    with pytest.raises(OptionError, match=r"denominators of lrp cancel .* Say bias=share, "):
        inspectnet.Lrp(network, bias="none", epsilon=1e-9).attribute(x, 0)
    assert np.isfinite(inspectnet.Lrp(network).attribute(np.float32([[[[1, -1]]]]), 0)).all()


@pytest.mark.parametrize("composite", COMPOSITES)
def test_its_rules_emit_only_operators_that_onnxruntime_computes_on_cuda(composite, exported):
    network = inspectnet.open(exported("resnet", "torchscript")[2], device="cpu")
    model = invert(
        network.model, network.class_scores().logits, Relevance(composite=composite, low=(0.0,) * 3, high=(1.0,) * 3)
    )
    emitted = {node.op_type for node in model.graph if node.name and node.name.startswith("inverse/")}
    assert {"Where", "Div", "Mul"} <= emitted and without_cuda_kernel(emitted) == []


# zennit ----------------------------------------------------------------------------------------------------


def zennits(name, composite, bias):
    """What zennit gives, in float64: of each image the sum, the largest and some pixels of its relevance."""
    import torch
    from zennit import canonizers, composites, rules
    from zennit.attribution import Gradient
    from zennit.layer import Sum

    class Blocks(canonizers.AttributeCanonizer):
        """torchvision's canonizer, of these networks' blocks."""

        def __init__(self):
            super().__init__(self.of)

        @staticmethod
        def of(_name, module):
            known = type(module).__name__ == "Block"
            return {"forward": Blocks.forward.__get__(module), "both": Sum()} if known else None

        @staticmethod
        def forward(self, x):
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            y = self.bn3(self.conv3(self.relu(y))) if hasattr(self, "conv3") else y
            beside = x if self.downsample is None else self.downsample(x)
            return self.relu(self.both(torch.stack([beside, y], dim=-1)))

    mean, std = (torch.tensor(v, dtype=torch.float64).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    shared = {
        "canonizers": [canonizers.SequentialMergeBatchNorm(), Blocks()],
        "zero_params": None if bias == "share" else "bias",
        "layer_map": [(torch.nn.LocalResponseNorm, rules.Pass())],
    }
    if composite == "epsilon":
        everywhere = ((torch.nn.Conv2d, torch.nn.Linear), rules.Epsilon(zero_params=shared.pop("zero_params")))
        shared["layer_map"] += [*composites.layer_map_base(), everywhere]
        made = composites.LayerMapComposite(**shared)
    elif composite == "epsilon_plus":
        made = composites.EpsilonPlus(**shared)
    else:
        made = composites.EpsilonGammaBox(low=(0 - mean) / std, high=(1 - mean) / std, **shared)
    net = copy.deepcopy(NETS[name]()).double().requires_grad_(True)
    wanted = torch.eye(10, dtype=torch.float64)[CLASSES]
    with Gradient(net, made) as attributor:
        x = torch.from_numpy(images(name)).double().requires_grad_(True)
        found = attributor(x, lambda output: output * wanted)[1].numpy()
    return [
        {"sum": _short(r.sum()), "largest": _short(np.abs(r).max()), "pixels": [_short(v) for v in r.ravel()[PIXELS]]}
        for r in found
    ]


def _short(value):
    return float(f"{value:.7g}")


if __name__ == "__main__":
    lines = (f"{json.dumps(' '.join(case))}: {json.dumps(zennits(*case))}" for case in CASES)
    print("{", ",\n".join(lines), "}", sep="\n")
