"""No output takes the place of a file that was read, nor, unasked, of another run's results."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
from commands import contents, done, noisy_photos, refused, write_network
from PIL import Image

NET = "c = Conv (image, k) \n r = Relu (c) \n p = GlobalAveragePool (r) \n y = Flatten (p)"
SIDE = 12


@pytest.fixture
def model(tmp_path, rng):
    """A model that keeps its weights in weights.onnx, with a sidecar that says how photos are prepared."""
    path = write_network(tmp_path / "m.onnx", NET, {"k": rng.normal(size=(4, 3, 3, 3))}, SIDE)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.onnx", size_threshold=0)
    sidecar = {"input_size": [3, SIDE, SIDE], "mean": [0.5] * 3, "std": [0.25] * 3}
    (tmp_path / "m.preprocess.json").write_text(json.dumps(sidecar))
    return path


COMMANDS = {"invert": ["-l", "conv1"], "annotate": ["--mean", "0,0,0", "--std", "1,1,1"]}


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["unasked", "asked"])
@pytest.mark.parametrize("command", COMMANDS)
def test_files_of_the_model_stay_whatever_they_are_called(command, force, model, tmp_path, capsys):
    (tmp_path / "soft.onnx").symlink_to("weights.onnx")
    os.link(model, tmp_path / "hard.onnx")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    before = contents(tmp_path)
    for out in ("m.onnx", "weights.onnx", "soft.onnx", "hard.onnx", "folder/weights.onnx"):
        line = refused(capsys, command, model, *COMMANDS[command], "-o", tmp_path / out, *force)
        assert f"{tmp_path / out} is read by this run, so it stays as it is" in line
    assert contents(tmp_path) == before


def test_both_parts_of_an_inverse_are_looked_at(model, tmp_path, capsys):
    os.rename(tmp_path / "weights.onnx", tmp_path / "i.backward.onnx")
    file = onnx.load(model, load_external_data=False)
    file.graph.initializer[0].external_data[0].value = "i.backward.onnx"
    onnx.save(file, model)
    before = contents(tmp_path)
    line = refused(capsys, "invert", model, "-l", "conv1", "--split", "-o", tmp_path / "i.onnx", "--force")
    assert "i.backward.onnx is read by this run" in line
    assert contents(tmp_path) == before


def test_the_data_of_a_large_inverse_take_no_place_of_other_data(model, tmp_path, capsys, monkeypatch):
    """Of a model over 2 GB, here over 100 bytes, OUT.onnx.data comes too: it may be what OUT.onnx was renamed from."""
    monkeypatch.setattr("inspectnet.graph.writing.LARGEST", 100)
    os.rename(tmp_path / "weights.onnx", tmp_path / "net.onnx.data")
    file = onnx.load(model, load_external_data=False)
    file.graph.initializer[0].external_data[0].value = "net.onnx.data"
    onnx.save(file, model)
    (tmp_path / "other.onnx.data").write_bytes(b"weights of a model that this run does not read")
    before = contents(tmp_path)
    for out, why in (("net.onnx", "is read by this run"), ("other.onnx", "is there already")):
        for command, more in COMMANDS.items():
            line = refused(capsys, command, model, *more, "-o", tmp_path / out)
            assert f"{out}.data {why}" in line
    assert contents(tmp_path) == before
    done(capsys, "annotate", model, *COMMANDS["annotate"], "-o", tmp_path / "other.onnx", "--force")
    assert (tmp_path / "net.onnx.data").read_bytes() == before["net.onnx.data"]
    weight = onnx_ir.load(tmp_path / "other.onnx").graph.initializers["k"].const_value.numpy()
    np.testing.assert_array_equal(weight.ravel(), np.frombuffer(before["net.onnx.data"], np.float32)[: weight.size])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_with_something_else_in_it_is_replaced_only_if_that_is_said(command, model, tmp_path, capsys):
    out = tmp_path / "out.onnx"
    out.write_bytes(b"somebody's")
    assert "is there already and holds something else. Say --force" in refused(
        capsys, command, model, *COMMANDS[command], "-o", out
    )
    assert out.read_bytes() == b"somebody's"
    done(capsys, command, model, *COMMANDS[command], "-o", out, "--force")
    again = out.read_bytes()
    done(capsys, command, model, *COMMANDS[command], "-o", out)  # the same bytes take nothing away
    assert out.read_bytes() == again


def test_the_file_of_class_names_stays(model, tmp_path, capsys):
    names = tmp_path / "names.onnx"
    names.write_text("a\nb\nc\nd\n")
    line = refused(capsys, "annotate", model, "--classes", names, "-o", names, "--force")
    assert "is read by this run" in line and names.read_text() == "a\nb\nc\nd\n"


def test_a_second_annotation_keeps_what_the_first_wrote(model, tmp_path, capsys):
    names, out = tmp_path / "names.txt", tmp_path / "out.onnx"
    names.write_text("a\nb\nc\nd\n")
    done(capsys, "annotate", model, "--classes", names, "-o", out)
    done(capsys, "annotate", model, *COMMANDS["annotate"], "-o", out)
    names.write_text("e\nf\ng\nh\n")
    done(capsys, "annotate", model, "--classes", names, "-o", out)
    told = {prop.key: json.loads(prop.value) for prop in onnx.load(out).metadata_props}
    assert told["inspectnet.classes"] == ["e", "f", "g", "h"] and told["inspectnet.preprocess"]["mean"] == [0, 0, 0]


def test_annotations_of_another_model_are_not_taken_over(model, tmp_path, capsys, rng):
    other = write_network(tmp_path / "other.onnx", NET, {"k": rng.normal(size=(4, 3, 3, 3))}, SIDE, "wxyz")
    line = refused(capsys, "annotate", model, *COMMANDS["annotate"], "-o", other)
    assert "is there already and holds something else. Say --force" in line


# Folders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["photos", "photos/.", "link", "photos/cats"])
def test_results_do_not_come_among_the_photos(out, model, tmp_path, capsys):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20), "cats/b.png": (20, 20)})
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    before = contents(tmp_path)
    line = refused(capsys, "deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / out, "--force")
    assert "Choose another --out" in line and contents(tmp_path) == before


def test_a_photo_whose_name_a_result_would_have_stays(model, tmp_path, capsys):
    photos = noisy_photos(tmp_path / "photos", {"conv1.png": (20, 20)})
    before = contents(tmp_path)
    arguments = ("deconv", model, "-l", "conv1", "--images", photos / "conv1.png", "-o", photos)
    for more, why in (([], "conv1.png is read by this run"), (["--force"], "conv1.png is read by this run")):
        assert why in refused(capsys, *arguments, *more, after=["scanning: ", "projecting: "])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("option", ["boxes", "classes", "list", "tar", "parts"])
def test_a_file_of_any_option_stays_though_it_is_called_as_a_result(option, model, tmp_path, capsys):
    """Each lies in the folder for results under the name of the record."""
    import tarfile

    photos, out = noisy_photos(tmp_path / "photos", {"a.png": (20, 20), "b.png": (20, 20)}), tmp_path / "out"
    out.mkdir()
    record, photo = out / "result.json", str(photos / "a.png")
    command, more = "occlude", [photo, "--patch", "8", "--stride", "4", "-l", "conv1"]
    if option == "boxes":
        record.write_text(json.dumps({"a.png": [0, 0, 9, 9]}))
        more += ["--boxes", record]
    elif option == "classes":
        record.write_text(json.dumps(["a", "b", "c", "d"]))
        more += ["--classes", record]
    elif option == "parts":
        images = [{"image": name, "parts": {"nose": [2, 2, 9, 9]}} for name in ("a.png", "b.png")]
        record.write_text(json.dumps({"images": images}))
        command, more = "correspond", [record, "--images", photos, "-l", "conv1", "--randoms", "2"]
    elif option == "list":
        (tmp_path / "l.txt").write_text(photo)
        os.link(tmp_path / "l.txt", record)
        more[0] = tmp_path / "l.txt"
    else:
        with tarfile.open(tmp_path / "t.tar", "w") as tar:
            tar.add(photo, "a.png")
        os.link(tmp_path / "t.tar", record)
        more[0] = tmp_path / "t.tar"
    before = record.read_bytes()
    line = refused(capsys, command, model, *more, "-o", out, "--force", after=["scanning: ", "occluding", "hiding"])
    assert f"{record} is read by this run, so it stays as it is" in line
    assert record.read_bytes() == before and [p.name for p in out.iterdir()] == [record.name]


def method_of(folder):
    return json.loads((folder / "result.json").read_text())["options"]["policy"]["method"]


def test_a_run_leaves_the_results_of_another_and_says_where_its_own_are(model, tmp_path, capsys, monkeypatch):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20), "b.png": (20, 20)})
    monkeypatch.chdir(tmp_path)
    out, arguments = Path("out") / "m" / "deconv", ("deconv", model, "-l", "conv1", "--images", photos)
    done(capsys, *arguments)
    before = contents(out)
    shown, said = done(capsys, *arguments, "--method", "gradient")
    assert said == [f"{out} holds the results of another run, so these go to {out}-2 (--force replaces them)"]
    assert shown.endswith(f"-> {out}-2/conv1.png\n") and contents(out) == before
    assert (
        json.loads((out.with_name("deconv-2") / "result.json").read_text())["options"]["policy"]["method"] == "gradient"
    )
    assert done(capsys, *arguments, "--threads", 1, "--batch-size", 2)[1] == []  # the same run, which replaces its own
    assert contents(out) == before
    (photos / "b.png").unlink()
    done(capsys, *arguments)  # of other images: another run
    assert contents(out) == before and (out.with_name("deconv-3") / "result.json").exists()
    done(capsys, *arguments, "--method", "gradient", "--force")
    assert method_of(out) == "gradient"


def told_by(path):
    """What a file tells of its making."""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return json.loads(picture.info["Description"])
    if path.suffix == ".csv":
        header, *rows = csv.reader(path.read_text().splitlines())
        assert rows and all(len(row) == len(header) and not row[-1] for row in rows)
        return json.loads(header[-1])
    if path.suffix == ".svg":
        return json.loads(re.search(r"<dc:description>(.*?)</dc:description>", path.read_text(), re.DOTALL)[1])
    if path.suffix == ".pdf":
        return json.loads(re.search(rb"/Subject \((.*?)(?<!\\)\)", path.read_bytes(), re.DOTALL)[1].replace(b"\\", b""))
    return json.loads(path.read_text())


def test_two_runs_over_three_layers_lose_nothing_and_each_file_tells_what_made_it(tmp_path, capsys, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = {"k": rng.normal(size=(4, 3, 3, 3)), "j": rng.normal(size=(4, 4, 3, 3))}
    body = "c = Conv (image, k) \n r = Relu (c) \n d = Conv (r, j) \n s = Relu (d) \n y = Conv (s, j)"
    model = write_network(tmp_path / "m.onnx", body, weights, SIDE)
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20), "b.png": (20, 20)})
    arguments = ("deconv", model, "-l", "conv*", "--images", photos, "--format", "png,svg,pdf", "--top", 1)
    for method in ("deconvnet", "gradient"):
        done(capsys, *arguments, "-m", method)
    pictures = {f"conv{i}.{form}" for i in (1, 2, 3) for form in ("png", "svg", "pdf")}
    for folder, method in (("deconv", "deconvnet"), ("deconv-2", "gradient")):
        files = sorted((tmp_path / "out" / "m" / folder).iterdir())
        assert {path.name for path in files} == pictures | {"arrays.npz", "result.json", "top.csv"}
        for path in files:
            if path.suffix != ".npz":  # which is a part of its result.json
                told = told_by(path)
                assert (told["command"], told["options"]["policy"]["method"]) == ("deconv", method), path
                assert told["models"][0]["name"] == "m.onnx" and told["images"]["count"] == 2


def test_a_folder_that_is_asked_for_and_holds_another_run_is_refused_at_once(model, tmp_path, capsys):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20)})
    arguments = ("deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "mine")
    done(capsys, *arguments)
    before = contents(tmp_path)
    line = refused(capsys, *arguments, "--method", "gradient")
    assert "mine holds the results of another run. Choose another --out, or say --force." in line
    assert contents(tmp_path) == before


KILLED = """
import os, sys
from pathlib import Path
from inspectnet.files import staging
out = Path(sys.argv[1])
made = staging.Stage(out)
os.rename(out / "result.json", made.path("result.json"))  # its other files were moved when the kill came
staging._move = lambda *_: os._exit(9)
made.place(["conv1.png", "result.json"], ["result.json"])
"""


CHANGES = {
    "a photo of the same size": lambda folder: save_grey(folder / "a.bmp", 90),
    "the label of a photo": lambda folder: (folder / "list.csv").write_text("path,label\na.bmp,sea\nb.bmp,sky\n"),
    "the preprocessing": lambda folder: (folder / "m.preprocess.json").write_text(
        json.dumps({"input_size": [3, SIDE, SIDE], "mean": [0.4] * 3, "std": [0.25] * 3})
    ),
    "what classes are called": lambda folder: (folder / "names.txt").write_text("sky\nsea\nsun\nmoon\n"),
}


def save_grey(path, grey):
    Image.new("RGB", (20, 20), (grey, grey, grey)).save(path)
    os.utime(path, ns=(grey, grey))  # clocks of file systems are coarse


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_run_whose_inputs_say_something_else_today_is_another_run(change, model, tmp_path, capsys):
    for name, grey in (("a", 10), ("b", 200)):
        save_grey(tmp_path / f"{name}.bmp", grey)
    (tmp_path / "list.csv").write_text("path,label\na.bmp,sky\nb.bmp,sea\n")
    (tmp_path / "names.txt").write_text("sea\nsky\nsun\nmoon\n")
    out = tmp_path / "out"
    said = ("evaluate", model, "--images", tmp_path / "list.csv", "--classes", tmp_path / "names.txt", "-o", out)
    done(capsys, *said)
    before = contents(out)
    done(capsys, *said)
    assert contents(out) == before
    change(tmp_path)
    assert "holds the results of another run" in refused(capsys, *said)
    assert contents(out) == before


def test_results_half_in_place_after_a_kill_are_no_photos(model, tmp_path, capsys):
    """The next run among the same photos puts what was whole in place, then its own."""
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20)})
    out = photos / "out"
    arguments = ("deconv", model, "-l", "conv1", "--images", photos, "-o", out)
    done(capsys, *arguments)
    before = contents(out)
    killed = subprocess.run([sys.executable, "-c", KILLED, out])
    assert killed.returncode == 9 and not (out / "result.json").exists()
    done(capsys, *arguments)
    assert contents(out) == before
