"""inspectnet correspond: what it prints and writes, and what it refuses in one line."""

import json

import numpy as np
import pytest
from commands import check_result, contents, done, refused, write_network
from faces import write_faces
from nets import random_weights
from PIL import Image

import inspectnet

SIDE = 48
NET = """
a = Conv <strides=[2,2]> (image, k)
r = Relu (a)
p = GlobalAveragePool (r)
f = Flatten (p)
g = Gemm (f, w, b)
y = Relu (g)
"""
PARTS = ["right eye", "left eye", "nose"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"), count=4, side=SIDE, seed=5)


@pytest.fixture
def model(tmp_path):
    weights = random_weights(7, k=(16, 3, 5, 5), w=(16, 10)) | {"b": np.zeros(10)}
    return write_network(tmp_path / "net.onnx", NET, weights, SIDE, crop_pct=1.0)


def test_parts_of_faces_are_told_in_a_table_pictures_and_arrays(model, faces, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("-l", "conv1", "-l", "fc2", "--randoms", 6, "--permutations", 999, "-o", out)
    text, _ = done(capsys, "correspond", model, faces, *options)
    assert text.splitlines()[1] == "conv1: mean sign change over 6 pairs of photos"
    assert [line[:9].strip() for line in text.splitlines()[3:6]] == PARTS
    assert text.splitlines()[7] == "conv1: the same, if the parts' names are swapped in each photo"
    assert [line[:9].strip() for line in text.splitlines()[9:12]] == PARTS
    files = ["arrays.npz", "consistency.png", "hidden.png", "result.json"]
    assert sorted(contents(out)) == files
    record = json.loads((out / "result.json").read_text())
    assert (record["options"]["randoms"], record["images"]["count"]) == (6, 4)
    found = record["result"]
    assert (found["parts"], found["pairs"], len(found["photos"])) == (PARTS, 6, 4)
    conv, dense = found["layers"]
    assert (conv["layer"], dense["layer"]) == ("conv1", "fc2")
    with np.load(out / "arrays.npz") as arrays:
        assert arrays["hidden.ways"].shape == (6, 3, 4, 2)
        for part in conv["parts"]:
            own = arrays[part["distance"]["array"]][0]
            assert part["hidden"]["mean"] == pytest.approx(own.mean())
            assert part["hidden"]["deviation"] == pytest.approx(own.std())
            assert (
                part["p"] < 0.05
                and part["p"] <= part["p_corrected"] <= 1
                and part["hidden"]["of_chance"] < part["random"]["of_chance"]
            )
    with Image.open(out / "hidden.png") as page:
        assert page.width > 6 * SIDE
    check_result(out)


def test_a_result_that_is_loaded_draws_the_same_pictures(model, faces, tmp_path, capsys):
    options = ("-l", "conv1", "--randoms", 3, "--permutations", 99, "-o", tmp_path / "out")
    done(capsys, "correspond", model, faces, *options)
    again = inspectnet.save(inspectnet.load(tmp_path / "out"), tmp_path / "again")
    for name in ("hidden.png", "consistency.png", "arrays.npz"):
        assert (again / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_the_same_run_gives_the_same_bytes_and_another_seed_others(model, faces, tmp_path, capsys):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        options = ("-l", "conv1", "--permutations", 99, "--seed", seed, "-o", tmp_path / name)
        done(capsys, "correspond", model, faces, *options)
    files = [contents(tmp_path / name) for name in ("one", "two", "other")]
    assert files[0] == files[1] and files[0]["arrays.npz"] != files[2]["arrays.npz"]


def test_what_hides_may_be_grey(model, faces, tmp_path, capsys):
    found = {}
    for fill in ("mean", "0.5", "0"):
        options = ("-l", "conv1", "--permutations", 99, "--fill", fill, "-o", tmp_path / fill, "--json")
        text, _ = done(capsys, "correspond", model, faces, *options)
        found[fill] = json.loads(text)["result"]["layers"]
    assert found["mean"] == found["0.5"] != found["0"]  # the model's mean is 0.5


def test_random_places_may_move_together(model, faces, tmp_path, capsys):
    options = ("-l", "fc2", "--together", "--randoms", 9, "-o", tmp_path / "out", "--json")
    text, _ = done(capsys, "correspond", model, faces, *options)
    record = json.loads(text)
    assert record["options"]["together"] is True
    for part in record["result"]["layers"][0]["parts"]:
        assert round(10 * part["p"], 9) in range(1, 11)  # a rank among ten


def test_photos_may_lie_elsewhere(model, faces, tmp_path, capsys):
    moved = tmp_path / "parts.json"
    moved.write_bytes(faces.read_bytes())
    assert "Say with --images where the photos are" in refused(capsys, "correspond", model, moved, "-l", "conv1")
    options = ("-l", "conv1", "--images", faces.parent, "--permutations", 99, "-o", tmp_path / "out")
    done(capsys, "correspond", model, moved, *options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-l", "conv7"], "conv7"),
        (["-l", "conv1", "--fill", "red"], "the fill 'red' is neither mean nor a grey level"),
        (["-l", "conv1", "--fill", "2"], "the fill '2' is neither mean nor a grey level"),
        (["-l", "conv1", "--randoms", "0"], "greater than or equal to 1"),
        ([], "--layer"),
    ],
)
def test_wrong_options_are_refused_in_one_line(arguments, message, model, faces, tmp_path, capsys):
    assert message in refused(capsys, "correspond", model, faces, "-o", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_wrong_parts_are_refused_in_one_line(model, faces, tmp_path, capsys):
    marked = json.loads(faces.read_text())["images"]

    def refusal(images):
        file = faces.parent / "wrong.json"
        file.write_text(json.dumps({"images": images}))
        return refused(capsys, "correspond", model, file, "-l", "conv1", "-o", tmp_path / "out", after=["hiding: "])

    assert "consistency is between photos, and there is 1 only" in refusal(marked[:1])
    outside = [*marked[:2], {**marked[2], "parts": {**marked[2]["parts"], "nose": [40, 40, 60, 60]}}]
    assert (
        "the part 'nose' of face2.png: the box [40, 40, 60, 60] does not lie in the photo, which has 48 x 48 pixels"
        in refusal(outside)
    )
    everything = [{**each, "parts": {"face": [0, 0, SIDE, SIDE]}} for each in marked]
    assert "no room beside the parts of photo 1 of 4" in refusal(everything)
    assert not (tmp_path / "out").exists()
