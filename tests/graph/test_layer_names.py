"""Names: all that a layer answers to, which name wins, and what is said to a wrong one."""

import numpy as np
import pytest
from nets import EXPORTERS, onnx_text

import inspectnet
from inspectnet.errors import LayerError, OptionError
from inspectnet.graph.layer_names import LayerNames
from inspectnet.graph.layers import find_layers
from inspectnet.reading.reader import open_graph, read


@pytest.fixture
def layers(rng, tmp_path):
    """A stem, a pool, a body and a head; the value of the body is called `body/conv1:0`, as TensorFlow does."""
    body = "c1 = Conv (image, k1)\nr1 = Relu (c1)\np1 = MaxPool <kernel_shape = [2, 2]> (r1)\nc2 = Conv (p1, k2)\n"
    body += "r2 = Relu (c2)\nf = Flatten (r2)\ny = Gemm (f, m)"
    shapes = {"k1": (4, 3, 3, 3), "k2": (5, 4, 2, 2), "m": (80, 6)}
    file = onnx_text(body, {name: rng.normal(size=shape) for name, shape in shapes.items()}, image=("N", 3, 8, 8))
    names = {"k1": "stem.0.weight", "k2": "body.conv.weight", "m": "head.kernel", "r2": "body/conv1:0"}
    for tensor in file.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in file.graph.node:
        node.name = f"node_{node.op_type}_{node.output[0]}"
        node.input[:] = [names.get(x, x) for x in node.input]
        node.output[:] = [names.get(x, x) for x in node.output]
    del file.graph.value_info[:]
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    return find_layers(open_graph(read(path), None).graph)


NAMES = {
    "conv1": "conv1", "stem.0": "conv1", "r1": "conv1", "c1": "conv1", "node_Conv_c1": "conv1",
    "pool1": "pool1", "p1": "pool1",
    "conv2": "conv2", "body.conv": "conv2", "body/conv1:0": "conv2", "node_Relu_r2": "conv2",
    "fc3": "fc3", "fc1": "fc3", "head": "fc3", "y": "fc3", "stem": "conv1", "body": "conv2",
}  # fmt: skip


def ordinal(names, name):
    """The ordinal of the layer that `name` means."""
    (found,) = [layer.name for layer in names.layers if layer.output == names.find(name).output]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_answers_to_its_ordinal_its_module_and_the_names_in_the_file(name, layers):
    assert ordinal(LayerNames(layers), name) == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_called_as_it_was_asked_for(name, layers):
    assert LayerNames(layers).find(name).name == name
    assert [layer.name for layer in LayerNames(layers).match([name])] == [name]


def test_a_user_gives_further_names(layers):
    names = LayerNames(layers, {"eye": "body.conv", "top": "fc3"})
    assert (ordinal(names, "eye"), ordinal(names, "top")) == ("conv2", "fc3")


@pytest.mark.parametrize(
    ("alias", "why"),
    [
        ("conv1", "it is a layer already"),
        ("fc1", "it is already a name of the layer fc3"),
        ("stem.0", "it is already a name of the layer conv1"),
        ("r1", "it is already a name of the layer conv1"),
    ],
)
def test_a_name_the_user_gives_may_not_hide_another_layer(alias, why, layers):
    with pytest.raises(OptionError, match=rf"'{alias}' cannot name conv2: {why}\. Choose another alias\."):
        LayerNames(layers, {alias: "conv2"})


def test_a_name_that_the_layer_has_already_may_be_given_again(layers):
    assert ordinal(LayerNames(layers, {"stem.0": "conv1"}), "stem.0") == "conv1"


def test_a_name_for_a_layer_that_is_not_there_is_refused(layers):
    with pytest.raises(LayerError, match=r"no layer 'conv7'\. Did you mean conv2 or conv1"):
        LayerNames(layers, {"eye": "conv7"})


@pytest.mark.parametrize(
    ("wrong", "near"), [("conv9", "conv2 or conv1"), ("body.cnv", "body.conv"), ("Pool1", "pool1"), ("haed", "head")]
)
def test_a_wrong_name_gets_the_nearest_and_the_full_list(wrong, near, layers):
    with pytest.raises(LayerError) as caught:
        LayerNames(layers).find(wrong)
    message = str(caught.value)
    assert message.startswith(f"no layer '{wrong}'. Did you mean {near}")
    assert message.endswith("It has: conv1 pool1 conv2 fc3")


def test_a_name_like_no_other_gets_the_list_alone(layers):
    with pytest.raises(LayerError) as caught:
        LayerNames(layers).find("xyzzy")
    assert str(caught.value) == "no layer 'xyzzy'. It has: conv1 pool1 conv2 fc3"


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["conv*"], "conv1 conv2"),
        (["conv[12]"], "conv1 conv2"),
        (["?ool1"], "pool1"),
        (["*"], "conv1 pool1 conv2 fc3"),
        (["fc3", "conv1"], "conv1 fc3"),
        (["stem.*", "r1"], "conv1"),
        (["r1", "stem.*", "pool1"], "r1 pool1"),
        (["body.*"], "conv2"),
        (["*l*"], "pool1"),  # not node_Relu_r1
        (["*Relu*"], "conv1 conv2"),
        (["b?dy"], "conv2"),
    ],
)
def test_globs_mean_layers_from_the_bottom_up_each_once(patterns, wanted, layers):
    assert [layer.name for layer in LayerNames(layers).match(patterns)] == wanted.split()


def test_a_glob_that_means_no_layer_is_refused(layers):
    with pytest.raises(LayerError, match=r"no layer matches 'norm\*'\. It has: conv1 pool1 conv2 fc3"):
        LayerNames(layers).match(["conv1", "norm*"])


