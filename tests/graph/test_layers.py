"""Layers: which operators make a stage, what the stages are called, the same from either exporter."""

import numpy as np
import pytest
from nets import EXPORTERS, light_models, onnx_text
from small import build, project, run

from inspectnet.graph.layers import find_layers
from inspectnet.graph.subgraphs import cut
from inspectnet.reading.reader import open_graph, read


def layers_of(path):
    return {layer.name: layer for layer in find_layers(open_graph(read(path), None).graph)}


@pytest.fixture
def layers(tmp_path, rng):
    """The layers of a graph as text on an image (N, 3, 8, 8)."""
    shapes = {"k": (4, 3, 3, 3), "k4": (4, 4, 3, 3), "c4": (1, 4, 1, 1), "c": (4,), "matrix": (4, 6), "six": (6,)}
    shapes |= {"every": (4, 6, 6), "k1": (4, 4, 1, 1)}

    def get(body, axes=None, **options):
        words = body.replace(",", " ").replace(")", " ").split()
        used = {name: rng.uniform(1, 2, shape) for name, shape in shapes.items() if name in words}
        used |= {"axes": axes} if axes else {}
        path = tmp_path / "model.onnx"
        path.write_bytes(onnx_text(body, used, image=("N", 3, 8, 8), **options).SerializeToString())
        return layers_of(path)

    return get


# Stages ----------------------------------------------------------------------------------------------------


def test_a_convolution_and_its_activation_are_one_layer(layers):
    (conv,) = layers("a = Conv (image, k)\ny = Relu (a)").values()
    assert (conv.name, conv.ops, conv.pre, conv.output) == ("conv1", ("Conv", "Relu"), "a", "y")
    assert (conv.maps, conv.spatial, conv.shape[1:]) == (4, True, (4, 6, 6))


def test_batch_normalisation_belongs_to_the_layer_before_it(layers):
    (conv,) = layers("a = Conv (image, k)\nb = BatchNormalization (a, c, c, c, c)\ny = Relu (b)").values()
    assert conv.ops == ("Conv", "BatchNormalization", "Relu")
    assert (conv.pre, conv.output) == ("b", "y")


def test_a_scale_and_a_shift_belong_to_the_layer_before_them(layers):
    """Caffe's Scale layer, a Mul and an Add by constants."""
    (conv,) = layers("a = Conv (image, k)\nb = Mul (a, c4)\nd = Add (b, c4)\ny = Relu (d)").values()
    assert conv.ops == ("Conv", "Mul", "Add", "Relu")


def test_a_layer_without_activation_is_its_own_raw_sum(layers):
    first, second = layers("a = Conv (image, k)\ny = Conv (a, k4)").values()
    assert (first.pre, first.output) == ("a", "a")
    assert (second.name, second.ops) == ("conv2", ("Conv",))


def test_a_layer_ends_where_two_read_it(layers):
    found = layers("a = Conv (image, k)\nb = Relu (a)\nd = Sigmoid (a)\ny = Mul (b, d)")
    assert found["conv1"].ops == ("Conv",)
    assert found["conv1"].output == "a"


def test_a_layer_ends_at_an_output_of_the_network(layers):
    found = layers("a = Conv (image, k)\ny = Relu (a)", outputs=["a", "y"])
    assert found["conv1"].output == "a"


def test_a_residual_block_ends_in_a_layer_of_its_own(layers):
    found = layers("a = Conv (image, k)\nb = Relu (a)\nd = Add (a, b)\ny = Relu (d)")
    assert found["add1"].ops == ("Add", "Relu")


def test_an_addition_of_a_constant_is_no_join(layers):
    assert list(layers("a = Conv (image, k)\nb = Relu (a)\ny = Add (b, c4)")) == ["conv1"]


NORMS = {
    "LayerNormalization": "LayerNormalization <axis = 1> ({}, every)",
    "InstanceNormalization": "InstanceNormalization ({}, c, c)",
    "MeanVarianceNormalization": "MeanVarianceNormalization <axes = [2, 3]> ({})",
}


