"""inspectnet report: a folder or a file that holds the whole bundle, or nothing at all."""

import gzip
import json
import re

import numpy as np
import pytest
from commands import contents, done, noisy_photos, refused, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.explorer import contract, page
from inspectnet.explorer.outcomes import Outcome
from inspectnet.explorer.sevens import ABOVE, BLOCK, to_text
from inspectnet.results import decode

SIDE = 16
HTML = f"<html><body>{contract.MARK}</body></html>"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    return write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, SIDE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return noisy_photos(tmp_path_factory.mktemp("photos"), {f"{at}.png": (20 + at, 30 - at) for at in range(5)})


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A page that is built, if of nothing."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text(HTML)
    for file in page.RUNTIME.values():
        (folder / file).write_text("/*! * ONNX Runtime Web v1.2.3 */")
    monkeypatch.setattr(page, "FOLDER", folder)
    return folder


def values_in_folder(site):
    values = {}
    for path in (site / "data").iterdir():
        name, value = re.fullmatch(r'report\(("[^"]+"), (.*)\);\n', path.read_text()).groups()
        values[json.loads(name)] = json.loads(value)
        assert path.name == f"{json.loads(name).replace('/', '-')}.js"
    return values | {f"sheets/{path.stem}": path.read_bytes() for path in (site / "sheets").iterdir()}


def from_sevens(text):
    """The bytes of a text in a page, as sevens.ts reads it."""
    codes = np.array([code if code < 128 else code - ABOVE for code in map(ord, text)], np.uint8)
    bits = np.unpackbits(codes.reshape(-1, 1), axis=1)[:, 1:].reshape(-1)
    return np.packbits(bits[: bits.size // 8 * 8]).tobytes()


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 1000, BLOCK + 3])
def test_bytes_come_back_from_text_that_a_page_keeps(length, rng):
    data = rng.integers(0, 256, length, np.uint8).tobytes()
    text = to_text(data)
    assert from_sevens(text) == data
    assert not set(text) & set("\0\r<") and max(map(ord, text), default=0) < 256
    assert len(text.encode()) <= 1.18 * length + 2


def values_in_file(html):
    values = {}
    for kind, name, text in re.findall(r'<script type="([^"]+)" data-name="([^"]+)">([^<]*)</script>', html):
        data = text if kind == "application/json" else from_sevens(text)
        if kind == "image/webp":
            values[name] = data
        else:
            values[name] = json.loads(gzip.decompress(data) if kind == "application/gzip" else data)
    return values


def test_folder_and_single_file_hold_the_same_values(capsys, model, photos, built, tmp_path):
    options = ("report", model, "--images", photos, "--with", "layers,occlude,diagnose", "--photo", photos / "1.png")
    options += ("--tile",)
    out, _ = done(capsys, *options, "-o", tmp_path / "site")
    assert out.splitlines()[0] == "2 layers, 11 maps, 5 images, 3 results"
    done(capsys, *options, "-o", tmp_path / "one", "--single-file")
    several, single = values_in_folder(tmp_path / "site"), values_in_file((tmp_path / "one" / "index.html").read_text())
    assert several == single
    assert (next(iter(single)), list(single)[-1]) == ("model", "live/runtime")
    model_value = decode(several["model"], contract.Model, {})
    assert [result.kind for result in model_value.results] == ["layers", "occlude", "diagnose"]
    assert model_value.live.runtime == "1.2.3"
    occlusion = decode(several["results/1"], Outcome, {})
    assert occlusion.arrays and decode(several["results/0"], Outcome, {}).tables
    assert set(occlusion.pictures) == {
        name.split("/")[-1] for name in several if name.startswith("results/1/pictures/")
    }
    assert (tmp_path / "site" / "index.html").read_text() == HTML
    assert sorted(contents(tmp_path / "one")) == ["index.html", "result.json"]


def test_run_again_it_replaces_itself_and_another_only_when_forced(capsys, model, photos, built, tmp_path):
    site = tmp_path / "site"
    options = ("report", model, "--images", photos, "--no-live", "-o", site)
    out, _ = done(capsys, *options)
    assert "without the live part" in out
    first = contents(site)
    (site / "data" / "mine").write_text("mine")
    done(capsys, *options)
    assert contents(site) == first | {"data/mine": b"mine"}
    assert "holds the results of another run" in refused(capsys, *options, "--layer", "conv1")
    done(capsys, *options, "--layer", "conv1", "--force")
    told = json.loads((site / "result.json").read_text())
    assert sorted([*told["files"], "data", "sheets", "data/mine"]) == sorted(contents(site))
    assert not (site / "data" / "layers-1.js").exists() and told["options"]["layers"] == ["conv1"]


def test_python_writes_the_report_of_an_index(model, photos, built, tmp_path):
    network = inspectnet.open(model, device="cpu")
    inspectnet.scan(network, photos, tmp_path / "index")
    index = inspectnet.open_index(tmp_path / "index")
    result = inspectnet.layers(network)
    path = inspectnet.write_report(network, tmp_path / "site", index, layers="conv2", results=[result], live=False)
    values = values_in_folder(path.parent)
    assert [layer["scanned"] for layer in values["model"]["layers"] if layer["ops"][0] == "Conv"] == [False, True]
    assert values["results/0"]["envelope"]["command"] == "layers"


def test_classes_are_called_as_a_file_says(model, photos, built, tmp_path):
    (tmp_path / "names.txt").write_text("ant\nbee\ncat, tom\ndog\n")
    network = inspectnet.open(model, device="cpu")
    path = inspectnet.write_report(network, tmp_path / "site", photos, classes=tmp_path / "names.txt", live=False)
    assert values_in_folder(path.parent)["model"]["classes"] == ["ant", "bee", "cat", "dog"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--with", "occlude"), "occlude looks at single photos. Give some with --photo"),
        (("--with", "evolve"), "evolve looks at two checkpoints or more"),
        (("--with", "occluded"), "Did you mean occlude"),
        (("--layer", "conv9"), "no layer"),
        (("--method", "x"), "no method 'x'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(capsys, model, photos, built, tmp_path, options, why):
    assert why in refused(capsys, "report", model, "--images", photos, "-o", tmp_path / "site", *options)
    assert not (tmp_path / "site").exists()


def test_without_the_built_page_it_says_how_to_get_one(capsys, model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "FOLDER", tmp_path / "nothing")
    line = refused(capsys, "report", model, "--images", photos, "-o", tmp_path / "site")
    assert "the page of the explorer is not here" in line and "npm ci && npm run build" in line
    assert not (tmp_path / "site").exists()


def test_a_page_of_another_version_is_refused(capsys, model, built, tmp_path):
    (built / "index.html").write_text("<html></html>")
    assert "of another version" in refused(capsys, "report", model, "-o", tmp_path / "site")
