"""A network that says with one sigmoid whether it sees its class: the second of two, the first is that it does not."""

import json

import numpy as np
import pytest
from commands import done, noisy_photos
from nets import onnx_text, random_weights

import inspectnet
from inspectnet.analyses.accuracy import measure
from inspectnet.images import find_images

SIDE = 12
BODY = "c = Conv (image, k)\nr = Relu (c)\np = GlobalAveragePool (r)\nf = Flatten (p)\nz = Gemm (f, w)\n"
ENDS = {
    "(N, 1)": ("y = Sigmoid (z)", ()),
    "(N,)": ("s = Sigmoid (z)\ny = Squeeze (s, axis)", ()),
    "(N,) before": ("s = Squeeze (z, axis)\ny = Sigmoid (s)", ()),
    "logits that are named": ("y = Identity (z)", ("y",)),
}


@pytest.fixture(params=ENDS)
def opened(request, tmp_path):
    """The network, and its two weights."""
    end, scores = ENDS[request.param]
    weights = random_weights(0, k=(6, 3, 3, 3), w=(6, 1))
    weights |= {"axis": [1]} if "axis" in end else {}
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_text(BODY + end, weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    return inspectnet.open(path, device="cpu", scores="".join(scores)), weights


def logits(x, weights):
    """The one score of images (N, 3, H, W), and its derivative by them, in float64."""
    import torch

    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    maps = torch.relu(torch.conv2d(x, torch.tensor(weights["k"], dtype=torch.float64)))
    z = maps.mean((2, 3)) @ torch.tensor(weights["w"], dtype=torch.float64)
    (slope,) = torch.autograd.grad(z.sum(), x)
    return z.detach().numpy()[:, 0], slope.numpy()


def images(count=3):
    return np.random.default_rng(1).normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


def test_its_probability_is_that_of_the_second_class(opened):
    network, weights = opened
    z, _ = logits(images(), weights)
    assert network.class_scores().classes == 2
    np.testing.assert_allclose(network.probabilities(images()), 1 / (1 + np.exp(np.stack([z, -z], axis=1))), rtol=1e-5)


def test_the_first_class_is_explained_by_what_speaks_against_the_second(opened):
    network, weights = opened
    _, slope = logits(images(), weights)
    for target, sign in ((1, 1), (0, -1), (np.array([0, 1, 0]), np.array([-1, 1, -1])[:, None, None, None])):
        np.testing.assert_allclose(
            inspectnet.Gradient(network).attribute(images(), target), sign * slope, rtol=1e-4, atol=1e-7
        )


def test_photos_of_both_classes_are_judged(opened, tmp_path):
    network, weights = opened
    photos = noisy_photos(tmp_path / "photos", {f"{i % 2}/{i}.png": (20, 20) for i in range(6)})
    collection = find_images(photos)
    classes = np.array([int(entry.label) for entry in collection.entries])
    found = measure([network], collection, classes)[0].answers[0]
    x = np.stack([network.preparation.apply(pixels) for pixels in map(pixels_of(collection), range(6))])
    z, _ = logits(x, weights)
    np.testing.assert_array_equal(found.predicted, z > 0)
    np.testing.assert_allclose(found.loss, np.log1p(np.exp(np.where(classes == 1, -z, z))), rtol=1e-4)


def pixels_of(collection):
    """What gives the pixels of an entry by its number."""
    from inspectnet.images import decode

    return lambda entry: decode(collection.read(entry), collection.entries[entry].id)


@pytest.mark.parametrize(
    "command", [("explain",), ("occlude", "--stride", 6), ("sanity", "--method", "gradient"), ("invariance",)]
)
def test_every_command_that_looks_at_classes_takes_it(command, tmp_path, capsys):
    weights = random_weights(0, k=(6, 3, 3, 3), w=(6, 1))
    model = tmp_path / "net.onnx"
    model.write_bytes(onnx_text(BODY + "y = Sigmoid (z)", weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20), "b.png": (20, 20)})
    name, *options = command
    done(capsys, name, model, photos, *options, "-o", tmp_path / "out")
    records = [json.loads(file.read_text()) for file in (tmp_path / "out").glob("*.json")]
    records = [{**record, **record.get("options", {})} for record in records]
    assert [record["scores"] for record in records if "scores" in record] == ["z"]


def test_one_class_may_be_named_alone(tmp_path, capsys):
    weights = random_weights(0, k=(6, 3, 3, 3), w=(6, 1))
    model = tmp_path / "net.onnx"
    model.write_bytes(onnx_text(BODY + "y = Sigmoid (z)", weights, image=("N", 3, SIDE, SIDE)).SerializeToString())
    (tmp_path / "net.classes.json").write_text('["cat"]')
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20)})
    done(capsys, "explain", model, photos, "--class", "not cat", "--method", "gradient", "-o", tmp_path / "out")
    assert "not cat" in (tmp_path / "out" / "result.json").read_text()
