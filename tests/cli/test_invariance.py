"""inspectnet invariance: what it makes, the same bytes twice, and what it refuses in one line."""

import json

import numpy as np
import pytest
from commands import check_result, contents, done, noisy_photos, refused, write_network
from nets import CONV_AND_DENSE, random_weights
from PIL import Image

import inspectnet
from inspectnet.images import decode

SIDE = 24
NAMES = ("red deer", "green lizard", "blue whale")


@pytest.fixture
def model(tmp_path):
    weights = random_weights(0, k=(5, 3, 3, 3), w1=(5, 6), w2=(6, 3))
    return write_network(tmp_path / "tiny.onnx", CONV_AND_DENSE, weights, SIDE, NAMES)


@pytest.fixture
def photos(tmp_path):
    return noisy_photos(tmp_path / "photos", {f"{name}/a.png": (40 + i, 50) for i, name in enumerate(NAMES[:2])})


def test_photos_in_the_order_of_their_classes_are_taken_from_all_classes(model, tmp_path, capsys):
    for name in NAMES:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(40):
            Image.new("RGB", (SIDE, SIDE), (i, 90, 200)).save(tmp_path / "photos" / name / f"{i:02}.png")
    _, said = done(
        capsys, "invariance", model, tmp_path / "photos", "-o", tmp_path / "out", "--transform", "translate=-1:1:1"
    )
    assert said == ["50 of 120 images, evenly spaced"]
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    classes = [photo["class_name"] for photo in record["result"]["photos"]]
    assert sorted(classes.count(name) for name in NAMES) == [16, 17, 17]