@pytest.mark.parametrize("norm", NORMS)
def test_a_normalisation_belongs_to_the_weights_before_it_or_is_a_layer_of_its_own(norm, layers):
    (conv,) = layers(f"a = Conv (image, k)\nb = {NORMS[norm].format('a')}\ny = Relu (b)", opset=21).values()
    assert conv.ops == ("Conv", norm, "Relu")
    alone = layers(f"a = Conv (image, k)\nb = Relu (a)\nd = {NORMS[norm].format('b')}\ny = Relu (d)", opset=21)
    assert {name: layer.ops for name, layer in alone.items()} == {"conv1": ("Conv", "Relu"), "norm1": (norm, "Relu")}


def test_a_product_of_two_live_values_is_a_gate(layers):
    """Squeeze and excitation; a square and a constant factor are none."""
    body = "a = Conv (image, k)\nb = GlobalAveragePool (a)\nd = Sigmoid (b)\ne = Mul (d, a)\nf = Mul (e, e)\n"
    found = layers(body + "y = Mul (f, c4)")
    assert {name: layer.output for name, layer in found.items()} == {"conv1": "a", "pool1": "d", "gate1": "e"}
    assert (found["gate1"].maps, found["gate1"].field) == (4, None)


def test_a_concatenation_that_is_only_concatenated_again_is_a_part_of_that(layers):
    """TorchScript writes the two as one."""
    body = (
        "a = Relu (image)\nb = Concat <axis = {}> (image, a)\nd = Concat <axis = 2> (a, a)\ny = Concat <axis = {}> ({})"
    )
    one = layers(body.format(1, 1, "b, a"))
    assert [layer.output for layer in one.values()] == ["y"]
    assert [layer.output for layer in layers(body.format(1, 1, "b, a"), outputs=["b", "y"]).values()] == ["b", "y"]
    assert [layer.output for layer in layers(body.format(2, 3, "b, b")).values()] == ["b"]
    assert [layer.output for layer in layers(body.format(1, 2, "b, b")).values()] == ["b"]


def shuffled(op, x):
    """Two groups of maps that join and change places, as in ShuffleNet."""
    x = op.Concat(op.Conv(x, rng(0).random((2, 3, 1, 1))), op.Conv(x, rng(1).random((2, 3, 1, 1))), axis=1)
    x = op.Transpose(op.Reshape(x, [0, 2, 2, 6, 8]), perm=[0, 2, 1, 3, 4])
    return op.Conv(op.Reshape(x, [0, 4, 6, 8]), rng(2).random((3, 4, 1, 1)))


def test_maps_that_join_and_change_places_are_one_layer():
    model = build((3, 6, 8), shuffled)
    concat = find_layers(model.graph)[2]
    assert (concat.name, concat.ops) == ("concat1", ("Concat", "Reshape", "Transpose", "Reshape"))
    assert concat.output == list(model.graph)[-1].inputs[0].name


@pytest.mark.parametrize(("axes", "keepdims", "shape"), [([2, 3], 1, (3, 1, 1)), ([-1, -2], 0, (3,)), ([1], 1, None)])
def test_a_mean_over_all_places_is_a_pool_and_over_channels_is_none(axes, keepdims, shape, layers):
    found = layers(f"a = Relu (image)\ny = ReduceMean <keepdims = {keepdims}> (a, axes)", axes=axes)
    assert {name: layer.shape[1:] for name, layer in found.items()} == ({"pool1": shape} if shape else {})


def test_dynamic_filters_make_no_layer(layers):
    """Weights that depend on the image cannot be a layer's."""
    body = "m = Flatten (image)\nn = Flatten (image)\nt = Transpose <perm = [1, 0]> (m)\ny = MatMul (n, t)"
    assert layers(body) == {}


def test_parameters_are_counted_with_biases(layers):
    (conv,) = layers("a = Conv (image, k, c)\ny = Relu (a)").values()
    assert conv.parameters == 4 * 3 * 3 * 3 + 4


