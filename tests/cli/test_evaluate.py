"""inspectnet evaluate: what it prints and writes, which labels it understands, and what it refuses in one line."""

import csv
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from commands import OPENING, check_result, contents, done, refused, run, write_network
from PIL import Image

ROOT = Path(__file__).parents[2]
SIDE = 16
NET = "a = Conv (image, k)\np = GlobalAveragePool (a)\ny = Flatten (p)"
COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
SAID = ("classes: ", "evaluating: ", "left out ", "skipped ")  # what it says of the images


def write_model(path, weights=None, classes=("red", "green", "blue")):
    """Scores are sums of the colours; by default class 0 is red, 1 green, 2 blue."""
    weights = np.eye(3) * 10 if weights is None else np.asarray(weights, float)
    kernels = {"k": weights[:, :, None, None]}
    return write_network(path, NET, kernels, SIDE, classes, mean=[0.0] * 3, std=[1.0] * 3)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path_factory, monkeypatch):
    """Where results go without -o."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "colours.onnx")


def write_photos(folder, names=COLOURS):
    """Four photos for each colour, of which one in 'red' is green."""
    for name, colour in names.items():
        (folder / name).mkdir(parents=True)
        for i in range(4):
            odd = colour == COLOURS["red"] and i == 3
            Image.new("RGB", (20 + i, 24), COLOURS["green"] if odd else colour).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def labelled(tmp_path):
    return write_photos(tmp_path / "photos")


def result(capsys, *arguments):
    """The JSON of a run that goes well, and what is said beside it."""
    code, out, err = run(capsys, "evaluate", *arguments, "--json")
    assert code == 0, err
    assert all(line.startswith((*OPENING, *SAID)) for line in err.splitlines())
    return json.loads(out), err


def top1(record):
    """The first model's error in per cent."""
    return record["result"]["errors"][0]["top1_error"]["value"]


# What comes out --------------------------------------------------------------------------------------------


def test_tables_show_each_model_and_the_worst_classes(model, labelled, capsys):
    code, out, err = run(capsys, "evaluate", model, "--images", labelled)
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert out.splitlines()[0] == "12 images, 1 crop"
    assert lines[2][:5] == ["colours.onnx", "8.33", "0.21", "to", "38.48"] and lines[2][-1] == "12"
    assert lines[-2] == ["red", "25.00", "0.00", "4", "green"]
    assert lines[-1] == ["->", "out/colours/evaluate/confusion.png"]
    assert "classes: named by the model" in err


def test_several_models_are_shown_one_by_one_and_together(model, labelled, tmp_path, capsys):
    """The second is blind to all but green, and less sure of it than the first is of its own."""
    other = write_model(tmp_path / "blind.onnx", [[0, 0, 0], [0, 1, 0], [0, 0, 0]], classes=())
    record, _ = result(capsys, model, other, "--images", labelled)
    errors = {each["model"]: (each["top1_error"]["value"], each["images"]) for each in record["result"]["errors"]}
    wrong = 100 / 12
    assert errors == {
        "colours.onnx": (pytest.approx(wrong), 12),
        "blind.onnx": (pytest.approx(5 * wrong), 12),
        "ensemble of 2": (pytest.approx(wrong), 12),
    }
    assert [each["name"] for each in record["models"]] == ["colours.onnx", "blind.onnx"]
    first, same, _ = record["result"]["differences"]
    assert first["pair"] == [0, 1] and same["pair"] == [0, 2]
    assert record["result"]["models"] == ["colours.onnx", "blind.onnx", "ensemble of 2"]
    assert first["points"]["value"] == pytest.approx(-4 * wrong) and first["p"] <= first["p_corrected"]
    assert first["points"]["low"] < -4 * wrong < first["points"]["high"]
    assert same["points"] == {"value": 0, "low": 0, "high": 0}


