"""Reading: what opens, with equal outputs, and what is refused, each in one line that says why."""

import hashlib
import os

import numpy as np
import onnx
import pytest
from nets import light_models, onnx_text
from onnx import numpy_helper
from small import run, session

from inspectnet.errors import ModelError
from inspectnet.graph.extents import fixed_batch
from inspectnet.reading.reader import open_graph, read
from inspectnet.reading.upgrade import OPSET

NET = """
a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, filters, offsets)
b = BatchNormalization (a, gamma, beta, mean, variance)
c = Relu (b)
d = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (c)
e = Flatten (d)
y = Gemm (e, matrix, bias)
"""


def weights(rng):
    shapes = {"filters": (4, 3, 3, 3), "offsets": (4,), "gamma": (4,), "beta": (4,), "mean": (4,)}
    shapes |= {"matrix": (64, 5), "bias": (5,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"variance": np.arange(1, 5)[::-1] / 2}


def net(rng, opset=18, batch="N", **more):
    return onnx_text(NET, weights(rng), ["y"], opset, image=(batch, 3, 8, 8), **more)


def kept(model, folder, name="model.onnx"):
    path = folder / name
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def opened(path, size=None):
    return open_graph(read(path), size)


def refused(path):
    """The one line with which reading `path` is refused."""
    with pytest.raises(ModelError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What opens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", range(7, 22))
def test_a_model_of_any_opset_opens_and_gives_what_it_gave(opset, rng, tmp_path):
    file = net(rng, opset)
    model, x = opened(kept(file, tmp_path)), rng.normal(size=(2, 3, 8, 8))
    assert model.graph.opset_imports[""] == OPSET
    before = session_of_proto(file, x)
    np.testing.assert_allclose(run(model, x), before, rtol=1e-5, atol=1e-5)


def session_of_proto(proto, x):
    import onnxruntime

    (y,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"image": np.float32(x)})
    return y


def test_an_opset_newer_than_ours_keeps_its_number(rng, tmp_path):
    assert opened(kept(net(rng, 22), tmp_path)).graph.opset_imports[""] == 22


@pytest.mark.parametrize("path", light_models(), ids=lambda path: path.stem)
def test_the_light_models_of_the_onnx_package_open_with_one_input_and_a_free_batch(path):
    model = opened(path)
    assert len(model.graph.inputs) == 1
    assert fixed_batch(model.graph) is None
    assert [value.shape for value in model.graph.outputs if value.shape is None] == []


def test_inputs_that_nothing_reads_are_dropped(rng, tmp_path):
    model = opened(kept(net(rng, extra=(2, 2), more=(1, 3, 8, 8)), tmp_path))
    assert [value.name for value in model.graph.inputs] == ["image"]


def test_inputs_that_are_weights_too_are_no_inputs(rng, tmp_path):
    """Files of IR version 3 list each initializer among the inputs."""
    file = net(rng, 9)
    for tensor in file.graph.initializer:
        file.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    file.ir_version = 3
    model, x = opened(kept(file, tmp_path)), rng.normal(size=(2, 3, 8, 8))
    assert [value.name for value in model.graph.inputs] == ["image"]
    assert run(model, x).shape == (2, 5)


def test_a_batch_of_one_is_freed(rng, tmp_path):
    model = opened(kept(net(rng, batch=1), tmp_path))
    assert fixed_batch(model.graph) is None
    assert run(model, rng.normal(size=(3, 3, 8, 8))).shape == (3, 5)


def test_a_batch_of_one_is_freed_behind_a_reshape_that_spells_it_out(rng, tmp_path):
    body = "a = Relu (image)\nb = Reshape (a, shape)\ny = MatMul (b, matrix)"
    file = onnx_text(body, {"shape": [1, 192], "matrix": rng.normal(size=(192, 5))}, image=(1, 3, 8, 8))
    model, x = opened(kept(file, tmp_path)), rng.normal(size=(3, 3, 8, 8))
    assert fixed_batch(model.graph) is None
    np.testing.assert_allclose(run(model, x)[1:2], session_of_proto(file, x[1:2]), rtol=1e-5, atol=1e-5)


def test_a_batch_that_the_graph_insists_on_stays(rng, tmp_path):
    file = onnx_text("y = Add (image, own)", {"own": rng.normal(size=(2, 3, 8, 8))}, image=(2, 3, 8, 8))
    assert fixed_batch(opened(kept(file, tmp_path)).graph) == 2


def test_an_open_extent_takes_the_size_that_was_said(rng, tmp_path):
    file = onnx_text("y = GlobalAveragePool (image)", image=("N", 3, "H", "W"))
    model = opened(kept(file, tmp_path), (6, 10))
    assert list(model.graph.inputs[0].shape)[1:] == [3, 6, 10]


def test_weights_beside_the_model_are_read_and_count_in_its_hash(rng, tmp_path):
    file, x = net(rng), rng.normal(size=(2, 3, 8, 8))
    wanted = session_of_proto(file, x)
    path = tmp_path / "model.onnx"
    onnx.save_model(file, str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    np.testing.assert_allclose(run(opened(path), x), wanted, rtol=1e-5, atol=1e-5)

    before = read(path).sha256
    data = tmp_path / "w.bin"
    assert before == hashlib.sha256(path.read_bytes() + data.read_bytes()).hexdigest()
    data.write_bytes(np.float32(2 * np.fromfile(data, np.float32)).tobytes())
    assert read(path).sha256 != before


def test_reading_leaves_the_file_as_it_is(rng, tmp_path):
    path = kept(net(rng, 9), tmp_path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_what_the_exporter_noted_on_nodes_and_model_outlives_the_upgrade(rng, tmp_path):
    file = net(rng, 18)
    file.metadata_props.add(key="inspectnet.classes", value='["cat"]')
    file.graph.node[2].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'features.1', 'relu']")
    model = opened(kept(file, tmp_path))
    assert model.metadata_props["inspectnet.classes"] == '["cat"]'
    (relu,) = [node for node in model.graph if node.op_type == "Relu"]
    assert relu.metadata_props["pkg.torch.onnx.name_scopes"] == "['', 'features.1', 'relu']"


# What is refused -------------------------------------------------------------------------------------------


def test_a_missing_file_is_refused(tmp_path):
    assert "there is no file" in refused(tmp_path / "absent.onnx")


def test_a_folder_is_refused(tmp_path):
    assert f"cannot read {tmp_path}" in refused(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    assert "is empty (0 bytes)" in refused(kept(b"", tmp_path))


@pytest.mark.parametrize(
    "data",
    [b"hello, I am no model\n", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000), b"<html></html>", b"\n\x00"],
    ids=["text", "png", "zeros", "html", "protobuf"],
)
def test_a_file_that_is_no_onnx_model_is_refused(data, tmp_path):
    path = kept(data, tmp_path)
    message = refused(path)
    assert str(path) in message
    assert "ONNX model" in message


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_file_is_refused(tenth, rng, tmp_path):
    data = net(rng).SerializeToString()
    message = refused(kept(data[: max(1, len(data) * tenth // 10)], tmp_path))
    assert "was cut short" in message or "Is it an ONNX model?" in message


def test_a_file_is_refused_wherever_it_was_cut_near_its_end(rng, tmp_path):
    data = net(rng).SerializeToString()
    for lost in range(1, 40):
        refused(kept(data[:-lost], tmp_path))


def with_external(file, location, folder, **more):
    """The model with its filters in another file."""
    tensor = next(t for t in file.graph.initializer if t.name == "filters")
    onnx.external_data_helper.set_external_data(tensor, location, **more)
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    return kept(file, folder), data


@pytest.mark.parametrize("location", ["../w.bin", "a/../../w.bin", "ABSOLUTE"])
def test_weights_outside_the_folder_of_the_model_are_refused(location, rng, tmp_path):
    (tmp_path / "home" / "a").mkdir(parents=True)
    location = str(tmp_path / "w.bin") if location == "ABSOLUTE" else location
    path, data = with_external(net(rng), location, tmp_path / "home")
    (tmp_path / "w.bin").write_bytes(data)
    assert "keeps weights outside its folder" in refused(path)


def test_weights_behind_a_link_that_leads_outside_are_refused(rng, tmp_path):
    (tmp_path / "home").mkdir()
    path, data = with_external(net(rng), "w.bin", tmp_path / "home")
    (tmp_path / "w.bin").write_bytes(data)
    try:
        (tmp_path / "home" / "w.bin").symlink_to(tmp_path / "w.bin")
    except OSError:
        pytest.skip("this system makes no links")
    assert "keeps weights outside its folder, in 'w.bin'" in refused(path)


def test_a_constant_that_lies_outside_the_folder_is_refused_too(tmp_path):
    """Not only initializers can be external; a Constant is read as soon as the graph is."""
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_bytes(np.arange(3, dtype=np.float32).tobytes())
    file = onnx_text("c = Constant <value = float[3,1,1] {1.0, 2.0, 3.0}> ()\ny = Add (image, c)", image=("N", 3, 8, 8))
    tensor = file.graph.node[0].attribute[0].t
    numbers = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(numbers, "c"))
    onnx.external_data_helper.set_external_data(tensor, "../secret")
    tensor.ClearField("raw_data")
    assert "keeps weights outside its folder, in '../secret'" in refused(kept(file, tmp_path / "home"))


def test_missing_weights_are_refused(rng, tmp_path):
    path, _ = with_external(net(rng), "w.bin", tmp_path)
    assert "keeps weights in 'w.bin', which is missing" in refused(path)


def test_weights_that_were_cut_short_are_refused(rng, tmp_path):
    path, data = with_external(net(rng), "w.bin", tmp_path)
    (tmp_path / "w.bin").write_bytes(data[:-8])
    assert str(path) in refused(path)


@pytest.mark.parametrize(
    ("body", "inputs", "match"),
    [
        ("y = Relu (x)", {"x": ("N", 10)}, "has no image input"),
        ("y = Relu (x)", {"x": ("N", 3, 8)}, r"has no image input \(its inputs: 'x' \(N, 3, 8\)\)"),
        ("y = Add (x, z)", {"x": (1, 3, 8, 8), "z": (1, 3, 8, 8)}, "has 2 inputs"),
        ("a = Flatten (x)\ny = Add (a, z)", {"x": (1, 3, 8, 8), "z": (1, 192)}, "has 2 inputs"),
        ("a = Shape (x)\ny = Cast <to = 1> (a)", {"x": (1, 3, 8, 8)}, "no output depends on the image input 'x'"),
    ],
    ids=["matrix", "sound", "two images", "image and vector", "only the shape"],
)
def test_what_is_no_image_network_is_refused(body, inputs, match, tmp_path):
    with pytest.raises(ModelError, match=match):
        read(kept(onnx_text(body, **inputs), tmp_path))


def test_an_image_input_of_bytes_is_refused(tmp_path):
    file = onnx_text("y = Cast <to = 1> (image)", image=("N", 3, 8, 8))
    file.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    assert "the image input 'image' is UINT8, not float32" in refused(kept(file, tmp_path))


def test_a_model_without_inputs_is_refused(tmp_path):
    file = onnx_text("y = Relu (image)", image=("N", 3, 8, 8))
    file.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 3, 8, 8), np.float32), "image"))
    assert "has no image input (its inputs: none)" in refused(kept(file, tmp_path))


@pytest.mark.parametrize("opset", [1, 6])
def test_an_opset_older_than_onnxruntime_runs_is_refused(opset, tmp_path):
    file = onnx_text("y = Relu (image)", opset=7, image=("N", 3, 8, 8))
    file.opset_import[0].version = opset
    assert f"is in opset {opset}, older than 7" in refused(kept(file, tmp_path))


def test_an_image_of_unknown_channels_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"neither the image .* says how many channels"):
        opened(kept(onnx_text("y = Relu (image)", image=("N", "C", 8, 8)), tmp_path))


