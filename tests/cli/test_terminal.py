"""Every command in a terminal of 80 columns: no cell of a table breaks, and the last lines say where pictures are."""

import contextlib
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from commands import noisy_photos, write_network
from nets import TWO_CONVS, random_weights

from inspectnet.errors import counted

pty = pytest.importorskip("pty", reason="terminals are others on Windows")

ROOT = Path(__file__).parents[2]
SIDE, COLUMNS = 24, 80
NAMES = {"r": "/features/features.3/expand3x3_activation/Relu_output_0", "k1": "features.3.expand3x3.weight",
         "k2": "features.12.squeeze.weight"}  # fmt: skip
LAYER = NAMES["r"]
CLASSES = ("great grey owl, great gray owl, Strix nebulosa", "tench", "Old English sheepdog, bobtail", "bowl")
PROGRAM = """
import contextlib, json, sys, types
from inspectnet.cli import main
from inspectnet.report import topics

def presenting(result, presenter=topics.presenter):
    module = presenter(result)
    def print_result(result, **more):  # to a file as well, where tables have all the room that they want
        with contextlib.redirect_stdout(plain):
            module.print_result(result, **more)
        module.print_result(result, **more)
    return types.SimpleNamespace(**(vars(module) | {"print_result": print_result}))

topics.presenter = presenting
with open("plain", "w") as plain:
    for line in json.loads(sys.argv[1]):
        for stream in (sys.stdout, sys.stderr, plain):
            print("$", *line, file=stream, flush=True)
        print("=", main(line), flush=True)
"""
ESCAPES = re.compile(r"\x1b\]8;;[^\x1b]*\x1b\\|\x1b\[[0-9;?]*[A-Za-z]|\r")


def write_model(path, seed):
    """A network with the long names that exporters give, and classes named as ImageNet's."""
    weights = random_weights(seed, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), w=(6, 4))
    write_network(path, f"{TWO_CONVS}\ny = Gemm (f, w)", weights, SIDE, CLASSES, training={"epoch": seed}, crop_pct=1)
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = [NAMES.get(name, name) for name in node.input]
        node.output[:] = [NAMES.get(name, name) for name in node.output]
    for tensor in model.graph.initializer:
        tensor.name = NAMES.get(tensor.name, tensor.name)
    del model.graph.value_info[:]
    onnx.save(model, path)
    return str(path)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """A command line for each command."""
    folder = tmp_path_factory.mktemp("terminal")
    a, b = (write_model(folder / f"a_network_whose_name_is_long_{i}.onnx", i) for i in (1, 2))
    names = [f"{label}/a photo with a long name {i}.png" for label in (*CLASSES[1:2], "bowl") for i in range(3)]
    photos = noisy_photos(folder / "photos", {name: (40, 40) for name in names})
    one, parts = str(photos / names[0]), folder / "parts.json"
    images = [{"image": name, "parts": {"nose": [2, 2, 9, 9], "the left ear": [9, 2, 16, 9]}} for name in names[:3]]
    parts.write_text(json.dumps({"images": images}))
    lines = {
        "layers": [a], "deconv": [a, one, "-l", LAYER], "explain": [a, one, str(photos / names[4]), "-c", "owl"],
        "sanity": [a, one, "-m", "gradient,guided_backprop"], "selectivity": [a, str(photos), "-l", LAYER],
        "occlude": [a, one, "--stride", "8", "--others", one], "verify": [a, one, "--verbose"],
        "invariance": [a, str(photos), "-t", "translate=-4:4:2,rotate=0:90:30", "--alike"],
        "evolve": [a, b, "-l", LAYER, "-l", "conv2", "--images", str(photos)],
        "diagnose": [a, b, "--images", str(photos)],
        "correspond": [a, str(parts), "--images", str(photos), "-l", LAYER, "--randoms", "3", "--permutations", "99"],
        "evaluate": [a, b, "--images", str(photos)], "invert": [a, "-l", LAYER, "-o", str(folder / "i.onnx")],
        "annotate": [a, "-o", str(folder / "n.onnx"), "--std", "1,1,1"],
    }  # fmt: skip
    return [[command, *arguments] for command, arguments in lines.items()] + [["verify", a], ["layers", a, "--wide"]]