def test_models_of_one_name_are_told_apart_by_their_path(model, labelled, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    other = shutil.copy(model, tmp_path / "b")
    record, _ = result(capsys, model, other, "--images", labelled)
    assert [each["model"] for each in record["result"]["errors"]] == [str(model), str(other), "ensemble of 2"]


def test_the_json_holds_all_that_was_measured_and_what_decides_it(model, labelled, capsys):
    record, _ = result(capsys, model, "--images", labelled)
    (about,) = record["models"]
    assert (about["name"], len(about["sha256"]), record["options"]["scores"]) == ("colours.onnx", 64, ["y"])
    assert about["preprocess"]["mean"] == [0, 0, 0]
    assert record["images"] | {"sha256": ""} == {"count": 12, "sha256": "", "skipped": []}
    assert len(record["images"]["sha256"]) == 64
    told = record["result"]
    assert (told["crops"], told["classes"], told["left_out"]) == (1, ["red", "green", "blue"], {})
    (found,) = told["errors"]
    interval = found["top1_error"]
    assert (interval["low"], interval["high"]) == pytest.approx((0.211, 38.48), abs=0.01)  # Clopper & Pearson, 1 of 12
    assert found["confusion"] == [[0, 0, 3], [0, 1, 1], [1, 1, 4], [2, 2, 4]]
    assert found["classes"][0] == {
        "name": "red", "number": 0, "images": 4, "top1_error": 25, "top5_error": 0, "taken_for": "green",
    }  # fmt: skip
    assert found["classes"][1]["taken_for"] is None


def test_files_hold_the_same_and_the_answer_to_each_image(model, labelled, tmp_path, capsys):
    record, _ = result(capsys, model, "--images", labelled, "-o", tmp_path / "out")
    assert set(contents(tmp_path / "out")) == {
        "result.json",
        "arrays.npz",
        "confusion.csv",
        "confusion.png",
        "wrong.csv",
    }
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == record
    assert check_result(tmp_path / "out").accuracy.images[-1] == "red/3.png"
    with open(tmp_path / "out" / "confusion.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:-1] for row in rows] == [
        ["true class", "red", "green", "blue"],
        ["red", "3", "1", "0"],
        ["green", "0", "4", "0"],
        ["blue", "0", "0", "4"],
    ]
    wrong = list(csv.reader((tmp_path / "out" / "wrong.csv").read_text().splitlines()))
    assert wrong[0][0] == "image" and [row[:4] for row in wrong[1:]] == [["red/3.png", "red", "green", "1"]]
    with np.load(tmp_path / "out" / "arrays.npz") as arrays:
        assert arrays["accuracy.labels"].tolist() == [2] * 4 + [1] * 4 + [0] * 4
        assert arrays["accuracy.answers.0.predicted"].tolist() == [2] * 4 + [1] * 4 + [0] * 3 + [1]
        assert arrays["accuracy.answers.0.rank"].tolist() == [0] * 11 + [1]
    with Image.open(tmp_path / "out" / "confusion.png") as picture:
        picture.load()


def test_of_many_classes_the_pairs_that_are_confused_most_are_shown_with_their_photos(
    model, labelled, tmp_path, capsys, monkeypatch
):
    from inspectnet.report import evaluate as report

    drawn, draw = [], report.draw_pairs
    monkeypatch.setattr(report, "MOST_NAMES", 2)
    monkeypatch.setattr(report, "draw_pairs", lambda pairs, **k: drawn.append(pairs) or draw(pairs, **k))
    result(capsys, model, "--images", labelled, "-o", tmp_path / "out")
    ((row,),) = drawn
    (pair,) = check_result(tmp_path / "out").confused
    assert row.caption == "red taken for green: 1 of 4"
    assert (pair.true, pair.taken_for, pair.count, pair.images) == (0, 1, 1, ("red/3.png",))
    assert (pair.photos == COLOURS["green"]).all() and pair.photos.shape == (1, SIDE, SIDE, 3)


def test_the_same_command_writes_the_same_bytes(model, labelled, tmp_path, capsys):
    made = []
    for name, more in (("one", []), ("two", ["--threads", "1"])):
        result(capsys, model, "--images", labelled, "-o", tmp_path / name, *more)
        made.append(contents(tmp_path / name))
    assert made[0] == made[1]


def test_the_help_comes_without_heavy_imports():
    program = "import sys; from inspectnet.cli import main; main(['evaluate', '--help'])\n"
    program += "print('heavy:', *(m for m in ('numpy', 'onnx', 'PIL', 'rich', 'torch') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_results_among_the_images_are_no_images_the_next_time(model, labelled, capsys):
    for _ in range(2):
        record, err = result(capsys, model, "--images", labelled, "-o", labelled / "out")
        assert (record["images"]["count"], record["result"]["left_out"]) == (12, {}), err
    line = refused(capsys, "evaluate", model, "--images", labelled, "-o", labelled)
    assert "would be taken for images the next time. Choose another --out." in line


# Crops and preprocessing -----------------------------------------------------------------------------------


def test_ten_crops_see_what_one_does_not(model, tmp_path, capsys):
    """A red middle in a green frame: one crop sees red alone, ten see the corners."""
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :, 1] = 255
    pixels[8:24, 8:24] = (255, 0, 0)
    (tmp_path / "p" / "red").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "p" / "red" / "a.png")
    losses = {}
    for crops in (1, 10):
        record, _ = result(
            capsys,
            model,
            "--images",
            tmp_path / "p",
            "--crops",
            crops,
            "--crop-pct",
            "0.5",
            "-o",
            tmp_path / f"{crops}",
        )
        assert record["result"]["crops"] == crops
        losses[crops] = record["result"]["errors"][0]["loss"]
    # red is all of the middle crop, but a quarter of each in a corner
    shares = [np.exp([10, 0, 0]) / np.exp([10, 0, 0]).sum(), np.exp([2.5, 7.5, 0]) / np.exp([2.5, 7.5, 0]).sum()]
    assert losses[1] == pytest.approx(-np.log(shares[0][0]), rel=1e-3)
    assert losses[10] == pytest.approx(-np.log(0.2 * shares[0][0] + 0.8 * shares[1][0]), rel=1e-5)


