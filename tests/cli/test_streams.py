"""What reaches a terminal: one line for each thing, no libraries, and no character of a name that acts on it."""

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import done, noisy_photos, refused, write_network
from PIL import Image

from inspectnet.cli import main
from inspectnet.report.json_text import json_text
from inspectnet.report.lines import show_json, visible

ROOT = Path(__file__).parents[2]
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
FORGED = "x\ninspectnet: all is well"
NET = "c = Conv (image, k) \n r = Relu (c) \n p = GlobalAveragePool (r) \n y = Flatten (p)"
SIDE = 12


@pytest.fixture
def model(tmp_path, rng):
    return write_network(tmp_path / "m.onnx", NET, {"k": rng.normal(size=(4, 3, 3, 3))}, SIDE)


def command(*arguments, program="", **options):
    """The command as a process of its own, after a little program."""
    start = f"import sys\nfrom inspectnet.cli import main\n{program}\nsys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    options = {"capture_output": True, "env": environment, **options}
    return subprocess.run([sys.executable, "-c", start, *map(str, arguments)], **options)


# Characters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, zéro, 猫, 🐈", "plain, zéro, 猫, 🐈"),
        (FORGED, "x\\ninspectnet: all is well"),
        (ESCAPES, "\\x1b]0;owned\\x07\\x1b[2J"),
        ("a\rb\tc\x7f\x85\x9b31m", "a\\rb\\tc\\x7f\\x85\\x9b31m"),
        ("photo\u202egpj.exe\u2066\u061c", "photo\\u202egpj.exe\\u2066\\u061c"),
        ("a\u2028b\u2029c\ufeff\U000e0041", "a\\u2028b\\u2029c\\ufeff\\U000e0041"),
        ("not UTF-8 \udcff", "not UTF-8 \\udcff"),
        ("क्\u200dष 👨\u200d👩", "क्\u200dष 👨\u200d👩"),
        ("a\u202fb\xa0c", "a\u202fb\xa0c"),
    ],
)
def test_characters_that_act_are_shown_as_escapes(text, shown):
    assert visible(text) == shown


def test_json_holds_exact_names_and_none_that_acts():
    names = [ESCAPES, FORGED, "\x7f\x9b31m\u202e", "\udcff", "\U000e0041", 'quote " and \\', "猫"]
    text = json_text({"names": names, "\u202ekey": 1})
    assert json.loads(text) == {"names": names, "\u202ekey": 1}
    assert visible(text.replace("\n", "")) == text.replace("\n", "") and "猫" in text


def test_json_is_in_ascii_where_stdout_holds_no_more(monkeypatch, capsys):
    class Ascii:
        encoding = "ascii"

        def write(self, text):
            written.append(text.encode("ascii"))

        def flush(self):
            pass

    written: list[bytes] = []
    monkeypatch.setattr(sys, "stdout", Ascii())
    show_json('["é 🐈"]\n')
    assert json.loads(b"".join(written)) == ["é 🐈"]


