"""Results that keep: saved, loaded, plotted from Python, and folders that hold something else."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from commands import check_result, contents, done, noisy_photos, write_network
from nets import CONV_AND_DENSE, random_weights
from PIL import Image

import inspectnet
from inspectnet.cli import app
from inspectnet.errors import OptionError, OutputError
from inspectnet.report.envelope import SCHEMA, schema
from inspectnet.report.topics import TOPICS, result_type

SIDE = 16


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    weights = random_weights(0, k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3))
    model = write_network(tmp_path_factory.mktemp("keeping") / "tiny.onnx", CONV_AND_DENSE, weights, SIDE)
    photos = np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), dtype=np.uint8)
    shifts = {"translate": [-1, 0, 1]}
    return inspectnet.invariance(inspectnet.open(model, device="cpu"), images=photos, transforms=shifts)


def test_a_result_is_saved_with_its_figures_and_loaded_whole(result, tmp_path):
    assert inspectnet.save(result, tmp_path / "kept", formats=["svg", "png"]) == tmp_path / "kept"
    names = {path.name for path in (tmp_path / "kept").iterdir()}
    assert names == {"result.json", "arrays.npz", "invariance.svg", "invariance.png"}
    assert repr(check_result(tmp_path / "kept")) == repr(result)


def test_the_same_result_is_saved_in_its_place_and_another_only_if_that_is_forced(result, tmp_path):
    other = replace(result, about=replace(result.about, options={"border": "edge"}))
    assert [inspectnet.save(result, tmp_path / "kept").name for _ in range(2)] == ["kept", "kept"]
    with pytest.raises(OutputError, match="kept holds the results of another run"):
        inspectnet.save(other, tmp_path / "kept")
    inspectnet.save(other, tmp_path / "kept", force=True)
    assert inspectnet.load(tmp_path / "kept").about.options == {"border": "edge"}


def test_a_result_that_a_command_wrote_is_saved_in_its_place_and_stays_the_commands(capsys, tmp_path):
    weights = random_weights(0, k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3))
    model = write_network(tmp_path / "tiny.onnx", CONV_AND_DENSE, weights, SIDE)
    photos, folder = noisy_photos(tmp_path / "photos", {"0.png": (20, 20), "1.png": (20, 20)}), tmp_path / "out"
    asked = ("invariance", model, "--images", photos, "-l", "conv1", "-t", "translate=-1:1:1", "-o", folder)
    done(capsys, *asked)
    before = contents(folder)
    inspectnet.save(inspectnet.load(folder), folder)
    assert contents(folder) == before
    done(capsys, *asked)  # of whose run the folder still is
    other = inspectnet.load(folder)
    with pytest.raises(OutputError, match="out holds the results of another run"):
        inspectnet.save(
            replace(other, about=replace(other.about, options={**other.about.options, "border": "edge"})), folder
        )


def test_a_result_says_in_a_few_lines_what_it_is_and_escapes_names_in_html(result):
    first, *lines = repr(result).splitlines()
    assert first == "Invariance of tiny.onnx over 2 images" and "  distance: relative" in lines
    assert len(lines) < 12 and all(len(line) < 120 for line in lines)
    assert "<b>Invariance</b> of tiny.onnx" in result._repr_html_()


def test_a_result_is_plotted_and_a_figure_that_it_does_not_have_is_refused(result):
    assert inspectnet.plot(result).axes and inspectnet.plot(result, "invariance").axes
    with pytest.raises(OptionError, match=r"no figure 'invarianc'. Did you mean invariance\?"):
        inspectnet.plot(result, "invarianc")


def test_a_format_that_there_is_not_is_refused_before_anything_is_written(result, tmp_path):
    with pytest.raises(OptionError, match=r"no format 'gif'\. There are: png, svg, pdf"):
        inspectnet.save(result, tmp_path / "kept", formats=["gif"])
    assert not (tmp_path / "kept").exists()


def test_a_place_that_is_a_file_is_refused(result, tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(OutputError):
        inspectnet.save(result, tmp_path / "kept")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: "no json", "is no result of inspectnet"),
        (lambda told: [], "it is no JSON object"),
        (lambda told: {**told, "format": 99}, "it has the format 99, not 1"),
        (lambda told: {**told, "command": "dance"}, "no results of 'dance'"),
        (lambda told: {**told, "result": None}, "it holds no result"),
        (lambda told: {**told, "models": "x"}, "about.models is no list"),
        (lambda told: {**told, "result": {**told["result"], "border": 3}}, "border is no str"),
    ],
)
def test_a_record_that_is_not_a_results_is_refused_in_words(result, tmp_path, change, message):
    folder = inspectnet.save(result, tmp_path / "kept")
    told = change(json.loads((folder / "result.json").read_text()))
    (folder / "result.json").write_text(told if isinstance(told, str) else json.dumps(told))
    with pytest.raises(OptionError, match=message):
        inspectnet.load(folder)


def test_arrays_that_are_missing_cut_compressed_or_pickled_are_refused_in_words(result, tmp_path):
    folder = inspectnet.save(result, tmp_path / "kept")
    file, whole = folder / "arrays.npz", (folder / "arrays.npz").read_bytes()
    arrays = dict(np.load(file))
    file.unlink()
    with pytest.raises(OptionError, match="there is no array"):
        inspectnet.load(folder)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OptionError, match="its arrays cannot be read"):
        inspectnet.load(folder)
    np.savez_compressed(file, **arrays)
    with pytest.raises(OptionError, match="compressed"):
        inspectnet.load(folder)
    np.savez(file, **arrays | {"sweeps.translate.amounts": np.array([{}], object)})
    with pytest.raises(OptionError, match="is no result of inspectnet"):
        inspectnet.load(folder)


def test_an_array_whose_header_claims_more_than_its_file_holds_is_refused(result, tmp_path):
    folder = inspectnet.save(result, tmp_path / "kept")
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    with zipfile.ZipFile(folder / "arrays.npz", "w") as archive:
        archive.writestr("sweeps.translate.amounts.npy", header.ljust(127) + b"\n")
    with pytest.raises(OptionError, match="is no result of inspectnet"):
        inspectnet.load(folder)


def test_a_folder_without_a_result_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"cannot read .*result.json"):
        inspectnet.load(tmp_path)


def test_the_schema_that_ships_is_that_of_the_results():
    assert json.loads(SCHEMA.read_text()) == schema(), (
        "python -m inspectnet.report > inspectnet/report/result.schema.json"
    )


def test_every_command_but_those_that_make_models_or_sites_has_a_result():
    commands = {command.callback.__name__ for command in app.registered_commands}
    assert set(TOPICS) == commands - {"annotate", "invert"} - {"report", "explore"}
    assert all(result_type(command).command == command for command in TOPICS)


def test_pictures_tell_what_made_them(result, tmp_path):
    folder = inspectnet.save(result, tmp_path / "kept", formats=["png", "svg", "pdf"])
    with Image.open(folder / "invariance.png") as picture:
        told = json.loads(picture.text["Description"])
    assert (told["command"], told["models"][0]["sha256"]) == ("invariance", result.about.models[0].sha256)
    assert told["images"]["sha256"] == result.about.images.sha256 and told["options"]["border"] == "photo"
    for name in ("invariance.svg", "invariance.pdf"):
        assert result.about.images.sha256.encode() in (folder / name).read_bytes()


def test_figures_that_are_saved_by_hand_tell_what_made_them_and_how_signals_are_drawn(result, tmp_path):
    figure = inspectnet.plot(result, clip=90)
    figure.savefig(tmp_path / "mine.png")
    figure.savefig(tmp_path / "mine.pdf")
    with Image.open(tmp_path / "mine.png") as picture:
        told = json.loads(picture.text["Description"])
    assert told["command"] == "invariance" and told["display"]["clip"] == 90
    assert result.about.images.sha256.encode() in (tmp_path / "mine.pdf").read_bytes()


def test_a_result_that_is_loaded_equals_the_one_that_was_saved(result, tmp_path):
    again = inspectnet.load(inspectnet.save(result, tmp_path / "kept"))
    assert again == result and hash(again) == hash(result)
    assert replace(result, about=replace(result.about, device="abacus")) != result and result != 3


def test_arguments_of_numpy_are_kept_as_pythons_own(result, tmp_path):
    model, photos = tmp_path / "tiny.onnx", np.zeros((2, 20, 24, 3), np.uint8) + 90
    write_network(model, CONV_AND_DENSE, random_weights(0, k=(4, 3, 3, 3), w1=(4, 6), w2=(6, 3)), SIDE)
    made = inspectnet.verify(inspectnet.open(model, device="cpu"), ["conv1"], photos, seed=np.int64(1))
    inspectnet.save(made, tmp_path / "kept")
    assert check_result(tmp_path / "kept").about.options["seed"] == 1
