import json

import numpy as np
import onnx
import pytest
import torch

from trainers.architectures.ablations import NETWORKS
from trainers.architectures.modules import build
from trainers.errors import ExportError
from trainers.export.graph import build_graph
from trainers.export.onnx_file import check_against_torch, export_state, session
from trainers.recipe.recipe import TINY

TINY_NAMES = [name for name in NETWORKS if name.endswith("-tiny")]


def state_of(name: str) -> dict:
    from dataclasses import asdict

    torch.manual_seed(0)
    architecture = NETWORKS[name]
    return {
        "identity": {
            "architecture": asdict(architecture),
            "recipe": TINY.as_dict(),
            "seed": 3,
            "data": {"name": "pictures", "train": 2, "val": 1, "classes": 100},
        },
        "net": build(architecture).state_dict(),
        "classes": [f"class {i}" for i in range(100)],
        "mean": [0.5, 0.4, 0.3],
        "std": [0.27, 0.26, 0.28],
        "epoch": 5,
        "history": [{"val_top1": 44.5, "val_top5": 72.25}],
        "commit": "abc",
        "torch": "2",
    }


def hidden_values(content: bytes) -> onnx.ModelProto:
    """The same graph with every value as an output."""
    model = onnx.load_from_string(content)
    for node in model.graph.node[:-1]:
        model.graph.output.append(onnx.ValueInfoProto(name=node.output[0]))
    return model


@pytest.mark.parametrize("name", TINY_NAMES)
def test_every_layer_of_the_graph_says_what_torch_says(name, tmp_path):
    state = state_of(name)
    path = export_state(state, tmp_path / "net.onnx")
    net = build(NETWORKS[name]).eval()
    net.load_state_dict(state["net"])
    x = torch.randn(2, 3, 56, 56)
    run = session(hidden_values(path.read_bytes()).SerializeToString())
    values = dict(zip([o.name for o in run.get_outputs()], run.run(None, {"image": x.numpy()}), strict=True))
    with torch.no_grad():
        for layer, module in net.named_children():
            x = module(x)
            if not layer.startswith("drop"):
                scale = np.abs(values[layer]).max()
                np.testing.assert_allclose(values[layer], x.numpy(), rtol=1e-4, atol=1e-5 * scale, err_msg=layer)


def test_zfnets_graph_has_the_papers_names_and_one_node_per_norm(tmp_path):
    model = onnx.load(export_state(state_of("zfnet-tiny"), tmp_path / "net.onnx"))
    nodes = [(node.op_type, node.name) for node in model.graph.node]
    assert [name for _, name in nodes] == (
        "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 "
        "flatten fc6 relu6 fc7 relu7 fc8"
    ).split()
    assert [name for op, name in nodes if op == "LRN"] == ["norm1", "norm2"]
    assert all(list(node.output) == [node.name] for node in model.graph.node)
    layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert {i.name for i in model.graph.initializer} == {f"{n}.{p}" for n in layers for p in ("weight", "bias")}
    (image,), (top,) = model.graph.input, model.graph.output
    assert (image.name, top.name) == ("image", "fc8")
    assert [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim] == ["batch", 3, 56, 56]
    assert 18 <= model.opset_import[0].version <= 21


def test_metadata_carry_everything_another_program_needs(tmp_path):
    path = export_state(state_of("zfnet-tiny"), tmp_path / "net.onnx")
    notes = {p.key: json.loads(p.value) for p in onnx.load(path).metadata_props}
    assert notes["inspectnet.preprocess"] == {
        "input_size": [3, 56, 56],
        "interpolation": "bilinear",
        "crop_pct": 0.875,
        "crop_mode": "center",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.27, 0.26, 0.28],
    }
    assert notes["inspectnet.classes"][99] == "class 99"
    training = notes["inspectnet.training"]
    assert (training["architecture"], training["epoch"], training["commit"]) == ("zfnet-tiny", 5, "abc")
    assert training["accuracy"] == {"top1": 44.5, "top5": 72.25, "crop": "center"}
    assert training["recipe"]["label_smoothing"] == TINY.label_smoothing
    assert training["data"]["name"] == "pictures"


def test_a_graph_that_differs_from_torch_is_refused():
    import onnx_ir as ir

    net = build(NETWORKS["zfnet-tiny"])
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    content = ir.to_proto(
        build_graph(NETWORKS["zfnet-tiny"], {name: tensor.numpy() for name, tensor in weights.items()})
    ).SerializeToString()
    check_against_torch(NETWORKS["zfnet-tiny"], weights, content)
    weights["conv3.bias"] += 0.1
    with pytest.raises(ExportError, match="zfnet-tiny: onnxruntime and torch differ"):
        check_against_torch(NETWORKS["zfnet-tiny"], weights, content)