def test_ten_crops_without_room_for_them_are_refused(model, labelled, tmp_path, capsys):
    options = ("--crops", 10, "--crop-pct", 1, "-o", tmp_path / "out")
    line = refused(capsys, "evaluate", model, "--images", labelled, *options, after=SAID)
    assert "crop_pct is 1, so the crop is all of the resized photo. Say --crop-pct 0.875, or less." in line
    assert not (tmp_path / "out").exists()


def test_preprocessing_options_hold(model, labelled, capsys):
    record, err = result(capsys, model, "--images", labelled, "--channel-order", "bgr")
    assert record["models"][0]["preprocess"]["channel_order"] == "bgr"
    assert top1(record) == pytest.approx(100 * 8 / 12)  # only green stays green; red/3 too
    assert "changed by the user" in err


# Labels ----------------------------------------------------------------------------------------------------

IDS = {"n00000003": COLOURS["blue"], "n00000002": COLOURS["green"], "n00000001": COLOURS["red"]}
TABLE = "n00000001\tred\nn00000002\tgreen\nn00000003\tblue\n"


@pytest.mark.parametrize("where", ["said", "inside", "beside"])
def test_a_table_of_names_ties_folders_to_the_models_classes(where, model, tmp_path, capsys):
    """Whatever the order of its lines: the model names its classes."""
    folder = write_photos(tmp_path / "data" / "val", IDS)
    table = {"said": tmp_path / "names.tsv", "inside": folder / "classes.tsv", "beside": folder.parent / "classes.tsv"}
    table[where].write_text("\n".join(reversed(TABLE.splitlines())))
    more = ["--classes", table["said"]] if where == "said" else []
    record, err = result(capsys, model, "--images", folder, *more)
    assert top1(record) == pytest.approx(100 / 12)
    assert f"classes: {table[where]}" in err


def test_a_tar_is_labelled_as_its_folders_are(model, tmp_path, capsys):
    folder = write_photos(tmp_path / "val", IDS)
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        tar.add(folder, "val")
    (tmp_path / "classes.tsv").write_text(TABLE)
    record, _ = result(capsys, model, "--images", tmp_path / "val.tar")
    assert (record["images"]["count"], top1(record)) == (
        12,
        pytest.approx(100 / 12),
    )


def test_flat_files_are_labelled_by_the_wordnet_id_of_their_names(tmp_path, capsys):
    model = write_model(tmp_path / "m.onnx", classes=["n00000001 red", "n00000002 green", "n00000003 blue"])
    (tmp_path / "flat").mkdir()
    for id, colour in IDS.items():
        Image.new("RGB", (20, 20), colour).save(tmp_path / "flat" / f"{id}_colour.png")
    record, _ = result(capsys, model, "--images", tmp_path / "flat")
    assert (record["images"]["count"], top1(record)) == (3, 0)


