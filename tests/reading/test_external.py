"""External data: nothing that a model says makes any file be read but its weights, beside it."""

import errno
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from google.protobuf.message import Message
from nets import onnx_text
from onnx import TensorProto

import inspectnet
from inspectnet.errors import ModelError
from inspectnet.graph import writing
from inspectnet.reading import external
from inspectnet.reading.external import load_external
from inspectnet.reading.metadata import CLASSES, annotate
from inspectnet.reading.reader import read

FILTERS = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
IMAGE = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
WANTED = np.einsum("nchw,kchw->nk", IMAGE, FILTERS)[:, :, None, None]


def network(folder, location="w.bin", **more):
    """A file of one convolution whose filters lie elsewhere; `more` replaces what it says of their place."""
    file = onnx_text("y = Conv (image, f)", {"f": FILTERS}, image=("N", 3, 8, 8))
    (tensor,) = file.graph.initializer
    tensor.ClearField("raw_data")
    refer(tensor, {"location": location, **more})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(file.SerializeToString())
    return folder / "model.onnx"


def answer(path):
    return inspectnet.open(path, device="cpu").activations(IMAGE, "conv1")


def refer(tensor, entries):
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


def paths_to_tensors(descriptor, seen=()):
    """The names of the fields by which a tensor is reached from a kind of message; no kind is entered twice."""
    for field in descriptor.fields:
        kind = field.message_type
        if kind is None or kind in seen:
            continue
        if kind is TensorProto.DESCRIPTOR:
            yield (field.name,)
        else:
            yield from ((field.name, *rest) for rest in paths_to_tensors(kind, (*seen, kind)))


PATHS = list(paths_to_tensors(onnx.ModelProto.DESCRIPTOR))


def planted(model, path):
    """A new tensor in the model, at the end of `path`."""
    message = model
    for name in path:
        member = getattr(message, name)
        message = member if isinstance(member, Message) else member.add()
    message.SetInParent()
    return message


def test_tensors_can_stand_in_many_fields():
    assert len(PATHS) > 20
    assert ("functions", "attribute_proto", "t") in PATHS  # the default of a function's attribute


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_tensor_in_any_field_that_refers_outside_is_refused(path, tmp_path):
    """Only if all fields are looked at is nothing of the user's read."""
    model = onnx.ModelProto()
    tensor = planted(model, path)
    tensor.data_type, tensor.dims[:] = TensorProto.UINT8, [1]
    refer(tensor, {"location": "../secret"})
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"keeps weights outside its folder, in '\.\./secret'"):
        load_external(model, tmp_path / "home" / "model.onnx")


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_tensor_in_any_field_refers_to_no_file_once_it_is_loaded(path, tmp_path):
    model = onnx.ModelProto()
    tensor = planted(model, path)
    tensor.data_type, tensor.dims[:] = TensorProto.UINT8, [2]
    refer(tensor, {"location": "w.bin", "offset": "1"})
    (tmp_path / "w.bin").write_bytes(b"abcd")
    assert load_external(model, tmp_path / "model.onnx") == [tmp_path / "w.bin"]
    assert (tensor.data_location, list(tensor.external_data), tensor.raw_data) == (TensorProto.DEFAULT, [], b"bc")


def test_an_absolute_path_is_refused_wherever_it_leads(tmp_path):
    (tmp_path / "w.bin").write_bytes(FILTERS.tobytes())
    with pytest.raises(ModelError, match="keeps weights outside its folder"):
        read(network(tmp_path, str(tmp_path / "w.bin")))


@pytest.mark.parametrize("location", ["", ".", "x" * 5000, "a\0b", "a/\udcff".encode("utf-8", "replace").decode()])
def test_a_name_that_no_file_has_is_refused(location, tmp_path):
    with pytest.raises(ModelError, match="which is missing"):
        read(network(tmp_path, location))


@pytest.mark.parametrize(
    "more",
    [{"offset": "-4"}, {"offset": "4"}, {"offset": "x"}, {"length": "4"}, {"length": "1e9"}, {"offset": "9" * 30}],
    ids=str,
)
def test_bytes_that_are_not_there_are_refused(more, tmp_path):
    (tmp_path / "w.bin").write_bytes(FILTERS.tobytes())
    with pytest.raises(ModelError, match=r"model\.onnx: .*'w\.bin'"):
        read(network(tmp_path, **more))


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes with names, and links only for some")


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "device"])
def test_what_is_no_regular_file_is_refused_at_once(kind, tmp_path):
    path, file = network(tmp_path), tmp_path / "w.bin"
    make = {
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file),
        "circle": lambda: file.symlink_to(file),
        "device": lambda: file.symlink_to("/dev/zero"),
    }
    make[kind]()
    with pytest.raises(ModelError, match="keeps weights"):
        read(path)


