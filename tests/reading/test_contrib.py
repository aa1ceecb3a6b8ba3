"""Files that onnxruntime saved: its own operators are those of the standard again, its layers those of the original."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from nets import onnx_text
from onnx import helper
from small import opened, outputs_of_file, run

import inspectnet
from inspectnet.errors import ModelError
from inspectnet.reading.contrib import write_out

IMAGE = ("N", 3, 8, 8)
rng = np.random.default_rng(4)
K, L, B = rng.normal(size=(4, 3, 3, 3)), rng.normal(size=(4, 4, 1, 1)), rng.normal(size=4)
NET = """
a = Conv <pads = [1, 1, 1, 1]> (image, k, b)
r = Relu (a)
c = Conv (r, l)
s = Sigmoid (c)
m = Mul (c, s)
d = Conv (m, l2)
j = Add (d, r)
e = LeakyRelu <alpha = 0.2> (j)
p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (e)
g = GlobalAveragePool (p)
f = Flatten (g)
h = Gemm (f, w, bias)
y = Relu (h)
"""
NUMBERS = {"k": K, "b": B, "l": L, "l2": L[::-1].copy(), "w": rng.normal(size=(4, 5)), "bias": rng.normal(size=5)}


def saved_by_onnxruntime(level, folder):
    """NET, and the file that onnxruntime's optimiser makes of it."""
    file, options = onnx_text(NET, NUMBERS, ["y"], 17, image=IMAGE), onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath = str(folder / "saved.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(file.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return file, folder / "saved.onnx"


@pytest.mark.parametrize("level", ["BASIC", "EXTENDED"])
def test_a_file_saved_by_the_optimiser_has_the_layers_and_projections_of_the_original(level, tmp_path):
    file, saved = saved_by_onnxruntime(level, tmp_path)
    (tmp_path / "original.onnx").write_bytes(file.SerializeToString())
    ours, theirs = (inspectnet.open(path, device="cpu") for path in (saved, tmp_path / "original.onnx"))
    assert [(x.name, x.ops, x.shape) for x in ours.layers] == [(x.name, x.ops, x.shape) for x in theirs.layers]
    x = rng.normal(size=(2, 3, 8, 8))
    for layer in ("conv2", "add1", "fc4" if "fc4" in [x.name for x in ours.layers] else "fc1"):
        pixels, wanted = (inspectnet.Deconvnet(net, layer=layer).attribute(x, target=2) for net in (ours, theirs))
        np.testing.assert_allclose(pixels, wanted, rtol=1e-4, atol=1e-6)


def test_a_file_laid_out_for_one_processor_is_refused_with_the_reason(tmp_path):
    _, saved = saved_by_onnxruntime("ALL", tmp_path)
    if "com.microsoft.nchwc" not in {node.domain for node in onnx.load(saved).graph.node}:
        pytest.skip("this processor has no layout of its own")
    with pytest.raises(ModelError, match=r"one kind of processor .*save it again with ORT_ENABLE_EXTENDED"):
        inspectnet.open(saved, device="cpu")


def test_a_layout_of_blocks_is_refused_on_any_processor():
    """As ORT_ENABLE_ALL writes it where the processor has one: the domain tells."""
    node = ir.node("Conv", [], domain="com.microsoft.nchwc")
    with pytest.raises(ModelError, match=r"one kind of processor .*save it again with ORT_ENABLE_EXTENDED"):
        write_out(ir.Model(ir.Graph([], node.outputs, nodes=[node], name="saved"), ir_version=10), "m.onnx")


def test_a_quantised_convolution_with_its_channels_last_is_refused_with_the_reason(tmp_path):
    """As ORT_ENABLE_ALL writes it, of a network with as many channels as columns: nothing but the attribute tells."""
    node = ir.node("QLinearConv", [], {"channels_last": 1}, domain="com.microsoft")
    graph = ir.Graph([], node.outputs, nodes=[node], name="saved")
    with pytest.raises(ModelError, match=r"com\.microsoft\.QLinearConv.*save it again with ORT_ENABLE_EXTENDED"):
        write_out(ir.Model(graph, ir_version=10), "m.onnx")


ONE = np.ones(8)
OPERATORS = {  # an operator of onnxruntime's, what else it takes, its attributes
    "FusedConv": (["k", "b"], {"activation": "Relu", "pads": [1] * 4}),
    "FusedConv with a sum": (["k9", "b3", "image"], {"activation": "Relu", "pads": [1] * 4}),
    "FusedConv to a Clip": (["k"], {"activation": "Clip", "activation_params": [-0.5, 1.5]}),
    "FusedConv to a LeakyRelu": (["k"], {"activation": "LeakyRelu", "activation_params": [0.3]}),
    "FusedConv to a HardSigmoid": (["k"], {"activation": "HardSigmoid", "activation_params": [0.3, 0.4]}),
    "FusedMatMul": (["v"], {"transB": 1, "alpha": 0.5}),
    "FusedMatMul turned": (["v"], {"transA": 1}),
    "Gelu": ([], {}),
    "BiasGelu": (["ones"], {}),
    "FastGelu": (["ones"], {}),
    "QuickGelu": ([], {"alpha": 1.702}),
    "SkipLayerNormalization": (["image", "ones", "ones", "ones"], {"epsilon": 1e-3}),
    "SkipSimplifiedLayerNormalization": (["image", "ones", "ones"], {"epsilon": 1e-3}),
    "SimplifiedLayerNormalization": (["ones"], {"axis": -1, "epsilon": 1e-3}),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_of_onnxruntimes_own_is_written_out_as_what_it_does(name, tmp_path):
    inputs, attributes = OPERATORS[name]
    op_type = name.split()[0]
    numbers = {
        "k": K,
        "b": B,
        "k9": rng.normal(size=(3, 3, 3, 3)),
        "b3": B[:3],
        "ones": ONE,
        "v": rng.normal(size=(8, 8)),
    }
    file = onnx_text("y = Identity (image)", {n: numbers[n] for n in inputs if n in numbers}, ["y"], 17, image=IMAGE)
    rank3 = op_type.startswith("Skip")  # which takes sequences
    image = "rows" if rank3 else "image"
    domain = "" if op_type == "SimplifiedLayerNormalization" else "com.microsoft"
    taken = [image if n == "image" else n for n in inputs]
    made = helper.make_node(op_type, [image, *taken], ["rows_out" if rank3 else "y"], domain=domain, **attributes)
    before = [helper.make_node("Reshape", ["image", "shape"], ["rows"])]
    after = [helper.make_node("Relu", ["rows_out"], ["y"])]
    file.graph.initializer.append(helper.make_tensor("shape", 7, [3], [0, 24, 8]))
    del file.graph.node[:], file.graph.value_info[:]
    file.graph.node.extend([*before, made, *after] if rank3 else [made])
    file.graph.output[0].CopyFrom(helper.make_empty_tensor_value_info("y"))
    file.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model, x = opened(file, tmp_path), rng.normal(size=(2, 3, 8, 8))
    assert {node.domain for node in model.graph} == {""}
    assert op_type in ("Gelu", "FusedMatMul") or op_type not in {node.op_type for node in model.graph}
    np.testing.assert_allclose(run(model, x), outputs_of_file(file, x), rtol=2e-4, atol=1e-5)