def test_a_model_without_names_takes_as_many_sorted_labels_and_says_so(labelled, tmp_path, capsys):
    model = write_model(tmp_path / "m.onnx", np.eye(3)[::-1] * 10, classes=())
    record, err = result(capsys, model, "--images", labelled)
    assert (record["result"]["classes"], top1(record)) == (
        ["blue", "green", "red"],
        pytest.approx(100 / 12),
    )
    assert "classes: a guess: the 3 labels, sorted (say it with --classes, or inspectnet annotate)" in err


def test_a_model_without_names_takes_numbers_as_they_are(tmp_path, capsys):
    model = write_model(tmp_path / "m.onnx", classes=())
    write_photos(tmp_path / "p", {"0": COLOURS["red"], "2": COLOURS["blue"]})
    record, err = result(capsys, model, "--images", tmp_path / "p")
    assert record["result"]["errors"][0]["confusion"] == [[0, 0, 3], [0, 1, 1], [2, 2, 4]]
    assert "classes: by their numbers" in err


def test_images_of_other_classes_are_left_out_and_told(model, labelled, capsys):
    (labelled / "mauve").mkdir()
    for i in range(2):
        Image.new("RGB", (20, 20), (224, 176, 255)).save(labelled / "mauve" / f"{i}.png")
    Image.new("RGB", (20, 20)).save(labelled / "stray.png")
    record, err = result(capsys, model, "--images", labelled)
    assert record["result"]["left_out"] == {"mauve": 2, "": 1}
    assert record["images"]["count"] == 12
    assert "left out 3 images, whose label is no class: 'mauve', no label" in err


def test_images_that_cannot_be_read_are_left_out_and_named(model, labelled, capsys):
    for i in range(7):
        (labelled / "red" / f"bad{i}.png").write_text("no image")
    record, err = result(capsys, model, "--images", labelled)
    assert [each["image"] for each in record["images"]["skipped"]] == [f"red/bad{i}.png" for i in range(7)]
    assert record["images"]["count"] == 12
    assert err.count("skipped red/bad") == 5 and "skipped 7 images in all" in err


