"""Names: all that a layer answers to, which name wins, and what is said to a wrong one."""

import pytest
from nets import onnx_text

from inspectnet.errors import LayerError, OptionError
from inspectnet.graph.layers import find_layers
from inspectnet.graph.names import Directory
from inspectnet.graph.reading import open_graph, read


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
    "fc3": "fc3", "fc1": "fc3", "head": "fc3", "y": "fc3",
}  # fmt: skip


def ordinal(directory, name):
    """The ordinal of the layer that `name` means."""
    (found,) = [layer.name for layer in directory.layers if layer.output == directory.find(name).output]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_answers_to_its_ordinal_its_module_and_the_names_in_the_file(name, layers):
    assert ordinal(Directory(layers), name) == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_called_as_it_was_asked_for(name, layers):
    assert Directory(layers).find(name).name == name
    assert [layer.name for layer in Directory(layers).match([name])] == [name]


def test_a_user_gives_further_names(layers):
    directory = Directory(layers, {"eye": "body.conv", "top": "fc3"})
    assert (ordinal(directory, "eye"), ordinal(directory, "top")) == ("conv2", "fc3")


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
        Directory(layers, {alias: "conv2"})


def test_a_name_that_the_layer_has_already_may_be_given_again(layers):
    assert ordinal(Directory(layers, {"stem.0": "conv1"}), "stem.0") == "conv1"


def test_a_name_for_a_layer_that_is_not_there_is_refused(layers):
    with pytest.raises(LayerError, match=r"no layer 'conv7'\. Did you mean conv2 or conv1"):
        Directory(layers, {"eye": "conv7"})


@pytest.mark.parametrize(
    ("wrong", "near"), [("conv9", "conv2 or conv1"), ("body.cnv", "body.conv"), ("Pool1", "pool1"), ("haed", "head")]
)
def test_a_wrong_name_gets_the_nearest_and_the_full_list(wrong, near, layers):
    with pytest.raises(LayerError) as caught:
        Directory(layers).find(wrong)
    message = str(caught.value)
    assert message.startswith(f"no layer '{wrong}'. Did you mean {near}")
    assert message.endswith("It has: conv1 pool1 conv2 fc3")


def test_a_name_like_no_other_gets_the_list_alone(layers):
    with pytest.raises(LayerError) as caught:
        Directory(layers).find("xyzzy")
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
    ],
)
def test_globs_mean_layers_from_the_bottom_up_each_once(patterns, wanted, layers):
    assert [layer.name for layer in Directory(layers).match(patterns)] == wanted.split()


def test_a_glob_that_means_no_layer_is_refused(layers):
    with pytest.raises(LayerError, match=r"no layer matches 'norm\*'\. It has: conv1 pool1 conv2 fc3"):
        Directory(layers).match(["conv1", "norm*"])


@pytest.mark.parametrize("net", ["alexnet", "zfnet", "squeezenet", "resnet"])
def test_a_module_means_the_same_layer_from_either_exporter(net, exported):
    dynamo, torchscript = (
        Directory(find_layers(open_graph(read(exported(net, exporter)[2]), None).graph))
        for exporter in ("dynamo", "torchscript")
    )
    modules = [layer.path for layer in dynamo.layers]
    assert all(modules)
    assert [ordinal(dynamo, m) for m in modules] == [ordinal(torchscript, m) for m in modules]
