"""The command line: its help, what it makes, the same bytes twice; and one line for whatever is wrong."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from commands import check_result, contents, done, noisy_photos, refused, run, write_network
from nets import CONV_AND_DENSE, onnx_text, random_weights
from PIL import Image
from typer.main import get_command

import inspectnet
from inspectnet.cli import app, main
from inspectnet.cli.options import ADDRESSES, CLASSES, IMAGES, LAYERS, OPENING
from inspectnet.errors import InspectError, ModelError

ROOT = Path(__file__).parents[2]
COMMANDS = {command.callback.__name__: command.callback for command in app.registered_commands}
SIDE = 24
NET = "a = Conv <strides = [2, 2]> (image, k1)\nr = Relu (a)\nc = Conv (r, k2)\ny = Relu (c)"
ODD = "a = Conv (image, k1)\nb = Round (a)\ny = Conv (b, k2)"


def weights():
    return random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3))


def write(file, path):
    path.write_bytes(file.SerializeToString())
    return path


@pytest.fixture
def model(tmp_path):
    return write_network(tmp_path / "tiny.onnx", NET, weights(), SIDE)


@pytest.fixture
def photos(tmp_path):
    return noisy_photos(tmp_path / "photos", {f"{i:02}.png": (40 + i, 50 - i) for i in range(12)})


# Help ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(command, capsys):
    code, out, err = run(capsys, command, "--help")
    assert (code, err) == (0, "")
    assert COMMANDS[command].__doc__.splitlines()[0].rstrip(".")[:60] in " ".join(out.split())
    assert "MODEL" in out and "--help" in out
    assert f"inspectnet {command}" in (ROOT / "README.md").read_text()


def test_the_help_lists_every_command(capsys):
    out, _ = done(capsys, "--help")
    assert all(f"  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_groups_options_and_ends_in_two_examples_that_the_command_understands(command, capsys):
    out, _ = done(capsys, command, "--help")
    head, _, examples = out.partition("\nExamples:\n")
    assert "\nArguments:\n" in head and "\nOptions:\n" in head and not re.search(r" <\w", head)
    lines = [shlex.split(line) for line in examples.splitlines()]
    assert len(lines) == 2
    for _, name, *arguments in lines:
        assert name == command
        get_command(app).get_command(None, command).make_context(command, arguments)  # parses, and opens nothing


def test_the_help_tells_whole_what_each_command_does(capsys):
    out, _ = done(capsys, "--help")
    assert all(" ".join(c.__doc__.splitlines()[0].split()) in " ".join(out.split()) for c in COMMANDS.values())
    assert "..." not in out.partition("Commands:")[2]


def test_the_help_names_the_methods_there_are(capsys):
    from inspectnet.methods import describe_methods

    for command in ("explain", "sanity"):
        assert f"or all: {describe_methods()}." in " ".join(done(capsys, command, "--help")[0].split())


@pytest.mark.parametrize("command", COMMANDS)
def test_layer_images_and_classes_are_said_alike_in_every_command(command):
    said = {parameter.name: parameter for parameter in get_command(app).get_command(None, command).params}
    order = [
        name for name in said if name in ("model", "models", "checkpoints", "layer", "photos", "images", "classes")
    ]
    assert order == sorted(order, key="model models checkpoints layer photos images classes".split().index)
    if layer := said.get("layer"):
        assert (layer.opts, layer.metavar) == (["--layer", "-l"], "LAYER") and layer._custom_shell_complete
        assert layer.multiple == (command not in ("invert", "selectivity"))
        texts = (LAYERS, ADDRESSES) if layer.multiple else ("The layer, by any of its names.",)
        assert layer.help.startswith(texts) and (layer.required or " by default " in layer.help.lower())
        assert layer.help.startswith(ADDRESSES) == (command in ("deconv", "evolve", "occlude"))
    if (images := said.get("images")) and command != "correspond":  # which says where those of its file are
        assert images.opts == ["--images"] and images.metavar == "PATH" and images.multiple
        assert images.help.startswith(("Labelled images: ", IMAGES)) and "; repeatable." in images.help
        assert images.required or images.help.endswith(("By default the sample photos.", "Needed without --index."))
        assert ("photos" in said) == ("model" in said)
    if classes := said.get("classes"):
        assert (classes.opts, classes.metavar, classes.help) == (["--classes"], "FILE", CLASSES)
        assert not classes.multiple and not classes.required and classes.rich_help_panel == OPENING


def test_an_option_of_one_value_is_said_once(model, tmp_path, capsys):
    line = refused(capsys, "invert", model, "-l", "conv1", "--layer", "conv2", "-o", tmp_path / "i.onnx")
    assert "--layer is said more than once. invert takes one." in line and not (tmp_path / "i.onnx").exists()
    done(capsys, "invert", model, "-l", "conv1", "-o", tmp_path / "i.onnx", "--force", "--force")


COMPLETED = "from inspectnet.cli import main; raise SystemExit(main())"


def completing(line, shell="bash"):
    """The environment in which a shell asks the command what goes on after a line."""
    asked = {"_INSPECTNET_COMPLETE": f"complete_{shell}", "PYTHONPATH": str(ROOT)}
    if shell == "bash":
        return os.environ | asked | {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    return os.environ | asked | {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}


def complete(line, folder, shell="bash"):
    """What the shell is told to complete, and all that is said beside it."""
    start = [sys.executable, "-c", COMPLETED]
    process = subprocess.run(start, cwd=folder, env=completing(line, shell), capture_output=True, text=True)
    return process.stdout.split(), process.stderr


def test_the_shell_completes_commands_and_the_layers_of_the_model(model, tmp_path):
    assert complete("inspectnet de", tmp_path) == (["deconv"], "")
    assert complete("inspectnet deconv tiny.onnx -l con", tmp_path) == (["conv1", "conv2"], "")
    assert complete("inspectnet deconv tiny.onnx -l con", tmp_path, "fish") == (["conv1", "conv2"], "")
    assert '"conv1" "conv2"' in " ".join(complete("inspectnet deconv tiny.onnx -l con", tmp_path, "zsh")[0])
    assert complete("inspectnet verify tiny.onnx --layer conv2", tmp_path) == (["conv2"], "")
    (tmp_path / "text.onnx").write_text("hello")
    for line in (
        "inspectnet deconv absent.onnx -l con",
        "inspectnet deconv text.onnx -l con",
        "inspectnet deconv -l c",
    ):
        assert complete(line, tmp_path) == ([], "")


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_a_tab_in_bash_shows_the_layers(model, tmp_path):
    pty = pytest.importorskip("pty", reason="terminals are others on Windows")
    (tmp_path / "inspectnet").write_text(f"#!{sys.executable}\n{COMPLETED}\n")
    (tmp_path / "inspectnet").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    master, slave = pty.openpty()
    start, streams = ["bash", "--norc", "--noprofile", "-i"], {"stdin": slave, "stdout": slave, "stderr": slave}
    with subprocess.Popen(start, cwd=tmp_path, env=environment, **streams):
        os.close(slave)
        os.write(master, b'eval "$(_INSPECTNET_COMPLETE=source_bash inspectnet)"\n')
        os.write(master, b"bind 'set show-all-if-ambiguous on'; echo ready $((1 + 1))\n")
        screen = b""

        def wait(sign):  # what is typed before bash edits the line, the terminal itself would take
            nonlocal screen
            while not re.search(sign, screen):
                screen += os.read(master, 1 << 12)

        with contextlib.suppress(OSError):  # how Linux tells the end
            wait(rb"(?s)ready 2\r\n.*[#$] $")
            os.write(master, b"inspectnet deconv tiny.onnx -l co\t")
            wait(rb"(?s)conv2\s.*[#$] ")
            os.write(master, b"\x15exit\n")  # ^U takes the line back
            wait(rb"(?!)")
        os.close(master)
    assert re.search(rb"-l co\s+conv1\s+conv2\s", screen), screen


def test_images_are_arguments_or_an_option_and_make_the_same_run(model, photos, tmp_path, capsys):
    out, (first, second, *_) = tmp_path / "out", sorted(photos.iterdir())
    done(capsys, "deconv", model, "-l", "conv2", first, second, "-o", out)
    before = contents(out)
    assert json.loads(before["result.json"])["images"]["count"] == 2
    for said in (["--images", first, "--images", second], ["--images", first, second]):
        _, noted = done(capsys, "deconv", model, "-l", "conv2", *said, "-o", out)
        assert noted == [] and contents(out) == before


@pytest.mark.parametrize("completed", ["", "de", "deconv --me", "explain x.onnx -"])
def test_help_and_completion_import_nothing_heavy(completed):
    heavy = "numpy onnx onnx_ir onnxruntime PIL rich simplejpeg torch matplotlib inspectnet.methods inspectnet.rules"
    lines = [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)] if not completed else [[]]
    program = f"import sys; from inspectnet.cli import main; codes = [main(line) for line in {lines!r}]\n"
    program += f"print('heavy:', *{{*'{heavy}'.split()}} & sys.modules.keys(), *filter(None, codes))"
    process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=completing(f"inspectnet {completed}") if completed else None,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.splitlines()[-1].split() == ["heavy:"] and len(process.stdout.split()) > 1


def test_python_m_inspectnet_is_the_command(model):
    process = subprocess.run(
        [sys.executable, "-m", "inspectnet", "layers", model], cwd=ROOT, capture_output=True, text=True
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert "conv2" in process.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "inspectnet", "layers", "absent.onnx"], cwd=ROOT, capture_output=True, text=True
    )
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "inspectnet: there is no file absent.onnx. Give the path of an .onnx file.\n"


# What the commands make ------------------------------------------------------------------------------------


def test_layers_prints_a_table_or_json(model, capsys):
    code, out, err = run(capsys, "layers", model)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["conv1", "conv2"]
    out, _ = done(capsys, "layers", model, "--json")
    found = json.loads(out)["result"]
    assert set(found) == {"input_shape", "layers", "unlisted_above", "preprocess"}
    keys = {"name", "aliases", "op", "output", "shape", "field", "parameters", "invertible", "obstacle"}
    assert all(set(layer) == keys for layer in found["layers"])
    assert found["layers"][1]["field"] == [{"size": 7, "jump": 2, "start": 0}] * 2
    assert found["layers"][1]["parameters"] == 6 * 5 * 3 * 3


@pytest.mark.parametrize("command", ["layers", "verify"])
def test_a_command_without_pictures_writes_a_folder_only_where_one_is_asked_for(
    command, model, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    out, _ = done(capsys, command, model, "--json")
    assert contents(tmp_path) == before
    done(capsys, command, model, "-o", tmp_path / "kept")
    written = json.loads((tmp_path / "kept" / "result.json").read_text())
    assert json.loads(out) == {name: told for name, told in written.items() if name not in ("run", "files")}
    assert check_result(tmp_path / "kept").command == command


def test_layers_names_what_cannot_be_inverted(tmp_path, capsys):
    path = write(onnx_text(ODD, weights(), image=("N", 3, SIDE, SIDE)), tmp_path / "odd.onnx")
    out, _ = done(capsys, "layers", path)
    assert "no deconvnet rule for Round (output 'b')" in out


def test_deconv_writes_a_picture_numbers_and_arrays_for_each_layer(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--images", photos, "-o", out, "--top", 3, "--maps", "all")
    said, noted = done(capsys, "deconv", model, "-l", "conv*", *options)
    assert str(out) in said and noted == []
    files = contents(out)
    assert set(files) == {"conv1.png", "conv2.png", "result.json", "arrays.npz", "top.csv"}
    check_result(out)
    record = json.loads(files["result.json"])
    assert [layer["layer"] for layer in record["result"]["layers"]] == ["conv1", "conv2"]
    for number in (0, 1):
        check_layer(out, record["result"]["layers"][number], number, sorted(p.name for p in photos.iterdir()))
    assert record["options"]["layers"] == ["conv1", "conv2"]
    assert record["images"]["count"] == 12 and record["images"]["skipped"] == []
    assert {"inspectnet", "numpy", "onnxruntime"} <= record["versions"].keys()
    assert record["options"]["policy"] == {"method": "deconvnet", "unpool": "sum", "lrn": "identity"}


def check_layer(folder, found, number, names):
    assert found["maps"]
    tops = [top for entry in found["maps"] for top in entry["top"]]
    assert {top["image"] for top in tops} <= set(names)
    assert all(len(entry["top"]) == 3 for entry in found["maps"])
    assert all(list(top) == ["image", "value", "y", "x", "box"] for top in tops)
    assert all(entry["top"] == sorted(entry["top"], key=lambda t: -t["value"]) for entry in found["maps"])
    x0, y0, x1, y1 = tops[0]["box"]
    with np.load(folder / "arrays.npz") as arrays:
        assert arrays[f"layers.{number}.projections"].shape == (len(tops), 3, y1 - y0, x1 - x0)
        assert arrays[f"layers.{number}.patches"].shape == (len(tops), y1 - y0, x1 - x0, 3)
    with Image.open(folder / f"{found['layer']}.png") as picture:
        picture.load()
        assert min(picture.size) > 50


@pytest.mark.parametrize(
    "options", [[], ["--tile"], ["--method", "gradient", "--maps", "0,2-3"], ["--threads", "1", "--batch-size", "5"]]
)
def test_the_same_command_writes_the_same_bytes(options, model, photos, tmp_path, capsys):
    made = []
    for name in ("one", "two"):
        done(capsys, "deconv", model, "-l", "conv2", "--images", photos, "-o", tmp_path / name, *options)
        made.append(contents(tmp_path / name))
    assert made[0] == made[1] and len(made[0]) == 4


@pytest.mark.parametrize(
    ("options", "hindered", "told"), [([], False, 0), (["--device", "cpu"], False, 1), ([], True, 1)]
)
def test_the_device_is_told_where_it_was_asked_for_or_makes_the_run_slow(
    options, hindered, told, model, photos, tmp_path, capsys, monkeypatch
):
    from inspectnet.runtime.device import Device

    if not options:
        monkeypatch.setattr(
            "inspectnet.opening.choose_device", lambda wanted: Device("cpu", "cpu; not cuda: a reason", hindered)
        )
    _, _, err = run(capsys, "deconv", model, "-l", "conv2", "--images", photos, "-o", tmp_path / "out", *options)
    assert sum(line.startswith("device: cpu") for line in err.splitlines()) == told


def test_one_photo_shows_its_strongest_maps(model, photos, tmp_path, capsys):
    done(capsys, "deconv", model, "-l", "conv2", "--images", photos / "03.png", "-o", tmp_path / "out", "--maps", 3)
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    (layer,) = record["result"]["layers"]
    assert len(layer["maps"]) == 3 and {top["image"] for entry in layer["maps"] for top in entry["top"]} == {"03.png"}
    with np.load(tmp_path / "out" / "arrays.npz") as arrays:
        assert arrays["layers.0.whole"].shape == (3, SIDE, SIDE) and arrays["pixels"].shape == (SIDE, SIDE, 3)
    assert (record["result"]["photo"], record["images"]["count"], record["images"]["skipped"]) == ("03.png", 1, [])
    check_result(tmp_path / "out")


def test_without_images_the_sample_photos_are_taken_in_tiles(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(onnx_text(NET, weights(), image=("N", 3, 224, 224)), tmp_path / "net.onnx")
    code, out, err = run(capsys, "deconv", "net.onnx", "-l", "conv1", "--top", 2, "--maps", 2, "--json")
    assert code == 0, err
    record = json.loads(out)
    assert record["images"]["count"] > 20 and record["options"]["tile"] is True
    assert set(contents(tmp_path / "out" / "net" / "deconv")) == {"conv1.png", "result.json", "arrays.npz", "top.csv"}
    assert "preprocessing: a guess: ImageNet's mean and std" in err


def test_only_the_maps_that_were_asked_for_are_shown(model, photos, tmp_path, capsys):
    for options, wanted in ((["--unit", "4"], [4]), (["--unit", "0,2-3"], [0, 2, 3]), (["--maps", "5,1"], [5, 1])):
        out = tmp_path / "_".join(options)
        done(capsys, "deconv", model, "-l", "conv2", "--images", photos, "-o", out, *options)
        assert shown_maps(out) == {"conv2": wanted}


def shown_maps(folder):
    """By layer the maps that were shown."""
    layers = json.loads((folder / "result.json").read_text())["result"]["layers"]
    return {layer["layer"]: [shown["map"] for shown in layer["maps"]] for layer in layers}


def test_an_address_in_the_place_of_a_layer_shows_just_those_maps(model, photos, tmp_path, capsys):
    layers = ["-l", "conv2:5", "-l", "conv1", "-l", "conv2:1"]
    done(capsys, "deconv", model, *layers, "--images", photos, "-o", tmp_path / "out", "--maps", "0,2")
    assert shown_maps(tmp_path / "out") == {"conv1": [0, 2], "conv2": [5, 1]}


ASKED = "maps: those asked for, by their numbers"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "maps: 16 drawn of the active ones, seed 0"),
        ({"maps": 2, "seed": 3}, "maps: 2 drawn of the active ones, seed 3"),
        ({"maps": "all"}, "maps: all"),
        ({"maps": [1, 3]}, ASKED),
        ({"units": "4", "layers": ["conv1"]}, ASKED),
        ({"layers": ["conv2:3"]}, ASKED),
    ],
)
def test_a_page_says_how_its_maps_were_chosen(options, words, model, photos, monkeypatch):
    from inspectnet.figures.display import Display
    from inspectnet.report import deconv as pages

    footers, draw = [], pages.draw_gallery
    monkeypatch.setattr(
        pages, "draw_gallery", lambda *a, footer, **o: footers.append(footer) or draw(*a, footer=footer, **o)
    )
    options = {"layers": ["conv1", "conv2:3"], **options}
    list(pages.figures(inspectnet.deconv(inspectnet.open(model), images=photos, top=1, **options), Display()))
    assert [footer[0].partition(";")[0] for footer in footers] == [words, ASKED][: len(options["layers"])]


def test_a_name_of_the_file_goes_before_an_address_that_looks_the_same(photos, tmp_path, capsys):
    """tf2onnx calls tensors net/conv/Relu:0, which is no map 0."""
    file = onnx_text(NET, weights(), image=("N", 3, SIDE, SIDE))
    for node in file.graph.node:
        node.input[:] = ["net/conv/Relu:0" if x == "r" else x for x in node.input]
        node.output[:] = ["net/conv/Relu:0" if x == "r" else x for x in node.output]
    del file.graph.value_info[:]
    path = write(file, tmp_path / "tf.onnx")
    more = ["--images", photos / "00.png", "-o", tmp_path / "out"]
    done(capsys, "deconv", path, "-l", "net/conv/Relu:0", *more)
    assert list(shown_maps(tmp_path / "out")) == ["net/conv/Relu:0"]
    done(capsys, "deconv", path, "-l", "net/conv/Relu:0:3", *more, "--force")
    assert shown_maps(tmp_path / "out") == {"net/conv/Relu:0": [3]}
    done(capsys, "invert", path, "-l", "net/conv/Relu:0", "-o", tmp_path / "i.onnx")


def test_results_among_the_images_are_not_images_the_next_time(model, photos, capsys, monkeypatch):
    monkeypatch.chdir(photos)
    for more in ([], [], ["-o", "mine"], ["-o", "mine"]):
        out, _ = done(capsys, "deconv", model, "-l", "conv2", "--images", ".", "--json", *more)
        # what stands in a folder that is not this command's own is an image as any other
        assert json.loads(out)["images"]["count"] == 12 + bool(more)
    line = refused(capsys, "deconv", model, "-l", "conv2", "--images", ".", "-o", photos)
    assert "would be taken for images the next time. Choose another --out." in line


@pytest.fixture
def captions(monkeypatch):
    """Those of the pages that are drawn, by the title's first word."""
    from inspectnet.report import deconv as features

    seen, draw = {}, features.draw_gallery

    def watched(blocks, pictures, *, title, **more):
        seen[title.split(":")[0]] = [block.caption for block in blocks]
        return draw(blocks, pictures, title=title, **more)

    monkeypatch.setattr(features, "draw_gallery", watched)
    return seen