def test_everything_that_is_printed_goes_through_the_lines_that_show_it():
    """Other than numbers and words of the program itself: its version, its schema, its own bars and tables."""
    allowed = {"lines.py": 3, "remarks.py": 1, "progress.py": 1, "tables.py": 2, "__init__.py": 2, "__main__.py": 1}
    counted: dict[str, int] = {}
    for path in [p for room in ("cli", "report") for p in (ROOT / "inspectnet" / room).glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name == "print" or name.endswith((".print", "echo", "secho", "stderr.write", "stdout.write")):
                counted[path.name] = counted.get(path.name, 0) + 1
    assert counted == allowed


# Names -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows takes no such names")
def test_names_of_photos_are_lines_of_their_own_in_messages(model, tmp_path, capsys):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (20, 20)})
    for name in (f"{FORGED}.jpg", f"{ESCAPES}z.jpg", "\u202egpj.jpg"):
        (photos / name).write_text("no photo")
    out, said = done(capsys, "deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "out", "--json")
    assert len(said) == 3 and all(line.startswith("skipped ") for line in said), said
    assert not any(visible(line) != line for line in said)
    assert {each["image"] for each in json.loads(out)["images"]["skipped"]} == {
        f"{FORGED}.jpg", f"{ESCAPES}z.jpg", "\u202egpj.jpg"
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows takes no such names")
@pytest.mark.parametrize("name", [FORGED, ESCAPES, "\u202e", "\udcff"])
def test_names_of_files_in_errors_act_on_nothing(name, tmp_path, capsys):
    line = refused(capsys, "layers", tmp_path / f"{name}.onnx")
    assert visible(line) == line and line.count("inspectnet: ") <= 2
    line = refused(capsys, "explain", f"--{name}")
    assert visible(line) == line


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_names_of_models_layers_and_classes_act_on_nothing(terminal, tmp_path, rng, monkeypatch, capsys):
    net, names = NET.replace("k)", "fea_weight)"), [f"{ESCAPES}{i}" for i in range(4)]
    path = write_network(tmp_path / "m\x1b[K.onnx", net, {"fea_weight": rng.normal(size=(4, 3, 3, 3))}, SIDE, names)
    path.write_bytes(path.read_bytes().replace(b"fea_weight", b"\x1b[J.weight"))  # the module \x1b[J
    photo = noisy_photos(tmp_path / "photos", {"a.png": (20, 20)})
    for arguments in (
        ["layers", path],
        ["verify", path],
        ["occlude", path, photo, "-l", "conv1", "-o", tmp_path / "out"],
    ):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
        out, _ = done(capsys, *arguments)
        assert not any(code in out for code in ("\x1b[J", "\x1b[K", "\x1b[2J", "\x1b]0")) and "\\x1b" in out


# Libraries -------------------------------------------------------------------------------------------------


LOUD = """
import logging, os, warnings
import inspectnet.opening
opened = inspectnet.opening.open_network
def loud(*arguments, **options):
    logging.getLogger("onnx_ir.passes").warning("a pass failed", exc_info=ValueError("traceback"))
    warnings.warn("a library warns")
    os.write(2, b"TIFFReadDirectory: Warning, from C\\n")
    return opened(*arguments, **options)
inspectnet.opening.open_network = loud
"""


def test_libraries_are_not_heard(model):
    quiet = command("layers", model, program=LOUD)
    assert (quiet.returncode, quiet.stderr) == (0, b"") and b"conv1" in quiet.stdout
    heard = command("layers", model, "--debug", program=LOUD).stderr
    assert b"a pass failed" in heard and b"a library warns" in heard and b"from C" in heard


def test_the_one_line_is_heard_all_the_same(tmp_path):
    failed = command("layers", tmp_path / "absent.onnx", program=LOUD)
    assert failed.returncode == 2 and failed.stderr.startswith(b"inspectnet: there is no file ")
    assert failed.stderr.count(b"\n") == 1


def test_a_photo_cut_short_is_one_line_whatever_its_decoders_say(model, tmp_path):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (24, 24)})
    for compression in ("raw", "tiff_lzw"):
        with Image.open(photos / "a.png") as image:
            image.save(tmp_path / "t.tif", compression=compression)
        data = (tmp_path / "t.tif").read_bytes()
        for part in (0.3, 0.6, 0.99):
            (photos / f"{compression}{part}.tif").write_bytes(data[: int(part * len(data))])
    run = command("deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "out", "--device", "cpu")
    lines = run.stderr.decode().splitlines()
    assert run.returncode == 0
    assert all(
        line.startswith(("device: ", "preprocessing: ", "scanning: ", "projecting: ", "skipped ")) for line in lines
    ), lines


def test_a_stderr_that_takes_no_more_is_no_bug(tmp_path):
    with open(os.devnull) as unwritable:
        failed = command(
            "layers", tmp_path / "absent.onnx", capture_output=False, stdout=subprocess.PIPE, stderr=unwritable
        )
    assert (failed.returncode, failed.stdout) == (2, b"")


def test_a_terminal_that_lacks_a_letter_shows_its_escape(tmp_path, rng):
    path = write_network(tmp_path / "猫.onnx", NET, {"k": rng.normal(size=(4, 3, 3, 3))}, SIDE)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    run = command("layers", path, env=environment)
    assert run.returncode == 0 and b"\\u732b.onnx: input" in run.stdout


# Signals ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals are others on Windows")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_leaves_nothing_and_is_one_line(name, model, tmp_path):
    photos = noisy_photos(tmp_path / "photos", {"a.png": (24, 24), "b.png": (24, 24)})
    # a shell in the background, or nohup, has its programs ignore signals
    program = f"import signal; signal.signal(signal.{name}, signal.SIG_DFL)\n"
    program += "import sys, time; from inspectnet.cli import main; from inspectnet.scanning import peaks\n"
    program += "peaks.scan = lambda *a, **o: time.sleep(60)\nsys.exit(main(sys.argv[1:]))"
    arguments = ["deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "new" / "out"]
    started = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(started, cwd=ROOT, stderr=subprocess.PIPE) as process:
        lines = iter(lambda: process.stderr.readline().decode(), "")
        assert any(line.startswith("scanning") for line in lines)
        process.send_signal(getattr(signal, name))
        rest = process.stderr.read().decode()
    assert process.returncode == 128 + getattr(signal, name)
    assert rest.splitlines()[-1] == "inspectnet: ended by a signal" and "Traceback" not in rest
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are others on Windows")
@pytest.mark.parametrize(
    ("name", "code", "line"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "ended by a signal")]
)
def test_a_signal_is_told_even_where_an_import_makes_an_error_of_it(name, code, line, monkeypatch, capsys):
    def importing(path):
        try:
            signal.raise_signal(getattr(signal, name))
        except BaseException:  # as numpy and pybind11 do
            raise ImportError("initialization failed") from None

    usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    before = signal.signal(getattr(signal, name), usual)  # jobs in the background of a shell ignore interruptions
    try:
        monkeypatch.setattr("inspectnet.cli.show_overview", importing)
        assert main(["model.onnx"]) == code
    finally:
        signal.signal(getattr(signal, name), before)
    assert capsys.readouterr().err == f"inspectnet: {line}\n"


def test_handlers_of_signals_are_given_back(model, capsys):
    before = signal.getsignal(signal.SIGTERM)
    done(capsys, "layers", model)
    assert signal.getsignal(signal.SIGTERM) == before
