"""inspectnet evolve: what it makes, the same bytes twice, and what it refuses in one line."""

import json

import pytest
from commands import check_result, contents, done, noisy_photos, refused, write_network
from nets import random_weights

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


def checkpoint(path, seed, epoch=None, maps=MAPS):
    weights = random_weights(seed, k1=(maps, 3, 3, 3), k2=(4, maps, 2, 2), w=(4 * 25, 3))
    return write_network(path, NET, weights, SIDE, training=None if epoch is None else {"epoch": epoch})


@pytest.fixture
def snapshots(tmp_path):
    for seed, (name, epoch) in enumerate((("a", 10), ("b", 2), ("c", 5))):
        checkpoint(tmp_path / "snapshots" / f"{name}.onnx", seed, epoch)
    return tmp_path / "snapshots"


@pytest.fixture
def photos(tmp_path):
    return noisy_photos(tmp_path / "photos", {f"{i}.png": (20 + i, 24) for i in range(9)}, cells=(5, 6))


def test_it_writes_figures_numbers_and_arrays_in_the_order_of_the_epochs(snapshots, photos, tmp_path, capsys):
    out, said = done(
        capsys, "evolve", snapshots, "--images", photos, "-l", "conv*", "--maps", 3, "-o", tmp_path / "out"
    )
    assert not said and "filters settled" in out and out.endswith(f"-> {tmp_path / 'out' / 'convergence.png'}\n")
    files = contents(tmp_path / "out")
    assert set(files) == {"evolution.png", "convergence.png", "result.json", "arrays.npz"}
    record = json.loads(files["result.json"])
    assert record["result"]["epochs"] == [2, 5, 10]
    assert [model["name"] for model in record["models"]] == ["b.onnx", "c.onnx", "a.onnx"]
    conv2 = record["result"]["layers"][1]
    assert conv2["filter_cosine"][-1] == pytest.approx(1) and conv2["cka"][-1] == pytest.approx(1)
    assert record["result"]["settled"][1] == {"filters": 10, "activations": 10}
    layer = check_result(tmp_path / "out").layers[1]
    assert layer.projections.shape[:3] == (len(layer.maps), 3, 3)
    assert list(layer.jump_counts) == conv2["jump_counts"] == layer.jumps().sum(axis=0).tolist()


def test_the_same_bytes_come_out_twice_and_maps_can_be_said(snapshots, photos, tmp_path, capsys):
    files = sorted(snapshots.iterdir())
    for name, order in (("one", files), ("two", files[::-1])):
        done(capsys, "evolve", *order, "--images", photos, "-l", "conv2:1", "-l", "conv2:3", "-o", tmp_path / name)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    records = [json.loads(folder.pop("result.json")) for folder in (one, two)]
    runs = [record.pop("run") for record in records]
    assert one == two and records[0] == records[1]
    assert runs[0]["options"]["checkpoints"] == runs[1]["options"]["checkpoints"][::-1] == [str(f) for f in files]
    assert records[0]["result"]["layers"][0]["maps"] == [1, 3]


def test_files_that_do_not_say_their_epoch_can_be_given_one(tmp_path, photos, capsys):
    files = [checkpoint(tmp_path / "plain" / f"{name}.onnx", seed) for seed, name in enumerate("ab")]
    options = ("--images", photos, "-l", "conv1", "-o", tmp_path / "out")
    line = refused(capsys, "evolve", *files, *options)
    assert "a.onnx does not say its epoch (metadata inspectnet.training). Say --epochs." in line
    out, _ = done(capsys, "evolve", *files, *options, "--epochs", "7,3", "--json")
    record = json.loads(out)
    assert ([m["name"] for m in record["models"]], record["result"]["epochs"]) == (["b.onnx", "a.onnx"], [3, 7])


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
        options = ("--images", photos, "-o", tmp_path / "out")
        line = refused(capsys, "evolve", *arguments, *options, after=["scanning: "])
        assert why in line and not (tmp_path / "out").exists()


def test_figures_are_written_in_the_forms_that_were_asked_for(capsys, snapshots, photos, tmp_path):
    out = tmp_path / "forms"
    done(capsys, "evolve", snapshots, "-l", "conv1", "--images", photos, "-o", out, "--format", "svg,PDF")
    assert {path.suffix for path in out.glob("evolution.*")} == {".svg", ".pdf"}
    text = (out / "evolution.svg").read_text()  # of three columns
    assert "conv1</text>" in text and "as training goes on, projected - a.onnx, 9 images</text>" in text
    assert "zero is mid-grey" in text and "pale grey" not in text, "all fields lie in the image"
    line = refused(capsys, "evolve", snapshots, "-l", "conv1", "--images", photos, "-o", out, "--format", "gif")
    assert "no format 'gif'. There are: png, svg, pdf" in line