@pytest.mark.parametrize(("classes", "name"), [(6, " tabby cat"), (5, "")], ids=["as many as maps", "too few"])
def test_captions_name_the_classes_of_the_last_layers_alone(classes, name, model, photos, tmp_path, capsys, captions):
    """conv1 has 5 maps, but it is not at the end."""
    (tmp_path / "tiny.classes.json").write_text(json.dumps(["tabby cat"] * classes))
    more = ["--images", photos, "-o", tmp_path / "out", "--maps", "all"]
    done(capsys, "deconv", model, "-l", "conv*", *more)
    for layer, wanted in (("conv1", ""), ("conv2", name)):
        layers = json.loads((tmp_path / "out" / "result.json").read_text())["result"]["layers"]
        (maps,) = (shown["maps"] for shown in layers if shown["layer"] == layer)
        values = [shown["top"][0]["value"] for shown in maps]
        found = [caption.split("  ") for caption in captions[layer]]
        assert [unit for unit, _ in found] == [f"{layer}:{i}{wanted}" for i in range(len(found))]
        assert [float(number) for _, number in found] == pytest.approx(values, rel=0.01)


def test_numbers_in_captions_have_no_exponent():
    from inspectnet.report.deconv import _number

    cases = {1620.4: "1620", 999.6: "1000", 99999: "99999", 12.345: "12.3", 0.0012345: "0.00123", 0.001: "0.001"}
    assert {value: _number(value) for value in cases} == cases
    assert _number(2.5e7) == "2.5e+07"


