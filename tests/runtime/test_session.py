"""Sessions: arrays in, arrays out; tensors that stay where they are; the same on CUDA as on the CPU."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from small import CPU, build

from inspectnet.errors import ModelError, OptionError
from inspectnet.graph.subgraphs import cut
from inspectnet.inverse import invert, invert_split
from inspectnet.rules import Policy
from inspectnet.runtime.device import choose_device
from inspectnet.runtime.kernels import CUDA_KERNELS, WRITTEN_OUT, without_cuda_kernel
from inspectnet.runtime.session import Session


@pytest.fixture
def model(rng):
    """Two convolutions with a pool between, and LRN."""
    filters = [rng.normal(size=shape) for shape in ((6, 3, 3, 3), (5, 6, 3, 3))]

    def write(op, x):
        x = op.LRN(op.Relu(op.Conv(x, filters[0])), size=5, alpha=0.5)
        x = op.MaxPool(x, kernel_shape=[3, 3], strides=[2, 2])
        x.name = "pool"
        return op.Relu(op.Conv(x, filters[1], strides=[2, 2]))

    return build((3, 19, 17), write)


def bytes_of(model):
    return ir.to_proto(model).SerializeToString()


def test_a_session_says_what_it_takes_and_gives(model):
    session = Session(bytes_of(cut(model, ["pool", "y"])), CPU)
    assert (session.inputs, session.outputs) == (["image"], ["pool", "y"])


def test_all_outputs_come_by_name_or_those_that_are_named(model, rng):
    session, x = Session(bytes_of(cut(model, ["pool", "y"])), CPU), rng.random((2, 3, 19, 17), np.float32)
    found = session.run({"image": x})
    assert {name: array.shape for name, array in found.items()} == {"pool": (2, 6, 8, 7), "y": (2, 5, 3, 3)}
    (pool,) = session.run({"image": x}, ["pool"]).values()
    np.testing.assert_array_equal(pool, found["pool"])


def test_kept_tensors_feed_another_session(model, rng):
    split, x = invert_split(model, "y", Policy()), rng.random((2, 3, 19, 17), np.float32)
    up, down = Session(bytes_of(split.forward), CPU), Session(bytes_of(split.backward), CPU)
    kept, arrays = up.run_kept({"image": x}), up.run({"image": x})
    assert kept.keys() == arrays.keys()
    more = {"seed": arrays["y"], "image_of_seed": np.arange(2)}
    by_arrays = down.run({name: (arrays | more)[name] for name in down.inputs})["pixels"]
    by_kept = down.run({name: (kept | more)[name] for name in down.inputs})["pixels"]
    np.testing.assert_array_equal(by_kept, by_arrays)


def test_the_number_of_threads_matters_to_the_last_bit_at_most(model, rng, monkeypatch):
    x = rng.random((5, 3, 19, 17), np.float32)
    one, two = (Session(bytes_of(model), CPU, threads=n).run({"image": x})["y"] for n in (1, 2))
    monkeypatch.setenv("INSPECTNET_THREADS", "1")
    by_word = Session(bytes_of(model), CPU).run({"image": x})["y"]
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)  # onnxruntime cuts its sums by threads
    np.testing.assert_array_equal(one, by_word)


def test_a_word_for_the_number_of_threads_is_refused(model, monkeypatch):
    monkeypatch.setenv("INSPECTNET_THREADS", "many")
    with pytest.raises(OptionError, match="INSPECTNET_THREADS is 'many'"):
        Session(bytes_of(model), CPU)


def test_several_threads_share_a_session(model, rng):
    session, images = Session(bytes_of(model), CPU, threads=1), rng.random((16, 1, 3, 19, 17), np.float32)
    wanted = [session.run({"image": x})["y"] for x in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: session.run({"image": x})["y"], images))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("data", [b"", b"no model", bytes(100)])
def test_what_is_no_graph_is_refused_in_one_line(data):
    with pytest.raises(ModelError, match=r"^onnxruntime cannot run this graph: .*") as caught:
        Session(data, CPU)
    assert "\n" not in str(caught.value)


def test_a_graph_with_an_unknown_operator_is_refused(model):
    broken = ir.to_proto(model)
    broken.graph.node[0].op_type = "Convolve"
    with pytest.raises(ModelError, match="Convolve"):
        Session(broken.SerializeToString(), CPU)


def test_operators_without_a_cuda_kernel_are_listed():
    assert without_cuda_kernel({"Conv", "MaxUnpool", "Relu", "Bernoulli"}) == ["Bernoulli", "MaxUnpool"]
    assert {"ConvTranspose", "ScatterElements", "Where", "MaxPool"} <= CUDA_KERNELS


@pytest.mark.parametrize("op_type", sorted(WRITTEN_OUT))
def test_onnxruntime_writes_out_operators_that_have_no_kernel_of_their_own(op_type, tmp_path):
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    numbers = [np.ones(4, np.float32)] * 2 if op_type == "GroupNormalization" else []
    says = {"num_groups": 2} if numbers else {}
    model = build((4, 3, 3), lambda op, x: getattr(op, op_type)(x, *numbers, **says))
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    session.run(None, {"image": np.ones((1, 4, 3, 3), np.float32)})
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = {event["args"]["op_name"] for event in events if "op_name" in event.get("args", {})}
    assert op_type not in ran
    assert without_cuda_kernel(ran) == []


def test_the_list_of_cuda_kernels_is_the_one_of_the_reference(cuda_ops):
    lines = [line for line in cuda_ops.read_text().splitlines() if not line.startswith("#")]
    assert {word.partition("(")[0] for line in lines for word in line.split()} == CUDA_KERNELS


@pytest.mark.cuda
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "gradient"])
def test_cuda_gives_what_the_cpu_gives(method, model, rng):
    cuda = choose_device("auto")
    if not cuda.cuda:
        pytest.skip(cuda.why)
    x, policy = rng.random((4, 3, 19, 17), np.float32), Policy(method)
    fused, split = invert(model, "y", policy), invert_split(model, "y", policy)
    seed = Session(bytes_of(model), CPU).run({"image": x})["y"]
    pixels = []
    for device in (CPU, cuda):
        pixels.append(Session(bytes_of(fused), device).run({"image": x, "seed": seed})["pixels"])
        kept = Session(bytes_of(split.forward), device).run_kept({"image": x})
        down = Session(bytes_of(split.backward), device)
        feeds = {**kept, "seed": seed, "image_of_seed": np.arange(4)}
        pixels.append(down.run({name: feeds[name] for name in down.inputs})["pixels"])
    for found in pixels[1:]:
        np.testing.assert_allclose(found, pixels[0], atol=1e-5 * np.abs(pixels[0]).max())