@pytest.mark.parametrize("net", ["alexnet", "zfnet", "squeezenet", "resnet"])
def test_a_module_means_the_same_layer_from_either_exporter(net, exported):
    dynamo, torchscript = (
        LayerNames(find_layers(open_graph(read(exported(net, exporter)[2]), None).graph))
        for exporter in ("dynamo", "torchscript")
    )
    modules = [layer.path for layer in dynamo.layers]
    assert all(modules)
    assert [ordinal(dynamo, m) for m in modules] == [ordinal(torchscript, m) for m in modules]


# Modules ---------------------------------------------------------------------------------------------------

MEANT = {
    "alexnet": {
        "features.0": "conv1", "features.1": "conv1", "features.2": "norm1", "features.3": "pool1",
        "features.13": "conv5", "features.14": "pool3", "features": "pool3",
        "classifier.1": "fc6", "classifier.2": "fc6", "classifier": "fc8",
    },
    "squeezenet": {
        "features.3.squeeze": "conv2", "features.3.squeeze_activation": "conv2", "features.3": "concat1",
        "features": "concat3", "classifier.1": "conv11", "classifier.2": "conv11", "classifier": "pool3",
    },
    "resnet": {
        "relu": "conv1", "maxpool": "pool1", "layer1.0.conv2": "conv3", "layer1.0.relu": "conv2",
        "layer1.0.relu_1": "add1", "layer1.0": "add1", "layer1": "add1", "layer2.0.downsample": "conv6",
        "layer3.0": "add3", "layer3": "add4", "layer3.1.relu_2": "add4", "avgpool": "pool2", "fc": "fc1",
    },
}  # fmt: skip


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("net", MEANT)
def test_a_module_means_what_it_puts_out(net, exporter, exported):
    names = LayerNames(find_layers(open_graph(read(exported(net, exporter)[2]), None).graph))
    assert {module: ordinal(names, module) for module in MEANT[net]} == MEANT[net]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_module_that_left_no_operator_is_no_layer(exporter, exported):
    """A Dropout, which does nothing in a network that is not trained."""
    names = LayerNames(find_layers(open_graph(read(exported("vgg", exporter)[2]), None).graph))
    with pytest.raises(LayerError, match=r"no layer 'classifier\.0'\. Did you mean classifier"):
        names.find("classifier.0")


def test_weights_that_are_alike_do_not_lend_their_name_to_another_module(tmp_path):
    """dynamo keeps one of several equal weights, under the name of the first; its scopes tell the modules apart."""
    body = "a = Conv (image, w)\nb = Relu (a)\nd = Conv (b, w)\ny = Relu (d)"
    file = onnx_text(body, {"w": np.ones((3, 3, 1, 1))}, image=("N", 3, 8, 8))
    file.graph.initializer[0].name = "first.conv.weight"
    for node, module in zip(file.graph.node, ("first", "first", "second", "second"), strict=True):
        node.input[:] = ["first.conv.weight" if x == "w" else x for x in node.input]
        part = "conv" if node.op_type == "Conv" else "act"
        scopes = ["", module, f"{module}.{part}", "aten"]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=str(scopes))
    (tmp_path / "m.onnx").write_bytes(file.SerializeToString())
    found = find_layers(open_graph(read(tmp_path / "m.onnx"), None).graph)
    assert [(layer.path, layer.modules) for layer in found] == [
        ("first.conv", ("first.act", "first")),
        ("second.conv", ("second.act", "second")),
    ]


def test_a_listed_name_is_its_layers_though_it_is_anothers_ordinal(rng, tmp_path):
    """One convolution and two matrices: conv1, fc2, fc3, of which fc3 is the second matrix, and fc2 the first."""
    body = "a = Conv (image, k)\nf = Flatten (a)\nb = Gemm (f, u)\nc = Relu (b)\ny = Gemm (c, w)"
    weights = {"k": rng.normal(size=(2, 3, 3, 3)), "u": rng.normal(size=(32, 5)), "w": rng.normal(size=(5, 4))}
    (tmp_path / "net.onnx").write_bytes(onnx_text(body, weights, image=("N", 3, 6, 6)).SerializeToString())
    network = inspectnet.open(tmp_path / "net.onnx", device="cpu")
    assert [layer.name for layer in network.layers] == ["conv1", "fc2", "fc3"]
    assert [network.layer(name).output for name in ("fc1", "fc2", "fc3")] == ["c", "c", "y"]


def test_an_output_means_its_layer_though_another_operator_is_called_so(rng, tmp_path):
    """Operators and values are named apart in a file."""
    file = onnx_text(
        "a = Conv (image, f)\nb = Conv (a, g)\ny = Relu (b)",
        {"f": rng.normal(size=(4, 3, 3, 3)), "g": rng.normal(size=(6, 4, 3, 3))},
        image=("N", 3, 9, 9),
    )
    file.graph.node[1].name = "a"
    path = tmp_path / "model.onnx"
    path.write_bytes(file.SerializeToString())
    network = inspectnet.open(path, device="cpu")
    assert [network.layer(layer.output).maps for layer in network.layers] == [4, 6]


@pytest.mark.parametrize("text", ["conv1:x", "conv1:7@3", "conv1:-1"])
def test_what_is_no_address_in_a_layer_gets_the_forms_that_are(text, layers):
    with pytest.raises(LayerError, match=rf"'{text}' is no address in conv1\. Write conv1:7 for a map, conv1:7@3,3"):
        LayerNames(layers).find(text)
