"""What travels with a model: preprocessing and class names, which word goes before which, and what is refused."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from nets import onnx_text

import inspectnet
from inspectnet.errors import ModelError, OptionError, OutputError
from inspectnet.images.prepare import IMAGENET_MEAN, Preparation
from inspectnet.reading.metadata import CLASSES, PREPROCESS, annotate, baked_range, read_class_names, read_class_table
from inspectnet.reading.reader import open_graph, read

PLAIN = "a = Conv (image, k)\ny = Relu (a)"
BAKED = "z = Div (image, white)\na = Conv (z, k)\ny = Relu (a)"


def model(folder, rng, body=PLAIN, shape=("N", 3, 8, 8), metadata=None):
    weights = {"k": rng.normal(size=(4, 3, 3, 3)), "white": 255.0}
    file = onnx_text(body, {n: w for n, w in weights.items() if n in body}, image=shape)
    for key, value in (metadata or {}).items():
        file.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
    path = folder / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return path


def preparation(mean, size=(3, 8, 8)):
    """A preparation that is known by its mean."""
    return Preparation(size, (mean,) * 3, (0.5,) * 3)


# Precedence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "mean"),
    [
        ("user sidecar metadata baked", 0.1),
        ("sidecar metadata baked", 0.2),
        ("metadata baked", 0.3),
        ("baked", 0.0),
        ("", IMAGENET_MEAN[0]),
        ("user", 0.1),
        ("sidecar", 0.2),
        ("metadata", 0.3),
    ],
)
def test_the_user_goes_before_the_file_beside_it_before_metadata_before_the_graph_before_a_guess(
    sources, mean, rng, tmp_path
):
    sources = sources.split()
    metadata = {PREPROCESS: preparation(0.3).to_json()} if "metadata" in sources else {}
    path = model(tmp_path, rng, BAKED if "baked" in sources else PLAIN, metadata=metadata)
    if "sidecar" in sources:
        (tmp_path / "model.preprocess.json").write_text(json.dumps(preparation(0.2).to_json()))
    said = preparation(0.1) if "user" in sources else None
    network = inspectnet.open(path, preparation=said)
    assert network.preparation.mean[0] == pytest.approx(mean)
    where = {0.1: "given by the user", 0.2: "model.preprocess.json", 0.3: f"metadata {PREPROCESS}", 0.0: "0..255"}
    assert where.get(mean, "a guess") in network.preparation_source


def test_the_user_may_change_a_part_of_what_travels(rng, tmp_path):
    path = model(tmp_path, rng, metadata={PREPROCESS: preparation(0.3).to_json()})
    network = inspectnet.open(path, preparation={"interpolation": "bicubic"})
    assert network.preparation.mean == (0.3, 0.3, 0.3)
    assert network.preparation.interpolation == "bicubic"
    assert network.preparation_source.endswith("changed by the user")


def test_a_mean_and_deviation_that_are_said_are_no_guess_any_more(rng, tmp_path):
    said = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    assert inspectnet.open(model(tmp_path, rng), preparation=said).preparation_source == "given by the user"


def test_an_open_extent_takes_the_size_of_what_travels(rng, tmp_path):
    metadata = {PREPROCESS: preparation(0.3, (3, 20, 24)).to_json()}
    path = model(tmp_path, rng, shape=("N", 3, "H", "W"), metadata=metadata)
    assert inspectnet.open(path).input_shape == (3, 20, 24)


def test_an_open_extent_takes_the_size_that_the_user_says(rng, tmp_path):
    path = model(tmp_path, rng, shape=("N", 3, "H", "W"))
    assert inspectnet.open(path, preparation={"input_size": (10, 12)}).input_shape == (3, 10, 12)


def test_an_open_extent_that_nobody_says_is_224(rng, tmp_path):
    assert inspectnet.open(model(tmp_path, rng, shape=("N", 3, "H", "W"))).input_shape == (3, 224, 224)


def test_a_size_that_the_graph_does_not_take_is_refused(rng, tmp_path):
    path = model(tmp_path, rng, metadata={PREPROCESS: preparation(0.3, (3, 9, 8)).to_json()})
    with pytest.raises(ModelError, match="takes images of height 8 and no other, but the preprocessing makes 9"):
        inspectnet.open(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "a preparation is a JSON object"),
        ('{"mean": 1}', "missing from the preparation"),
        ('{"input_size": [3, 8, 8], "mean": [0, 0, 0], "std": [1, 1, 1], "crop": 1}', "unknown key 'crop'"),
        ('{"input_size": [3, 8, 8], "mean": [0, 0], "std": [1, 1, 1]}', "mean must be 3 finite numbers"),
    ],
)
@pytest.mark.parametrize("place", ["sidecar", "metadata"])
def test_a_preparation_that_makes_no_sense_is_refused_with_its_place(text, match, place, rng, tmp_path):
    path = model(tmp_path, rng, metadata={PREPROCESS: text} if place == "metadata" else {})
    if place == "sidecar":
        (tmp_path / "model.preprocess.json").write_text(text)
    with pytest.raises(OptionError, match=match) as caught:
        inspectnet.open(path)
    assert ("model.preprocess.json" if place == "sidecar" else f"metadata {PREPROCESS}") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"foo": 1}, r"a preparation has no 'foo'\. Fields: input_size mean std"),
        ({"men": (0, 0, 0)}, r"a preparation has no 'men'\. Did you mean mean"),
        ({1: 2}, "a preparation has no '1'"),
        ("bicubic", "preparation is a Preparation or a Mapping or None, not 'bicubic'"),
        ({"mean": 0.5}, "mean must be a list of numbers"),
        ({"std": ("a", "b", "c")}, "std must be 3 finite numbers"),
        *(({"input_size": size}, r"input_size must be \(H, W\)") for size in (8, (8,), (0, 8), (8.0, 8), "88", None)),
    ],
)
def test_fields_that_a_preparation_does_not_have_are_refused(said, match, rng, tmp_path):
    with pytest.raises(OptionError, match=match):
        inspectnet.open(model(tmp_path, rng), preparation=said)


# Class names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.txt", "tench\ngold fish\nGroßer Hai\n"),
        ("names.txt", "\n tench \r\n\ngold fish\nGroßer Hai"),
        ("names.tsv", "0\tn01\ttench\n1\tn02\tgold fish\n2\tn03\tGroßer Hai\n"),
        ("names.json", '["tench", "gold fish", "Gro\\u00dfer Hai"]'),
    ],
)
def test_class_names_are_lines_or_the_last_column_or_json(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_class_names(tmp_path / name) == ["tench", "gold fish", "Großer Hai"]


def test_a_table_of_classes_keeps_every_name_in_the_order_of_its_numbers(tmp_path):
    (tmp_path / "a.tsv").write_text("1\tn02\tgold fish\n0\tn01\ttench\n")
    assert read_class_table(tmp_path / "a.tsv") == [("n01", "tench"), ("n02", "gold fish")]
    (tmp_path / "b.tsv").write_text("n02\tgold fish\nn01\ttench\n")
    assert read_class_table(tmp_path / "b.tsv") == [("n02", "gold fish"), ("n01", "tench")]
    (tmp_path / "digits.txt").write_text("1\n0\n")
    assert read_class_table(tmp_path / "digits.txt") == [("1",), ("0",)]
    (tmp_path / "c.json").write_text('["tench"]')
    assert read_class_table(tmp_path / "c.json") == [("tench",)]


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("names.txt", b"", "holds no class names"),
        ("names.txt", b"\n \n", "holds no class names"),
        ("names.json", b'{"0": "tench"}', "holds no class names"),
        ("names.json", b"[1, 2]", "holds no class names"),
        ("names.json", b"[", "is not JSON"),
        ("names.txt", b"\xff\xfe\x00", "are not text in UTF-8. Write one a line."),
        ("absent.txt", None, r"class names in .*absent.txt: no such file or directory. Check --classes."),
    ],
)
def test_a_file_without_class_names_is_refused(name, data, match, tmp_path):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(OptionError, match=match):
        read_class_names(tmp_path / name)


def test_a_file_of_classes_that_is_no_page_of_text_is_refused_unread(tmp_path):
    """Lines of a letter take a hundred times their bytes."""
    with (tmp_path / "classes.txt").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(OptionError, match=r"classes\.txt: it holds more than 16 mib"):
        read_class_names(tmp_path / "classes.txt")


def test_a_model_whose_name_is_as_long_as_names_may_be_opens(rng, tmp_path):
    """Nothing can lie beside it under a longer one."""
    path = model(tmp_path, rng, metadata={CLASSES: ["a"]})
    long = path.rename(tmp_path / f"{'m' * 250}.onnx")
    assert inspectnet.open(long).classes == ["a"]


def test_class_names_beside_the_model_go_before_its_metadata(rng, tmp_path):
    path = model(tmp_path, rng, metadata={CLASSES: ["cat", "dog"]})
    assert inspectnet.open(path).classes == ["cat", "dog"]
    (tmp_path / "model.classes.json").write_text('["Katze", "Hund"]')
    assert inspectnet.open(path).classes == ["Katze", "Hund"]


@pytest.mark.parametrize("name", ["classes", "preprocess"])
def test_a_file_beside_the_model_that_no_memory_holds_is_refused_with_its_name(name, rng, tmp_path):
    path = model(tmp_path, rng)
    with (tmp_path / f"model.{name}.json").open("wb") as file:
        try:
            file.truncate(1 << 40)  # of holes
        except OSError:
            pytest.skip("this disk keeps no holes")
    with pytest.raises(OptionError, match=rf"cannot read .*model\.{name}\.json: it holds more than 16 MiB"):
        inspectnet.open(path)


def test_a_model_that_says_nothing_has_no_class_names(rng, tmp_path):
    assert inspectnet.open(model(tmp_path, rng)).classes == []


def test_class_names_that_are_no_texts_are_refused(rng, tmp_path):
    path = model(tmp_path, rng, metadata={CLASSES: {"0": "cat"}})
    with pytest.raises(OptionError, match="class names are a JSON list of texts"):
        inspectnet.open(path)


# Writing ---------------------------------------------------------------------------------------------------


def test_what_is_written_into_a_model_is_read_out_of_it(rng, tmp_path):
    path, out = model(tmp_path, rng, metadata={"author": "Ada", PREPROCESS: "old"}), tmp_path / "new" / "out.onnx"
    before = path.read_bytes()
    annotate(path, {PREPROCESS: preparation(0.3).to_json(), CLASSES: ["cat", "Großer Hai"]}, out)
    network = inspectnet.open(out)
    assert network.preparation == preparation(0.3)
    assert network.classes == ["cat", "Großer Hai"]
    assert path.read_bytes() == before
    written = onnx.load(out)
    assert sorted(entry.key for entry in written.metadata_props) == ["author", CLASSES, PREPROCESS]
    assert written.graph == onnx.load(path).graph
    assert sorted(p.name for p in out.parent.iterdir()) == ["out.onnx"]


def test_weights_beside_the_model_go_into_the_annotated_copy(rng, tmp_path):
    path, out = model(tmp_path, rng), tmp_path / "other" / "out.onnx"
    network = inspectnet.open(path)
    x = rng.normal(size=(1, 3, 8, 8))
    wanted = network.activations(x, "conv1")
    file = onnx.load(path)
    onnx.save_model(file, str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    annotate(path, {CLASSES: ["cat"]}, out)
    (tmp_path / "w.bin").unlink()
    np.testing.assert_array_equal(inspectnet.open(out).activations(x, "conv1"), wanted)


def test_the_model_itself_is_never_overwritten(rng, tmp_path):
    path = model(tmp_path, rng)
    before = hashlib.sha256(path.read_bytes()).digest()
    for out in (path, tmp_path / "." / "x" / ".." / "model.onnx"):
        with pytest.raises(OutputError, match="is read by this run, so it stays as it is"):
            annotate(path, {CLASSES: ["cat"]}, out)
    link = tmp_path / "link.onnx"
    link.symlink_to(path)
    with pytest.raises(OutputError, match="is read by this run"):
        annotate(path, {CLASSES: ["cat"]}, link)
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_a_copy_that_cannot_be_written_leaves_nothing(rng, tmp_path):
    path = model(tmp_path, rng)
    (tmp_path / "file").write_text("")
    for out, match in ((tmp_path / "file" / "out.onnx", "cannot write"), (tmp_path / "out.txt", r"in \.onnx")):
        with pytest.raises(OutputError, match=match):
            annotate(path, {CLASSES: ["cat"]}, out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "model.onnx"]


# What the graph does itself --------------------------------------------------------------------------------

RGB = (3, 1, 1)
HEADS = {
    "nothing": ("y = Relu (image)", {}, None),
    "a convolution": ("y = Conv (image, k)", {"k": np.ones((4, 3, 1, 1))}, None),
    "Caffe's mean": ("y = Sub (image, m)", {"m": np.reshape([104, 117, 123], RGB)}, 255),
    "mean and deviation in 0..255": (
        "a = Sub (image, m)\ny = Div (a, s)",
        {"m": np.reshape([123.7, 116.3, 103.5], RGB), "s": np.reshape([58.4, 57.1, 57.4], RGB)},
        255,
    ),
    "255, then mean and deviation": (
        "w = Div (image, white)\na = Sub (w, m)\ny = Div (a, s)",
        {"white": 255.0, "m": np.reshape([0.485, 0.456, 0.406], RGB), "s": np.reshape([0.229, 0.224, 0.225], RGB)},
        255,
    ),
    "Keras' -1..1": ("a = Mul (image, s)\ny = Add (a, m)", {"s": 1 / 127.5, "m": -1.0}, 255),
    "mean and deviation in 0..1": (
        "a = Sub (image, m)\ny = Div (a, s)",
        {"m": np.reshape([0.485, 0.456, 0.406], RGB), "s": np.reshape([0.229, 0.224, 0.225], RGB)},
        1,
    ),
    "twice, less one": ("a = Mul (image, s)\ny = Sub (a, m)", {"s": 2.0, "m": 1.0}, 1),
    "a mean image": ("y = Sub (image, m)", {"m": np.full((3, 8, 8), 110.0)}, 255),
    "a mean image in 0..1": ("y = Sub (image, m)", {"m": np.full((1, 3, 8, 8), 0.4)}, 1),
    "behind a dropout": ("a = Identity (image)\nb = Div (a, w)\ny = Relu (b)", {"w": 255.0}, 255),
    "two readers": ("a = Div (image, w)\ny = Add (a, image)", {"w": 255.0}, None),
}


@pytest.mark.parametrize("head", HEADS)
def test_what_range_of_pixels_a_graph_expects_is_read_from_its_first_operators(head, tmp_path):
    body, weights, wanted = HEADS[head]
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_text(body, weights, ["y"], image=("N", 3, 8, 8)).SerializeToString())
    assert baked_range(open_graph(read(path), None).graph) == wanted


def test_a_network_that_normalises_itself_gets_plain_pixels(rng, tmp_path):
    network = inspectnet.open(model(tmp_path, rng, BAKED))
    assert network.preparation_source == "the graph normalises pixels of 0..255 itself"
    pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_allclose(network.preparation.normalise(pixels), pixels.transpose(2, 0, 1), rtol=1e-6)
