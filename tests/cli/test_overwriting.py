"""No output takes the place of a file that was read, nor, unasked, of another run's results."""

import json
import os

import numpy as np
import onnx
import onnx_ir
import pytest
from commands import contents, done, refused, write_network

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


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["unasked", "asked"])
@pytest.mark.parametrize("command", COMMANDS)
def test_files_of_the_model_stay_whatever_they_are_called(command, overwrite, model, tmp_path, capsys):
    (tmp_path / "soft.onnx").symlink_to("weights.onnx")
    os.link(model, tmp_path / "hard.onnx")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    before = contents(tmp_path)
    for out in ("m.onnx", "weights.onnx", "soft.onnx", "hard.onnx", "folder/weights.onnx"):
        line = refused(capsys, command, model, *COMMANDS[command], "-o", tmp_path / out, *overwrite)
        assert f"{tmp_path / out} is read by this run, so it stays as it is" in line
    assert contents(tmp_path) == before


def test_both_parts_of_an_inverse_are_looked_at(model, tmp_path, capsys):
    os.rename(tmp_path / "weights.onnx", tmp_path / "i.backward.onnx")
    file = onnx.load(model, load_external_data=False)
    file.graph.initializer[0].external_data[0].value = "i.backward.onnx"
    onnx.save(file, model)
    before = contents(tmp_path)
    line = refused(capsys, "invert", model, "-l", "conv1", "--split", "-o", tmp_path / "i.onnx", "--overwrite")
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
    done(capsys, "annotate", model, *COMMANDS["annotate"], "-o", tmp_path / "other.onnx", "--overwrite")
    assert (tmp_path / "net.onnx.data").read_bytes() == before["net.onnx.data"]
    weight = onnx_ir.load(tmp_path / "other.onnx").graph.initializers["k"].const_value.numpy()
    np.testing.assert_array_equal(weight.ravel(), np.frombuffer(before["net.onnx.data"], np.float32)[: weight.size])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_with_something_else_in_it_is_replaced_only_if_that_is_said(command, model, tmp_path, capsys):
    out = tmp_path / "out.onnx"
    out.write_bytes(b"somebody's")
    assert "is there already and holds something else. Say --overwrite" in refused(
        capsys, command, model, *COMMANDS[command], "-o", out
    )
    assert out.read_bytes() == b"somebody's"
    done(capsys, command, model, *COMMANDS[command], "-o", out, "--overwrite")
    again = out.read_bytes()
    done(capsys, command, model, *COMMANDS[command], "-o", out)  # the same bytes take nothing away
    assert out.read_bytes() == again


def test_the_file_of_class_names_stays(model, tmp_path, capsys):
    names = tmp_path / "names.onnx"
    names.write_text("a\nb\nc\nd\n")
    line = refused(capsys, "annotate", model, "--classes", names, "-o", names, "--overwrite")
    assert "is read by this run" in line and names.read_text() == "a\nb\nc\nd\n"