def test_the_changelog_counts_the_operators_that_have_rules():
    from inspectnet.rules import supported_ops

    assert f"with rules for {len(supported_ops())} operators" in (ROOT / "CHANGELOG.md").read_text()


def test_invert_writes_one_file_or_two(model, tmp_path, capsys):
    out, _ = done(capsys, "invert", model, "-l", "conv2", "-o", tmp_path / "a" / "i.onnx")
    assert list(contents(tmp_path / "a")) == ["i.onnx"]
    assert out.rstrip().endswith("-> pixels") and "seed" in out
    done(capsys, "invert", model, "-l", "conv2:pre", "-o", tmp_path / "b" / "i.onnx", "--split")
    assert list(contents(tmp_path / "b")) == ["i.backward.onnx", "i.forward.onnx"]


def test_annotate_writes_what_it_is_told(model, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    out = tmp_path / "new.onnx"
    options = ("--mean", "0.1,0.2,0.3", "--classes", tmp_path / "names.txt")
    said, _ = done(capsys, "annotate", model, "-o", out, *options)
    assert str(out) in said
    notes = {entry.key: json.loads(entry.value) for entry in onnx.load(out).metadata_props}
    assert notes["inspectnet.preprocess"]["mean"] == [0.1, 0.2, 0.3]
    assert notes["inspectnet.preprocess"]["std"] == [0.25] * 3
    assert notes["inspectnet.classes"] == ["cat", "dog"]


# Photos of every kind --------------------------------------------------------------------------------------


def odd_photos(folder):
    """Photos that are out of the ordinary and yet photos."""
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((pixels[:, :, 0].astype(np.uint16)) * 257).save(folder / "16bit.png")
    Image.fromarray(pixels[:, :, 0]).save(folder / "grey.png")
    Image.fromarray(pixels).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.dstack([pixels, pixels[:, :, :1]])).save(folder / "rgba.png")
    Image.fromarray(pixels).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(np.tile(pixels, (1, 750, 1))).save(folder / "wide.png")  # 30,000 pixels
    return ["16bit.png", "grey.png", "cmyk.jpg", "rgba.png", "turned.jpg", "wide.png"]