def test_it_writes_the_figure_the_numbers_and_the_arrays_of_the_python_function(model, photos, tmp_path, capsys):
    out, said = done(
        capsys, "invariance", model, photos, "-o", tmp_path / "out", "--transform", "translate=-3:3:1,scale"
    )
    assert set(contents(tmp_path / "out")) == {"invariance.png", "result.json", "arrays.npz"} and not said
    assert (
        "sharpness" in out and "the same answer" in out and out.endswith(f"-> {tmp_path / 'out' / 'invariance.png'}\n")
    )
    arrays, network = np.load(tmp_path / "out" / "arrays.npz"), inspectnet.open(model, device="cpu")
    pixels = [decode((photos / name / "a.png").read_bytes(), name) for name in sorted(NAMES[:2])]
    labels = np.array([NAMES.index(name) for name in sorted(NAMES[:2])])
    shifts = {"translate": np.arange(-3.0, 4)}
    sweep = inspectnet.invariance(network, images=pixels, labels=labels, transforms=shifts).sweeps["translate"]
    np.testing.assert_array_equal(arrays["sweeps.translate.amounts"], np.arange(-3, 4))
    for layer in ("conv1", "fc2"):
        written = arrays[f"sweeps.translate.distances.{layer}"]
        np.testing.assert_allclose(written, sweep.distances[layer], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(arrays["sweeps.translate.probability"], sweep.probability, rtol=1e-5)
    assert arrays["sweeps.scale.distances.fc2"].shape == (2, 17)
    check_result(tmp_path / "out")


def test_the_record_tells_slopes_consistency_and_all_that_decides_them(model, photos, tmp_path, capsys):
    options = ("--distance", "cosine", "--border", "edge", "--direction", "diagonal", "--by-pixel")
    out, _ = done(capsys, "invariance", model, photos, "-o", tmp_path / "out", "-l", "fc2", *options, "--json")
    record = json.loads(out)
    assert record == json.loads((tmp_path / "out" / "result.json").read_text())
    asked, found = record["options"], record["result"]
    assert (asked["distance"], asked["border"], asked["direction"]) == ("cosine", "edge", "diagonal")
    assert found["labelled"] and [photo["class_name"] for photo in record["result"]["photos"]] == [
        "green lizard",
        "red deer",
    ]
    translate, scale, rotate = found["sweeps"].values()
    arrays = np.load(tmp_path / "out" / "arrays.npz")
    assert arrays[translate["amounts"]["array"]].tolist() == list(range(-6, 7))
    assert arrays[rotate["amounts"]["array"]][-1] == 355
    (layer,) = translate["layers"]
    assert layer["layer"] == "fc2" and len(layer["distance"]) == 13
    assert layer["slope"]["sharpness"] == pytest.approx(layer["slope"]["initial"] / layer["slope"]["overall"])
    assert 0 <= scale["consistency"]["value"] <= 1 and 0 <= scale["neighbour_consistency"] <= 1
    interval = layer["intervals"]["sharpness"]
    assert interval["low"] <= layer["slope"]["sharpness"] <= interval["high"] and found["comparisons"] == []


def test_transforms_that_move_pixels_alike_are_compared(model, photos, tmp_path, capsys):
    options = ("--transform", "translate,zoom,rotate", "--alike", "-o", tmp_path / "out")
    out, _ = done(capsys, "invariance", model, photos, *options)
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    pairs = [each["transforms"] for each in record["result"]["comparisons"]]
    assert pairs == [["translate", "zoom"], ["translate", "rotate"], ["zoom", "rotate"]]
    assert "changes that move pixels equally far" in out and "translate than rotate" in out


def test_photos_without_a_label_stand_for_what_the_network_sees_and_that_is_said(model, photos, tmp_path, capsys):
    photo = photos / NAMES[0] / "a.png"
    out, said = done(
        capsys, "invariance", model, photo, photo, "-t", "scale=1:1.2:0.1", "-o", tmp_path / "out", "--json"
    )
    assert said == ["2 of 2 photos have no true class: it is what the network takes them for"]
    record, network = json.loads(out), inspectnet.open(model, device="cpu")
    x = network.preparation.apply(decode(photo.read_bytes(), "a"))[None]
    assert (
        record["result"]["photos"][0]["label"] == network.values(x, ["y"])["y"].argmax()
        and not record["result"]["labelled"]
    )


def test_labels_that_mean_no_class_are_said_and_stand_for_what_the_network_sees(model, photos, tmp_path, capsys):
    for name in NAMES[:2]:
        (photos / name).rename(photos / f"no {name}")
    out, said = done(capsys, "invariance", model, photos, "-t", "scale=1:1.2:0.1", "-o", tmp_path / "out", "--json")
    assert said[0].startswith("no true classes, so each photo's most likely one is taken: the label 'no green lizard'")
    assert said[1:] == ["2 of 2 photos have no true class: it is what the network takes them for"]
    assert not any(photo["labelled"] for photo in json.loads(out)["result"]["photos"])


def test_the_same_bytes_come_out_twice_and_a_photo_that_cannot_be_read_is_named(model, photos, tmp_path, capsys):
    (photos / NAMES[0] / "b.png").write_bytes(b"no image")
    for name, size in (("one", 1), ("two", 7)):
        _, said = done(
            capsys, "invariance", model, photos, "-t", "rotate=0:300:60", "-o", tmp_path / name, "--batch-size", size
        )
        assert len(said) == 1 and said[0].startswith("skipped red deer/b.png: ")
    assert contents(tmp_path / "one")["invariance.png"] == contents(tmp_path / "two")["invariance.png"]
    one, two = (np.load(tmp_path / name / "arrays.npz")["sweeps.rotate.distances.conv1"] for name in ("one", "two"))
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)
    done(capsys, "invariance", model, photos, "-t", "rotate=0:300:60", "-o", tmp_path / "three", "--batch-size", 7)
    assert contents(tmp_path / "three") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-t", "shear"], "no transform 'shear'. There are: translate, scale, rotate"),
        (["-t", ","], "--transform is empty"),
        (["-t", "scale=1:2"], "--transform scale=1:2 is not from:to:step with two amounts or more"),
        (["-t", "scale=2:1:0.5"], "--transform scale=2:1:0.5 is not from:to:step"),
        (["-t", "scale=1:2:0"], "--transform scale=1:2:0 is not from:to:step"),
        (["-t", "scale=0.1:1:0.1"], "a photo cannot be scaled by 0.1"),
        (["--border", "edges"], "no border 'edges'. Did you mean edge?"),
        (["--distance", "far"], "no distance 'far'"),
        (["--direction", "up"], "no direction 'up'"),
        (["-l", "conv9"], "conv9"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(model, photos, tmp_path, capsys, options, message):
    line = refused(capsys, "invariance", model, photos, "-o", tmp_path / "out", *options, after=["changing: "])
    assert message in line and not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--border", "edges"), ("--distance", "far"), ("--direction", "up")], ids=str)
def test_a_choice_that_does_not_exist_is_told_before_anything_is_read(option, tmp_path, capsys):
    line = refused(capsys, "invariance", tmp_path / "absent.onnx", tmp_path / "absent.png", *option)
    assert f"no {option[0][2:]} '{option[1]}'" in line


def test_photos_that_cannot_be_read_at_all_are_refused(model, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for photo, why in (("broken.png", "none of the images could be read; the first, broken.png"), ("no.png", "no.png")):
        assert why in refused(capsys, "invariance", model, tmp_path / photo, "-o", tmp_path / "out")
