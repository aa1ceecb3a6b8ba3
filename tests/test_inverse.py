"""The inverse of whole networks against an independent oracle in NumPy and against torch's autograd."""

import numpy as np
import onnx
import pytest
from nets import EXPORTERS, NETS, light_models, torch_project, value_of
from oracle_back import project as oracle
from small import build, project, project_split, run

from inspectnet.graph.layers import find_layers
from inspectnet.inverse.operators import obstacles
from inspectnet.reading.reader import open_graph, read
from inspectnet.rules import Policy

METHODS = ["deconvnet", "guided_backprop", "gradient"]


def opened(path):
    model = open_graph(read(path), None)
    return model, {layer.name: layer for layer in find_layers(model.graph)}


def relative(found, wanted):
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def deepest(layers, kinds=("conv", "concat", "add")):
    return [layer for name, layer in layers.items() if name.startswith(kinds) and layer.spatial]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_the_inverse_of_a_network_equals_the_oracle(name, exporter, method, exported, rng):
    _, x, path = exported(name, exporter)
    x = np.asarray(x, np.float64)
    model, layers = opened(path)
    file = onnx.load(path)
    for layer in (*deepest(layers)[:: max(1, len(deepest(layers)) // 3)], list(layers.values())[-1]):
        seed = np.abs(rng.normal(size=(len(x), *layer.shape[1:])))
        lrn = "gradient" if method == "gradient" else "identity"
        wanted = oracle(file, x, layer.output, seed, method, lrn=lrn)
        found = project(model, x, seed, value=layer.output, method=method)
        assert relative(found, wanted) < 1e-4, layer.name


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_the_gradient_equals_torch_autograd_in_float64(name, exporter, exported, rng):
    net, x, path = exported(name, exporter)
    model, _ = opened(path)
    seed = rng.normal(size=(1, 10))
    import torch

    wanted = torch_autograd(net, x, torch.from_numpy(seed))
    output = onnx.load(path).graph.output[0].name
    assert relative(project(model, x.numpy(), seed, value=output, method="gradient"), wanted) < 1e-4


def torch_autograd(net, x, seed):
    import copy

    net, pixels = copy.deepcopy(net).double(), x.double().requires_grad_(True)
    net(pixels).backward(seed)
    return pixels.grad.numpy()


def test_torch_hooks_written_from_the_definition_agree_with_the_deconvnet(exported, rng):
    net, x, path = exported("vgg", "dynamo")
    model, _ = opened(path)
    file = onnx.load(path)
    module = [name for name, m in net.named_modules() if type(m).__name__ == "ReLU"][-3]
    value = value_of(file, module)
    import torch

    shape = run_to(model, value, x.numpy()).shape
    seed = np.abs(rng.normal(size=shape))
    for method in METHODS:
        wanted = torch_project(net, x, module, torch.from_numpy(seed), method).numpy()
        assert relative(project(model, x.numpy(), seed, value=value, method=method), wanted) < 1e-4, method


def run_to(model, value, x):
    from inspectnet.graph.subgraphs import cut

    return run(cut(model, [value]), x)


@pytest.mark.parametrize("path", [p for p in light_models()], ids=lambda p: p.stem)
def test_every_layer_of_the_light_models_has_an_inverse(path):
    from inspectnet.rules import Policy

    model, _ = opened(path)
    for method in METHODS:
        assert obstacles(model, Policy(method)) == {}


@pytest.mark.parametrize("name", ["light_squeezenet", "light_bvlc_alexnet", "light_resnet50"])
def test_the_deconvnet_of_a_light_model_equals_the_oracle(name, rng):
    """Their weights are constants, so seeds differ by place only; two convolutions up the full-size graph will do."""
    path = next(p for p in light_models() if p.stem == name)
    model, layers = opened(path)
    layer = layers["conv2"]
    file, x = onnx.load(path), np.abs(rng.normal(size=(1, 3, 224, 224)))
    seed = rng.normal(size=(1, *layer.shape[1:]))
    found = project(model, x, seed, value=layer.output)
    assert relative(found, oracle(file, x, layer.output, seed, "deconvnet")) < 1e-4


@pytest.mark.parametrize("unpool", ["sum", "overwrite", "centre"])
@pytest.mark.parametrize("name", ["alexnet", "zfnet", "squeezenet"])
def test_each_way_to_unpool_equals_the_oracle(name, unpool, exported, rng):
    _, x, path = exported(name, "dynamo")
    model, layers = opened(path)
    layer = deepest(layers)[-1]
    seed = np.abs(rng.normal(size=(1, *layer.shape[1:])))
    wanted = oracle(onnx.load(path), x.double().numpy(), layer.output, seed, "deconvnet", unpool=unpool)
    assert relative(project(model, x.numpy(), seed, value=layer.output, unpool=unpool), wanted) < 1e-4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETS)
def test_the_inverse_in_two_parts_equals_the_fused_one_for_any_seeds_of_any_images(name, method, exported, rng):
    _, x, path = exported(name, "torchscript")
    model, layers = opened(path)
    x = np.concatenate([x.numpy(), x.numpy()[:, :, ::-1]])
    layer = deepest(layers)[-1]
    seed, owner = rng.normal(size=(5, *layer.shape[1:])), np.array([1, 0, 0, 1, 1])
    split = project_split(model, x, seed, owner, value=layer.output, method=method)
    fused = project(model, x[owner], seed, value=layer.output, method=method)
    np.testing.assert_allclose(split, fused, rtol=0, atol=1e-6 * np.abs(fused).max())


def test_lrn_is_the_identity_on_the_way_down_unless_its_gradient_is_asked_for(exported, rng):
    _, x, path = exported("zfnet", "dynamo")
    model, layers = opened(path)
    layer = deepest(layers)[-1]
    seed = np.abs(rng.normal(size=(1, *layer.shape[1:])))
    identity, gradient = (project(model, x.numpy(), seed, value=layer.output, lrn=lrn) for lrn in ("", "gradient"))
    wanted = oracle(onnx.load(path), x.double().numpy(), layer.output, seed, "deconvnet", lrn="gradient")
    assert relative(gradient, wanted) < 1e-4
    assert relative(identity, gradient) > 0.1


def test_the_two_parts_are_plain_files_that_check(exported):
    import onnx_ir as ir

    from inspectnet.inverse import invert_split
    from inspectnet.rules import Policy

    _, _, path = exported("squeezenet", "dynamo")
    model, layers = opened(path)
    split = invert_split(model, deepest(layers)[-1].output, Policy())
    for part in (split.forward, split.backward):
        onnx.checker.check_model(ir.to_proto(part), full_check=True)


def test_what_blocks_a_value_blocks_the_view_of_it_as_maps():
    """Steps (T, N, C) of a recurrent network, through which no rule comes down, shown as maps."""

    def write(op, x):
        steps = op.Transpose(op.ReduceMean(op.Relu(x), [2], keepdims=0), perm=[2, 0, 1])
        weights = [np.ones((1, 8, n), np.float32) for n in (3, 2)]
        hidden = op.Squeeze(op.LSTM(steps, *weights, hidden_size=2), [1])
        return op.MatMul(hidden, np.ones((2, 5), np.float32))

    model = build((3, 6, 6), write)
    (*_, last) = find_layers(model.graph)
    assert (last.name, last.shape) == ("fc1", ("N", 5, 1, 6))
    assert "LSTM" in obstacles(model, Policy())[last.output]
