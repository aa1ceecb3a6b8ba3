"""inspectnet scan: an index is made and asked; deconv and occlude say of it what they say of its photos."""

import numpy as np
import pytest
from commands import done, noisy_photos, refused, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.report.envelope import envelope_text

SIDE = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    return write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, SIDE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    noisy_photos(folder, {f"{at:02}.png": (20 + at, 30 - at) for at in range(11)})
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def index(model, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    inspectnet.scan(inspectnet.open(model, device="cpu"), photos, folder, shard_size=4, top=20)
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
    network, photo = inspectnet.open(model, device="cpu"), photos / "03.png"
    options = {"target": 0, "patch": 8, "stride": 8}
    asked = inspectnet.occlude(network, "conv2", photo, others=inspectnet.open_index(index), **options)
    direct = inspectnet.occlude(network, "conv2", photo, others=photos, **options)
    assert envelope_text(asked) == envelope_text(direct)


def test_senseless_requests_are_refused(capsys, model, photos, index, tmp_path):
    for said, why in (
        (("scan", model, "--images", photos), "no folder for the index"),
        (("scan", "-o", tmp_path), "nothing to scan"),
        (("scan", "--status", "-o", tmp_path), "is no index"),
        (("scan", model, "--images", photos, "-o", index, "--top", 7), "other options"),
        (("deconv", model, "-l", "fc3", "--index", index), "does not hold fc3"),
        (("deconv", model, "-l", "conv1", "--top", 99, "--index", index), "keeps 20 activations"),
        (("deconv", model, "-l", "conv1", "--tile", "--index", index), "whole images"),
        (("deconv", model, "-l", "conv1", "--images", photos, "--index", index), "holds its own images"),
        (("deconv", model, "-l", "conv1", "--index", tmp_path), "is no index"),
    ):
        assert why in refused(capsys, *said)
