"""inspectnet scan: an index is made and asked; all that take it say of it what they say of its photos."""

import shutil

import numpy as np
import pytest
from commands import done, noisy_photos, refused, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.errors import LayerError, SourceError
from inspectnet.report.envelope import envelope_text

SIDE = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("net") / "net.onnx", 0)


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The network when its training has gone on."""
    return write_model(tmp_path_factory.mktemp("net") / "later.onnx", 1)


def write_model(path, seed):
    weights = random_weights(seed, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    return write_network(path, POOLED, weights, SIDE, training={"epoch": seed})


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    noisy_photos(folder, {f"{'abcd'[at % 4]}/{at:02}.png": (20 + at, 30 - at) for at in range(11)})
    (folder / "b" / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def index(model, later, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    networks = [inspectnet.open(path, device="cpu") for path in (model, later)]
    inspectnet.scan(networks, photos, folder, shard_size=4, top=20, each_image=True)
    return folder


def test_the_command_says_what_it_found_and_goes_on_where_it_was(capsys, model, photos, tmp_path):
    said = ("scan", model, "--images", photos, "-o", tmp_path, "--shard-size", 4)
    out, err = done(capsys, *said)
    assert out.splitlines()[0].startswith("11 images, 2 layers")
    assert out.splitlines()[-1] == f"index: {tmp_path}"
    assert any("broken.png" in line for line in err)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert done(capsys, *said)[0] == out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == times


def test_status_tells_how_far_an_index_has_come(capsys, index):
    out, _ = done(capsys, "scan", "--status", "-o", index)
    assert "shards: 3 of 3, 12 of 12 images" in out
    assert "images that could not be read: 1" in out and "broken.png" in out


@pytest.mark.parametrize("options", [{"maps": 3}, {"top": 2, "units": "0,4"}, {"method": "gradient", "maps": "all"}])
def test_deconv_of_an_index_is_that_of_its_images(model, photos, index, options):
    network = inspectnet.open(model, device="cpu")
    asked = inspectnet.deconv(network, ["conv1", "conv2"], inspectnet.open_index(index), **options)
    direct = inspectnet.deconv(network, ["conv1", "conv2"], photos, **options)
    assert envelope_text(asked) == envelope_text(direct)
    for one, other in zip(asked.layers, direct.layers, strict=True):
        assert np.array_equal(one.projections, other.projections)
        assert np.array_equal(one.patches, other.patches)


def test_occlude_shows_other_images_of_an_index(model, photos, index):
    network, photo = inspectnet.open(model, device="cpu"), photos / "d" / "03.png"
    options = {"target": 0, "patch": 8, "stride": 8}
    asked = inspectnet.occlude(network, "conv2", photo, others=inspectnet.open_index(index), **options)
    direct = inspectnet.occlude(network, "conv2", photo, others=photos, **options)
    assert envelope_text(asked) == envelope_text(direct)


def test_evolve_asks_an_index_of_its_checkpoints_and_looks_only_at_what_it_compares(
    model, later, photos, index, caplog, monkeypatch
):
    networks = [inspectnet.open(path, device="cpu") for path in (model, later)]
    direct = inspectnet.evolve(networks, "conv*", photos, compared=5)
    opened, ran = inspectnet.open_index(index), []
    maxima = type(networks[0]).maxima
    monkeypatch.setattr(type(networks[0]), "maxima", lambda *said: ran.append(said) or maxima(*said))
    asked = inspectnet.evolve(networks, "conv*", opened, compared=5)
    assert envelope_text(asked) == envelope_text(direct) and not ran
    for one, other in zip(asked.layers, direct.layers, strict=True):
        assert np.array_equal(one.projections, other.projections)
    assert caplog.messages == [
        "the index keeps no activations to compare checkpoints by: 5 of its images are looked at again"
    ]
    with pytest.raises(LayerError, match="does not hold fc3"):
        inspectnet.evolve(networks, "fc3", opened)


def test_diagnose_asks_an_index_for_what_it_holds(later, photos, index, caplog):
    network = inspectnet.open(later, device="cpu")
    asked = inspectnet.diagnose(network, ["conv1", "fc3"], inspectnet.open_index(index))
    direct = inspectnet.diagnose(network, ["conv1", "fc3"], photos)
    assert envelope_text(asked) == envelope_text(direct)
    (one,), (other,) = asked.networks, direct.networks
    assert np.array_equal(one.response, other.response)
    assert np.array_equal(one.features[1].projections, other.features[1].projections)
    assert caplog.messages == ["the index keeps no spectra and maxima of fc3: 12 of its images are looked at again"]


def test_selectivity_takes_the_images_of_an_index(model, photos, index, caplog):
    network = inspectnet.open(model, device="cpu")
    asked = inspectnet.selectivity(network, "conv2", inspectnet.open_index(index))
    direct = inspectnet.selectivity(network, "conv2", photos)
    assert envelope_text(asked) == envelope_text(direct)
    assert np.array_equal(asked.classes.index, direct.classes.index)
    assert caplog.messages == ["the index keeps no means over places: 12 of its images are looked at again"]


def test_an_image_that_has_changed_since_the_scan_is_refused(model, later, photos, tmp_path):
    mine, networks = shutil.copytree(photos, tmp_path / "photos"), [inspectnet.open(model, device="cpu")]
    inspectnet.scan(networks, mine, tmp_path / "index")
    for path in mine.rglob("0*.png"):
        path.write_bytes((photos / "c" / "10.png").read_bytes())
    opened = inspectnet.open_index(tmp_path / "index")
    for run in (
        lambda: inspectnet.deconv(networks[0], "conv1", opened),
        lambda: inspectnet.diagnose(networks[0], None, opened),
        lambda: inspectnet.selectivity(networks[0], "conv1", opened),
    ):
        with pytest.raises(SourceError, match="has changed since it was scanned") as refused:
            run()
        assert "\n" not in str(refused.value)


def test_senseless_requests_are_refused(capsys, model, later, photos, index, tmp_path):
    photo, other = ("--images", photos / "d" / "03.png"), write_model(tmp_path / "other.onnx", 2)
    for said, why in (
        (("scan", model, "--images", photos), "no folder for the index"),
        (("scan", "-o", tmp_path), "nothing to scan"),
        (("scan", "--status", "-o", tmp_path), "is no index"),
        (("scan", model, later, "--images", photos, "-o", index, "--top", 7), "other options"),
        (("deconv", model, "-l", "fc3", "--index", index), "does not hold fc3"),
        (("deconv", model, "-l", "conv1", "--top", 99, "--index", index), "keeps 20 activations"),
        (("deconv", model, "-l", "conv1", "--tile", "--index", index), "whole images"),
        (("deconv", model, "-l", "conv1", "--images", photos, "--index", index), "holds its own images"),
        (("deconv", model, "-l", "conv1", "--index", tmp_path), "is no index"),
        (("occlude", model, *photo, "--others", photos, "--index", index), "holds its own images"),
        (("evolve", model, later, "-l", "conv1"), "Say --images, or --index"),
        *(
            ((*command, "--index", index, "--mean", "0,0,0"), "another preprocessing")
            for command in (
                ("deconv", model, "-l", "conv1"),
                ("selectivity", model, "-l", "conv1"),
                ("diagnose", model),
                ("evolve", model, later, "-l", "conv1"),
                ("occlude", model, *photo),
            )
        ),
        (("selectivity", other, "-l", "conv1", "--index", index), "not of"),
        (("diagnose", model, other, "--index", index), "not of"),
    ):
        assert why in refused(capsys, *said)