@pytest.fixture(scope="module")
def told(lines, tmp_path_factory):
    """By command line, as lines: what a terminal of 80 columns is sent, a file, and stderr; and all of the terminal."""
    import fcntl
    import termios

    folder = tmp_path_factory.mktemp("run")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    start, ruled = [sys.executable, "-c", PROGRAM, json.dumps(lines)], b""
    with (
        open(folder / "errors", "w") as errors,
        subprocess.Popen(start, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=errors),
        contextlib.suppress(OSError),  # how Linux tells the end
    ):
        os.close(slave)
        while got := os.read(master, 1 << 16):
            ruled += got
    os.close(master)
    texts = [ruled.decode(), *((folder / name).read_text() for name in ("plain", "errors"))]
    by_stream = [ESCAPES.sub("", text).split("$ ")[1:] for text in texts]
    assert [len(each) for each in by_stream] == [len(lines)] * 3, texts
    by_stream = [[[row.rstrip() for row in text.rstrip().split("\n")][1:] for text in one] for one in by_stream]
    return {" ".join(line): one for line, *one in zip(lines, *by_stream, strict=True)} | {"ruled": texts[0]}


def cells(line):
    return re.split(r"\s{2,}", line.strip())


def is_shown(row, line):
    """Whether a line holds the first cell of a row and one more at least, in their order, words perhaps cut."""
    rest = iter(row)
    return (
        len(line) > 1 and is_cut(row[0], line[0]) and all(any(is_cut(whole, cell) for whole in rest) for cell in line)
    )


def is_cut(whole, cell):
    head, cut, tail = cell.partition("…")
    return cell == whole or bool(cut and len(head) > 10 and whole.startswith(head) and whole.endswith(tail))


def test_no_cell_of_any_command_breaks_in_80_columns(told, lines):
    tables = 0
    for line in lines:
        ruled, plain, errors = told[" ".join(line)]
        assert ruled[-1] == "= 0", (line, errors)
        rows = [cells(row) for row in plain if len(cells(row)) > 2]
        shown = [(row, cells(row)) for row in ruled if len(cells(row)) > 1]
        tables += bool(rows)
        for row in rows:
            assert any(is_shown(row, found) for _, found in shown), (line[0], row, ruled)
        if "--wide" not in line:
            wide = [row for row, found in shown if len(row) > COLUMNS and not row.startswith("->")]
            prose = [row for row in ruled if len(row) > COLUMNS and " " in row.strip() and not row.startswith("->")]
            assert wide == [] and prose == [], (line[0], wide, prose)
    assert tables >= 9


def test_columns_without_room_are_named_and_come_with_wide(told, lines):
    narrow, wide = (told[" ".join(line)][0] for line in (lines[0], lines[-1]))
    assert any(line.startswith("--wide shows: ") and "parameters" in line for line in narrow)
    assert any("parameters" in line for line in wide) and not any(line.startswith("--wide") for line in wide)
    assert all(any("features.12.squeeze" in line for line in rows) for rows in (narrow, wide))


def test_the_last_lines_lead_to_the_pictures_as_links(told, lines):
    for line in lines:
        printed = told[" ".join(line)][0]
        if line[0] in ("layers", "verify", "invert", "annotate"):
            continue
        paths = [text.removeprefix("-> ") for text in printed if text.startswith("-> ")]
        assert paths and printed[-1 - len(paths) : -1] == [f"-> {path}" for path in paths], line[0]
        assert all(path.endswith(".png") for path in paths)
    assert re.search(r"-> \x1b\]8;;file:///\S+\.png\x1b\\out/\S+\.png\x1b\]8;;\x1b\\", told["ruled"])


def test_the_answer_is_on_the_terminal(told, lines):
    explained = "\n".join(told[" ".join(lines[2])][0])
    assert "great grey owl" in explained and re.search(r"\d %", explained)
    verified = told[" ".join(lines[-2])][0]
    assert sum(line.startswith(("conv1 ", "conv2 ")) for line in verified) == 2
    assert any(re.search(r"(\d+) of \1 checks passed", line) for line in verified)


@pytest.mark.parametrize("command", ["deconv", "explain", "sanity", "selectivity", "occlude", "verify", "invariance",
                                     "evolve", "diagnose", "correspond", "evaluate"])  # fmt: skip
def test_progress_counts_what_the_result_counts(command, told):
    ruled, _, errors = next(one for line, one in told.items() if line.startswith(f"{command} "))
    counts = [found for line in errors if (found := re.match(r"\w+: (\d+)(?:/\1)? (.*?), ", line))]
    assert counts and any(counted(int(n[1]), n[2]) in " ".join(ruled) for n in counts), (errors, ruled)
