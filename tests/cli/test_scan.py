"""inspectnet scan: an index is made and asked; all that take it say of it what they say of its photos."""

import shutil

import numpy as np
import pytest
from commands import check_result, done, noisy_photos, refused, run, write_network
from nets import POOLED, random_weights

import inspectnet
from inspectnet.errors import LayerError, OptionError, SourceError
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
    said = ("scan", model, "--images", photos, "-o", tmp_path, "--shard-size", 4, "--each-image")
    _, out, err = run(capsys, *said)
    err = err.splitlines()
    assert f"maxima of 12 images: 264 bytes in {tmp_path}" in err
    assert out.splitlines()[0].startswith("11 images, 2 layers")
    assert out.splitlines()[-1] == f"index: {tmp_path}"
    assert any("broken.png" in line for line in err)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert done(capsys, *said)[0] == out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == times


def test_status_tells_how_far_an_index_has_come(capsys, index, tmp_path):
    out, _ = done(capsys, "scan", "--status", "-o", index)
    assert "shards: 3 of 3, 12 of 12 images" in out
    assert "images that could not be read: 1" in out and "broken.png" in out
    mine = shutil.copytree(index, tmp_path / "index")
    path = next(mine.glob("shards/*/000000.*"))
    path.write_bytes(path.read_bytes()[:-99])
    assert "shards: 2 of 3," in done(capsys, "scan", "--status", "-o", mine)[0]


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


@pytest.mark.parametrize(("label", "at_most"), [("b", None), (None, 0.75), ("c", 0.9), ("a", 0.01)])
def test_the_strongest_activations_among_some_are_those_of_all_maxima(model, photos, index, label, at_most):
    network, opened, top = inspectnet.open(model, device="cpu"), inspectnet.open_index(index), 2
    part = opened.among(label, at_most=at_most)
    asked = inspectnet.deconv(network, ["conv1", "conv2"], part, maps="all", top=top)
    assert asked.about.options["label"] == label and asked.about.images.count == len(part.seen.keys)
    entries = [entry for entry in opened if label in (None, entry.label) and "broken" not in entry.id]
    maxima = network.maxima(network.prepare([entry.path for entry in entries]), ["conv1", "conv2"])
    for features in asked.layers:
        values, places = maxima[features.layer].values, maxima[features.layer].places
        highest = opened.statistics(network, features.layer).highest
        values = np.where(values <= highest * (at_most or 1), values, 0)
        assert len(features.maps) == (values > 0).any(axis=0).sum()
        for about in features.maps:
            own = values[:, about.map]
            expected = [at for at in np.argsort(-own, kind="stable")[:top] if own[at] > 0]
            assert [one.image for one in about.top] == [entries[at].id for at in expected]
            assert [one.value for one in about.top] == pytest.approx([own[at] for at in expected])
            assert [(one.y, one.x) for one in about.top] == [tuple(places[at, about.map]) for at in expected]


def test_only_images_that_come_into_question_are_looked_at(model, index, monkeypatch):
    network, opened, looked = inspectnet.open(model, device="cpu"), inspectnet.open_index(index), []
    maxima = type(network).maxima
    monkeypatch.setattr(type(network), "maxima", lambda self, x, names: looked.append(len(x)) or maxima(self, x, names))
    inspectnet.deconv(network, "conv2:3", opened.among(), top=2)
    assert sum(looked) == 2


