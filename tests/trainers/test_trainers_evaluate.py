"""What a trainer measures of its network, inspectnet finds in the exported file: the same pixels, answers and error."""

import tarfile
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

import inspectnet
from inspectnet.analyses import accuracy
from inspectnet.images import all_names, decode, find_images, match_labels
from inspectnet.reading.metadata import read_class_table
from trainers.architectures.modules import build
from trainers.data.augment import Preparation, centre
from trainers.data.pixels import LivePixels
from trainers.data.sources import open_source, readable_names
from trainers.devices import join
from trainers.evaluation.accuracy import measure
from trainers.export.onnx_file import export_state
from trainers.recipe.recipe import TINY

IDS = {"n00000001": "red", "n00000002": "green", "n00000003": "blue"}
SHAPES = [(24, 24), (24, 27), (29, 24), (31, 45), (50, 37), (61, 33), (30, 30), (200, 25), (26, 77), (23, 19), (9, 14)]
MEAN, STD = [0.4, 0.45, 0.5], [0.2, 0.25, 0.3]


@pytest.fixture
def data(tmp_path):
    """Smooth noise of many shapes for three classes, in a tar, with a table of their names."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "val"
    for id in IDS:
        (folder / id).mkdir(parents=True)
        for i, (height, width) in enumerate(SHAPES):
            small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
            small.resize((width, height), Image.Resampling.BICUBIC).save(
                folder / id / f"{i}.{'jpg' if i % 2 else 'png'}"
            )
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        tar.add(folder, "val")
    folder.rename(tmp_path / "unpacked")
    (tmp_path / "classes.tsv").write_text("".join(f"{id}\t{name}\n" for id, name in IDS.items()))
    return tmp_path


@pytest.fixture(params=["anywhere", "resized"])
def recipe(request):
    """One that measures the middle of a picture, and one that measures all of it."""
    return replace(TINY, side=24, crop=request.param)


@pytest.fixture
def pixels(data, recipe):
    """The trainer's pictures."""
    return LivePixels(open_source(str(data), "val", data, download=False), recipe.measured_side(20))


@pytest.fixture
def network(job, data, pixels, recipe):
    """A network of the trainers, that answers variously, and the network in its file."""
    torch.manual_seed(4)
    architecture = replace(job.architecture, classes=3)
    net = build(architecture).eval()
    pictures, _, _ = pixels.__getitems__(list(range(len(pixels))))
    with torch.no_grad():
        scores = net(Preparation(MEAN, STD)(centre(pictures, 20)))
        net.fc8.bias -= scores.mean(0)
        for parameter in (net.fc8.weight, net.fc8.bias):
            parameter /= scores.std(0).mean()
    state = {
        "identity": {
            "architecture": asdict(architecture),
            "recipe": recipe.as_dict(),
            "seed": 0,
            "data": {},
        },
        "net": net.state_dict(),
        "classes": readable_names(str(data), pixels.classes),
        "mean": MEAN,
        "std": STD,
        "epoch": 1,
        "history": [],
        "commit": "",
        "torch": "",
    }
    return net, inspectnet.open(export_state(state, data / "net.onnx"), device="cpu")


def test_the_middle_of_a_trainers_picture_is_inspectnets_crop(pixels, network, data):
    collection = find_images(data / "val.tar")
    pictures, labels, _ = pixels.__getitems__(list(range(len(pixels))))
    assert len(collection) == len(pictures) == 3 * len(SHAPES)
    order = sorted(range(len(pixels)), key=lambda i: f"val.tar/val/{pixels.source.name(i)}")
    for i, entry in zip(order, range(len(collection)), strict=True):
        fitted = network[1].preparation.fit(decode(collection.read(entry), "picture"))
        np.testing.assert_array_equal(centre(pictures[i : i + 1], 20)[0].numpy(), fitted)
        assert list(IDS)[labels[i]] == collection.labels[entry]


def test_both_count_the_same_errors(pixels, network, data):
    net, opened = network
    wanted = measure(net, pixels, 20, Preparation(MEAN, STD), join("cpu"), workers=0)
    assert opened.classes == list(IDS.values())
    names = all_names(opened.classes, read_class_table(data / "classes.tsv"), 3)
    targets = match_labels(find_images(data / "val.tar"), 3, names)
    found, _ = accuracy.measure([opened], targets.collection, targets.classes)
    (answers,) = found.answers
    assert len(found.images) == wanted.count == 33
    assert (answers.rank == 0).sum() == round(wanted.top1 * wanted.count)
    assert answers.error(5) == 0 and wanted.top5 == 1
    assert answers.loss.mean() == pytest.approx(wanted.loss, rel=1e-4)
    assert len(set(answers.predicted.tolist())) == 3, "the network ought to answer variously"
    assert 0.1 < wanted.top1 < 0.9
