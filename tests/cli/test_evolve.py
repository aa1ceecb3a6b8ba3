"""inspectnet evolve: what it makes, the same bytes twice, and what it refuses in one line."""

import json

import numpy as np
import pytest
from nets import onnx_text
from PIL import Image

from inspectnet.cli import main

SIDE, MAPS = 16, 5
NET = """
a = Conv <strides = [2, 2]> (image, k1)
r = Relu (a)
p = MaxPool <kernel_shape = [2, 2]> (r)
c = Conv (p, k2)
s = Relu (c)
f = Flatten (s)
y = Gemm (f, w)
"""
SAID = ("device: ", "preprocessing: ", "scanning: ")


def checkpoint(path, seed, epoch=None, maps=MAPS):
    rng = np.random.default_rng(seed)
    shapes = {"k1": (maps, 3, 3, 3), "k2": (4, maps, 2, 2), "w": (4 * 25, 3)}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    file = onnx_text(NET, weights, image=("N", 3, SIDE, SIDE))
    preparation = {"input_size": [3, SIDE, SIDE], "mean": [0.5] * 3, "std": [0.25] * 3}
    file.metadata_props.add(key="inspectnet.preprocess", value=json.dumps(preparation))
    if epoch is not None:
        file.metadata_props.add(key="inspectnet.training", value=json.dumps({"epoch": epoch}))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file.SerializeToString())
    return path


@pytest.fixture
def snapshots(tmp_path):
    for seed, (name, epoch) in enumerate((("a", 10), ("b", 2), ("c", 5))):
        checkpoint(tmp_path / "snapshots" / f"{name}.onnx", seed, epoch)
    return tmp_path / "snapshots"


@pytest.fixture
def photos(tmp_path):
    folder, rng = tmp_path / "photos", np.random.default_rng(1)
    folder.mkdir()
    for i in range(9):
        noise = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
        noise.resize((20 + i, 24), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder


def run(capsys, *arguments):
    code = main([str(a) for a in ("evolve", *arguments)])
    out, err = capsys.readouterr()
    return code, out, [line for line in err.splitlines() if not line.startswith(SAID)]


def done(capsys, *arguments):
    code, out, said = run(capsys, *arguments)
    assert code == 0, said
    return out, said


def contents(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_it_writes_figures_numbers_and_arrays_in_the_order_of_the_epochs(snapshots, photos, tmp_path, capsys):
    out, said = done(capsys, snapshots, "--images", photos, "-l", "conv*", "--maps", 3, "-o", tmp_path / "out")
    assert not said and "filters settled" in out and out.endswith(f"-> {tmp_path / 'out'}\n")
    files = contents(tmp_path / "out")
    assert set(files) == {"evolution.png", "convergence.png", "evolution.json", "conv1.npz", "conv2.npz"}
    record = json.loads(files["evolution.json"])
    assert record["epochs"] == [2, 5, 10] and [c["model"] for c in record["checkpoints"]] == [
        "b.onnx",
        "c.onnx",
        "a.onnx",
    ]
    arrays = np.load(tmp_path / "out" / "conv2.npz")
    conv2 = record["layers"][1]
    assert arrays["epoch"].tolist() == [2, 5, 10] and arrays["projection"].shape[:3] == (len(arrays["map"]), 3, 3)
    assert arrays["map"].tolist() == [each["map"] for each in conv2["maps"]]
    for m, each in enumerate(conv2["maps"]):
        assert [image or "" for image in each["image"]] == arrays["image"][m].tolist()
        assert each["jumps"] == [record["epochs"][e] for e in np.flatnonzero(arrays["jump"][m])]
    assert conv2["filter_cosine"][-1] == pytest.approx(1) and conv2["cka"][-1] == pytest.approx(1)
    assert conv2["filters_settled"] == conv2["activations_settled"] == 10


def test_the_same_bytes_come_out_twice_and_maps_can_be_said(snapshots, photos, tmp_path, capsys):
    files = sorted(snapshots.iterdir())
    for name, order in (("one", files), ("two", files[::-1])):
        done(capsys, *order, "--images", photos, "-l", "conv2:1", "-l", "conv2:3", "-o", tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert np.load(tmp_path / "one" / "conv2.npz")["map"].tolist() == [1, 3]


def test_files_that_do_not_say_their_epoch_can_be_given_one(tmp_path, photos, capsys):
    files = [checkpoint(tmp_path / "plain" / f"{name}.onnx", seed) for seed, name in enumerate("ab")]
    said = run(capsys, *files, "--images", photos, "-l", "conv1", "-o", tmp_path / "out")
    assert said[0] == 2 and "a.onnx does not say its epoch (metadata inspectnet.training). Say --epochs." in said[2][0]
    out, _ = done(
        capsys, *files, "--images", photos, "-l", "conv1", "--epochs", "7,3", "-o", tmp_path / "out", "--json"
    )
    assert [(c["model"], c["epoch"]) for c in json.loads(out)["checkpoints"]] == [("b.onnx", 3), ("a.onnx", 7)]


def test_what_is_wrong_is_one_line_and_leaves_nothing(snapshots, photos, tmp_path, capsys):
    strange = checkpoint(tmp_path / "strange.onnx", 5, 20, maps=7)
    again = checkpoint(tmp_path / "again.onnx", 6, 10)
    one = snapshots / "a.onnx"
    for arguments, why in (
        ([snapshots, strange, "-l", "conv1"], "are different networks. Give checkpoints of one training."),
        ([snapshots, again, "-l", "conv1"], "are both of epoch 10. Leave one out."),
        ([one, "-l", "conv1"], "is not two checkpoints or more"),
        ([snapshots, "-l", "conv1", "--epochs", "1,2"], "--epochs '1,2' is not a whole number for each of 3 files"),
        ([snapshots, "-l", "conv1", "--epochs", "1,2,x"], "is not a whole number for each of 3 files"),
        ([snapshots, "-l", "conv7"], "conv7"),
        ([snapshots, "-l", "conv1", "--maps", "99,"], "conv1"),
    ):
        code, out, said = run(capsys, *arguments, "--images", photos, "-o", tmp_path / "out")
        assert (code, out, len(said)) == (2, "", 1), said
        assert why in said[0] and "bug" not in said[0] and not (tmp_path / "out").exists()