# Wrong input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--crops", "5"], "an image is cut into 1 crop or into 10, not 5."),
        (["--crops", "x"], "--crops"),
        (["--layer", "conv1"], "--layer"),
        (["--scores", "conv1"], "'a' has the shape (N, 3, 16, 16), not (N, K). Say the layer that holds them"),
        (["--scores", "conv9"], "no layer 'conv9'."),
        (["--batch-size", "0"], "--batch-size '0' is neither auto nor a number"),
        (["--threads", "0"], "--threads"),
        (["--device", "gpu"], "no device 'gpu'."),
        (["--mean", "1,2"], "mean must be 3 finite numbers"),
        (["--crop-pct", "2"], "crop_pct must be greater than 0"),
        (["--input-size", "30,30"], "takes images of height 16 and no other, but the preprocessing makes 30"),
        (["--classes", "absent.txt"], "class names in absent.txt: no such file or directory. Check --classes."),
        (["--classes", ""], "the path is empty"),
        (["--out", ""], "the path is empty"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_makes_no_sense_is_refused(arguments, wanted, model, labelled, tmp_path, capsys):
    more = ["-o", tmp_path / "out"] if "--out" not in arguments else []
    assert wanted in refused(capsys, "evaluate", model, "--images", labelled, *more, *arguments, after=SAID)
    assert not (tmp_path / "out").exists()


def test_models_and_images_have_to_be_said(model, labelled, capsys):
    assert "--images" in refused(capsys, "evaluate", model)
    assert "MODEL" in refused(capsys, "evaluate", "--images", labelled)


def test_names_that_do_not_fit_the_model_are_refused(model, labelled, tmp_path, capsys):
    (tmp_path / "two.txt").write_text("red\ngreen\n")
    line = refused(capsys, "evaluate", model, "--images", labelled, "--classes", tmp_path / "two.txt")
    assert "two.txt has 2 lines that do not fit: the model has 3 classes, as 'red'. Give a line for each" in line
    short = write_model(tmp_path / "short.onnx", classes=["red", "green"])
    line = refused(capsys, "evaluate", short, "--images", labelled)
    assert "short.onnx has 3 classes, but names 2. Name them with inspectnet annotate." in line


def test_models_that_do_not_agree_on_their_classes_are_refused(model, labelled, tmp_path, capsys):
    other = write_model(tmp_path / "other.onnx", classes=["green", "red", "blue"])
    line = refused(capsys, "evaluate", model, other, "--images", labelled)
    assert "other.onnx name their classes differently. Evaluate them one by one." in line
    four = write_model(tmp_path / "four.onnx", np.ones((4, 3)), classes=())
    line = refused(capsys, "evaluate", model, four, "--images", labelled)
    assert "colours.onnx tells 3 classes apart, but" in line


def test_labels_that_no_model_knows_are_refused(model, tmp_path, capsys):
    write_photos(tmp_path / "p", IDS)
    line = refused(capsys, "evaluate", model, "--images", tmp_path / "p")
    assert "the label 'n00000001' is none of the model's 3 classes, as 'red'. Say --classes FILE." in line
    nameless = write_model(tmp_path / "m.onnx", np.ones((4, 3)), classes=())
    line = refused(capsys, "evaluate", nameless, "--images", tmp_path / "p")
    assert "the model's 4 classes have no names, and the images 3 labels, as 'n00000001'. Say --classes FILE." in line
    Image.new("RGB", (9, 9)).save(tmp_path / "flat.png")
    assert "no image in" in refused(capsys, "evaluate", model, "--images", tmp_path / "flat.png")


def test_images_of_which_none_can_be_read_leave_nothing_behind(model, tmp_path, capsys):
    (tmp_path / "p" / "red").mkdir(parents=True)
    (tmp_path / "p" / "red" / "a.png").write_text("no image")
    out = tmp_path / "new" / "out"
    line = refused(capsys, "evaluate", model, "--images", tmp_path / "p", "-o", out, after=SAID)
    assert "none of the 1 images could be read; the first, red/a.png" in line
    assert not (tmp_path / "new").exists()


# The real thing --------------------------------------------------------------------------------------------


def test_squeezenet_errs_on_its_photos_as_an_independent_count_says(squeezenet_file, photos, tmp_path, capsys):
    """The first 40 of them; counted with Pillow and onnxruntime alone."""
    import onnxruntime

    table = squeezenet_file.parent / "imagenet_classes.tsv"
    ids = [line.split("\t")[1] for line in table.read_text().splitlines()]
    session = onnxruntime.InferenceSession(squeezenet_file, providers=["CPUExecutionProvider"])
    wrong = []
    for path in sorted(photos.iterdir())[:40]:
        (tmp_path / path.name).symlink_to(path)
        scores = session.run(None, {session.get_inputs()[0].name: imagenet_crop(path)})[0][0]
        true = ids.index(path.name.split("_")[0])
        wrong.append([true != scores.argmax(), true not in np.argsort(-scores)[:5]])
    options = ["--classes", table, "--crop-pct", 227 / 256]
    record, _ = result(capsys, squeezenet_file, "--images", tmp_path, *options)
    (found,) = record["result"]["errors"]
    assert [found[key]["value"] for key in ("top1_error", "top5_error")] == pytest.approx(100 * np.mean(wrong, axis=0))
    assert found["top1_error"]["value"] < 45 and found["images"] == 40


def imagenet_crop(path):
    """(1, 3, 227, 227): the short side 256, the middle cut out."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        image = image.resize([int(256 * side / min(image.size)) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (round((side - 227) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + 227, top + 227))) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return pixels.transpose(2, 0, 1)[None].astype(np.float32)


def test_a_table_beside_the_images_is_part_of_what_makes_a_run(model, labelled, tmp_path, capsys):
    arguments = ("evaluate", model, "--images", labelled, "-o", tmp_path / "out")
    table = labelled.parent / "classes.tsv"
    table.write_text("red\ngreen\nblue\n")
    for _ in range(2):  # the second one is the same
        done(capsys, *arguments)
    table.write_text("red\tscarlet\ngreen\tlime\nblue\tnavy\n")
    assert "holds the results of another run" in refused(capsys, *arguments)
