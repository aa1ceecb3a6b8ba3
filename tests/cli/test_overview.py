"""inspectnet MODEL.onnx: a few lines, and commands that can be typed."""

import shlex

from commands import done, refused, write_network
from nets import POOLED, onnx_text, random_weights
from typer.main import get_command

from inspectnet.cli import app


def test_a_model_alone_says_what_it_is_and_how_to_go_on(capsys, tmp_path):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    path = write_network(tmp_path / "a b.onnx", POOLED, weights, 16, classes=list("abcd"))
    out, _ = done(capsys, path)
    about, _, next_ = out.partition("\n\n")
    assert about.splitlines()[0] == "a b.onnx: images 3x16x16, 4 classes with names"
    assert "layers, conv1 to fc3:" in about and "preprocessing: " in about
    lines = [shlex.split(line, comments=True) for line in next_.splitlines()]
    assert [line[1] for line in lines] == ["layers", "explore", "report", "deconv", "--help"]
    for _, command, *arguments in lines[:-1]:
        assert arguments[0] == str(path)
        get_command(app).get_command(None, command).make_context(command, arguments)


def test_a_model_of_other_images_is_shown_without_what_reads_photos(capsys, tmp_path):
    file = onnx_text("y = Conv(x, k)", random_weights(0, k=(4, 5, 3, 3)), x=("N", 5, 8, 8))
    (tmp_path / "five.onnx").write_bytes(file.SerializeToString())
    out, _ = done(capsys, tmp_path / "five.onnx")
    assert "none, for it takes no photos" in out and "explore" not in out and "inspectnet verify" in out


def test_what_is_no_model_is_refused_in_one_line(capsys, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    assert "x.onnx" in refused(capsys, tmp_path / "x.onnx")
    assert "there is no file" in refused(capsys, tmp_path / "y.onnx")
