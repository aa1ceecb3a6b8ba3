"""Layers: which operators make a stage, what the stages are called, the same from either exporter."""

import numpy as np
import pytest
from nets import EXPORTERS, light_models, onnx_text

from inspectnet.graph.layers import find_layers
from inspectnet.graph.reading import open_graph, read


def layers_of(path):
    return {layer.name: layer for layer in find_layers(open_graph(read(path), None).graph)}


@pytest.fixture
def layers(tmp_path, rng):
    """The layers of a graph as text on an image (N, 3, 8, 8)."""
    shapes = {"k": (4, 3, 3, 3), "k4": (4, 4, 3, 3), "c4": (1, 4, 1, 1), "c": (4,), "matrix": (4, 6), "six": (6,)}

    def get(body, **options):
        used = {name: rng.uniform(1, 2, shape) for name, shape in shapes.items() if name in body.replace(",", " ")}
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