def broken_photos(folder):
    """Files that only say they are photos."""
    (folder / "text.jpg").write_text("I am a letter to my aunt.")
    (folder / "empty.png").write_bytes(b"")
    Image.effect_noise((64, 64), 50).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:700])
    return ["cut.jpg", "empty.png", "text.jpg"]


def test_photos_of_every_kind_are_read_and_broken_ones_left_out(model, tmp_path, capsys):
    folder = tmp_path / "odd"
    folder.mkdir()
    good, bad = odd_photos(folder), broken_photos(folder)
    _, noted = done(capsys, "deconv", model, "-l", "conv2", "--images", folder, "-o", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["images"]["count"] == len(good)
    assert [skipped["image"] for skipped in record["images"]["skipped"]] == bad
    assert [line.split()[0] for line in noted] == ["skipped"] * 3


@pytest.mark.parametrize("name", ["16bit.png", "grey.png", "cmyk.jpg", "rgba.png", "turned.jpg", "wide.png"])
def test_an_odd_photo_alone_is_shown(name, model, tmp_path, capsys):
    odd_photos(tmp_path)
    done(capsys, "deconv", model, "-l", "conv2", "--images", tmp_path / name, "-o", tmp_path / "out")


@pytest.mark.parametrize("name", ["cut.jpg", "empty.png", "text.jpg"])
def test_a_broken_photo_alone_is_refused(name, model, tmp_path, capsys):
    broken_photos(tmp_path)
    arguments = ("deconv", model, "-l", "conv2", "--images", tmp_path / name, "-o", tmp_path / "out")
    assert f"cannot read {name}" in refused(capsys, *arguments, after=["scanning: "])
    assert not (tmp_path / "out").exists()


# Wrong input -----------------------------------------------------------------------------------------------


def bad_model(kind, folder):
    """A file that is wrong in one way."""
    path, plain = folder / "bad.onnx", onnx_text(NET, weights(), image=("N", 3, SIDE, SIDE))
    if kind == "absent":
        return path
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(plain.SerializeToString()[:-500])
    elif kind == "outside":
        tensor = plain.graph.initializer[0]
        onnx.external_data_helper.set_external_data(tensor, "../../etc/passwd")
        tensor.ClearField("raw_data")
        write(plain, path)
    elif kind == "no image":
        write(onnx_text("y = Relu (x)", x=("N", 10)), path)
    elif kind == "two images":
        write(onnx_text("y = Add (x, z)", x=(1, 3, 8, 8), z=(1, 3, 8, 8)), path)
    elif kind == "nan":
        numbers = weights()
        numbers["k2"][3, 2, 1, 0] = np.nan
        write(onnx_text(NET, numbers, image=("N", 3, SIDE, SIDE)), path)
    elif kind == "old":
        plain.opset_import[0].version = 5
        write(plain, path)
    elif kind == "no extent":
        write(onnx_text("y = Relu (image)", image=("N", 3)), path)
    return path


BAD_MODELS = {
    "absent": "there is no file", "folder": "cannot read", "text": "is not an ONNX model", "empty": "is empty",
    "truncated": "cut short", "outside": "outside its folder", "no image": "has no image input",
    "two images": "has 2 inputs", "nan": "the weight 'k2' holds NaN", "old": "opset 5, older than 7",
    "no extent": "has no image input (its inputs",
}  # fmt: skip


REQUIRED = {
    "deconv": ("-l", "conv1", "-o", "OUT"), "invert": ("-l", "conv1", "-o", "OUT"), "annotate": ("-o", "OUT"),
    "evaluate": ("--images", "IMAGES"), "evolve": ("AGAIN", "--images", "IMAGES", "-l", "conv1"),
    "activations": ("-l", "conv1", "-o", "OUT"), "scan": ("-o", "OUT"), "selectivity": ("-l", "conv1"),
    "correspond": ("IMAGES", "-l", "conv1"),
    **{command: ("IMAGES",) for command in ("explain", "sanity", "occlude", "invariance")},
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_MODELS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_model_that_cannot_be_opened_is_refused_by_every_command(command, kind, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    path, out = bad_model(kind, tmp_path / "in"), tmp_path / "out" / "x.onnx"
    more = REQUIRED.get(command, ())
    more = [{"IMAGES": tmp_path, "OUT": out, "AGAIN": path}.get(word, word) for word in more]
    before = contents(tmp_path)
    of_a_run = (command, kind) == ("evolve", "folder")  # a folder stands for the checkpoints in it
    said = "is not two checkpoints or more" if of_a_run else BAD_MODELS[kind]
    assert said in refused(capsys, command, path, *more)
    assert contents(tmp_path) == before
    assert not out.exists()


SIZES = ["30", "a,b", "24,24,3", "0,24", "-24,24", "24.5,24", "24,", "inf,inf", "nan,3", "²,24", "0,0", "abc"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["-l", "conv7"], "no layer 'conv7'. Did you mean conv2 or conv1? It has: conv1 conv2"),
        (["-l", "pool*"], "no layer matches 'pool*'. It has: conv1 conv2"),
        (["-l", "conv2", "--unit", "6"], "conv2 has 6 maps, 0 to 5; there is no map 6."),
        (["-l", "conv*", "--maps", "0,5"], "conv1 has 5 maps, 0 to 4; there is no map 5."),
        (["-l", "conv2", "--maps", "some"], "'some' is not a list of numbers."),
        (["-l", "conv2", "--maps", "0"], "--maps 0 shows nothing."),
        (["-l", "conv2", "--method", "deconv"], "no method 'deconv'. Did you mean deconvnet?"),
        (["-l", "conv2", "-m", "deconvnet:unpool=max"], "no unpool 'max'."),
        (["-l", "conv2", "-m", "gradient:lrn=no"], "no lrn 'no'."),
        (["-l", "conv2", "-m", "deconvnet:unpol=max"], "deconvnet has no option 'unpol'. Did you mean unpool?"),
        (["-l", "conv2", "-m", "deconvnet,gradient"], "one method is wanted, not 2"),
        (["-l", "conv2", "--device", "gpu"], "no device 'gpu'."),
        (["-l", "conv2", "--batch-size", "0"], "--batch-size '0' is neither auto nor a number"),
        (["-l", "conv2", "--batch-size", "many"], "--batch-size 'many'"),
        (["-l", "conv2", "--batch-size", "²"], "--batch-size '²'"),
        (["-l", "conv2", "--maps", "²"], "'²' is not a list of numbers."),
        (["-l", "conv2", "--seed", "-1"], "--seed"),
        (["-l", "conv2", "--images", ""], "the path is empty"),
        (["-l", "conv2", "-o", ""], "the path is empty"),
        (["-l", "conv2:6"], "conv2 has 6 maps, 0 to 5; there is no map 6."),
        (["-l", "conv7:1"], "no layer 'conv7'."),
        (["-l", "conv2", "--unit", "2", "--maps", "16"], "--maps 16 and --unit 2 say the maps twice."),
        (["-l", "conv2:1", "--unit", "2"], "say the maps twice"),
        (["-l", "conv2:1@0,0"], "'conv2:1@0,0' is one position, but maps are shown at their strongest ones."),
        (["-l", "conv2:pre"], "'conv2:pre' is the raw sum, but maps are ranked by their rectified values."),
        (["-l", "conv2", "--mean", "a,b,c"], "--mean 'a,b,c' is not a list of numbers."),
        (["-l", "conv2", "--mean", "1,2"], "mean must be 3 finite numbers"),
        (["-l", "conv2", "--std", "0,1,1"], "std must be positive"),
        (["-l", "conv2", "--crop-pct", "2"], "crop_pct must be greater than 0"),
        (["-l", "conv2", "--crop-pct", "0"], "crop_pct must be greater than 0"),
        (["-l", "conv2", "--interpolation", "cubic"], "interpolation must be one of"),
        (
            ["-l", "conv2", "--input-size", "30,30"],
            "takes images of height 24 and no other, but the preprocessing makes 30",
        ),
        *(
            (["-l", "conv2", "--input-size", text], f"--input-size '{text}' is not H,W in whole numbers, as 224,224.")
            for text in SIZES
        ),
        (["-l", "conv2", "--alias", "eye"], "--alias 'eye' is not NAME=LAYER"),
        (["-l", "conv2", "--alias", "eye=conv9"], "no layer 'conv9'"),
        (["-l", "conv2", "--alias", "conv2=conv1"], "'conv2' cannot name conv1: it is a layer already."),
        (["-l", "conv2", "--top", "0"], "--top"),
        (["-l", "conv2", "--threads", "0"], "--threads"),
        (["-l", "conv2", "--seed", "x"], "--seed"),
        (["-l", "conv2", "--nonsense"], "--nonsense"),
        ([], "--layer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_made(
    arguments, wanted, model, photos, tmp_path, capsys
):
    out = [] if "-o" in arguments else ["-o", tmp_path / "out"]
    line = refused(capsys, "deconv", model, "--images", photos, *out, *arguments)
    assert wanted in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["deconv", "invert", "verify"])
def test_an_operator_without_a_rule_is_refused(command, tmp_path, capsys):
    path = write(onnx_text(ODD, weights(), image=("N", 3, SIDE, SIDE)), tmp_path / "odd.onnx")
    more = ["-o", tmp_path / "out" / "x.onnx"] if command != "verify" else []
    line = refused(capsys, command, path, "-l", "conv2", *more, after=["checking: "])
    assert "rule for Round (output 'b')" in line
    assert not (tmp_path / "out").exists()


def test_verify_lists_the_layers_that_it_leaves_out(tmp_path, capsys):
    path = write(onnx_text(ODD, weights(), image=("N", 3, SIDE, SIDE)), tmp_path / "odd.onnx")
    out, _ = done(capsys, "verify", path, "--json")
    (left_out,) = json.loads(out)["result"]["left_out"]
    assert left_out["layer"] == "conv2" and "rule for Round (output 'b')" in left_out["reason"]
    out, _ = done(capsys, "verify", path)
    assert f"left out conv2: {left_out['reason']}" in out


def test_verify_refuses_a_model_with_nothing_to_check(tmp_path, capsys):
    for body, wanted in (
        ("y = Relu (image)", "has no layer. Give a network of"),
        ("a = Round (image)\ny = Conv (a, k1)", "Round"),
    ):
        numbers = {name: weight for name, weight in weights().items() if name in body}
        path = write(onnx_text(body, numbers, image=("N", 3, SIDE, SIDE)), tmp_path / "none.onnx")
        assert wanted in refused(capsys, "verify", path)


def test_verify_takes_the_first_photos_that_can_be_read(model, photos, tmp_path, capsys):
    (tmp_path / "mixed").mkdir()
    bad = broken_photos(tmp_path / "mixed")
    assert "none of the 3 images could be read; the first, cut.jpg" in refused(
        capsys, "verify", model, "--images", tmp_path / "mixed"
    )
    (photos / "03.png").rename(tmp_path / "mixed" / "z.png")
    done(capsys, "verify", model, "--images", tmp_path / "mixed")
    assert len(bad) == 3


def test_verify_refuses_a_seed_below_zero(model, capsys):
    assert "--seed" in refused(capsys, "verify", model, "--seed", "-1")


@pytest.mark.parametrize("command", ["invert", "verify"])
def test_a_layer_that_is_not_there_is_refused(command, model, tmp_path, capsys):
    more = ["-o", tmp_path / "x.onnx"] if command == "invert" else []
    assert "no layer 'conv7'. Did you mean" in refused(capsys, command, model, "-l", "conv7", *more)
    assert not (tmp_path / "x.onnx").exists()


def test_a_unit_in_the_place_of_a_layer_is_refused(model, tmp_path, capsys):
    line = refused(capsys, "invert", model, "-l", "conv2:3", "-o", tmp_path / "x.onnx")
    assert "'conv2:3' is one unit; the file takes seeds of a whole layer. Say conv2." in line
    assert not (tmp_path / "x.onnx").exists()


def test_images_that_are_not_there_are_refused(model, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    (tmp_path / "old" / "out").mkdir(parents=True)
    (tmp_path / "list.txt").write_text("absent.png\nlost.png\n")
    (tmp_path / "notes.md").write_text("# no images")
    for source, wanted in (
        ("absent", "does not exist"),
        ("none", "no image in"),
        ("list.txt", "none of the 2 images could be read"),
        ("notes.md", "is no source of images"),
    ):
        for out in (tmp_path / "new" / "out", tmp_path / "old" / "out"):
            arguments = ("deconv", model, "-l", "conv1", "--images", tmp_path / source, "-o", out)
            assert wanted in refused(capsys, *arguments, after=["scanning: "]), source
        # a folder that was there before stays
        assert not (tmp_path / "new").exists() and out.exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(model, photos, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    line = refused(capsys, "deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "file")
    assert "is a file, not a folder. Choose another place with --out." in line
    line = refused(capsys, "deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "file" / "deep")
    assert "is a file, not a folder" in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(model, photos, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    line = refused(capsys, "deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "locked" / "out")
    assert "permission denied" in line


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["one", "two"])
@pytest.mark.parametrize("out", [".", "/", "x.txt", ".onnx", "x", "", " "])
def test_what_is_no_name_of_a_model_is_refused_before_the_model_is_opened(out, split, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, "invert", "absent.onnx", "-l", "conv1", "-o", out, *split)
    assert ("is not the name of an .onnx file. Give one with -o" if out.strip() else "the path is empty") in line
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("command", ["invert", "annotate"])
def test_a_file_that_cannot_be_written_is_refused(command, model, tmp_path, capsys):
    more = {"invert": ["-l", "conv1"], "annotate": ["--mean", "0,0,0"]}[command]
    (tmp_path / "file").write_text("mine")
    before = contents(tmp_path)
    for out, wanted in (
        (tmp_path / "file" / "x.onnx", "cannot write"),
        (tmp_path / "x.txt", "is not the name of an .onnx file"),
        (model, "is read by this run, so it stays as it is"),
    ):
        assert wanted in refused(capsys, command, model, *more, "-o", out)
    assert contents(tmp_path) == before


def test_annotate_with_nothing_to_write_is_refused(tmp_path, capsys):
    path = write(onnx_text(NET, weights(), image=("N", 3, SIDE, SIDE)), tmp_path / "plain.onnx")
    assert "nothing to write" in refused(capsys, "annotate", path, "-o", tmp_path / "x.onnx")
    half = refused(capsys, "annotate", path, "-o", tmp_path / "x.onnx", "--std", "1,1,1")
    assert "a guess in part. Say both, --mean and --std." in half


def test_a_command_that_is_not_there_is_refused(capsys):
    assert "deconvolve" in refused(capsys, "deconvolve", "x.onnx")


@pytest.mark.parametrize("arguments", [["deconvolve"], ["--debug"], ["deconv"], ["layers", "x.onnx", "--seed", "1"]])
def test_a_wrong_command_line_is_one_line_with_debug_too(arguments, capsys):
    for more in ([], ["--debug"]):
        assert "See inspectnet" in refused(capsys, *arguments, *more)


def test_no_arguments_at_all_print_the_help_as_it_is(capsys):
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert out == run(capsys, "--help")[1] and len(out.splitlines()) > 10


def python(*arguments, **options):
    """A running python of this tree."""
    return subprocess.Popen([sys.executable, *map(str, arguments)], cwd=ROOT, stderr=subprocess.PIPE, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["layers"], ["layers", "--json"], ["--help"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_told_in_one_line(arguments, model):
    more = [model] if arguments != ["--help"] else []
    with open("/dev/full", "w") as full, python("-m", "inspectnet", *arguments, *more, stdout=full) as process:
        said = process.stderr.read().decode()
    assert process.returncode == 2
    assert said == ("inspectnet: cannot write to the standard output: no space left on device. Send it elsewhere.\n")


def test_a_reader_that_goes_away_is_no_news(model):
    with python("-m", "inspectnet", "layers", model, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (2, b"")


@pytest.mark.skipif(os.name == "nt", reason="signals are others on Windows")
def test_control_c_is_one_line_and_leaves_no_folder(model, photos, tmp_path):
    program = "import signal, sys, time; from inspectnet.cli import main; from inspectnet.scanning import peaks\n"
    program += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job inherits 'ignored'
    program += "peaks.scan = lambda *a, **o: time.sleep(60)\nsys.exit(main(sys.argv[1:]))"
    out = tmp_path / "new" / "out"
    with python("-c", program, "deconv", model, "-l", "conv1", "--images", photos, "-o", out) as process:
        lines = iter(lambda: process.stderr.readline().decode(), "")
        assert any(line.startswith("scanning") for line in lines)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().decode()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "inspectnet: interrupted" and "Traceback" not in rest
    assert not (tmp_path / "new").exists()


def test_debug_shows_the_error_wherever_it_stands(tmp_path):
    for arguments in (["--debug", "layers", "absent.onnx"], ["layers", "absent.onnx", "--debug"]):
        with pytest.raises(ModelError):
            main(arguments)


def test_a_bug_of_ours_is_one_line_too_and_has_a_code_of_its_own(model, monkeypatch, capsys):
    import inspectnet.opening

    def broken(*_, **__):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(inspectnet.opening, "open_network", broken)
    code, _, err = run(capsys, "layers", model)
    assert code == 3
    assert err == "inspectnet: ZeroDivisionError: two lines. This is a bug of inspectnet; --debug shows where.\n"


def test_an_interruption_leaves_nothing(model, photos, tmp_path, monkeypatch, capsys):
    """Stopped while the second layer is projected."""
    from inspectnet.analyses import layer_features as features

    project, calls = features.project_winners, []

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return project(*arguments, **options)

    monkeypatch.setattr(features, "project_winners", stopped)
    code, _, err = run(capsys, "deconv", model, "-l", "conv*", "--images", photos, "-o", tmp_path / "out", "--top", 3)
    assert code == 130
    assert err.splitlines()[-1] == "inspectnet: interrupted"
    assert not (tmp_path / "out").exists()


def test_an_error_in_the_middle_leaves_nothing(model, photos, tmp_path, monkeypatch, capsys):
    """A photo that vanishes between the scan and the projection."""
    from inspectnet.analyses import layer_features as features

    project = features.project_winners

    def without_photos(*arguments, **options):
        for path in photos.iterdir():
            path.unlink()
        return project(*arguments, **options)

    monkeypatch.setattr(features, "project_winners", without_photos)
    arguments = ("deconv", model, "-l", "conv1", "--images", photos, "-o", tmp_path / "out")
    assert "cannot read" in refused(capsys, *arguments, after=["scanning: ", "projecting: "])
    assert not (tmp_path / "out").exists()


def test_every_error_of_the_tree_is_wrong_input():
    from inspectnet.cli import _explain

    kinds = InspectError.__subclasses__()
    assert len(kinds) >= 7
    assert all(_explain(kind("what, where, what to do")) == ("what, where, what to do", 2) for kind in kinds)


def test_projections_that_would_not_fit_in_memory_are_refused_before_the_search(
    capsys, model, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr("inspectnet.analyses.layer_features.MOST_BYTES", 10_000)
    out = tmp_path / "out"
    line = refused(capsys, "deconv", model, "-l", "conv2", "--maps", "all", "--images", photos, "-o", out)
    assert "6 maps of conv2 would take" in line and "--maps 1 or fewer" in line and not out.exists()


def test_layers_names_the_operator_above_which_it_cannot_tell_shapes(capsys, tmp_path):
    text = (
        '<ir_version: 10, opset_import: ["" : 21, "com.example" : 1]> g (float[N,3,8,8] image) => (float[N,2,4,4] y) '
        "{ a = Conv (image, k1) \n c = com.example.Thing (a) \n y = Conv (c, k2) }"
    )
    file = onnx.parser.parse_model(text)
    file.graph.initializer.extend(onnx.numpy_helper.from_array(w.astype(np.float32), n) for n, w in weights().items())
    out, _ = done(capsys, "layers", write(file, tmp_path / "thing.onnx"))
    assert "layers above Thing (output 'c') are not listed" in out


def test_a_command_whose_stdout_is_closed_says_so_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout", None)
    assert main(["layers", "absent.onnx"]) == 2
    assert capsys.readouterr().err == (
        "inspectnet: the standard output is closed. Send it somewhere, if only to /dev/null.\n"
    )


def test_an_error_of_a_graph_is_the_models_wherever_it_comes_from(monkeypatch, capsys, model):
    space = {"__name__": "inspectnet.graph.planted"}
    exec("def fail(*_, **named):\n    raise IndexError('no 3')", space)
    monkeypatch.setattr("inspectnet.opening.open_network", space["fail"])
    assert "cannot read the graph of the model: IndexError no 3." in refused(capsys, "layers", model)


def test_annotate_refuses_names_that_are_not_as_many_as_the_classes(tmp_path, capsys):
    dense = random_weights(0, k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3))
    model = write_network(tmp_path / "three.onnx", CONV_AND_DENSE, dense, SIDE)
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n" * 50)
    said = refused(capsys, "annotate", model, "-o", tmp_path / "x.onnx", "--classes", names)
    assert "classes, not 100. Give a name for each" in said and not (tmp_path / "x.onnx").exists()