def test_a_matrix_with_its_bias_is_a_fully_connected_layer(layers):
    body = "a = Conv (image, k)\nb = GlobalAveragePool (a)\nd = Flatten (b)\ne = MatMul (d, matrix)\ny = Add (e, six)"
    found = layers(body)
    assert list(found) == ["conv1", "pool1", "fc2"]
    assert found["fc2"].ops == ("MatMul", "Add")
    assert (found["fc2"].shape[1:], found["fc2"].spatial, found["fc2"].field) == ((6,), False, None)
    assert found["fc2"].parameters == 4 * 6 + 6


# Channels that are not where they usually are ---------------------------------------------------------------


def convnext_block(op, x):
    """Channels last between two Transposes: (N, H, W, C) -> norm, matrix, GELU, matrix."""
    x = op.Conv(x, rng(0).random((4, 3, 2, 2)), strides=[2, 2])
    y = op.LayerNormalization(op.Transpose(x, perm=[0, 2, 3, 1]), rng(1).random(4), axis=-1)
    y = op.Gelu(op.Add(op.MatMul(y, rng(2).random((4, 5))), rng(3).random(5)))
    return op.Add(x, op.Transpose(op.MatMul(y, rng(4).random((5, 4))), perm=[0, 3, 1, 2]))


def tokens(op, x):
    """A transformer's patches, (N, C, H, W) -> (N, T, C), and what it does to each."""
    x = op.Conv(x, rng(0).random((4, 3, 2, 2)), strides=[2, 2])
    x = op.Transpose(op.Reshape(x, [0, 4, -1]), perm=[0, 2, 1])
    y = op.LayerNormalization(x, rng(1).random(4), axis=-1)
    y = op.Gelu(op.MatMul(y, rng(2).random((4, 5))))
    return op.ReduceMean(op.Add(x, op.MatMul(y, rng(3).random((5, 4)))), [1], keepdims=0)


def units_first(op, x):
    """A matrix that stands before what it is multiplied with: (K, N)."""
    return op.MatMul(rng(0).random((5, 144)), op.Transpose(op.Flatten(x), perm=[1, 0]))


def rng(seed):
    return np.random.default_rng(seed)


PLACED = {
    convnext_block: [(4, 3, 4), (4, 3, 4), (5, 3, 4), (4, 3, 4), (4, 3, 4)],
    tokens: [(4, 3, 4), (4, 12, 1), (5, 12, 1), (4, 12, 1), (4, 12, 1), (4,)],
    units_first: [(5,)],
}


@pytest.mark.parametrize("write", PLACED, ids=lambda write: write.__name__)
def test_layers_are_maps_wherever_the_network_keeps_its_channels(write):
    model = build((3, 6, 8), write)
    found = find_layers(model.graph)
    assert [layer.shape[1:] for layer in found] == PLACED[write]
    image = rng(9).random((1, 3, 6, 8), np.float32)
    for layer in found:
        for name in {layer.output, layer.pre}:
            maps, kept = (run(cut(model, [value]), image) for value in (name, name.removesuffix("/maps")))
            assert maps.shape == (1, *layer.shape[1:])
            if name.endswith("/maps"):
                kept = kept.T if maps.ndim == 2 else np.moveaxis(kept, -1, 1)
                np.testing.assert_array_equal(maps, kept.reshape(maps.shape))


@pytest.mark.parametrize("write", PLACED, ids=lambda write: write.__name__)
def test_finding_the_layers_again_finds_the_same(write):
    graph = build((3, 6, 8), write).graph
    assert find_layers(graph) == find_layers(graph)


@pytest.mark.parametrize("write", PLACED, ids=lambda write: write.__name__)
def test_a_signal_comes_down_from_a_view_as_from_the_layer_that_it_shows(write):
    model = build((3, 6, 8), write)
    for layer in find_layers(model.graph):
        if not layer.output.endswith("/maps"):
            continue
        image, seed = rng(5).random((1, 3, 6, 8), np.float32), rng(6).random((1, *layer.shape[1:]), np.float32)
        kept = seed.T if seed.ndim == 2 else np.moveaxis(seed if write is convnext_block else seed[..., 0], 1, -1)
        own = project(model, image, kept, value=layer.output.removesuffix("/maps"), method="gradient")
        again = project(model, image, seed, value=layer.output, method="gradient")
        np.testing.assert_allclose(again, own, rtol=1e-4, atol=1e-5)