@posix
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_model_that_is_no_regular_file_is_refused_at_once(kind, tmp_path):
    path = tmp_path / "model.onnx"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="no regular file"):
        read(path)


@pytest.mark.parametrize("limit", [10_000, None], ids=["mapped", "read"])
def test_weights_with_several_hard_links_are_read(limit, monkeypatch, tmp_path):
    """As tools leave them that keep equal files once."""
    if limit:
        for room in (external, writing):
            monkeypatch.setattr(room, "LARGEST", FILTERS.nbytes)
            monkeypatch.setattr(external, "HEAVY", 100)
    path = network(tmp_path / "here")
    (tmp_path / "store").write_bytes(FILTERS.tobytes())
    os.link(tmp_path / "store", path.with_name("w.bin"))
    np.testing.assert_allclose(answer(path), WANTED, rtol=1e-4, atol=1e-4)
    annotate(path, {CLASSES: ["cat"]}, tmp_path / "out.onnx")
    np.testing.assert_allclose(answer(tmp_path / "out.onnx"), WANTED, rtol=1e-4, atol=1e-4)


def test_a_cache_of_downloads_links_both_files_into_one_folder(tmp_path):
    """As huggingface_hub lays them out: snapshots hold links to files named by their hash."""
    made = network(tmp_path / "blobs")
    (tmp_path / "blobs" / "d4").write_bytes(FILTERS.tobytes())
    (tmp_path / "snapshots").mkdir()
    for name, target in (("model.onnx", made), ("w.bin", tmp_path / "blobs" / "d4")):
        (tmp_path / "snapshots" / name).symlink_to(target)
    assert read(tmp_path / "snapshots" / "model.onnx").model.graph.num_nodes() == 1


def test_weights_that_use_the_same_bytes_over_and_over_are_refused(tmp_path):
    """A file that is mostly holes costs nothing, and a thousand weights made of it would cost a thousand times it."""
    path = network(tmp_path)
    (tmp_path / "w.bin").write_bytes(FILTERS.tobytes())
    file = onnx.load(path, load_external_data=False)
    for i in range(4):
        file.graph.initializer.add().CopyFrom(file.graph.initializer[0])
        file.graph.initializer[-1].name = f"g{i}"
    path.write_bytes(file.SerializeToString())
    with pytest.raises(ModelError, match=f"takes {5 * FILTERS.nbytes} bytes of weights from files of {FILTERS.nbytes}"):
        read(path)


def test_a_file_of_which_next_to_nothing_is_used_is_refused_before_it_is_hashed(tmp_path):
    """A terabyte of holes takes no room on a disk, and hours to read."""
    path = network(tmp_path)
    with (tmp_path / "w.bin").open("wb") as file:
        try:
            file.truncate(1 << 40)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            pytest.skip("this disk holds no file of a terabyte, not even of holes")
    with pytest.raises(ModelError, match=f"takes {FILTERS.nbytes} bytes of weights from files of {1 << 40}"):
        read(path)


def test_a_function_cannot_show_the_user_a_file_of_his(tmp_path):
    """The default of a function's attribute becomes a weight, and stands in the inverse."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"PRIVATE " * 60)
    text = """<ir_version: 10, opset_import: ["" : 21, "my" : 1]>
    net (float[N,3,16,16] image) => (float[N,4] y) {
        a = my.Block (image)
        p = GlobalAveragePool (a)
        y = Flatten (p)
    }
    <domain: "my", opset_import: ["" : 21]> Block (x) => (o) { b = Identity (x) \n o = Relu (b) }"""
    file = onnx.parser.parse_model(text)
    (function,) = file.functions
    del function.node[:]
    constant = onnx.helper.make_node("Constant", [], ["b"])
    constant.attribute.add(name="value", ref_attr_name="W", type=onnx.AttributeProto.TENSOR)
    cast = onnx.helper.make_node("Cast", ["b"], ["w"], to=TensorProto.FLOAT)
    function.node.extend([constant, cast, onnx.helper.make_node("Conv", ["x", "w"], ["o"])])
    default = function.attribute_proto.add(name="W", type=onnx.AttributeProto.TENSOR)
    default.t.data_type, default.t.dims[:] = TensorProto.UINT8, [4, 3, 6, 6]
    refer(default.t, {"location": str(secret), "length": "432"})
    path, out = tmp_path / "m.onnx", tmp_path / "out.onnx"
    path.write_bytes(file.SerializeToString())
    command = [sys.executable, "-m", "inspectnet", "invert", str(path), "-l", "conv1", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, out.exists()) == (2, False)
    assert "keeps weights outside its folder" in done.stderr