def test_a_photo_is_compared_with_the_highest_activations_of_an_index(capsys, model, photos, index, tmp_path):
    photo, network, opened = photos / "c" / "02.png", inspectnet.open(model, device="cpu"), inspectnet.open_index(index)
    done(
        capsys,
        "deconv",
        model,
        "-l",
        "conv2",
        photo,
        "--index",
        index,
        "--maps",
        3,
        "-o",
        tmp_path / "out",
        "--format",
        "svg",
    )
    (layer,) = check_result(tmp_path / "out").layers
    shares = [about.top[0].value / about.highest for about in layer.maps]
    text = (tmp_path / "out" / "conv2.svg").read_text()
    assert f"({shares[0]:.0%})" in text and "relative to the highest activation of each in an index" in text
    assert shares == sorted(shares, reverse=True) and len(shares) == 3
    excited = opened.excited_by(network, "conv2", "c/02.png", top=3)
    assert [one.map for one in excited] == [about.map for about in layer.maps]
    assert [one.share for one in excited] == pytest.approx(shares, rel=2e-3)
    for image, why in (("c/2.png", "has no image"), ("b/broken.png", "could not be read")):
        with pytest.raises(OptionError, match=why):
            opened.excited_by(network, "conv2", image)


def test_the_images_above_a_threshold_are_told_by_an_index(model, index):
    network, opened = inspectnet.open(model, device="cpu"), inspectnet.open_index(index)
    ranking = opened.ranking(network, network.layer("conv1"), 11)
    above = opened.images_above(network, "conv1", 2, float(ranking.values[2, 4]) * 0.999)
    assert [image for image, _ in above] == [opened.entries[at].id for at in ranking.keys[2, :5, 0]]
    assert [value for _, value in above] == pytest.approx(ranking.values[2, :5].tolist(), rel=1e-3)
    with pytest.raises(LayerError, match="of 5 maps, 0 to 4, not 5"):
        opened.images_above(network, "conv1", 5, 1)


def test_deconv_among_a_class_is_said_by_label_or_number(capsys, model, index, tmp_path):
    for name in ("b", "1"):
        out, _ = done(
            capsys, "deconv", model, "-l", "conv1", "--index", index, "--among-class", name, "-o", tmp_path / name
        )
        assert "conv1: 3 images of b" in out
    check_result(tmp_path / "b")
    with pytest.raises(OptionError, match=r"filed under 'e'.* Its labels are a, b, c, d"):
        inspectnet.open_index(index).among("e")
    for entries in ([], [3, 12], [-1]):
        with pytest.raises(OptionError, match="has the images 0 to 11"):
            inspectnet.open_index(index).among(entries=entries)


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
    for analysis in (
        lambda: inspectnet.deconv(networks[0], "conv1", opened),
        lambda: inspectnet.diagnose(networks[0], None, opened),
        lambda: inspectnet.selectivity(networks[0], "conv1", opened),
    ):
        with pytest.raises(SourceError, match="has changed since it was scanned") as refused:
            analysis()
        assert "\n" not in str(refused.value)


def test_senseless_requests_are_refused(capsys, model, later, photos, index, tmp_path):
    photo, other = ("--images", photos / "d" / "03.png"), write_model(tmp_path / "other.onnx", 2)
    for said, why in (
        (("scan", model, "--images", photos), "no folder for the index"),
        (("scan", "-o", tmp_path), "nothing to scan"),
        (("scan", "--status", "-o", tmp_path), "is no index"),
        (("scan", model, later, "--images", photos, "-o", index, "--top", 7), "(here 7)"),
        (("deconv", model, "-l", "fc3", "--index", index), "does not hold fc3"),
        (("deconv", model, "-l", "conv1", "--top", 99, "--index", index), "keeps 20 activations"),
        (("deconv", model, "-l", "conv1", "--tile", "--index", index), "whole images"),
        (("deconv", model, "-l", "conv1", "--images", photos, "--index", index), "compared with one photo"),
        (("deconv", model, "-l", "conv1", "--among-class", "a"), "Say --index"),
        (("deconv", model, "-l", "conv1", "--index", index, "--at-most", 0), "above 0 and up to 1, not 0"),
        (("deconv", model, "-l", "conv1", "--index", index, "--among-class", "e"), "filed under 'e'"),
        (("deconv", model, "-l", "conv1", "--index", index, "--among-class", "7"), "no class '7'"),
        (("deconv", model, "-l", "conv1", "--index", index, "--at-most", 0.5, "--tile"), "whole images"),
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