# Numbers ---------------------------------------------------------------------------------------------------


def light(name):
    return layers_of(next(path for path in light_models() if path.stem == f"light_{name}"))


@pytest.mark.parametrize("name", ["bvlc_alexnet", "zfnet512"])
def test_the_layers_of_the_paper_are_called_as_in_the_paper(name):
    found = light(name)
    words = [layer for layer in found if layer.startswith(("conv", "fc"))]
    assert words == "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8".split()
    assert [found[f"fc{n}"].ordinals for n in (6, 7, 8)] == [("fc1",), ("fc2",), ("fc3",)]
    assert [layer for layer in found if layer.startswith("norm")] == ["norm1", "norm2"]
    assert [layer for layer in found if layer.startswith("pool")] == ["pool1", "pool2", "pool3"]


def test_numbers_go_on_after_sixteen_convolutions_too():
    found = light("vgg19")
    assert list(found)[-4:] == ["fc17", "fc18", "fc19", "softmax1"]


@pytest.mark.parametrize("name", ["resnet50", "inception_v1"])
def test_where_a_network_forks_the_numbers_of_its_parts_are_their_own(name):
    assert "fc1" in light(name)


@pytest.mark.parametrize("path", light_models(), ids=lambda path: path.stem)
def test_every_layer_of_the_light_models_has_a_name_a_shape_and_a_value_of_its_own(path):
    found = layers_of(path)
    assert len({layer.output for layer in found.values()}) == len(found) > 10
    assert all(isinstance(layer.shape[1], int) and layer.maps > 0 for layer in found.values())
    assert found["conv1"].field is not None


def test_a_layer_is_not_called_as_another_one_is_in_the_file(layers):
    """Some files number the operators themselves, from 0 or with gaps: their conv2 is not the second."""
    found = layers(
        "conv2 = Conv (image, k)\npool2 = Relu (conv2)\na = MaxPool <kernel_shape = [2, 2]> (pool2)\ny = Conv (a, k4)"
    )
    assert {name: layer.output for name, layer in found.items()} == {"conv1": "pool2", "pool1": "a", "y": "y"}


# Exporters -------------------------------------------------------------------------------------------------

MODULES = {
    "alexnet": {"conv1": "features.0", "norm1": "features.2", "pool1": "features.3", "conv5": "features.12"},
    "zfnet": {"conv1": "features.1", "pool1": "features.3", "norm1": "features.4", "fc6": "classifier.1"},
    "vgg": {"conv1": "features.0", "conv8": "features.18", "pool5": "features.20", "fc11": "classifier.6"},
    "squeezenet": {"conv4": "features.3.expand3x3", "concat1": "features.3", "concat3": "features.6"},
    "resnet": {"conv1": "conv1", "conv6": "layer2.0.downsample.0", "add2": "layer2.0", "fc1": "fc"},
}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", MODULES)
def test_layers_know_the_modules_they_were_exported_from(name, exporter, exported):
    found = layers_of(exported(name, exporter)[2])
    assert {layer: found[layer].path for layer in MODULES[name]} == MODULES[name]


@pytest.mark.parametrize("name", MODULES)
def test_both_exporters_give_the_same_layers(name, exported):
    dynamo, torchscript = (list(layers_of(exported(name, exporter)[2]).values()) for exporter in EXPORTERS)
    for facts in ("name", "path", "ordinals", "field", "parameters", "maps"):
        assert [getattr(x, facts) for x in dynamo] == [getattr(x, facts) for x in torchscript], facts


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_alexnet_is_a_chain_from_either_exporter(exporter, exported):
    found = layers_of(exported("alexnet", exporter)[2])
    assert [name for name in found if name.startswith("fc")] == ["fc6", "fc7", "fc8"]


def test_the_shared_squeezenet_has_eight_fire_modules(squeezenet_file):
    found = layers_of(squeezenet_file)
    joins = {name: layer.path for name, layer in found.items() if name.startswith("concat")}
    assert joins["concat7"] == "features.10"
    assert len(joins) == 8
    assert np.prod([found["concat7"].maps]) == 512