def test_an_open_extent_without_a_size_is_refused(tmp_path):
    path = kept(onnx_text("y = Relu (image)", image=("N", 3, "H", 8)), tmp_path)
    with pytest.raises(ModelError, match="leaves the size of its image open"):
        opened(path)


def test_a_size_that_contradicts_the_file_is_refused(tmp_path):
    path = kept(onnx_text("y = Relu (image)", image=("N", 3, 8, 8)), tmp_path)
    with pytest.raises(ModelError, match="takes images of width 8 and no other, but the preprocessing makes 9"):
        opened(path, (8, 9))


@pytest.mark.parametrize("name", ["filters", "bias", "variance"])
def test_a_weight_that_holds_nan_is_refused_by_name(name, rng, tmp_path):
    numbers = weights(rng)
    numbers[name].flat[-1] = np.nan
    file = onnx_text(NET, numbers, ["y"], image=("N", 3, 8, 8))
    assert f"the weight '{name}' holds NaN" in refused(kept(file, tmp_path))


def test_nan_in_a_constant_is_refused_too(tmp_path):
    body = "c = Constant <value = float[1] {1.0}> ()\ny = Add (image, c)"
    file = onnx_text(body, image=("N", 3, 8, 8))
    tensor = file.graph.node[0].attribute[0].t
    tensor.CopyFrom(numpy_helper.from_array(np.float32([np.nan]), "c"))
    assert "the weight 'c' holds NaN" in refused(kept(file, tmp_path))


def test_nan_beside_the_model_is_refused_too(rng, tmp_path):
    path, data = with_external(net(rng), "w.bin", tmp_path)
    (tmp_path / "w.bin").write_bytes(data[:-4] + np.float32(np.nan).tobytes())
    assert "the weight 'filters' holds NaN" in refused(path)


def test_infinite_weights_whose_sum_is_nan_are_no_nan(tmp_path):
    """A mask of attention holds -inf; only NaN itself is refused."""
    bound = np.float32([[[np.inf]], [[-np.inf]], [[3e38]]])
    path = kept(onnx_text("y = Min (image, bound)", {"bound": bound}, image=("N", 3, 8, 8)), tmp_path)
    assert read(path).path == path


def test_a_broken_graph_is_refused_in_one_line(rng, tmp_path):
    file = net(rng)
    file.graph.node[3].input[0] = "nowhere"
    refused(kept(file, tmp_path))


def test_the_session_helper_of_these_tests_runs_what_was_opened(rng, tmp_path):
    assert session(opened(kept(net(rng), tmp_path))).inputs == ["image"]
